#include "structure.h"

#include <zlib.h>

#include <cstring>
#include <vector>

namespace {

constexpr uint32_t kUndefinedLength = 0xffffffff;
constexpr uint32_t kItem = 0xfffee000;
constexpr uint32_t kItemEnd = 0xfffee00d;
constexpr uint32_t kSequenceEnd = 0xfffee0dd;
constexpr uint32_t kPixelData = 0x7fe00010;
constexpr size_t kMaximumDepth = 64;
constexpr size_t kMaximumInflatedBytes = size_t(1) << 30;

/// An open sequence, item or fragment list. `end` is SIZE_MAX for undefined length.
struct Level {
    enum Kind { kItems, kElements, kFragments } kind;
    size_t end;
    bool is_explicit;
};

class Walker {
public:
    Walker(const uint8_t *bytes, size_t count, bool is_explicit, bool is_big_endian, cxr_message *message)
        : bytes_(bytes), count_(count), big_endian_(is_big_endian), message_(message) {
        levels_.push_back({Level::kElements, count, is_explicit});
    }

    bool walk() {
        while (close_finished_levels(), offset_ < count_) {
            if (levels_.size() == 1 && count_ - offset_ < 8) {
                return true;
            }
            if (!(levels_.back().kind == Level::kElements ? element() : item())) {
                return false;
            }
        }
        return levels_.size() == 1 || fail("the dataset ends inside a sequence");
    }

private:
    void close_finished_levels() {
        while (levels_.size() > 1 && levels_.back().end != SIZE_MAX && offset_ >= levels_.back().end) {
            levels_.pop_back();
        }
    }

    /// The innermost defined end around the current offset.
    size_t bound() const {
        for (size_t index = levels_.size(); index-- > 0;) {
            if (levels_[index].end != SIZE_MAX) {
                return levels_[index].end;
            }
        }
        return count_;
    }

    bool fail(const std::string &reason) {
        char place[64];
        std::snprintf(
            place, sizeof place, " at (%04x,%04x), byte %zu", tag_ >> 16, tag_ & 0xffff, element_offset_);
        say(message_, (reason + place).c_str());
        return false;
    }

    uint32_t number(size_t offset, size_t size) const {
        uint32_t value = 0;
        for (size_t index = 0; index < size; ++index) {
            size_t place = big_endian_ ? index : size - 1 - index;
            value = value << 8 | bytes_[offset + place];
        }
        return value;
    }

    bool read_tag() {
        element_offset_ = offset_;
        tag_ = 0;
        if (bound() - offset_ < 8) {
            return fail("an element header is cut off");
        }
        tag_ = number(offset_, 2) << 16 | number(offset_ + 2, 2);
        return true;
    }

    bool push(Level::Kind kind, uint32_t length, bool is_explicit) {
        if (levels_.size() > kMaximumDepth) {
            return fail("sequences are nested too deep");
        }
        if (length != kUndefinedLength && length > bound() - offset_) {
            return fail("a sequence runs past its parent");
        }
        levels_.push_back({kind, length == kUndefinedLength ? SIZE_MAX : offset_ + length, is_explicit});
        return true;
    }

    bool skip(uint32_t length) {
        if (length > bound() - offset_) {
            return fail("an element of " + std::to_string(length) + " bytes runs past the end");
        }
        offset_ += length;
        return true;
    }

    /// An item, a fragment or a delimiter inside a sequence.
    bool item() {
        if (!read_tag()) {
            return false;
        }
        uint32_t length = number(offset_ + 4, 4);
        offset_ += 8;
        Level level = levels_.back();
        if (tag_ == kSequenceEnd) {
            levels_.pop_back();
            return true;
        }
        if (tag_ != kItem) {
            return fail("a sequence holds something that is not an item");
        }
        if (level.kind == Level::kFragments) {
            return length == kUndefinedLength ? fail("a fragment of undefined length") : skip(length);
        }
        return push(Level::kElements, length, level.is_explicit);
    }

    bool element() {
        if (!read_tag()) {
            return false;
        }
        if (tag_ == kItemEnd) {
            offset_ += 8;
            if (levels_.size() == 1) {
                return fail("an item ends that never began");
            }
            levels_.pop_back();
            return true;
        }
        return levels_.back().is_explicit ? explicit_element() : implicit_element();
    }

    bool implicit_element() {
        uint32_t length = number(offset_ + 4, 4);
        offset_ += 8;
        bool is_sequence = length == kUndefinedLength || DcmTag(key(tag_)).getEVR() == EVR_SQ;
        return is_sequence ? push(Level::kItems, length, false) : skip(length);
    }

    bool explicit_element() {
        char vr[3] = {static_cast<char>(bytes_[offset_ + 4]), static_cast<char>(bytes_[offset_ + 5]), 0};
        static const char *const kLong[] = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"};
        bool is_long = false;
        for (const char *name : kLong) {
            is_long = is_long || std::strcmp(name, vr) == 0;
        }
        bool is_letters = vr[0] >= 'A' && vr[0] <= 'Z' && vr[1] >= 'A' && vr[1] <= 'Z';
        if (!is_letters) {
            return fail("a value representation that is not two letters");
        }
        if (!is_long) {
            uint32_t length = number(offset_ + 6, 2);
            offset_ += 8;
            return skip(length);
        }
        if (bound() - offset_ < 12) {
            return fail("an element header is cut off");
        }
        uint32_t length = number(offset_ + 8, 4);
        offset_ += 12;
        if (std::strcmp(vr, "SQ") == 0) {
            return push(Level::kItems, length, true);
        }
        if (length != kUndefinedLength) {
            return skip(length);
        }
        if (std::strcmp(vr, "UN") == 0) {
            // PS3.5 6.2.2 note 2: the content is encoded in implicit VR little endian.
            return push(Level::kItems, length, false);
        }
        return tag_ == kPixelData ? push(Level::kFragments, length, true) : fail("a value of undefined length");
    }

    const uint8_t *bytes_;
    size_t count_;
    bool big_endian_;
    cxr_message *message_;
    size_t offset_ = 0;
    size_t element_offset_ = 0;
    uint32_t tag_ = 0;
    std::vector<Level> levels_;
};

/// Inflates a raw deflate stream (PS3.5 A.5).
bool inflate_all(const uint8_t *bytes, size_t count, std::vector<uint8_t> *inflated, cxr_message *message) {
    z_stream stream{};
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) {
        say(message, "the inflater could not be started");
        return false;
    }
    stream.next_in = const_cast<Bytef *>(bytes);
    stream.avail_in = static_cast<uInt>(std::min<size_t>(count, UINT32_MAX));
    int state = Z_OK;
    while (state == Z_OK && inflated->size() <= kMaximumInflatedBytes) {
        const size_t step = 1 << 20;
        size_t have = inflated->size();
        inflated->resize(have + step);
        stream.next_out = inflated->data() + have;
        stream.avail_out = step;
        state = inflate(&stream, Z_NO_FLUSH);
        inflated->resize(have + step - stream.avail_out);
        if (state == Z_BUF_ERROR && stream.avail_in == 0) {
            break;
        }
    }
    inflateEnd(&stream);
    if (inflated->size() > kMaximumInflatedBytes) {
        say(message, "the deflated dataset is larger than 1 GiB");
        return false;
    }
    if (state != Z_STREAM_END) {
        say(message, "the deflated dataset is damaged or cut off");
        return false;
    }
    return true;
}

}  // namespace

bool check_structure(const uint8_t *bytes, size_t count, const std::string &transfer_syntax, cxr_message *message) {
    if (transfer_syntax == UID_DeflatedExplicitVRLittleEndianTransferSyntax) {
        std::vector<uint8_t> inflated;
        return inflate_all(bytes, count, &inflated, message) &&
            Walker(inflated.data(), inflated.size(), true, false, message).walk();
    }
    bool is_explicit = transfer_syntax != UID_LittleEndianImplicitTransferSyntax;
    bool is_big_endian = transfer_syntax == UID_BigEndianExplicitTransferSyntax;
    return Walker(bytes, count, is_explicit, is_big_endian, message).walk();
}
