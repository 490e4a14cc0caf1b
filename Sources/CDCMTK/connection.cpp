#include "connection.h"

#include <algorithm>
#include <cstring>
#include <mutex>

bool BufferedConnection::fill(size_t count, Clock::time_point deadline) {
    while (buffer_.size() < count) {
        auto left = std::chrono::duration_cast<std::chrono::seconds>(deadline - Clock::now()).count();
        if (left < 0 || !inner_->networkDataAvailable(static_cast<int>(left) + 1) || Clock::now() > deadline) {
            return false;
        }
        size_t have = buffer_.size();
        buffer_.resize(count);
        ssize_t got = inner_->read(buffer_.data() + have, count - have);
        buffer_.resize(have + static_cast<size_t>(std::max<ssize_t>(got, 0)));
        if (got <= 0) {
            return false;
        }
    }
    return true;
}

std::string BufferedConnection::read_request(Clock::time_point deadline, size_t limit) {
    const unsigned char associate_request = 0x01;
    const size_t header = 6;
    if (!fill(1, deadline)) {
        return Clock::now() > deadline ? "sent nothing in time" : "closed the connection before any request";
    }
    if (buffer_[0] != associate_request) {
        return "does not speak DICOM: the first byte is not an A-ASSOCIATE-RQ";
    }
    if (!fill(header, deadline)) {
        return "did not finish its A-ASSOCIATE-RQ";
    }
    size_t length = size_t(buffer_[2]) << 24 | size_t(buffer_[3]) << 16 | size_t(buffer_[4]) << 8 | buffer_[5];
    if (length > limit) {
        return "sent an A-ASSOCIATE-RQ of " + std::to_string(length) + " bytes";
    }
    return fill(header + length, deadline) ? "" : "did not finish its A-ASSOCIATE-RQ";
}

ssize_t BufferedConnection::read(void *buffer, size_t count) {
    if (position_ == buffer_.size()) {
        return inner_->read(buffer, count);
    }
    size_t part = std::min(count, buffer_.size() - position_);
    std::memcpy(buffer, buffer_.data() + position_, part);
    position_ += part;
    return static_cast<ssize_t>(part);
}

OFCondition receive_prepared(
    std::unique_ptr<BufferedConnection> connection, int descriptor, uint32_t maximum_pdu_length, int timeout,
    T_ASC_Network **network, T_ASC_Association **association) {
    static std::mutex external_socket;
    auto layer = std::make_unique<PreparedLayer>(connection.release());
    std::lock_guard<std::mutex> lock(external_socket);
    dcmExternalSocketHandle.set(descriptor);
    OFCondition condition = ASC_initializeNetwork(NET_ACCEPTOR, 0, timeout, network);
    if (condition.good()) {
        condition = ASC_setTransportLayer(*network, layer.get(), 1);
    }
    if (condition.good()) {
        layer.release();
    }
    if (condition.good()) {
        condition = ASC_receiveAssociation(
            *network, association, static_cast<long>(maximum_pdu_length), nullptr, nullptr, OFTrue, DUL_NOBLOCK,
            timeout);
    }
    dcmExternalSocketHandle.set(-1);
    return condition;
}
