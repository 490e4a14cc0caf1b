#include "commitment.h"

#include "structure.h"

#include <dcmtk/dcmdata/dcistrmb.h>
#include <dcmtk/dcmdata/dcostrmb.h>

#include <vector>

namespace {

constexpr size_t kMaximumReportBytes = 16 * 1024 * 1024;
constexpr uint16_t kProcessingFailure = 0x0110;
constexpr uint16_t kUnrecognizedOperation = 0x0211;

std::string text(DcmItem *item, const DcmTagKey &tag) {
    OFString value;
    item->findAndGetOFString(tag, value);
    return value.c_str();
}

struct Item {
    std::string sop_class_uid;
    std::string sop_instance_uid;
    uint16_t failure_reason;
};

void collect(DcmDataset &dataset, const DcmTagKey &sequence_tag, bool failed, std::vector<Item> *items) {
    DcmSequenceOfItems *sequence = nullptr;
    if (dataset.findAndGetSequence(sequence_tag, sequence).bad() || sequence == nullptr) {
        return;
    }
    for (unsigned long index = 0; index < sequence->card(); ++index) {
        DcmItem *item = sequence->getItem(index);
        Uint16 reason = failed ? kProcessingFailure : 0;
        if (failed) {
            item->findAndGetUint16(DCM_FailureReason, reason);
        }
        items->push_back(
            {text(item, DCM_ReferencedSOPClassUID), text(item, DCM_ReferencedSOPInstanceUID),
             static_cast<uint16_t>(failed && reason == 0 ? kProcessingFailure : reason)});
    }
}

/// Parses the report and hands it over. Returns the response status.
uint16_t deliver(
    const std::string &bytes, const std::string &transfer_syntax, const cxr_scp_handler &handler,
    uint64_t association_id) {
    return guarded<uint16_t>(nullptr, kProcessingFailure, [&]() -> uint16_t {
        cxr_message message{};
        if (!check_structure(
                reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size(), transfer_syntax, &message)) {
            return kProcessingFailure;
        }
        DcmInputBufferStream stream;
        stream.setBuffer(bytes.data(), static_cast<offile_off_t>(bytes.size()));
        stream.setEos();
        DcmDataset dataset;
        dataset.transferInit();
        OFCondition condition = dataset.read(stream, DcmXfer(transfer_syntax.c_str()).getXfer());
        dataset.transferEnd();
        std::string transaction = text(&dataset, DCM_TransactionUID);
        if (condition.bad() || transaction.empty()) {
            return kProcessingFailure;
        }
        std::vector<Item> items;
        collect(dataset, DCM_ReferencedSOPSequence, false, &items);
        collect(dataset, DCM_FailedSOPSequence, true, &items);
        std::vector<cxr_commitment_item> references;
        for (const Item &item : items) {
            references.push_back({item.sop_class_uid.c_str(), item.sop_instance_uid.c_str(), item.failure_reason});
        }
        return handler.commitment_reported(
            handler.context, association_id, transaction.c_str(), references.data(), references.size());
    });
}

}  // namespace

Read answer_commitment_report(
    T_ASC_Association *association, int timeout, T_ASC_PresentationContextID context, const Command &request,
    const cxr_scp_handler &handler, uint64_t association_id, std::string *detail) {
    std::string bytes;
    if (request.has_dataset()) {
        Read read = read_small_dataset(association, timeout, context, kMaximumReportBytes, &bytes, detail);
        if (read != Read::kDone) {
            return read;
        }
    }
    bool is_commitment = request.uid(kAffectedSOPClassUID) == UID_StorageCommitmentPushModelSOPClass;
    Command response;
    response.set(kAffectedSOPClassUID, request.uid(kAffectedSOPClassUID));
    response.set(kCommandField, kEventReportResponse);
    response.set(kMessageIDBeingRespondedTo, request.number(kMessageID));
    response.set(kCommandDataSetType, kNoDataSet);
    response.set(
        kStatus, is_commitment
            ? deliver(bytes, accepted_transfer_syntax(association, context), handler, association_id)
            : kUnrecognizedOperation);
    response.set(kAffectedSOPInstanceUID, request.uid(kAffectedSOPInstanceUID));
    response.set(kEventTypeID, request.number(kEventTypeID));
    if (write_command(association, context, response).bad()) {
        *detail = "the response could not be sent";
        return Read::kLost;
    }
    return Read::kDone;
}

bool encode_commitment_request(
    const char *transaction_uid, const cxr_commitment_item *items, size_t count, const std::string &transfer_syntax,
    std::string *bytes) {
    DcmDataset dataset;
    dataset.putAndInsertString(DCM_TransactionUID, transaction_uid);
    for (size_t index = 0; index < count; ++index) {
        DcmItem *item = nullptr;
        if (dataset.findOrCreateSequenceItem(DCM_ReferencedSOPSequence, item, -2).bad()) {
            return false;
        }
        item->putAndInsertString(DCM_ReferencedSOPClassUID, items[index].sop_class_uid);
        item->putAndInsertString(DCM_ReferencedSOPInstanceUID, items[index].sop_instance_uid);
    }
    E_TransferSyntax encoding = DcmXfer(transfer_syntax.c_str()).getXfer();
    std::vector<char> buffer(dataset.calcElementLength(encoding, EET_ExplicitLength) + 1024);
    DcmOutputBufferStream stream(buffer.data(), static_cast<offile_off_t>(buffer.size()));
    dataset.transferInit();
    OFCondition condition = dataset.write(stream, encoding, EET_ExplicitLength, nullptr);
    dataset.transferEnd();
    void *written = nullptr;
    offile_off_t length = 0;
    stream.flushBuffer(written, length);
    bytes->assign(static_cast<const char *>(written), static_cast<size_t>(length));
    return condition.good();
}
