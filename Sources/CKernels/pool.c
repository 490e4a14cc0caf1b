#define _GNU_SOURCE
#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define RELAX() _mm_pause()
#elif defined(__aarch64__)
#define RELAX() __asm__ __volatile__("yield")
#else
#define RELAX() ((void)0)
#endif

enum { MAX_THREADS = 256, SPINS_BEFORE_SLEEP = 4000, SPINS_BEFORE_YIELD = 2000 };

// `state` is one word so that joining a loop and closing it cannot interleave: generation, an open bit, and the workers inside.
// The caller never waits for a worker that has not joined, so a worker that the system has not scheduled costs nothing.
#define OPEN (1ull << 31)
#define COUNT(s) ((s) & 0xffffull)
#define GENERATION(s) ((s) >> 32)

typedef struct {
    void *memory;
    size_t bytes;
} buffer;

static struct {
    pthread_mutex_t user;
    pthread_mutex_t sleep;
    pthread_cond_t wake;
    _Atomic uint64_t state;
    _Atomic size_t sleepers;
    _Atomic size_t threads;
    size_t started;
    cxr_range_fn fn;
    void *context;
    size_t end, grain;
    _Atomic size_t next;
    buffer shared[CXR_SHARED_SLOTS];
    buffer local[MAX_THREADS][CXR_LOCAL_SLOTS];
} pool = {.sleep = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static pthread_once_t once = PTHREAD_ONCE_INIT;
// Worker index + 1 while this thread runs inside a loop.
static _Thread_local size_t inside;

static size_t online_cpus(void) {
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return (size_t)CPU_COUNT(&set);
#endif
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (size_t)count : 1;
}

static void initialise(void) {
    pthread_mutexattr_t recursive;
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&pool.user, &recursive);
    pthread_mutexattr_destroy(&recursive);
    size_t count = online_cpus();
    atomic_store(&pool.threads, count > MAX_THREADS ? MAX_THREADS : count);
    pool.started = 1;
}

static void work(size_t worker) {
    size_t outer = inside;
    inside = worker + 1;
    for (;;) {
        size_t begin = atomic_fetch_add_explicit(&pool.next, pool.grain, memory_order_relaxed);
        if (begin >= pool.end) break;
        size_t end = pool.end - begin > pool.grain ? begin + pool.grain : pool.end;
        pool.fn(pool.context, begin, end, worker);
    }
    inside = outer;
}

static int is_open_for(size_t worker, uint64_t state, uint64_t seen) {
    return (state & OPEN) && GENERATION(state) != seen && worker < atomic_load(&pool.threads);
}

static void *worker_main(void *argument) {
    size_t worker = (size_t)argument;
    uint64_t seen = 0;
    for (;;) {
        uint64_t state = atomic_load_explicit(&pool.state, memory_order_acquire);
        for (int spin = 0; !is_open_for(worker, state, seen) && spin < SPINS_BEFORE_SLEEP; spin++) {
            RELAX();
            state = atomic_load_explicit(&pool.state, memory_order_acquire);
        }
        if (!is_open_for(worker, state, seen)) {
            pthread_mutex_lock(&pool.sleep);
            atomic_fetch_add(&pool.sleepers, 1);
            while (state = atomic_load(&pool.state), !is_open_for(worker, state, seen)) {
                pthread_cond_wait(&pool.wake, &pool.sleep);
            }
            atomic_fetch_sub(&pool.sleepers, 1);
            pthread_mutex_unlock(&pool.sleep);
        }
        if (!atomic_compare_exchange_strong(&pool.state, &state, state + 1)) continue;
        seen = GENERATION(state);
        work(worker);
        atomic_fetch_sub_explicit(&pool.state, 1, memory_order_release);
    }
    return NULL;
}

static void start_workers(size_t threads) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (pool.started < threads) {
        pthread_t thread;
        // Without another thread the loops still run, in the caller.
        if (pthread_create(&thread, NULL, worker_main, (void *)pool.started) != 0) break;
        pthread_detach(thread);
        pool.started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

size_t cxr_pool_threads(void) {
    pthread_once(&once, initialise);
    return atomic_load(&pool.threads);
}

void cxr_pool_set_threads(size_t count) {
    cxr_pool_enter();
    atomic_store(&pool.threads, count < 1 ? 1 : count > MAX_THREADS ? MAX_THREADS : count);
    cxr_pool_leave();
}

void cxr_pool_enter(void) {
    pthread_once(&once, initialise);
    if (!inside) pthread_mutex_lock(&pool.user);
}

void cxr_pool_leave(void) {
    if (!inside) pthread_mutex_unlock(&pool.user);
}

int cxr_pool_is_inside(void) { return inside != 0; }

static void *grown(buffer *b, size_t bytes) {
    if (b->bytes < bytes) {
        size_t size = (bytes + bytes / 8 + 4095) & ~(size_t)4095;
        free(b->memory);
        b->memory = NULL;
        if (posix_memalign(&b->memory, 4096, size) != 0) {
            fprintf(stderr, "cxrgate: out of memory: %zu bytes of kernel scratch space\n", size);
            abort();
        }
        b->bytes = size;
    }
    return b->memory;
}

void *cxr_pool_shared(int slot, size_t bytes) { return grown(&pool.shared[slot], bytes); }

void *cxr_pool_local(size_t worker, int slot, size_t bytes) { return grown(&pool.local[worker][slot], bytes); }

void cxr_parallel_for(size_t begin, size_t end, size_t grain, cxr_range_fn fn, void *context) {
    if (begin >= end) return;
    if (grain == 0) grain = 1;
    if (inside) {
        fn(context, begin, end, inside - 1);
        return;
    }
    cxr_pool_enter();
    size_t threads = atomic_load(&pool.threads);
    pool.fn = fn;
    pool.context = context;
    pool.end = end;
    pool.grain = grain;
    atomic_store_explicit(&pool.next, begin, memory_order_relaxed);
    int alone = threads == 1 || end - begin <= grain;
    if (!alone) {
        start_workers(threads);
        uint64_t generation = GENERATION(atomic_load(&pool.state)) + 1;
        if ((generation & 0xffffffffull) == 0) generation = 1;
        atomic_store(&pool.state, generation << 32 | OPEN);
        if (atomic_load(&pool.sleepers) > 0) {
            pthread_mutex_lock(&pool.sleep);
            pthread_cond_broadcast(&pool.wake);
            pthread_mutex_unlock(&pool.sleep);
        }
    }
    work(0);
    if (!alone) {
        atomic_fetch_and(&pool.state, ~OPEN);
        for (size_t spin = 0; COUNT(atomic_load_explicit(&pool.state, memory_order_acquire)) != 0; spin++) {
            if (spin < SPINS_BEFORE_YIELD) {
                RELAX();
            } else {
                sched_yield();
            }
        }
    }
    cxr_pool_leave();
}

typedef struct {
    const uint8_t *memory;
    _Atomic uint64_t sum;
} read_context;

static void read_range(void *context, size_t begin, size_t end, size_t worker) {
    (void)worker;
    typedef uint64_t vector __attribute__((vector_size(64)));
    read_context *c = context;
    vector sum[4] = {{0}};
    size_t i = begin;
    for (; i + 256 <= end; i += 256) {
        __builtin_prefetch((const void *)((uintptr_t)(c->memory + i) + 4096));
        __builtin_prefetch((const void *)((uintptr_t)(c->memory + i) + 4096 + 64));
        __builtin_prefetch((const void *)((uintptr_t)(c->memory + i) + 4096 + 128));
        __builtin_prefetch((const void *)((uintptr_t)(c->memory + i) + 4096 + 192));
        for (int j = 0; j < 4; j++) {
            vector v;
            __builtin_memcpy(&v, c->memory + i + 64 * (size_t)j, 64);
            sum[j] ^= v;
        }
    }
    vector all = sum[0] ^ sum[1] ^ sum[2] ^ sum[3];
    uint64_t total = 0;
    for (int j = 0; j < 8; j++) total ^= all[j];
    for (; i < end; i++) total ^= c->memory[i];
    atomic_fetch_xor(&c->sum, total);
}

uint64_t cxr_read_memory(const void *memory, size_t bytes) {
    read_context context = {memory, 0};
    cxr_parallel_for(0, bytes, 1 << 20, read_range, &context);
    return atomic_load(&context.sum);
}
