#define _GNU_SOURCE
#include "kernels.h"
#include "pool.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

// OpenBLAS is loaded when it is first asked for, not linked: it reads OPENBLAS_CORETYPE as it loads, Debian's 0.3.21 takes newer
// CPUs with AVX-512 for a Haswell, and its spinning threads slow the own kernels, so it gets its threads only for the call.

typedef void (*sgemm_fn)(int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float *a, int lda,
                         const float *b, int ldb, float beta, float *c, int ldc);

static struct {
    const char *error;
    sgemm_fn sgemm;
    void (*set_threads)(int);
    const char *(*core)(void);
} blas;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char message[512];
static _Atomic int chosen_use = CXR_BLAS_WITHOUT_SIMD;

static void load(void) {
    // A value that the user set wins (overwrite = 0).
    if (cxr_level_supported() >= CXR_LEVEL_AVX512) setenv("OPENBLAS_CORETYPE", "SkylakeX", 0);
    setenv("OPENBLAS_THREAD_TIMEOUT", "4", 0);
    static const char *const names[] = {"libopenblas.so.0", "libopenblas.so", "libopenblas.dylib"};
    void *library = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names && !library; i++) library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        const char *reason = dlerror();
        snprintf(message, sizeof message, "OpenBLAS could not be loaded (%s); install libopenblas0", reason ? reason : "?");
        blas.error = message;
        return;
    }
    *(void **)&blas.sgemm = dlsym(library, "cblas_sgemm");
    *(void **)&blas.set_threads = dlsym(library, "openblas_set_num_threads");
    *(void **)&blas.core = dlsym(library, "openblas_get_corename");
    if (!blas.sgemm || !blas.set_threads) blas.error = "the OpenBLAS library lacks cblas_sgemm or openblas_set_num_threads";
}

const char *cxr_blas_load(void) {
    pthread_once(&once, load);
    return blas.error;
}

const char *cxr_blas_core(void) { return cxr_blas_load() == NULL && blas.core ? blas.core() : ""; }

void cxr_blas_set_use(cxr_blas_use use) { atomic_store(&chosen_use, (int)use); }

int cxr_blas_is_wanted(void) {
    int use = atomic_load_explicit(&chosen_use, memory_order_relaxed);
    if (use == CXR_BLAS_NEVER || (use == CXR_BLAS_WITHOUT_SIMD && cxr_level_supported() != CXR_LEVEL_SCALAR)) return 0;
    return cxr_blas_load() == NULL;
}

int cxr_blas_sgemm(size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb, float beta,
                   float *c, size_t ldc) {
    enum { ROW_MAJOR = 101, NO_TRANSPOSE = 111, TRANSPOSE = 112, MOST = 0x7fffffff };
    if (cxr_blas_load() != NULL) return -1;
    if (m > MOST || n > MOST || k > MOST || lda > MOST || ldb > MOST || ldc > MOST) return -1;
    // Its own threads have the machine for the call: nobody else's loop runs meanwhile, and no thread of it spins afterwards.
    cxr_pool_enter();
    blas.set_threads((int)cxr_pool_threads());
    blas.sgemm(ROW_MAJOR, NO_TRANSPOSE, TRANSPOSE, (int)m, (int)n, (int)k, 1, a, (int)lda, b, (int)ldb, beta, c, (int)ldc);
    blas.set_threads(1);
    cxr_pool_leave();
    return 0;
}
