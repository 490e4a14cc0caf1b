#include "internal.h"

#include <cstdlib>
#include <cstring>
#include <memory>

namespace {

DcmElement *find(cxr_item *item, cxr_tag tag) {
    DcmElement *element = nullptr;
    return native(item)->findAndGetElement(key(tag), element).good() ? element : nullptr;
}

DcmSequenceOfItems *find_sequence(cxr_item *item, cxr_tag tag) {
    DcmElement *element = find(item, tag);
    return element != nullptr && element->ident() == EVR_SQ ? OFstatic_cast(DcmSequenceOfItems *, element) : nullptr;
}

/// A new element of the given VR, or of the dictionary's. An unknown tag without a VR is an error.
std::unique_ptr<DcmElement> make(cxr_item *item, cxr_tag tag, const char *vr, cxr_message *message) {
    DcmTag full = vr == nullptr ? DcmTag(key(tag)) : DcmTag(key(tag), DcmVR(vr));
    DcmElement *element = nullptr;
    // Without "WithVR" the dictionary wins over the given VR, and attributes that it does not know become UN.
    OFCondition condition = vr == nullptr ? DcmItem::newDicomElement(element, full)
                                          : DcmItem::newDicomElementWithVR(element, full);
    std::unique_ptr<DcmElement> owned(element);
    return check(condition, message) && owned != nullptr ? std::move(owned) : nullptr;
}

bool insert(cxr_item *item, std::unique_ptr<DcmElement> element, cxr_message *message) {
    if (!check(native(item)->insert(element.get(), OFTrue), message)) {
        return false;
    }
    element.release();
    return true;
}

}  // namespace

bool cxr_item_contains(cxr_item *item, cxr_tag tag) { return find(item, tag) != nullptr; }

size_t cxr_item_count(cxr_item *item) { return native(item)->card(); }

bool cxr_item_element(cxr_item *item, size_t index, cxr_tag *tag, char vr[3]) {
    DcmElement *element = native(item)->getElement(static_cast<unsigned long>(index));
    if (element == nullptr) {
        return false;
    }
    *tag = static_cast<cxr_tag>(element->getGTag()) << 16 | element->getETag();
    std::snprintf(vr, 3, "%s", DcmVR(element->getVR()).getValidVRName());
    return true;
}

char *cxr_item_text(cxr_item *item, cxr_tag tag) {
    return guarded<char *>(nullptr, nullptr, [&]() -> char * {
        DcmElement *element = find(item, tag);
        OFString text;
        if (element == nullptr || element->getLength() == 0 || element->getOFStringArray(text).bad()) {
            return nullptr;
        }
        return strdup(text.c_str());
    });
}

void cxr_text_free(char *text) { std::free(text); }

bool cxr_item_bytes(cxr_item *item, cxr_tag tag, const uint8_t **bytes, size_t *count) {
    return guarded(nullptr, false, [&] {
        DcmElement *element = find(item, tag);
        if (element == nullptr || element->getLength() == 0) {
            return false;
        }
        *count = element->getLength();
        char *text = nullptr;
        Uint8 *octets = nullptr;
        Uint16 *words = nullptr;
        Sint16 *signed_words = nullptr;
        Uint32 *longs = nullptr;
        Sint32 *signed_longs = nullptr;
        Float32 *floats = nullptr;
        Float64 *doubles = nullptr;
        if (element->getUint8Array(octets).good() && octets != nullptr) {
            *bytes = octets;
        } else if (element->getUint16Array(words).good() && words != nullptr) {
            *bytes = reinterpret_cast<const uint8_t *>(words);
        } else if (element->getString(text).good() && text != nullptr) {
            *bytes = reinterpret_cast<const uint8_t *>(text);
        } else if (element->getSint16Array(signed_words).good() && signed_words != nullptr) {
            *bytes = reinterpret_cast<const uint8_t *>(signed_words);
        } else if (element->getUint32Array(longs).good() && longs != nullptr) {
            *bytes = reinterpret_cast<const uint8_t *>(longs);
        } else if (element->getSint32Array(signed_longs).good() && signed_longs != nullptr) {
            *bytes = reinterpret_cast<const uint8_t *>(signed_longs);
        } else if (element->getFloat32Array(floats).good() && floats != nullptr) {
            *bytes = reinterpret_cast<const uint8_t *>(floats);
        } else if (element->getFloat64Array(doubles).good() && doubles != nullptr) {
            *bytes = reinterpret_cast<const uint8_t *>(doubles);
        } else {
            return false;
        }
        return true;
    });
}

bool cxr_item_put_text(cxr_item *item, cxr_tag tag, const char *vr, const char *text, cxr_message *message) {
    return guarded(message, false, [&] {
        auto element = make(item, tag, vr, message);
        return element != nullptr && check(element->putString(text), message) &&
            insert(item, std::move(element), message);
    });
}

bool cxr_item_put_bytes(
    cxr_item *item, cxr_tag tag, const char *vr, const uint8_t *bytes, size_t count, cxr_message *message) {
    return guarded(message, false, [&] {
        auto element = make(item, tag, vr, message);
        if (element == nullptr) {
            return false;
        }
        OFCondition condition;
        auto size = static_cast<unsigned long>(count);
        switch (element->getVR()) {
            case EVR_OW: case EVR_lt: case EVR_xs: case EVR_US: case EVR_ox: case EVR_px:
                condition = element->putUint16Array(reinterpret_cast<const Uint16 *>(bytes), size / 2);
                break;
            case EVR_SS:
                condition = element->putSint16Array(reinterpret_cast<const Sint16 *>(bytes), size / 2);
                break;
            case EVR_UL: case EVR_OL: case EVR_AT:
                condition = element->putUint32Array(reinterpret_cast<const Uint32 *>(bytes), size / 4);
                break;
            case EVR_FL: case EVR_OF:
                condition = element->putFloat32Array(reinterpret_cast<const Float32 *>(bytes), size / 4);
                break;
            case EVR_FD: case EVR_OD:
                condition = element->putFloat64Array(reinterpret_cast<const Float64 *>(bytes), size / 8);
                break;
            case EVR_OB: case EVR_UN:
                condition = element->putUint8Array(bytes, size);
                break;
            default:
                condition = element->putString(reinterpret_cast<const char *>(bytes), static_cast<Uint32>(count));
        }
        return check(condition, message) && insert(item, std::move(element), message);
    });
}

size_t cxr_item_sequence_count(cxr_item *item, cxr_tag tag) {
    DcmSequenceOfItems *sequence = find_sequence(item, tag);
    return sequence == nullptr ? 0 : sequence->card();
}

cxr_item *cxr_item_sequence_item(cxr_item *item, cxr_tag tag, size_t index) {
    DcmSequenceOfItems *sequence = find_sequence(item, tag);
    return sequence == nullptr ? nullptr : opaque(sequence->getItem(static_cast<unsigned long>(index)));
}

cxr_item *cxr_item_append(cxr_item *item, cxr_tag tag, cxr_message *message) {
    return guarded<cxr_item *>(message, nullptr, [&]() -> cxr_item * {
        DcmItem *appended = nullptr;
        OFCondition condition = native(item)->findOrCreateSequenceItem(key(tag), appended, -2);
        return check(condition, message) ? opaque(appended) : nullptr;
    });
}

bool cxr_item_put_empty_sequence(cxr_item *item, cxr_tag tag, cxr_message *message) {
    return guarded(message, false, [&] {
        auto sequence = std::make_unique<DcmSequenceOfItems>(DcmTag(key(tag), EVR_SQ));
        return insert(item, std::move(sequence), message);
    });
}

bool cxr_item_copy(cxr_item *to, cxr_item *from, cxr_tag tag) {
    return guarded(nullptr, false, [&] {
        DcmElement *element = find(from, tag);
        if (element == nullptr) {
            return false;
        }
        std::unique_ptr<DcmElement> copy(OFstatic_cast(DcmElement *, element->clone()));
        return insert(to, std::move(copy), nullptr);
    });
}

void cxr_item_remove(cxr_item *item, cxr_tag tag) {
    native(item)->findAndDeleteElement(key(tag), OFFalse, OFFalse);
}
