#pragma once

#include "cxr_common.h"

#ifdef __cplusplus
extern "C" {
#endif

/// A DICOM file in memory: file meta information and dataset. Owned by the caller.
typedef struct cxr_file cxr_file;

/// A dataset, a sequence item or the file meta information. Borrowed from its cxr_file; never freed.
typedef struct cxr_item cxr_item;

/// An attribute tag: group in the high, element in the low 16 bits.
typedef uint32_t cxr_tag;

/// An empty file.
cxr_file *cxr_file_new(void);

/// Reads a file. Elements longer than `max_element_bytes` stay on disk until they are asked for.
/// `stop_tag` other than 0 ends the reading before the first root element with this tag or a higher one.
/// Accepts files with or without preamble and meta information, and encapsulated transfer syntaxes that DCMTK 3.6.7
/// does not know (HTJ2K), which share the element encoding of JPEG 2000.
cxr_file *cxr_file_read(const char *path, uint32_t max_element_bytes, cxr_tag stop_tag, cxr_message *message);

/// The same for a file in memory. The bytes are copied where needed.
cxr_file *cxr_file_read_memory(const uint8_t *bytes, size_t count, cxr_tag stop_tag, cxr_message *message);

/// Writes the file with new meta information in the given transfer syntax (uncompressed or the one it already has).
bool cxr_file_write(
    cxr_file *file, const char *path, const char *transfer_syntax_uid, const char *implementation_class_uid,
    const char *implementation_version_name, cxr_message *message);

void cxr_file_free(cxr_file *file);

cxr_item *cxr_file_dataset(cxr_file *file);
cxr_item *cxr_file_meta(cxr_file *file);

/// The Transfer Syntax UID that the dataset was read in, or an empty string for a new file.
const char *cxr_file_transfer_syntax(const cxr_file *file);

/// Converts every text element to UTF-8 and sets Specific Character Set to ISO_IR 192.
bool cxr_file_convert_to_utf8(cxr_file *file, cxr_message *message);

bool cxr_item_contains(cxr_item *item, cxr_tag tag);

/// The number of elements at this level, and one of them in tag order. `vr` receives two letters and a NUL.
size_t cxr_item_count(cxr_item *item);
bool cxr_item_element(cxr_item *item, size_t index, cxr_tag *tag, char vr[3]);

/// The whole value as text (values separated by backslashes, padding removed), numbers formatted. NULL when the
/// element is absent or has no value. Free with cxr_text_free.
char *cxr_item_text(cxr_item *item, cxr_tag tag);
void cxr_text_free(char *text);

/// The value bytes as DCMTK holds them: numbers of 16 bits and more in host order, text with its padding.
/// The pointer lives until the element changes. False when the element is absent or empty.
bool cxr_item_bytes(cxr_item *item, cxr_tag tag, const uint8_t **bytes, size_t *count);

/// Replaces or inserts an element from text. `vr` may be NULL: then the data dictionary's.
bool cxr_item_put_text(cxr_item *item, cxr_tag tag, const char *vr, const char *text, cxr_message *message);

/// Replaces or inserts an element from value bytes in host order. `vr` may be NULL: then the data dictionary's.
bool cxr_item_put_bytes(
    cxr_item *item, cxr_tag tag, const char *vr, const uint8_t *bytes, size_t count, cxr_message *message);

/// The number of items of a sequence; 0 when it is absent or not a sequence.
size_t cxr_item_sequence_count(cxr_item *item, cxr_tag tag);
cxr_item *cxr_item_sequence_item(cxr_item *item, cxr_tag tag, size_t index);

/// Appends an empty item, making the sequence when it is absent.
cxr_item *cxr_item_append(cxr_item *item, cxr_tag tag, cxr_message *message);

/// Inserts an empty sequence (a Type 2 sequence without items).
bool cxr_item_put_empty_sequence(cxr_item *item, cxr_tag tag, cxr_message *message);

/// Copies one element, with everything below it, byte for byte. False when the source does not have it.
bool cxr_item_copy(cxr_item *to, cxr_item *from, cxr_tag tag);

void cxr_item_remove(cxr_item *item, cxr_tag tag);

#ifdef __cplusplus
}
#endif
