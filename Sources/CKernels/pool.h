#pragma once

#include "kernels.h"

// Takes the pool for a kernel that prepares shared scratch memory and then runs loops; recursive.
void cxr_pool_enter(void);
void cxr_pool_leave(void);
/// 64-byte aligned memory that lives until the next call with the same slot. Only between enter and leave.
enum { CXR_SHARED_X = 0, CXR_SHARED_ROWS = 1, CXR_SHARED_SCALES = 2, CXR_SHARED_EXTRA = 3, CXR_SHARED_SLOTS = 4 };
void *cxr_pool_shared(int slot, size_t bytes);
/// The same for one worker inside a loop.
enum { CXR_LOCAL_A = 0, CXR_LOCAL_B = 1, CXR_LOCAL_C = 2, CXR_LOCAL_SLOTS = 3 };
void *cxr_pool_local(size_t worker, int slot, size_t bytes);
