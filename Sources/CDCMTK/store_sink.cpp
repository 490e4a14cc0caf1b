#include "store_sink.h"

#include <unistd.h>

#include <cerrno>

namespace {

void append(std::string &bytes, uint64_t value, size_t count) {
    for (size_t index = 0; index < count; ++index) {
        bytes.push_back(static_cast<char>(value >> (8 * index) & 0xff));
    }
}

void append_uid(std::string &bytes, uint16_t element, const std::string &uid) {
    std::string value = uid.size() % 2 == 0 ? uid : uid + '\0';
    append(bytes, 0x0002, 2);
    append(bytes, element, 2);
    bytes += "UI";
    append(bytes, value.size(), 2);
    bytes += value;
}

std::string preamble_and_meta(
    const std::string &sop_class_uid, const std::string &sop_instance_uid, const std::string &transfer_syntax_uid,
    const std::string &implementation_class_uid) {
    std::string meta;
    append(meta, 0x0002, 2);
    append(meta, 0x0001, 2);
    meta += "OB";
    append(meta, 0, 2);
    append(meta, 2, 4);
    meta += std::string("\0\1", 2);
    append_uid(meta, 0x0002, sop_class_uid);
    append_uid(meta, 0x0003, sop_instance_uid);
    append_uid(meta, 0x0010, transfer_syntax_uid);
    append_uid(meta, 0x0012, implementation_class_uid);
    std::string header(128, '\0');
    header += "DICM";
    append(header, 0x0002, 2);
    append(header, 0x0000, 2);
    header += "UL";
    append(header, 4, 2);
    append(header, meta.size(), 4);
    return header + meta;
}

}  // namespace

StoreSink::StoreSink(
    const cxr_store_ticket &ticket, const std::string &sop_class_uid, const std::string &sop_instance_uid,
    const std::string &transfer_syntax_uid, const std::string &implementation_class_uid)
    : descriptor_(ticket.status == 0 ? ticket.descriptor : -1), maximum_bytes_(ticket.maximum_bytes),
      digest_(EVP_MD_CTX_new()) {
    if (descriptor_ >= 0) {
        EVP_DigestInit_ex(digest_.get(), EVP_sha256(), nullptr);
        std::string header =
            preamble_and_meta(sop_class_uid, sop_instance_uid, transfer_syntax_uid, implementation_class_uid);
        write(reinterpret_cast<const uint8_t *>(header.data()), header.size());
    }
}

void StoreSink::write(const uint8_t *bytes, size_t count) {
    if (descriptor_ < 0 || error_number_ != 0 || too_large_) {
        return;
    }
    if (count > maximum_bytes_ - bytes_) {
        too_large_ = true;
        return;
    }
    EVP_DigestUpdate(digest_.get(), bytes, count);
    bytes_ += count;
    while (count > 0) {
        ssize_t written = ::write(descriptor_, bytes, count);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            error_number_ = errno;
            return;
        }
        bytes += written;
        count -= static_cast<size_t>(written);
    }
}

cxr_store_result StoreSink::finish(bool is_complete) {
    cxr_store_result result{};
    result.outcome = !is_complete ? CXR_STORE_ABORTED
        : error_number_ != 0      ? CXR_STORE_WRITE_FAILED
        : too_large_              ? CXR_STORE_TOO_LARGE
                                  : CXR_STORE_COMPLETE;
    result.error_number = error_number_;
    result.descriptor = descriptor_;
    result.bytes = bytes_;
    EVP_DigestFinal_ex(digest_.get(), result.sha256, nullptr);
    return result;
}
