#pragma once

#include "cxr_network.h"
#include "dimse.h"

/// Answers an N-EVENT-REPORT-RQ of the Storage Commitment Push Model whose command is already read: receives its
/// dataset, hands it to the handler and sends the response.
Read answer_commitment_report(
    T_ASC_Association *association, int timeout, T_ASC_PresentationContextID context, const Command &request,
    const cxr_scp_handler &handler, uint64_t association_id, std::string *detail);

/// Encodes the dataset of an N-ACTION-RQ (PS3.4 table J.3-1) in the given uncompressed transfer syntax.
bool encode_commitment_request(
    const char *transaction_uid, const cxr_commitment_item *items, size_t count, const std::string &transfer_syntax,
    std::string *bytes);
