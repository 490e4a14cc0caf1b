#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Why a call failed, for a person. Every function that can fail takes one and returns false or NULL.
typedef struct {
    char text[512];
} cxr_message;

#ifdef __cplusplus
}
#endif
