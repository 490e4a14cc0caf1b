#pragma once

#include "internal.h"

/// Checks the element structure of a dataset without recursion, before DCMTK's recursive parser sees it: lengths stay
/// within their parents and nesting within a bound. `transfer_syntax` is that of the bytes.
///
/// A dataset that DCMTK would have to guess about is an error here: the message names the element and its offset.
bool check_structure(const uint8_t *bytes, size_t count, const std::string &transfer_syntax, cxr_message *message);
