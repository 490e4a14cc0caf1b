#include "dimse.h"

#include <algorithm>

namespace {

constexpr size_t kMaximumCommandBytes = 64 * 1024;

void append_number(std::string &bytes, uint64_t value, size_t count) {
    for (size_t index = 0; index < count; ++index) {
        bytes.push_back(static_cast<char>(value >> (8 * index) & 0xff));
    }
}

uint32_t number_at(const std::string &bytes, size_t offset, size_t count) {
    uint32_t value = 0;
    for (size_t index = 0; index < count; ++index) {
        value |= static_cast<uint32_t>(static_cast<unsigned char>(bytes[offset + index])) << (8 * index);
    }
    return value;
}

void append_element(std::string &bytes, uint16_t element, const std::string &value) {
    append_number(bytes, 0, 2);
    append_number(bytes, element, 2);
    append_number(bytes, value.size(), 4);
    bytes += value;
}

Read classify(const OFCondition &condition, std::string *detail) {
    *detail = condition.text();
    if (condition == DUL_PEERREQUESTEDRELEASE) {
        return Read::kReleased;
    }
    if (condition == DUL_PEERABORTEDASSOCIATION) {
        return Read::kAborted;
    }
    if (condition == DUL_NETWORKCLOSED) {
        return Read::kLost;
    }
    return condition == DUL_READTIMEOUT ? Read::kTimeout : Read::kProtocolError;
}

Read next_fragment(T_ASC_Association *association, int timeout, DUL_PDV *pdv, std::string *detail) {
    while (DUL_NextPDV(&association->DULassociation, pdv).bad()) {
        if (!ASC_dataWaiting(association, timeout)) {
            *detail = "nothing received for " + std::to_string(timeout) + " s";
            return Read::kTimeout;
        }
        OFCondition condition = DUL_ReadPDVs(&association->DULassociation, nullptr, DUL_NOBLOCK, timeout);
        if (condition != DUL_PDATAPDUARRIVED) {
            return classify(condition, detail);
        }
    }
    return Read::kDone;
}

OFCondition write_fragments(
    T_ASC_Association *association, T_ASC_PresentationContextID context, DUL_DATAPDV type, const void *bytes,
    size_t count, bool last) {
    auto *next = static_cast<const unsigned char *>(bytes);
    do {
        size_t part = std::min(count, static_cast<size_t>(association->sendPDVLength));
        DUL_PDV pdv{};
        pdv.fragmentLength = part;
        pdv.presentationContextID = context;
        pdv.pdvType = type;
        pdv.lastPDV = last && part == count;
        pdv.data = const_cast<unsigned char *>(next);
        DUL_PDVLIST list{};
        list.count = 1;
        list.pdv = &pdv;
        OFCondition condition = DUL_WritePDVs(&association->DULassociation, &list);
        if (condition.bad()) {
            return condition;
        }
        next += part;
        count -= part;
    } while (count > 0);
    return EC_Normal;
}

}  // namespace

void Command::set(CommandElement element, uint16_t value) {
    std::string bytes;
    append_number(bytes, value, 2);
    elements_[element] = bytes;
}

void Command::set(CommandElement element, const std::string &uid) {
    elements_[element] = uid.size() % 2 == 0 ? uid : uid + '\0';
}

uint16_t Command::number(CommandElement element) const {
    auto found = elements_.find(element);
    return found == elements_.end() || found->second.size() < 2 ? 0
                                                                : static_cast<uint16_t>(number_at(found->second, 0, 2));
}

std::string Command::uid(CommandElement element) const {
    auto found = elements_.find(element);
    if (found == elements_.end()) {
        return "";
    }
    std::string text = found->second;
    while (!text.empty() && (text.back() == '\0' || text.back() == ' ')) {
        text.pop_back();
    }
    return text.c_str();
}

std::string Command::encode() const {
    std::string body;
    for (const auto &[element, value] : elements_) {
        append_element(body, element, value);
    }
    std::string length;
    append_number(length, body.size(), 4);
    std::string bytes;
    append_element(bytes, 0x0000, length);
    return bytes + body;
}

bool Command::decode(const std::string &bytes, Command &command) {
    const size_t header = 8;
    size_t offset = 0;
    while (offset < bytes.size()) {
        if (bytes.size() - offset < header || number_at(bytes, offset, 2) != 0) {
            return false;
        }
        auto element = static_cast<uint16_t>(number_at(bytes, offset + 2, 2));
        size_t length = number_at(bytes, offset + 4, 4);
        offset += header;
        if (length > bytes.size() - offset) {
            return false;
        }
        command.elements_[element] = bytes.substr(offset, length);
        offset += length;
    }
    return command.elements_.count(kCommandField) == 1;
}

Read read_command(
    T_ASC_Association *association, int timeout, T_ASC_PresentationContextID *context, Command *command,
    std::string *detail) {
    std::string bytes;
    DUL_PDV pdv{};
    do {
        Read read = next_fragment(association, timeout, &pdv, detail);
        if (read != Read::kDone) {
            return read;
        }
        if (pdv.pdvType != DUL_COMMANDPDV) {
            *detail = "a dataset fragment came where a command was expected";
            return Read::kProtocolError;
        }
        if (!bytes.empty() && pdv.presentationContextID != *context) {
            *detail = "the presentation context changed within a command";
            return Read::kProtocolError;
        }
        if (bytes.size() + pdv.fragmentLength > kMaximumCommandBytes) {
            *detail = "a command set larger than 64 KiB";
            return Read::kProtocolError;
        }
        *context = pdv.presentationContextID;
        bytes.append(static_cast<const char *>(pdv.data), pdv.fragmentLength);
    } while (!pdv.lastPDV);
    if (!Command::decode(bytes, *command)) {
        *detail = "a command set that is not valid (PS3.7 6.3)";
        return Read::kProtocolError;
    }
    return Read::kDone;
}

Read read_dataset(
    T_ASC_Association *association, int timeout, T_ASC_PresentationContextID context,
    const std::function<void(const uint8_t *, size_t)> &fragment, std::string *detail) {
    DUL_PDV pdv{};
    do {
        Read read = next_fragment(association, timeout, &pdv, detail);
        if (read != Read::kDone) {
            return read;
        }
        if (pdv.pdvType != DUL_DATASETPDV || pdv.presentationContextID != context) {
            *detail = "a fragment that does not belong to the dataset being received";
            return Read::kProtocolError;
        }
        fragment(static_cast<const uint8_t *>(pdv.data), pdv.fragmentLength);
    } while (!pdv.lastPDV);
    return Read::kDone;
}

Read read_small_dataset(
    T_ASC_Association *association, int timeout, T_ASC_PresentationContextID context, size_t limit, std::string *bytes,
    std::string *detail) {
    bool too_large = false;
    Read read = read_dataset(
        association, timeout, context,
        [&](const uint8_t *fragment, size_t count) {
            too_large = too_large || bytes->size() + count > limit;
            if (!too_large) {
                bytes->append(reinterpret_cast<const char *>(fragment), count);
            }
        },
        detail);
    if (read == Read::kDone && too_large) {
        *detail = "a dataset larger than " + std::to_string(limit) + " bytes where a small one was expected";
        return Read::kProtocolError;
    }
    return read;
}

OFCondition write_command(
    T_ASC_Association *association, T_ASC_PresentationContextID context, const Command &command) {
    std::string bytes = command.encode();
    return write_fragments(association, context, DUL_COMMANDPDV, bytes.data(), bytes.size(), true);
}

OFCondition write_dataset(
    T_ASC_Association *association, T_ASC_PresentationContextID context, const void *bytes, size_t count, bool last) {
    return write_fragments(association, context, DUL_DATASETPDV, bytes, count, last);
}

std::string accepted_transfer_syntax(T_ASC_Association *association, T_ASC_PresentationContextID context) {
    T_ASC_PresentationContext found{};
    if (ASC_findAcceptedPresentationContext(association->params, context, &found).bad()) {
        return "";
    }
    return found.acceptedTransferSyntax;
}
