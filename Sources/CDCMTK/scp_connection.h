#pragma once

#include "connection.h"
#include "cxr_network.h"

#include <atomic>
#include <condition_variable>
#include <list>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

/// What the connections of one SCP share: settings, handler, and the register of open sockets.
struct SCPShared {
    cxr_scp_handler handler{};
    cxr_tls *tls = nullptr;
    uint32_t maximum_pdu_length = 0;
    int acse_timeout = 0;
    int idle_timeout = 0;
    int dimse_timeout = 0;
    size_t maximum_pending = 0;
    std::set<std::string> sop_classes;
    std::vector<std::string> transfer_syntaxes;
    std::string implementation_class_uid;
    std::string implementation_version_name;
    std::atomic<bool> stopping{false};
    std::atomic<uint64_t> next_association{1};

    void configure(const cxr_scp_settings &settings, const cxr_scp_handler &callbacks);

    /// Serves an accepted socket on a thread of its own.
    void admit(int descriptor, const std::string &host, uint16_t port);

    size_t count();

    /// Waits until every connection ended; after `grace_seconds` their sockets are shut down.
    void drain(double grace_seconds);

private:
    struct Entry {
        int descriptor;
        bool pending;
    };

    void serve(std::list<Entry>::iterator entry, const std::string &host, uint16_t port);
    void leave(std::list<Entry>::iterator entry);
    void become_association(std::list<Entry>::iterator entry);

    std::mutex mutex_;
    std::condition_variable changed_;
    std::list<Entry> entries_;
};

/// Serves one association from its request to its end.
class SCPAssociation {
public:
    SCPAssociation(SCPShared &shared, const std::string &host, uint16_t port)
        : shared_(shared), host_(host), port_(port), id_(shared.next_association++) {}
    ~SCPAssociation();

    /// Takes the request from a prepared connection, asks the policy, answers. False when there is no association.
    bool negotiate(std::unique_ptr<BufferedConnection> connection, int descriptor);

    /// Serves messages until the association ends.
    void serve();

private:
    bool accept_contexts();
    bool reject(const cxr_rejection &rejection);
    cxr_ending serve_messages(std::string *detail);
    bool serve_store(T_ASC_PresentationContextID context, const class Command &request, cxr_ending *ending,
                     std::string *detail);

    SCPShared &shared_;
    std::string host_;
    uint16_t port_;
    uint64_t id_;
    T_ASC_Network *network_ = nullptr;
    T_ASC_Association *association_ = nullptr;
};
