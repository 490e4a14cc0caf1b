#include "table.h"

#if defined(__x86_64__)

#include <immintrin.h>

#pragma clang attribute push( \
    __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"))), apply_to = function)

#define LANES 16
#define VECTORS 4
#define NATIVE_HALF
typedef float native_vector __attribute__((vector_size(64)));
static inline __attribute__((always_inline)) native_vector native_load_half(const uint16_t *p) {
    return (native_vector)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}

#include "body.h"

const cxr_table cxr_table_avx512 = {COMMON_TABLE};
const cxr_table cxr_table_avx512_bf16 = {COMMON_TABLE};

#pragma clang attribute pop

#endif
