#include "connection.h"
#include "cxr_network.h"

#include <dcmtk/oflog/oflog.h>

#include <cstdlib>

void cxr_network_configure(const cxr_network_settings *settings) {
    dcmConnectionTimeout.set(settings->connect_timeout);
    dcmSocketSendTimeout.set(settings->socket_timeout);
    dcmSocketReceiveTimeout.set(settings->socket_timeout);
    // DCMTK leaves Nagle's algorithm on: with the peer's delayed acknowledgements each message would wait 40 ms.
    setenv("TCP_NODELAY", "1", 0);
    // Names are looked up nowhere: an address is what the policy decides on.
    dcmDisableGethostbyaddr.set(OFTrue);
    // DCMTK's log may hold patients' data; what matters is in the messages that the calls give.
    OFLog::configure(OFLogger::OFF_LOG_LEVEL);
}
