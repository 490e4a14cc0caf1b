#include "cxr_pixels.h"

#include "internal.h"

#include <dcmtk/dcmdata/dccodec.h>
#include <dcmtk/dcmdata/dcpixel.h>
#include <dcmtk/dcmdata/dcpixseq.h>
#include <dcmtk/dcmdata/dcpxitem.h>
#include <dcmtk/dcmjpeg/djdecode.h>
#include <dcmtk/dcmjpls/djdecode.h>

#include <cstring>
#include <mutex>

namespace {

DcmElement *pixel_element(cxr_file *file, cxr_message *message) {
    DcmElement *element = nullptr;
    if (file->format.getDataset()->findAndGetElement(DCM_PixelData, element).bad() || element == nullptr) {
        say(message, "there is no Pixel Data element");
        return nullptr;
    }
    return element;
}

/// The fragments of encapsulated pixel data, or null when the pixel data are native.
DcmPixelSequence *pixel_sequence(DcmElement *element) {
    auto *pixels = dynamic_cast<DcmPixelData *>(element);
    if (pixels == nullptr) {
        return nullptr;
    }
    E_TransferSyntax syntax = EXS_Unknown;
    const DcmRepresentationParameter *parameter = nullptr;
    pixels->getCurrentRepresentationKey(syntax, parameter);
    DcmPixelSequence *sequence = nullptr;
    if (!DcmXfer(syntax).isEncapsulated() ||
        pixels->getEncapsulatedRepresentation(syntax, parameter, sequence).bad()) {
        return nullptr;
    }
    return sequence;
}

bool item_bytes(cxr_file *file, unsigned long item, const uint8_t **bytes, size_t *count, cxr_message *message) {
    DcmElement *element = pixel_element(file, message);
    if (element == nullptr) {
        return false;
    }
    DcmPixelSequence *sequence = pixel_sequence(element);
    DcmPixelItem *fragment = nullptr;
    if (sequence == nullptr || sequence->getItem(fragment, item).bad() || fragment == nullptr) {
        say(message, "there is no such fragment");
        return false;
    }
    *bytes = nullptr;
    *count = fragment->getLength();
    if (*count == 0) {
        return true;
    }
    Uint8 *octets = nullptr;
    if (!check(fragment->getUint8Array(octets), message)) {
        return false;
    }
    *bytes = octets;
    return octets != nullptr;
}

/// DCMTK keeps one list of codecs for the process: it is filled once and never emptied.
void register_codecs() {
    static std::once_flag once;
    std::call_once(once, [] {
        DJDecoderRegistration::registerCodecs(EDC_photometricInterpretation);
        DJLSDecoderRegistration::registerCodecs();
    });
}

bool describe(DcmDataset &dataset, const cxr_frame_format &format) {
    OFCondition condition = dataset.putAndInsertUint16(DCM_Rows, format.rows);
    auto put = [&](const DcmTagKey &tag, Uint16 value) {
        if (condition.good()) {
            condition = dataset.putAndInsertUint16(tag, value);
        }
    };
    put(DCM_Columns, format.columns);
    put(DCM_SamplesPerPixel, format.samples_per_pixel);
    put(DCM_BitsAllocated, format.bits_allocated);
    put(DCM_BitsStored, format.bits_stored);
    put(DCM_HighBit, static_cast<Uint16>(format.bits_stored - 1));
    put(DCM_PixelRepresentation, format.is_signed ? 1 : 0);
    put(DCM_PlanarConfiguration, 0);
    if (condition.good()) {
        condition = dataset.putAndInsertString(DCM_PhotometricInterpretation, format.photometric);
    }
    if (condition.good()) {
        condition = dataset.putAndInsertString(DCM_NumberOfFrames, "1");
    }
    return condition.good();
}

/// A pixel sequence of an empty offset table and one fragment.
std::unique_ptr<DcmPixelSequence> one_fragment(const uint8_t *frame, size_t count) {
    auto sequence = std::make_unique<DcmPixelSequence>(DcmTag(DCM_PixelData, EVR_OB));
    auto table = std::make_unique<DcmPixelItem>(DcmTag(DCM_PixelItemTag, EVR_OB));
    auto fragment = std::make_unique<DcmPixelItem>(DcmTag(DCM_PixelItemTag, EVR_OB));
    // DCMTK wants an even length; the padding byte is the one that the standard asks for.
    size_t padded = count + count % 2;
    Uint8 *bytes = nullptr;
    if (count == 0 || padded > UINT32_MAX ||
        fragment->createUint8Array(static_cast<Uint32>(padded), bytes).bad() || bytes == nullptr) {
        return nullptr;
    }
    std::memcpy(bytes, frame, count);
    std::memset(bytes + count, 0, padded - count);
    if (sequence->insert(table.get()).bad()) {
        return nullptr;
    }
    table.release();
    if (sequence->insert(fragment.get()).bad()) {
        return nullptr;
    }
    fragment.release();
    return sequence;
}

}  // namespace

bool cxr_pixels_layout(cxr_file *file, cxr_pixel_layout *layout, cxr_message *message) {
    return guarded(message, false, [&] {
        DcmElement *element = pixel_element(file, message);
        if (element == nullptr) {
            return false;
        }
        *layout = cxr_pixel_layout{};
        if (DcmPixelSequence *sequence = pixel_sequence(element)) {
            layout->encapsulated = true;
            unsigned long items = sequence->card();
            layout->fragments = items == 0 ? 0 : static_cast<uint32_t>(items - 1);
        } else {
            layout->native_bytes = element->getLength();
        }
        return true;
    });
}

bool cxr_pixels_read_native(cxr_file *file, uint32_t offset, uint8_t *buffer, uint32_t count, cxr_message *message) {
    return guarded(message, false, [&] {
        DcmElement *element = pixel_element(file, message);
        return element != nullptr && check(element->getPartialValue(buffer, offset, count), message);
    });
}

bool cxr_pixels_fragment(
    cxr_file *file, uint32_t index, const uint8_t **bytes, size_t *count, cxr_message *message) {
    return guarded(message, false, [&] {
        return item_bytes(file, static_cast<unsigned long>(index) + 1, bytes, count, message);
    });
}

bool cxr_pixels_offset_table(cxr_file *file, const uint8_t **bytes, size_t *count, cxr_message *message) {
    return guarded(message, false, [&] { return item_bytes(file, 0, bytes, count, message); });
}

bool cxr_pixels_decode(
    const char *transfer_syntax_uid, const uint8_t *frame, size_t count, const cxr_frame_format *format,
    uint8_t *buffer, uint32_t capacity, char color_model[17], cxr_message *message) {
    return guarded(message, false, [&] {
        register_codecs();
        DcmDataset dataset;
        auto sequence = one_fragment(frame, count);
        if (sequence == nullptr || !describe(dataset, *format)) {
            say(message, "the frame cannot be handed to the codec");
            return false;
        }
        DcmXfer syntax(transfer_syntax_uid);
        Uint32 start_fragment = 1;
        OFString decoded_model;
        OFCondition condition = DcmCodecList::decodeFrame(
            syntax, nullptr, sequence.get(), &dataset, 0, start_fragment, buffer, capacity, decoded_model);
        std::snprintf(color_model, 17, "%s", decoded_model.c_str());
        return check(condition, message);
    });
}
