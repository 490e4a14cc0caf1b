#pragma once

#include "cxr_common.h"
#include "cxr_dataset.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include <cstdio>
#include <exception>
#include <memory>
#include <new>
#include <string>

struct cxr_file {
    DcmFileFormat format;
    std::string transfer_syntax;
};

inline DcmItem *native(cxr_item *item) { return reinterpret_cast<DcmItem *>(item); }
inline cxr_item *opaque(DcmItem *item) { return reinterpret_cast<cxr_item *>(item); }
inline DcmTagKey key(cxr_tag tag) {
    return DcmTagKey(static_cast<Uint16>(tag >> 16), static_cast<Uint16>(tag & 0xffff));
}

inline void say(cxr_message *message, const char *text) {
    if (message != nullptr) {
        std::snprintf(message->text, sizeof message->text, "%s", text);
    }
}

/// True when the condition is good; otherwise its text goes to the message.
inline bool check(const OFCondition &condition, cxr_message *message) {
    if (condition.good()) {
        return true;
    }
    say(message, condition.text());
    return false;
}

/// Runs a body that may throw; nothing of C++ crosses the C interface.
template <typename Result, typename Body>
Result guarded(cxr_message *message, Result failure, Body body) {
    try {
        return body();
    } catch (const std::bad_alloc &) {
        say(message, "not enough memory");
    } catch (const std::exception &error) {
        say(message, error.what());
    } catch (...) {
        say(message, "unknown C++ exception");
    }
    return failure;
}
