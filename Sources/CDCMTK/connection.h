#pragma once

#include "internal.h"

#include <dcmtk/dcmnet/assoc.h>
#include <dcmtk/dcmnet/dcmlayer.h>
#include <dcmtk/dcmnet/dcmtrans.h>
#include <dcmtk/dcmtls/tlslayer.h>

#include <chrono>
#include <vector>

using Clock = std::chrono::steady_clock;

struct cxr_tls {
    std::unique_ptr<DcmTLSTransportLayer> layer;
};

/// An accepted connection whose first PDU is read, with one deadline for all of it, before DCMTK sees the socket.
///
/// DCMTK takes accepted sockets through a process-wide variable, so its part of the negotiation runs under a lock; a
/// peer that is slow or silent must never hold that lock.
class BufferedConnection : public DcmTransportConnection {
public:
    explicit BufferedConnection(std::unique_ptr<DcmTransportConnection> inner, int descriptor)
        : DcmTransportConnection(descriptor), inner_(std::move(inner)) {}
    /// The inner connection closes the socket.
    ~BufferedConnection() override { setSocket(-1); }

    /// Reads one whole A-ASSOCIATE-RQ PDU. Returns an explanation when the peer sends anything else or is too slow.
    std::string read_request(Clock::time_point deadline, size_t limit);

    OFCondition serverSideHandshake() override { return EC_Normal; }
    OFCondition clientSideHandshake() override { return EC_Normal; }
    OFCondition renegotiate(const char *) override { return EC_Normal; }
    ssize_t read(void *buffer, size_t count) override;
    ssize_t write(void *buffer, size_t count) override { return inner_->write(buffer, count); }
    void close() override { inner_->close(); }
    void closeTransportConnection() override { inner_->closeTransportConnection(); }
    unsigned long getPeerCertificateLength() override { return inner_->getPeerCertificateLength(); }
    unsigned long getPeerCertificate(void *buffer, unsigned long count) override {
        return inner_->getPeerCertificate(buffer, count);
    }
    OFBool networkDataAvailable(int seconds) override {
        return position_ < buffer_.size() ? OFTrue : inner_->networkDataAvailable(seconds);
    }
    OFBool isTransparentConnection() override { return OFFalse; }
    OFString &dumpConnectionParameters(OFString &text) override { return inner_->dumpConnectionParameters(text); }

private:
    /// Reads into `buffer_` until it holds `count` bytes. False on end, error or deadline.
    bool fill(size_t count, Clock::time_point deadline);

    std::unique_ptr<DcmTransportConnection> inner_;
    std::vector<unsigned char> buffer_;
    size_t position_ = 0;
};

/// Hands one prepared connection to DCMTK.
class PreparedLayer : public DcmTransportLayer {
public:
    explicit PreparedLayer(DcmTransportConnection *connection) : connection_(connection) {}
    ~PreparedLayer() override { delete connection_; }

    DcmTransportConnection *createConnection(DcmNativeSocketType, OFBool) override {
        DcmTransportConnection *connection = connection_;
        connection_ = nullptr;
        return connection;
    }

private:
    DcmTransportConnection *connection_;
};

/// Receives an association on an accepted socket whose request is already buffered.
///
/// `*association` may be set even when the condition is bad; the caller drops it.
OFCondition receive_prepared(
    std::unique_ptr<BufferedConnection> connection, int descriptor, uint32_t maximum_pdu_length, int timeout,
    T_ASC_Network **network, T_ASC_Association **association);
