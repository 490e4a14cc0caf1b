#pragma once

#include "internal.h"

#include <dcmtk/dcmnet/assoc.h>

#include <functional>
#include <map>

/// Command elements of group 0000 (PS3.7 E).
enum CommandElement : uint16_t {
    kAffectedSOPClassUID = 0x0002,
    kRequestedSOPClassUID = 0x0003,
    kCommandField = 0x0100,
    kMessageID = 0x0110,
    kMessageIDBeingRespondedTo = 0x0120,
    kPriority = 0x0700,
    kCommandDataSetType = 0x0800,
    kStatus = 0x0900,
    kAffectedSOPInstanceUID = 0x1000,
    kRequestedSOPInstanceUID = 0x1001,
    kEventTypeID = 0x1002,
    kActionTypeID = 0x1008,
};

/// Values of Command Field (PS3.7 E.1).
enum CommandField : uint16_t {
    kStoreRequest = 0x0001,
    kStoreResponse = 0x8001,
    kEchoRequest = 0x0030,
    kEchoResponse = 0x8030,
    kEventReportRequest = 0x0100,
    kEventReportResponse = 0x8100,
    kActionRequest = 0x0130,
    kActionResponse = 0x8130,
    kCancelRequest = 0x0FFF,
};

constexpr uint16_t kNoDataSet = 0x0101;
constexpr uint16_t kDataSetPresent = 0x0001;

/// A DIMSE command set: flat, implicit VR little endian, group 0000 only.
///
/// Decoded here and not by DCMTK's dataset parser, which would follow sequences that a hostile peer nests in it.
class Command {
public:
    void set(CommandElement element, uint16_t value);
    void set(CommandElement element, const std::string &uid);
    uint16_t number(CommandElement element) const;
    std::string uid(CommandElement element) const;
    bool has_dataset() const { return number(kCommandDataSetType) != kNoDataSet; }

    std::string encode() const;
    static bool decode(const std::string &bytes, Command &command);

private:
    std::map<uint16_t, std::string> elements_;
};

/// How reading from an association ended.
enum class Read { kDone, kReleased, kAborted, kLost, kTimeout, kProtocolError };

/// Receives one whole command. `detail` explains anything but kDone.
Read read_command(
    T_ASC_Association *association, int timeout, T_ASC_PresentationContextID *context, Command *command,
    std::string *detail);

/// Receives one dataset and passes its fragments on. The timeout is for each fragment.
Read read_dataset(
    T_ASC_Association *association, int timeout, T_ASC_PresentationContextID context,
    const std::function<void(const uint8_t *, size_t)> &fragment, std::string *detail);

/// Receives one dataset into memory, at most `limit` bytes.
Read read_small_dataset(
    T_ASC_Association *association, int timeout, T_ASC_PresentationContextID context, size_t limit, std::string *bytes,
    std::string *detail);

OFCondition write_command(
    T_ASC_Association *association, T_ASC_PresentationContextID context, const Command &command);

/// Sends part of a dataset; `last` ends it. Splits into fragments that the peer accepts.
OFCondition write_dataset(
    T_ASC_Association *association, T_ASC_PresentationContextID context, const void *bytes, size_t count, bool last);

/// The transfer syntax accepted for a presentation context, or an empty string.
std::string accepted_transfer_syntax(T_ASC_Association *association, T_ASC_PresentationContextID context);
