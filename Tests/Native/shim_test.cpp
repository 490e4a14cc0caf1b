// Exercises the C interface in one process, for AddressSanitizer and UndefinedBehaviorSanitizer: datasets written and
// read, an SCP and an SCU with each other over loopback.

#include "cxr_dataset.h"
#include "cxr_network.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

const char *const kDX = "1.2.840.10008.5.1.4.1.1.1.1";
const char *const kExplicit = "1.2.840.10008.1.2.1";
const char *const kImplicit = "1.2.840.10008.1.2";
const char *const kVerification = "1.2.840.10008.1.1";

#define CHECK(condition)                                                        \
    do {                                                                        \
        if (!(condition)) {                                                     \
            std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            std::exit(1);                                                       \
        }                                                                       \
    } while (false)

std::string temporary(const char *name) { return std::string(std::getenv("SHIM_SCRATCH")) + "/" + name; }

void write_instance(const std::string &path, const std::string &uid, const char *syntax) {
    cxr_message message{};
    cxr_file *file = cxr_file_new();
    cxr_item *dataset = cxr_file_dataset(file);
    CHECK(cxr_item_put_text(dataset, 0x00080016, nullptr, kDX, &message));
    CHECK(cxr_item_put_text(dataset, 0x00080018, nullptr, uid.c_str(), &message));
    CHECK(cxr_item_put_text(dataset, 0x00100010, nullptr, "Test^Patient", &message));
    CHECK(!cxr_item_put_text(dataset, 0x00280010, nullptr, "not a number", &message));
    cxr_item *item = cxr_item_append(dataset, 0x00081032, &message);
    CHECK(item != nullptr && cxr_item_put_text(item, 0x00080100, nullptr, "1", &message));
    CHECK(cxr_item_put_empty_sequence(dataset, 0x00400275, &message));
    std::vector<uint8_t> pixels(70000, 3);
    CHECK(cxr_item_put_bytes(dataset, 0x7fe00010, "OW", pixels.data(), pixels.size(), &message));
    CHECK(cxr_file_write(file, path.c_str(), syntax, "1.2.3", "TEST", &message));
    CHECK(!cxr_file_write(file, "/nowhere/x", syntax, "1.2.3", "TEST", &message));
    cxr_file_free(file);

    file = cxr_file_read(path.c_str(), 4096, 0, &message);
    CHECK(file != nullptr && cxr_item_contains(cxr_file_dataset(file), 0x7fe00010));
    cxr_item *read = cxr_file_dataset(file);
    char *name = cxr_item_text(read, 0x00100010);
    CHECK(name != nullptr && std::strcmp(name, "Test^Patient") == 0);
    cxr_text_free(name);
    CHECK(cxr_item_sequence_count(read, 0x00081032) == 1);
    cxr_file *other = cxr_file_new();
    CHECK(cxr_item_copy(cxr_file_dataset(other), read, 0x00081032));
    cxr_item_remove(read, 0x00081032);
    CHECK(!cxr_item_contains(read, 0x00081032) && cxr_file_convert_to_utf8(file, &message));
    cxr_file_free(other);
    cxr_file_free(file);
}

std::atomic<int> stored{0};
std::atomic<int> ended{0};

cxr_rejection requested(void *, uint64_t, const cxr_peer *peer) {
    bool known = std::strcmp(peer->calling_ae_title, "STRANGER") != 0;
    return known ? cxr_rejection{0, 0, 0} : cxr_rejection{1, 1, 3};
}

void association_ended(void *, uint64_t, cxr_ending, const char *) { ++ended; }
void connection_failed(void *, const char *, uint16_t, const char *) {}
void echoed(void *, uint64_t) {}

cxr_store_ticket store_began(void *, uint64_t association, const cxr_store_request *request) {
    std::string path = temporary(request->sop_instance_uid) + "-" + std::to_string(association);
    int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    return {0, descriptor, 1 << 20};
}

uint16_t store_ended(void *, uint64_t, const cxr_store_request *, const cxr_store_result *result) {
    close(result->descriptor);
    if (result->outcome != CXR_STORE_COMPLETE) {
        return 0xA700;
    }
    ++stored;
    return 0;
}

uint16_t commitment(void *, uint64_t, const char *, const cxr_commitment_item *, size_t) { return 0; }

void send_some(uint16_t port, int number) {
    cxr_scu_settings settings{
        "127.0.0.1", port, "SCP", "SCU", nullptr, 16384, 10, 10, "1.2.3", "TEST"};
    cxr_proposed_context contexts[] = {{kDX, kExplicit}, {kDX, kImplicit}, {kVerification, kImplicit}};
    cxr_association_failure failure{};
    cxr_scu *scu = cxr_scu_open(&settings, contexts, 3, &failure);
    CHECK(scu != nullptr);
    cxr_message message{};
    uint16_t status = 1;
    CHECK(cxr_scu_echo(scu, &status, &message) && status == 0);
    for (const char *syntax : {kExplicit, kImplicit}) {
        std::string uid = "1.2.3." + std::to_string(number) + (syntax == kExplicit ? ".1" : ".2");
        std::string path = temporary(uid.c_str()) + ".dcm";
        write_instance(path, uid, syntax);
        CHECK(
            cxr_scu_store(scu, path.c_str(), kDX, uid.c_str(), syntax, &status, &message) == CXR_SEND_ANSWERED &&
            status == 0);
        CHECK(
            cxr_scu_store(scu, path.c_str(), "1.2.3", uid.c_str(), syntax, &status, &message) == CXR_SEND_NO_CONTEXT);
        CHECK(
            cxr_scu_store(scu, "/nowhere", kDX, uid.c_str(), syntax, &status, &message) == CXR_SEND_BAD_FILE);
    }
    cxr_scu_close(scu);
    settings.calling_ae_title = "STRANGER";
    CHECK(cxr_scu_open(&settings, contexts, 3, &failure) == nullptr && failure.rejection.result == 1);
}

}  // namespace

int main() {
    cxr_network_settings network{5, 10};
    cxr_network_configure(&network);
    cxr_scp_handler handler{nullptr,     requested,   association_ended, connection_failed,
                            store_began, store_ended, echoed,            commitment};
    const char *classes[] = {kDX};
    const char *syntaxes[] = {kExplicit, kImplicit};
    cxr_scp_settings settings{
        "127.0.0.1", 0, nullptr, 16384, 10, 10, 10, 16, classes, 1, syntaxes, 2, "1.2.3", "TEST"};
    cxr_message message{};
    cxr_scp *scp = cxr_scp_start(&settings, &handler, &message);
    CHECK(scp != nullptr);
    const int clients = 6;
    std::vector<std::thread> threads;
    for (int number = 0; number < clients; ++number) {
        threads.emplace_back(send_some, cxr_scp_port(scp), number);
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    cxr_scp_stop(scp, 5);
    cxr_scp_free(scp);
    CHECK(stored == 2 * clients && ended == clients);
    std::puts("shim: every check passed under the sanitizers");
    return 0;
}
