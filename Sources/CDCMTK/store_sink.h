#pragma once

#include "cxr_network.h"
#include "internal.h"

#include <openssl/evp.h>

/// Writes a received instance as a DICOM file (PS3.10 7.1) while it arrives and computes its SHA-256.
///
/// The meta information holds nothing about the sender or the software version, so that the same dataset gives the
/// same file, whoever sends it and whenever.
class StoreSink {
public:
    StoreSink(
        const cxr_store_ticket &ticket, const std::string &sop_class_uid, const std::string &sop_instance_uid,
        const std::string &transfer_syntax_uid, const std::string &implementation_class_uid);

    /// Writes a fragment, or drops it when the store was refused or has failed.
    void write(const uint8_t *bytes, size_t count);

    cxr_store_result finish(bool is_complete);

private:
    struct FreeDigest {
        void operator()(EVP_MD_CTX *context) const { EVP_MD_CTX_free(context); }
    };

    int descriptor_;
    uint64_t maximum_bytes_;
    uint64_t bytes_ = 0;
    int error_number_ = 0;
    bool too_large_ = false;
    std::unique_ptr<EVP_MD_CTX, FreeDigest> digest_;
};
