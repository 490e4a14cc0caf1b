#include "commitment.h"
#include "dimse.h"
#include "scp_connection.h"
#include "store_sink.h"

#include <algorithm>

namespace {

constexpr uint16_t kSuccess = 0x0000;
constexpr uint16_t kSOPClassNotSupported = 0x0122;

cxr_ending ending_of(Read read) {
    switch (read) {
        case Read::kReleased: return CXR_ENDING_RELEASED;
        case Read::kAborted: return CXR_ENDING_ABORTED_BY_PEER;
        case Read::kLost: return CXR_ENDING_CONNECTION_LOST;
        case Read::kTimeout: return CXR_ENDING_IDLE_TIMEOUT;
        default: return CXR_ENDING_PROTOCOL_ERROR;
    }
}

Command response_to(const Command &request, CommandField field, uint16_t status) {
    Command response;
    response.set(kAffectedSOPClassUID, request.uid(kAffectedSOPClassUID));
    response.set(kCommandField, field);
    response.set(kMessageIDBeingRespondedTo, request.number(kMessageID));
    response.set(kCommandDataSetType, kNoDataSet);
    response.set(kStatus, status);
    return response;
}

}  // namespace

SCPAssociation::~SCPAssociation() {
    if (association_ != nullptr) {
        ASC_dropAssociation(association_);
        ASC_destroyAssociation(&association_);
    }
    if (network_ != nullptr) {
        ASC_dropNetwork(&network_);
    }
}

bool SCPAssociation::negotiate(std::unique_ptr<BufferedConnection> connection, int descriptor) {
    OFCondition condition = receive_prepared(
        std::move(connection), descriptor, shared_.maximum_pdu_length, shared_.acse_timeout, &network_, &association_);
    if (condition.bad()) {
        shared_.handler.connection_failed(shared_.handler.context, host_.c_str(), port_, condition.text());
        return false;
    }
    const DUL_ASSOCIATESERVICEPARAMETERS &parameters = association_->params->DULparams;
    cxr_peer peer{};
    peer.calling_ae_title = parameters.callingAPTitle;
    peer.called_ae_title = parameters.calledAPTitle;
    peer.application_context_name = parameters.applicationContextName;
    peer.address = host_.c_str();
    peer.port = port_;
    peer.implementation_version_name = association_->params->theirImplementationVersionName;
    peer.is_secure = shared_.tls != nullptr;
    cxr_rejection rejection = shared_.handler.association_requested(shared_.handler.context, id_, &peer);
    if (rejection.result != 0) {
        return reject(rejection);
    }
    if (!accept_contexts()) {
        shared_.handler.association_ended(
            shared_.handler.context, id_, CXR_ENDING_CONNECTION_LOST, "the acceptance could not be sent");
        return false;
    }
    return true;
}

bool SCPAssociation::reject(const cxr_rejection &rejection) {
    T_ASC_RejectParameters parameters{};
    parameters.result = static_cast<T_ASC_RejectParametersResult>(rejection.result);
    parameters.source = static_cast<T_ASC_RejectParametersSource>(rejection.source);
    parameters.reason = static_cast<T_ASC_RejectParametersReason>(rejection.source << 8 | rejection.reason);
    ASC_rejectAssociation(association_, &parameters);
    // The peer reads the A-ASSOCIATE-RJ and closes; dropping at once could reset the connection before it does.
    ASC_dataWaiting(association_, 1);
    return false;
}

bool SCPAssociation::accept_contexts() {
    T_ASC_Parameters *parameters = association_->params;
    const std::vector<std::string> &preferred = shared_.transfer_syntaxes;
    for (int index = 0; index < ASC_countPresentationContexts(parameters); ++index) {
        T_ASC_PresentationContext context{};
        if (ASC_getPresentationContext(parameters, index, &context).bad()) {
            return false;
        }
        std::string sop_class = context.abstractSyntax;
        bool is_commitment = sop_class == UID_StorageCommitmentPushModelSOPClass;
        bool is_verification = sop_class == UID_VerificationSOPClass;
        if (!is_commitment && !is_verification && shared_.sop_classes.count(sop_class) == 0) {
            ASC_refusePresentationContext(
                parameters, context.presentationContextID, ASC_P_ABSTRACTSYNTAXNOTSUPPORTED);
            continue;
        }
        auto is_proposed = [&](const std::string &uid) {
            auto *first = context.proposedTransferSyntaxes;
            return std::any_of(
                first, first + context.transferSyntaxCount, [&](const char *proposed) { return uid == proposed; });
        };
        // Only storage has pixel data; the other services use the uncompressed little endian syntaxes.
        static const std::vector<std::string> plain = {
            UID_LittleEndianExplicitTransferSyntax, UID_LittleEndianImplicitTransferSyntax};
        const std::vector<std::string> &candidates = is_commitment || is_verification ? plain : preferred;
        auto chosen = std::find_if(candidates.begin(), candidates.end(), is_proposed);
        if (chosen == candidates.end()) {
            ASC_refusePresentationContext(
                parameters, context.presentationContextID, ASC_P_TRANSFERSYNTAXESNOTSUPPORTED);
            continue;
        }
        // A commitment SCP that calls back proposes itself in the SCP role (PS3.4 J.3.3); storage uses the default.
        T_ASC_SC_ROLE role = is_commitment ? context.proposedRole : ASC_SC_ROLE_DEFAULT;
        if (ASC_acceptPresentationContext(parameters, context.presentationContextID, chosen->c_str(), role).bad()) {
            ASC_refusePresentationContext(parameters, context.presentationContextID, ASC_P_NOREASON);
        }
    }
    OFStandard::strlcpy(
        parameters->ourImplementationClassUID, shared_.implementation_class_uid.c_str(),
        sizeof parameters->ourImplementationClassUID);
    OFStandard::strlcpy(
        parameters->ourImplementationVersionName, shared_.implementation_version_name.c_str(),
        sizeof parameters->ourImplementationVersionName);
    return ASC_acknowledgeAssociation(association_).good();
}

void SCPAssociation::serve() {
    std::string detail;
    cxr_ending ending = serve_messages(&detail);
    if (ending == CXR_ENDING_RELEASED) {
        ASC_acknowledgeRelease(association_);
    } else if (ending != CXR_ENDING_ABORTED_BY_PEER && ending != CXR_ENDING_CONNECTION_LOST) {
        ASC_abortAssociation(association_);
    }
    shared_.handler.association_ended(shared_.handler.context, id_, ending, detail.c_str());
}

cxr_ending SCPAssociation::serve_messages(std::string *detail) {
    auto idle_since = Clock::now();
    while (true) {
        if (!ASC_dataWaiting(association_, 1)) {
            if (Clock::now() - idle_since >= std::chrono::seconds(shared_.idle_timeout)) {
                *detail = "idle for " + std::to_string(shared_.idle_timeout) + " s";
                return CXR_ENDING_IDLE_TIMEOUT;
            }
            continue;
        }
        T_ASC_PresentationContextID context = 0;
        Command request;
        Read read = read_command(association_, shared_.dimse_timeout, &context, &request, detail);
        if (read != Read::kDone) {
            bool stopped = shared_.stopping && (read == Read::kLost || read == Read::kProtocolError);
            return stopped ? CXR_ENDING_STOPPED : ending_of(read);
        }
        cxr_ending ending = CXR_ENDING_PROTOCOL_ERROR;
        switch (request.number(kCommandField)) {
            case kStoreRequest:
                if (!serve_store(context, request, &ending, detail)) {
                    return ending;
                }
                break;
            case kEchoRequest:
                shared_.handler.echoed(shared_.handler.context, id_);
                if (write_command(association_, context, response_to(request, kEchoResponse, kSuccess)).bad()) {
                    return CXR_ENDING_CONNECTION_LOST;
                }
                break;
            case kEventReportRequest:
                read = answer_commitment_report(
                    association_, shared_.dimse_timeout, context, request, shared_.handler, id_, detail);
                if (read != Read::kDone) {
                    return ending_of(read);
                }
                break;
            case kCancelRequest:
                break;
            default:
                *detail = "a DIMSE request that is not offered: command field " +
                    std::to_string(request.number(kCommandField));
                return CXR_ENDING_PROTOCOL_ERROR;
        }
        idle_since = Clock::now();
    }
}

bool SCPAssociation::serve_store(
    T_ASC_PresentationContextID context, const Command &request, cxr_ending *ending, std::string *detail) {
    std::string sop_class = request.uid(kAffectedSOPClassUID);
    std::string sop_instance = request.uid(kAffectedSOPInstanceUID);
    std::string transfer_syntax = accepted_transfer_syntax(association_, context);
    if (transfer_syntax.empty() || !request.has_dataset()) {
        *detail = "a C-STORE-RQ without an accepted presentation context or without a dataset";
        *ending = CXR_ENDING_PROTOCOL_ERROR;
        return false;
    }
    cxr_store_request store{sop_class.c_str(), sop_instance.c_str(), transfer_syntax.c_str()};
    cxr_store_ticket ticket{kSOPClassNotSupported, -1, 0};
    T_ASC_PresentationContext accepted{};
    ASC_findAcceptedPresentationContext(association_->params, context, &accepted);
    if (sop_class == accepted.abstractSyntax && shared_.sop_classes.count(sop_class) == 1) {
        ticket = shared_.handler.store_began(shared_.handler.context, id_, &store);
    }
    StoreSink sink(ticket, sop_class, sop_instance, transfer_syntax, shared_.implementation_class_uid);
    Read read = read_dataset(
        association_, shared_.dimse_timeout, context,
        [&](const uint8_t *bytes, size_t count) { sink.write(bytes, count); }, detail);
    uint16_t status = ticket.status;
    if (ticket.status == kSuccess) {
        cxr_store_result result = sink.finish(read == Read::kDone);
        status = shared_.handler.store_ended(shared_.handler.context, id_, &store, &result);
    }
    if (read != Read::kDone) {
        *ending = ending_of(read);
        return false;
    }
    Command response = response_to(request, kStoreResponse, status);
    response.set(kAffectedSOPInstanceUID, sop_instance);
    if (write_command(association_, context, response).bad()) {
        *detail = "the response could not be sent";
        *ending = CXR_ENDING_CONNECTION_LOST;
        return false;
    }
    return true;
}
