#include "table.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static _Atomic int chosen = -1;

cxr_level cxr_level_supported(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c"))) {
        return CXR_LEVEL_SCALAR;
    }
    if (!(__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
          __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni"))) {
        return CXR_LEVEL_AVX2;
    }
    return __builtin_cpu_supports("avx512bf16") ? CXR_LEVEL_AVX512_BF16 : CXR_LEVEL_AVX512;
#else
    return CXR_LEVEL_SCALAR;
#endif
}

static cxr_level initial_level(void) {
    static const char *const names[] = {"scalar", "avx2", "avx512", "avx512bf16"};
    cxr_level best = cxr_level_supported();
    const char *wanted = getenv("CXRGATE_KERNELS");
    for (int level = 0; wanted && level <= (int)best; level++) {
        if (strcmp(wanted, names[level]) == 0) return (cxr_level)level;
    }
#if defined(__x86_64__)
    if (best == CXR_LEVEL_AVX512_BF16 && !cxr_bf16_is_fast()) return CXR_LEVEL_AVX512;
#endif
    return best;
}

cxr_level cxr_level_current(void) {
    int level = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (level < 0) {
        level = (int)initial_level();
        atomic_store_explicit(&chosen, level, memory_order_relaxed);
    }
    return (cxr_level)level;
}

int cxr_level_force(cxr_level level) {
    if (level > cxr_level_supported()) return -1;
    atomic_store(&chosen, (int)level);
    return 0;
}

const cxr_table *cxr_table_current(void) {
    switch (cxr_level_current()) {
#if defined(__x86_64__)
    case CXR_LEVEL_AVX2: return &cxr_table_avx2;
    case CXR_LEVEL_AVX512: return &cxr_table_avx512;
    case CXR_LEVEL_AVX512_BF16: return &cxr_table_avx512_bf16;
#endif
    default: return &cxr_table_scalar;
    }
}
