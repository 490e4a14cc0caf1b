#pragma once

#include "cxr_common.h"

#ifdef __cplusplus
extern "C" {
#endif

/// DCMTK keeps its time-outs per process: set them once, before the first association.
typedef struct {
    /// Seconds to wait for a TCP connection to a peer.
    int32_t connect_timeout;
    /// Seconds without a byte before a socket operation fails.
    int32_t socket_timeout;
} cxr_network_settings;

void cxr_network_configure(const cxr_network_settings *settings);

// MARK: - TLS

/// Keys and certificates for one port or one destination (PS3.15 B.12, BCP 195 / RFC 8996 profile).
typedef struct cxr_tls cxr_tls;

typedef struct {
    const char *private_key_path;
    const char *certificate_path;
    /// PEM file of the authorities (or peers' own certificates) that are trusted; NULL for none.
    const char *trusted_certificates_path;
    /// Whether the peer must show a trusted certificate.
    bool require_peer_certificate;
    /// Server side (a listener) or client side (a destination).
    bool is_server;
} cxr_tls_settings;

cxr_tls *cxr_tls_new(const cxr_tls_settings *settings, cxr_message *message);
void cxr_tls_free(cxr_tls *tls);

// MARK: - Storage SCP

/// A peer that asks for an association (PS3.8 9.3.2), or its answer to ours.
typedef struct {
    const char *calling_ae_title;
    const char *called_ae_title;
    const char *application_context_name;
    const char *address;
    uint16_t port;
    const char *implementation_version_name;
    bool is_secure;
} cxr_peer;

/// PS3.8 table 9-21. `result` 0 accepts.
typedef struct {
    uint8_t result;
    uint8_t source;
    uint8_t reason;
} cxr_rejection;

typedef struct {
    const char *sop_class_uid;
    const char *sop_instance_uid;
    const char *transfer_syntax_uid;
} cxr_store_request;

/// The answer to a C-STORE-RQ before its dataset: status 0 and a descriptor to write the file to, or a failure.
typedef struct {
    uint16_t status;
    int descriptor;
    uint64_t maximum_bytes;
} cxr_store_ticket;

typedef enum {
    CXR_STORE_COMPLETE,
    /// The association ended inside the dataset; no response can be sent.
    CXR_STORE_ABORTED,
    /// Writing failed; `error_number` says why. The rest of the dataset was read and dropped.
    CXR_STORE_WRITE_FAILED,
    /// More than `maximum_bytes`. The rest of the dataset was read and dropped.
    CXR_STORE_TOO_LARGE,
} cxr_store_outcome;

typedef struct {
    cxr_store_outcome outcome;
    int error_number;
    int descriptor;
    /// The file's size and digest: preamble, meta information and dataset.
    uint64_t bytes;
    uint8_t sha256[32];
} cxr_store_result;

typedef enum {
    CXR_ENDING_RELEASED,
    CXR_ENDING_ABORTED_BY_PEER,
    CXR_ENDING_CONNECTION_LOST,
    CXR_ENDING_IDLE_TIMEOUT,
    CXR_ENDING_PROTOCOL_ERROR,
    CXR_ENDING_STOPPED,
} cxr_ending;

/// One item of a storage commitment report (PS3.4 J.3.3). `failure_reason` 0 means committed.
typedef struct {
    const char *sop_class_uid;
    const char *sop_instance_uid;
    uint16_t failure_reason;
} cxr_commitment_item;

/// The callbacks of an SCP. All are called on the thread of the connection; none may block for ever.
typedef struct {
    void *context;
    /// Decides about an association. One that is accepted ends with exactly one `association_ended`.
    cxr_rejection (*association_requested)(void *context, uint64_t association, const cxr_peer *peer);
    void (*association_ended)(void *context, uint64_t association, cxr_ending ending, const char *detail);
    /// A connection that never became an association: garbage, a failed TLS handshake, a time-out.
    void (*connection_failed)(void *context, const char *address, uint16_t port, const char *detail);
    /// A store that was given a descriptor ends with exactly one `store_ended`, which owns the descriptor and
    /// returns the response status.
    cxr_store_ticket (*store_began)(void *context, uint64_t association, const cxr_store_request *request);
    uint16_t (*store_ended)(void *context, uint64_t association, const cxr_store_request *request,
                            const cxr_store_result *result);
    void (*echoed)(void *context, uint64_t association);
    /// N-EVENT-REPORT of the Storage Commitment Push Model. Returns the response status.
    uint16_t (*commitment_reported)(void *context, uint64_t association, const char *transaction_uid,
                                    const cxr_commitment_item *items, size_t count);
} cxr_scp_handler;

typedef struct {
    /// IPv4 or IPv6 address to bind, and port; 0 chooses one.
    const char *address;
    uint16_t port;
    cxr_tls *tls;
    uint32_t maximum_pdu_length;
    /// Seconds until the A-ASSOCIATE-RQ must be complete; between the messages; within a message.
    int32_t acse_timeout;
    int32_t idle_timeout;
    int32_t dimse_timeout;
    /// Connections that have not sent their A-ASSOCIATE-RQ yet; above it the oldest is closed.
    uint32_t maximum_pending;
    const char *const *sop_class_uids;
    size_t sop_class_count;
    /// In order of preference.
    const char *const *transfer_syntax_uids;
    size_t transfer_syntax_count;
    const char *implementation_class_uid;
    const char *implementation_version_name;
} cxr_scp_settings;

typedef struct cxr_scp cxr_scp;

/// Binds the port and starts to accept. The TLS settings must outlive the SCP.
cxr_scp *cxr_scp_start(const cxr_scp_settings *settings, const cxr_scp_handler *handler, cxr_message *message);

uint16_t cxr_scp_port(const cxr_scp *scp);

/// Connections at this moment, pending ones included.
size_t cxr_scp_connections(cxr_scp *scp);

/// Stops accepting, gives open associations `grace_seconds` to end, then closes them; returns when all threads ended.
void cxr_scp_stop(cxr_scp *scp, double grace_seconds);
void cxr_scp_free(cxr_scp *scp);

// MARK: - SCU

typedef struct {
    const char *host;
    uint16_t port;
    const char *called_ae_title;
    const char *calling_ae_title;
    cxr_tls *tls;
    uint32_t maximum_pdu_length;
    int32_t acse_timeout;
    int32_t dimse_timeout;
    const char *implementation_class_uid;
    const char *implementation_version_name;
} cxr_scu_settings;

/// One proposed presentation context. `transfer_syntax_uids` are separated by backslashes.
typedef struct {
    const char *sop_class_uid;
    const char *transfer_syntax_uids;
} cxr_proposed_context;

typedef struct cxr_scu cxr_scu;

/// How an association failed: refused by the peer with PS3.8 codes (`result` != 0), or not reached.
typedef struct {
    cxr_rejection rejection;
    char text[512];
} cxr_association_failure;

cxr_scu *cxr_scu_open(
    const cxr_scu_settings *settings, const cxr_proposed_context *contexts, size_t count,
    cxr_association_failure *failure);

/// C-ECHO. False when the association failed.
bool cxr_scu_echo(cxr_scu *scu, uint16_t *status, cxr_message *message);

typedef enum {
    CXR_SEND_ANSWERED,
    /// No accepted presentation context fits the file; nothing was sent.
    CXR_SEND_NO_CONTEXT,
    /// The file cannot be read, or not be converted; nothing was sent.
    CXR_SEND_BAD_FILE,
    /// The association failed; it is unknown whether the peer has the instance.
    CXR_SEND_FAILED,
} cxr_send_outcome;

/// C-STORE of a DICOM file. Its dataset goes out bit for bit when the peer accepted the file's transfer syntax, else
/// it is re-encoded between the uncompressed ones.
cxr_send_outcome cxr_scu_store(
    cxr_scu *scu, const char *path, const char *sop_class_uid, const char *sop_instance_uid,
    const char *transfer_syntax_uid, uint16_t *status, cxr_message *message);

/// N-ACTION Request Storage Commitment (PS3.4 J.3.2). False when the association failed.
bool cxr_scu_request_commitment(
    cxr_scu *scu, const char *transaction_uid, const cxr_commitment_item *items, size_t count, uint16_t *status,
    cxr_message *message);

/// Waits on this association for an N-EVENT-REPORT and hands it to the handler. False when none came in time.
bool cxr_scu_await_commitment(cxr_scu *scu, int32_t seconds, const cxr_scp_handler *handler, cxr_message *message);

/// Releases the association (or aborts it when it has failed) and frees everything.
void cxr_scu_close(cxr_scu *scu);

#ifdef __cplusplus
}
#endif
