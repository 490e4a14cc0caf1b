#include "scp_connection.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

void SCPShared::configure(const cxr_scp_settings &settings, const cxr_scp_handler &callbacks) {
    handler = callbacks;
    tls = settings.tls;
    maximum_pdu_length = settings.maximum_pdu_length;
    acse_timeout = settings.acse_timeout;
    idle_timeout = settings.idle_timeout;
    dimse_timeout = settings.dimse_timeout;
    maximum_pending = settings.maximum_pending;
    sop_classes = {settings.sop_class_uids, settings.sop_class_uids + settings.sop_class_count};
    transfer_syntaxes = {
        settings.transfer_syntax_uids, settings.transfer_syntax_uids + settings.transfer_syntax_count};
    implementation_class_uid = settings.implementation_class_uid;
    implementation_version_name = settings.implementation_version_name;
}

void SCPShared::admit(int descriptor, const std::string &host, uint16_t port) {
    std::list<Entry>::iterator entry;
    {
        std::lock_guard<std::mutex> lock(mutex_);
        auto is_pending = [](const Entry &other) { return other.pending; };
        if (static_cast<size_t>(std::count_if(entries_.begin(), entries_.end(), is_pending)) >= maximum_pending) {
            // The oldest silent connection makes room: a flood of them must not keep a real sender out.
            auto oldest = std::find_if(entries_.begin(), entries_.end(), is_pending);
            shutdown(oldest->descriptor, SHUT_RDWR);
            oldest->pending = false;
        }
        entry = entries_.insert(entries_.end(), Entry{descriptor, true});
    }
    try {
        std::thread([this, entry, host, port] { serve(entry, host, port); }).detach();
    } catch (const std::system_error &) {
        handler.connection_failed(handler.context, host.c_str(), port, "no thread for the connection");
        close(descriptor);
        leave(entry);
    }
}

size_t SCPShared::count() {
    std::lock_guard<std::mutex> lock(mutex_);
    return entries_.size();
}

void SCPShared::become_association(std::list<Entry>::iterator entry) {
    std::lock_guard<std::mutex> lock(mutex_);
    entry->pending = false;
}

void SCPShared::leave(std::list<Entry>::iterator entry) {
    std::lock_guard<std::mutex> lock(mutex_);
    entries_.erase(entry);
    changed_.notify_all();
}

void SCPShared::drain(double grace_seconds) {
    std::unique_lock<std::mutex> lock(mutex_);
    auto is_empty = [this] { return entries_.empty(); };
    for (const Entry &entry : entries_) {
        if (entry.pending) {
            shutdown(entry.descriptor, SHUT_RDWR);
        }
    }
    if (!changed_.wait_for(lock, std::chrono::duration<double>(grace_seconds), is_empty)) {
        for (const Entry &entry : entries_) {
            shutdown(entry.descriptor, SHUT_RDWR);
        }
    }
    changed_.wait(lock, is_empty);
}

void SCPShared::serve(std::list<Entry>::iterator entry, const std::string &host, uint16_t port) {
    const size_t maximum_request_bytes = 256 * 1024;
    int descriptor = entry->descriptor;
    // The register keeps its own descriptor, so that shutting it down never hits a number that was used again.
    int own = dup(descriptor);
    if (own >= 0) {
        std::lock_guard<std::mutex> lock(mutex_);
        entry->descriptor = own;
    }
    guarded<bool>(nullptr, false, [&] {
        auto deadline = Clock::now() + std::chrono::seconds(acse_timeout);
        DcmTransportLayer plain;
        DcmTransportLayer &layer = tls == nullptr ? plain : *tls->layer;
        std::unique_ptr<DcmTransportConnection> inner(
            layer.createConnection(descriptor, tls == nullptr ? OFFalse : OFTrue));
        std::string problem;
        if (inner == nullptr) {
            close(descriptor);
            problem = "the connection could not be prepared";
        } else if (OFCondition condition = inner->serverSideHandshake(); condition.bad()) {
            problem = std::string("the TLS handshake failed: ") + condition.text();
        }
        std::unique_ptr<BufferedConnection> connection;
        if (problem.empty()) {
            connection = std::make_unique<BufferedConnection>(std::move(inner), descriptor);
            problem = connection->read_request(deadline, maximum_request_bytes);
        }
        if (!problem.empty()) {
            if (!stopping) {
                handler.connection_failed(handler.context, host.c_str(), port, problem.c_str());
            }
            return false;
        }
        become_association(entry);
        SCPAssociation association(*this, host, port);
        if (association.negotiate(std::move(connection), descriptor)) {
            association.serve();
        }
        return true;
    });
    leave(entry);
    if (own >= 0) {
        close(own);
    }
}
