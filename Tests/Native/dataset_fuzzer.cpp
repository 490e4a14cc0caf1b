// libFuzzer target over dataset parsing and header extraction through the C interface.

#include "cxr_dataset.h"

#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace {

/// Reads everything that a caller could read.
void visit(cxr_item *item, int depth) {
    size_t count = cxr_item_count(item);
    for (size_t index = 0; index < count; ++index) {
        cxr_tag tag = 0;
        char vr[3];
        if (!cxr_item_element(item, index, &tag, vr)) {
            continue;
        }
        cxr_text_free(cxr_item_text(item, tag));
        const uint8_t *bytes = nullptr;
        size_t size = 0;
        if (cxr_item_bytes(item, tag, &bytes, &size) && size > 0) {
            volatile uint8_t touched = static_cast<uint8_t>(bytes[0] ^ bytes[size - 1]);
            (void)touched;
        }
        for (size_t child = 0; depth < 100 && child < cxr_item_sequence_count(item, tag); ++child) {
            visit(cxr_item_sequence_item(item, tag, child), depth + 1);
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cxr_message message{};
    const cxr_tag pixel_data = 0x7fe00010;
    for (cxr_tag stop : {cxr_tag(0), pixel_data}) {
        cxr_file *file = cxr_file_read_memory(data, size, stop, &message);
        if (file != nullptr) {
            visit(cxr_file_meta(file), 0);
            visit(cxr_file_dataset(file), 0);
            if (cxr_file_convert_to_utf8(file, &message)) {
                visit(cxr_file_dataset(file), 0);
            }
            cxr_file_free(file);
        }
    }
    return 0;
}
