#include "scp_connection.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace {

/// Opens a listening socket; returns -1 and says why.
int listen_on(const char *address, uint16_t port, cxr_message *message) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICHOST;
    addrinfo *found = nullptr;
    std::string place = std::string(address) + " port " + std::to_string(port);
    if (getaddrinfo(address, std::to_string(port).c_str(), &hints, &found) != 0 || found == nullptr) {
        say(message, (std::string(address) + " is not an IP address").c_str());
        return -1;
    }
    int descriptor = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const int backlog = 512;
    bool good = descriptor >= 0 && bind(descriptor, found->ai_addr, found->ai_addrlen) == 0 &&
        listen(descriptor, backlog) == 0;
    int error = errno;
    freeaddrinfo(found);
    if (!good) {
        say(message, ("cannot listen on " + place + ": " + std::strerror(error)).c_str());
        if (descriptor >= 0) {
            close(descriptor);
        }
        return -1;
    }
    return descriptor;
}

uint16_t bound_port(int descriptor) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    getsockname(descriptor, reinterpret_cast<sockaddr *>(&address), &length);
    return ntohs(
        address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6 *>(&address)->sin6_port
                                      : reinterpret_cast<sockaddr_in *>(&address)->sin_port);
}

std::string numeric_host(const sockaddr_storage &address, socklen_t length, uint16_t *port) {
    char host[NI_MAXHOST] = "";
    char service[NI_MAXSERV] = "0";
    getnameinfo(
        reinterpret_cast<const sockaddr *>(&address), length, host, sizeof host, service, sizeof service,
        NI_NUMERICHOST | NI_NUMERICSERV);
    *port = static_cast<uint16_t>(std::stoi(service));
    return host;
}

}  // namespace

struct cxr_scp {
    SCPShared shared;
    int listener = -1;
    std::thread acceptor;

    void accept_loop() {
        while (!shared.stopping) {
            pollfd ready{listener, POLLIN, 0};
            const int wake_up_ms = 200;
            if (poll(&ready, 1, wake_up_ms) > 0) {
                accept_one();
            }
        }
    }

    void accept_one() {
        sockaddr_storage address{};
        socklen_t length = sizeof address;
        int descriptor = accept4(listener, reinterpret_cast<sockaddr *>(&address), &length, SOCK_CLOEXEC);
        if (descriptor < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                shared.handler.connection_failed(
                    shared.handler.context, "", 0, "the system has no free descriptor for a new connection");
                std::this_thread::sleep_for(std::chrono::milliseconds(100));
            }
            return;
        }
        uint16_t port = 0;
        std::string host = numeric_host(address, length, &port);
        shared.admit(descriptor, host, port);
    }
};

cxr_scp *cxr_scp_start(const cxr_scp_settings *settings, const cxr_scp_handler *handler, cxr_message *message) {
    return guarded<cxr_scp *>(message, nullptr, [&]() -> cxr_scp * {
        int listener = listen_on(settings->address, settings->port, message);
        if (listener < 0) {
            return nullptr;
        }
        auto scp = std::make_unique<cxr_scp>();
        scp->shared.configure(*settings, *handler);
        scp->listener = listener;
        scp->acceptor = std::thread([raw = scp.get()] { raw->accept_loop(); });
        return scp.release();
    });
}

uint16_t cxr_scp_port(const cxr_scp *scp) { return bound_port(scp->listener); }

size_t cxr_scp_connections(cxr_scp *scp) { return scp->shared.count(); }

void cxr_scp_stop(cxr_scp *scp, double grace_seconds) {
    if (scp->shared.stopping.exchange(true)) {
        return;
    }
    scp->acceptor.join();
    close(scp->listener);
    scp->shared.drain(grace_seconds);
}

void cxr_scp_free(cxr_scp *scp) {
    cxr_scp_stop(scp, 0);
    delete scp;
}
