#include "commitment.h"
#include "connection.h"
#include "cxr_network.h"
#include "dimse.h"

#include <dcmtk/dcmdata/dcistrmf.h>
#include <dcmtk/dcmdata/dcostrmb.h>
#include <dcmtk/dcmdata/dcwcache.h>

#include <cstdio>
#include <vector>

namespace {

struct Proposal {
    T_ASC_PresentationContextID id;
    std::string sop_class_uid;
};

std::vector<std::string> split(const std::string &text) {
    std::vector<std::string> parts;
    size_t start = 0;
    while (start <= text.size()) {
        size_t end = text.find('\\', start);
        parts.push_back(text.substr(start, end - start));
        start = end == std::string::npos ? text.size() + 1 : end + 1;
    }
    return parts;
}

bool is_uncompressed(const std::string &uid) {
    return uid == UID_LittleEndianImplicitTransferSyntax || uid == UID_LittleEndianExplicitTransferSyntax ||
        uid == UID_BigEndianExplicitTransferSyntax || uid == UID_DeflatedExplicitVRLittleEndianTransferSyntax;
}

Command request(uint16_t field, uint16_t message_id, const std::string &sop_class_uid, bool has_dataset) {
    Command command;
    command.set(kCommandField, field);
    command.set(kMessageID, message_id);
    command.set(kCommandDataSetType, has_dataset ? kDataSetPresent : kNoDataSet);
    if (field == kActionRequest) {
        command.set(kRequestedSOPClassUID, sop_class_uid);
    } else {
        command.set(kAffectedSOPClassUID, sop_class_uid);
    }
    return command;
}

/// Where the dataset begins, behind preamble and meta information.
bool find_dataset(const char *path, long *offset) {
    DcmInputFileStream stream{OFFilename(path)};
    DcmMetaInfo meta;
    meta.transferInit();
    bool good = stream.good() && meta.read(stream).good();
    meta.transferEnd();
    *offset = static_cast<long>(stream.tell());
    return good;
}

}  // namespace

struct cxr_scu {
    T_ASC_Network *network = nullptr;
    T_ASC_Association *association = nullptr;
    int dimse_timeout = 0;
    bool has_failed = false;
    std::vector<Proposal> proposals;
    std::string accepted;

    ~cxr_scu() {
        if (association != nullptr) {
            has_failed ? ASC_abortAssociation(association) : ASC_releaseAssociation(association);
            ASC_destroyAssociation(&association);
        }
        if (network != nullptr) {
            ASC_dropNetwork(&network);
        }
    }

    bool fail(const std::string &reason, cxr_message *message) {
        has_failed = true;
        say(message, reason.c_str());
        return false;
    }

    /// The first accepted context for a SOP class: one whose transfer syntax is `transfer_syntax_uid`, else any that
    /// the instance can be re-encoded to. 0 when there is none. Sets `accepted`.
    T_ASC_PresentationContextID context_for(const std::string &sop_class_uid, const std::string &transfer_syntax_uid) {
        T_ASC_PresentationContextID convertible = 0;
        for (const Proposal &proposal : proposals) {
            std::string syntax = accepted_transfer_syntax(association, proposal.id);
            if (proposal.sop_class_uid != sop_class_uid || syntax.empty()) {
                continue;
            }
            if (transfer_syntax_uid.empty() || syntax == transfer_syntax_uid) {
                accepted = syntax;
                return proposal.id;
            }
            if (convertible == 0 && is_uncompressed(syntax) && is_uncompressed(transfer_syntax_uid)) {
                accepted = syntax;
                convertible = proposal.id;
            }
        }
        return convertible;
    }

    /// Waits for the response to a request. False when the association failed.
    bool await_response(uint16_t message_id, uint16_t *status, cxr_message *message) {
        T_ASC_PresentationContextID context = 0;
        Command response;
        std::string detail;
        if (read_command(association, dimse_timeout, &context, &response, &detail) != Read::kDone) {
            return fail("no response: " + detail, message);
        }
        if (response.number(kMessageIDBeingRespondedTo) != message_id) {
            return fail("a response to another request", message);
        }
        *status = response.number(kStatus);
        if (response.has_dataset()) {
            std::string ignored;
            const size_t limit = 1 << 20;
            if (read_small_dataset(association, dimse_timeout, context, limit, &ignored, &detail) != Read::kDone) {
                return fail(detail, message);
            }
        }
        return true;
    }

    bool send_file_as_is(FILE *file, T_ASC_PresentationContextID context) {
        std::vector<char> buffer(1 << 18);
        // One read ahead, so that the last fragment is known to be the last.
        std::vector<char> ahead(buffer.size());
        size_t count = std::fread(buffer.data(), 1, buffer.size(), file);
        while (true) {
            size_t next = count == buffer.size() ? std::fread(ahead.data(), 1, ahead.size(), file) : 0;
            if (std::ferror(file) || write_dataset(association, context, buffer.data(), count, next == 0).bad()) {
                return false;
            }
            if (next == 0) {
                return true;
            }
            buffer.swap(ahead);
            count = next;
        }
    }

    bool send_converted(DcmDataset &dataset, T_ASC_PresentationContextID context) {
        std::vector<char> buffer(1 << 18);
        DcmOutputBufferStream stream(buffer.data(), static_cast<offile_off_t>(buffer.size()));
        DcmWriteCache cache;
        E_TransferSyntax encoding = DcmXfer(accepted.c_str()).getXfer();
        bool is_written = false;
        bool is_last = false;
        dataset.transferInit();
        while (!is_last) {
            if (!is_written) {
                OFCondition condition = dataset.write(stream, encoding, EET_ExplicitLength, &cache, EGL_recalcGL);
                is_written = condition.good();
                if (!is_written && condition != EC_StreamNotifyClient) {
                    return false;
                }
            }
            if (is_written) {
                stream.flush();
            }
            void *bytes = nullptr;
            offile_off_t count = 0;
            stream.flushBuffer(bytes, count);
            is_last = is_written && stream.isFlushed();
            bool is_due = count > 0 || is_last;
            if (is_due && write_dataset(association, context, bytes, static_cast<size_t>(count), is_last).bad()) {
                return false;
            }
        }
        dataset.transferEnd();
        return true;
    }
};

cxr_scu *cxr_scu_open(
    const cxr_scu_settings *settings, const cxr_proposed_context *contexts, size_t count,
    cxr_association_failure *failure) {
    cxr_message message{};
    auto scu = guarded<cxr_scu *>(&message, nullptr, [&]() -> cxr_scu * {
        auto scu = std::make_unique<cxr_scu>();
        scu->dimse_timeout = settings->dimse_timeout;
        if (!check(ASC_initializeNetwork(NET_REQUESTOR, 0, settings->acse_timeout, &scu->network), &message)) {
            return nullptr;
        }
        if (settings->tls != nullptr) {
            ASC_setTransportLayer(scu->network, settings->tls->layer.get(), 0);
        }
        T_ASC_Parameters *parameters = nullptr;
        if (!check(ASC_createAssociationParameters(&parameters, settings->maximum_pdu_length), &message)) {
            return nullptr;
        }
        ASC_setTransportLayerType(parameters, settings->tls != nullptr);
        ASC_setAPTitles(parameters, settings->calling_ae_title, settings->called_ae_title, nullptr);
        std::string address = std::string(settings->host) + ":" + std::to_string(settings->port);
        ASC_setPresentationAddresses(parameters, "localhost", address.c_str());
        OFStandard::strlcpy(
            parameters->ourImplementationClassUID, settings->implementation_class_uid,
            sizeof parameters->ourImplementationClassUID);
        OFStandard::strlcpy(
            parameters->ourImplementationVersionName, settings->implementation_version_name,
            sizeof parameters->ourImplementationVersionName);
        for (size_t index = 0; index < count; ++index) {
            // Presentation context IDs are odd (PS3.8 9.3.2.2).
            auto id = static_cast<T_ASC_PresentationContextID>(2 * index + 1);
            std::vector<std::string> syntaxes = split(contexts[index].transfer_syntax_uids);
            std::vector<const char *> names;
            for (const std::string &syntax : syntaxes) {
                names.push_back(syntax.c_str());
            }
            ASC_addPresentationContext(
                parameters, id, contexts[index].sop_class_uid, names.data(), static_cast<int>(names.size()));
            scu->proposals.push_back({id, contexts[index].sop_class_uid});
        }
        OFCondition condition = ASC_requestAssociation(
            scu->network, parameters, &scu->association, nullptr, nullptr, DUL_NOBLOCK, settings->acse_timeout);
        if (condition == DUL_ASSOCIATIONREJECTED) {
            T_ASC_RejectParameters rejection{};
            ASC_getRejectParameters(parameters, &rejection);
            failure->rejection = {
                static_cast<uint8_t>(rejection.result), static_cast<uint8_t>(rejection.source),
                static_cast<uint8_t>(rejection.reason & 0xff)};
        }
        if (condition.bad()) {
            check(condition, &message);
            if (scu->association == nullptr) {
                ASC_destroyAssociationParameters(&parameters);
            } else {
                ASC_destroyAssociation(&scu->association);
            }
            return nullptr;
        }
        return scu.release();
    });
    if (scu == nullptr) {
        std::snprintf(failure->text, sizeof failure->text, "%s", message.text);
    }
    return scu;
}

bool cxr_scu_echo(cxr_scu *scu, uint16_t *status, cxr_message *message) {
    return guarded(message, false, [&] {
        T_ASC_PresentationContextID context = scu->context_for(UID_VerificationSOPClass, "");
        if (context == 0) {
            say(message, "the peer does not offer C-ECHO");
            return false;
        }
        uint16_t id = scu->association->nextMsgID++;
        if (write_command(scu->association, context, request(kEchoRequest, id, UID_VerificationSOPClass, false)).bad()) {
            return scu->fail("the request could not be sent", message);
        }
        return scu->await_response(id, status, message);
    });
}

cxr_send_outcome cxr_scu_store(
    cxr_scu *scu, const char *path, const char *sop_class_uid, const char *sop_instance_uid,
    const char *transfer_syntax_uid, uint16_t *status, cxr_message *message) {
    return guarded(message, CXR_SEND_FAILED, [&] {
        T_ASC_PresentationContextID context = scu->context_for(sop_class_uid, transfer_syntax_uid);
        if (context == 0) {
            say(message, "the peer accepted no presentation context for this SOP class and transfer syntax");
            return CXR_SEND_NO_CONTEXT;
        }
        bool as_is = scu->accepted == transfer_syntax_uid;
        std::unique_ptr<FILE, int (*)(FILE *)> file(std::fopen(path, "rb"), &std::fclose);
        long dataset_offset = 0;
        if (file == nullptr || !find_dataset(path, &dataset_offset)) {
            say(message, "the file cannot be read");
            return CXR_SEND_BAD_FILE;
        }
        std::unique_ptr<DcmFileFormat> converted;
        if (!as_is) {
            converted = std::make_unique<DcmFileFormat>();
            if (!check(converted->loadFile(path), message)) {
                return CXR_SEND_BAD_FILE;
            }
        }
        uint16_t id = scu->association->nextMsgID++;
        Command command = request(kStoreRequest, id, sop_class_uid, true);
        command.set(kAffectedSOPInstanceUID, std::string(sop_instance_uid));
        command.set(kPriority, uint16_t(0));
        bool sent = write_command(scu->association, context, command).good();
        if (as_is) {
            sent = sent && std::fseek(file.get(), dataset_offset, SEEK_SET) == 0 &&
                scu->send_file_as_is(file.get(), context);
        } else {
            sent = sent && scu->send_converted(*converted->getDataset(), context);
        }
        if (!sent) {
            scu->fail("the instance could not be sent", message);
            return CXR_SEND_FAILED;
        }
        return scu->await_response(id, status, message) ? CXR_SEND_ANSWERED : CXR_SEND_FAILED;
    });
}

bool cxr_scu_request_commitment(
    cxr_scu *scu, const char *transaction_uid, const cxr_commitment_item *items, size_t count, uint16_t *status,
    cxr_message *message) {
    return guarded(message, false, [&] {
        const std::string sop_class = UID_StorageCommitmentPushModelSOPClass;
        T_ASC_PresentationContextID context = scu->context_for(sop_class, "");
        std::string dataset;
        if (context == 0 ||
            !encode_commitment_request(transaction_uid, items, count, scu->accepted, &dataset)) {
            say(message, "the peer does not offer storage commitment");
            return false;
        }
        uint16_t id = scu->association->nextMsgID++;
        Command command = request(kActionRequest, id, sop_class, true);
        command.set(kRequestedSOPInstanceUID, std::string(UID_StorageCommitmentPushModelSOPInstance));
        command.set(kActionTypeID, uint16_t(1));
        if (write_command(scu->association, context, command).bad() ||
            write_dataset(scu->association, context, dataset.data(), dataset.size(), true).bad()) {
            return scu->fail("the request could not be sent", message);
        }
        return scu->await_response(id, status, message);
    });
}

bool cxr_scu_await_commitment(cxr_scu *scu, int32_t seconds, const cxr_scp_handler *handler, cxr_message *message) {
    return guarded(message, false, [&] {
        if (!ASC_dataWaiting(scu->association, seconds)) {
            return false;
        }
        T_ASC_PresentationContextID context = 0;
        Command event;
        std::string detail;
        Read read = read_command(scu->association, scu->dimse_timeout, &context, &event, &detail);
        if (read == Read::kDone && event.number(kCommandField) != kEventReportRequest) {
            return scu->fail("an unexpected message instead of a commitment report", message);
        }
        if (read == Read::kDone) {
            read = answer_commitment_report(
                scu->association, scu->dimse_timeout, context, event, *handler, 0, &detail);
        }
        return read == Read::kDone || scu->fail(detail, message);
    });
}

void cxr_scu_close(cxr_scu *scu) { delete scu; }
