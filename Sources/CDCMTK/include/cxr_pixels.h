#pragma once

#include "cxr_common.h"
#include "cxr_dataset.h"

#ifdef __cplusplus
extern "C" {
#endif

/// How the Pixel Data element of a file is stored. Lengths are what the element claims, not what was read.
typedef struct {
    /// Whether the value is a sequence of fragments (PS3.5 A.4).
    bool encapsulated;
    /// The element's length, for native pixel data.
    uint64_t native_bytes;
    /// The number of fragments, the Basic Offset Table not counted.
    uint32_t fragments;
} cxr_pixel_layout;

/// Finds the Pixel Data element. False when there is none or it has no value.
bool cxr_pixels_layout(cxr_file *file, cxr_pixel_layout *layout, cxr_message *message);

/// Reads native pixel bytes, 16-bit words in host order, without loading the rest of the element.
/// Both `offset` and `count` must be even when the words are of 16 bits.
bool cxr_pixels_read_native(cxr_file *file, uint32_t offset, uint8_t *buffer, uint32_t count, cxr_message *message);

/// One fragment (counted from 0, the Basic Offset Table not counted). The pointer lives until the file changes.
/// An empty fragment has a count of 0 and is no failure.
bool cxr_pixels_fragment(
    cxr_file *file, uint32_t index, const uint8_t **bytes, size_t *count, cxr_message *message);

/// The Basic Offset Table's bytes; a count of 0 when it is empty.
bool cxr_pixels_offset_table(cxr_file *file, const uint8_t **bytes, size_t *count, cxr_message *message);

/// What a codec must know of the image besides the compressed bytes.
typedef struct {
    uint16_t rows;
    uint16_t columns;
    uint16_t samples_per_pixel;
    /// 8 or 16: the width of a decoded sample.
    uint16_t bits_allocated;
    uint16_t bits_stored;
    bool is_signed;
    /// The Photometric Interpretation, NUL-terminated.
    char photometric[17];
} cxr_frame_format;

/// Decodes one compressed frame with DCMTK's codec for the transfer syntax (JPEG, JPEG-LS, RLE).
///
/// `buffer` receives rows x columns x samples, colour by pixel, in host order; `capacity` must be at least that and
/// even. `color_model` receives the Photometric Interpretation of what was decoded.
/// Safe to call from several threads.
bool cxr_pixels_decode(
    const char *transfer_syntax_uid, const uint8_t *frame, size_t count, const cxr_frame_format *format,
    uint8_t *buffer, uint32_t capacity, char color_model[17], cxr_message *message);

#ifdef __cplusplus
}
#endif
