#include "table.h"

#if defined(__x86_64__)

#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#define LANES 8
#define VECTORS 2
#define NATIVE_HALF
typedef float native_vector __attribute__((vector_size(32)));
static inline __attribute__((always_inline)) native_vector native_load_half(const uint16_t *p) {
    return (native_vector)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p));
}

#include "body.h"

const cxr_table cxr_table_avx2 = {COMMON_TABLE};

#pragma clang attribute pop

#endif
