#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// The compute kernels of the model runtime. All matrices are row-major; `ld…` is the distance between rows in elements.
// Every function here may be called from any thread; those that run in parallel take the thread pool for their duration.

// ---------------------------------------------------------------------------------------------- instruction levels

typedef enum {
    CXR_LEVEL_SCALAR = 0,      // portable C (SSE2 or NEON by the compiler)
    CXR_LEVEL_AVX2 = 1,        // AVX2, FMA, F16C
    CXR_LEVEL_AVX512 = 2,      // AVX-512 F, BW, DQ, VL, VBMI and VNNI
    CXR_LEVEL_AVX512_BF16 = 3  // the same and BF16
} cxr_level;

/// The best level of this CPU.
cxr_level cxr_level_supported(void);
/// The level in use: the fastest one, or what `CXRGATE_KERNELS` (scalar, avx2, avx512, avx512bf16) or `cxr_level_force` asks for.
cxr_level cxr_level_current(void);
/// Forces a level for tests. Returns 0, or -1 if this CPU lacks it. Not to be called while kernels run.
int cxr_level_force(cxr_level level);

// ------------------------------------------------------------------------------------------------------ thread pool

typedef void (*cxr_range_fn)(void *context, size_t begin, size_t end, size_t worker);

/// Threads that take part in a parallel loop, the caller included.
size_t cxr_pool_threads(void);
/// Sets that number (1…256).
void cxr_pool_set_threads(size_t count);
/// Calls `fn` on disjoint sub-ranges of at most `grain` elements until `[begin, end)` is done. One user at a time; a call from inside
/// a loop runs in the calling thread.
void cxr_parallel_for(size_t begin, size_t end, size_t grain, cxr_range_fn fn, void *context);
/// Whether the calling thread is inside such a loop: `cxr_linear_apply`, `cxr_attention_apply` and `cxr_group_norm`, which need the
/// pool's scratch memory, must not be called there.
int cxr_pool_is_inside(void);

// ---------------------------------------------------------------------------------------------------------- weights

typedef enum {
    CXR_FLOAT32 = 0,
    CXR_FLOAT16 = 1,
    CXR_BFLOAT16 = 2,
    CXR_Q8 = 3,  // blocks of 32: byte = value + 128, value in -127…127; one f16 scale a block
    CXR_Q4 = 4   // blocks of 32: 16 bytes, byte i = (v[i] + 8) | (v[i + 16] + 8) << 4, v in -8…7; one f16 scale a block
} cxr_format;

/// A `[rows, columns]` weight matrix. Quantised rows hold ceil(columns / 32) blocks; the tail of the last one is zero-valued.
typedef struct {
    cxr_format format;
    size_t rows;
    size_t columns;
    const void *values;      // rows of elements, or of blocks: 32 bytes (Q8) or 16 bytes (Q4) each
    const uint16_t *scales;  // [rows, ceil(columns / 32)] f16; null for the float formats
} cxr_weight;

/// Quantises f32 rows to Q8 or Q4. Non-finite values make their block's scale NaN.
void cxr_quantize_rows(cxr_format format, const float *x, size_t ldx, size_t rows, size_t columns, void *values,
                       uint16_t *scales);
/// Row `row` of any format as f32.
void cxr_dequantize_row(const cxr_weight *weight, size_t row, float *out);

typedef enum {
    CXR_ACTIVATION_FLOAT32 = 0,   // weight-only quantisation: activations keep their precision
    CXR_ACTIVATION_BFLOAT16 = 1,  // both operands rounded to bf16, sums in f32
    CXR_ACTIVATION_INT8 = 2       // activations quantised to 8 bits as they come; for Q8 and Q4 weights
} cxr_activation;

typedef struct {
    cxr_weight weight;
    const float *bias;  // [rows] or null
    float *y;           // [tokens, rows]
    size_t ldy;
    int accumulate;  // adds to y instead of replacing it
} cxr_linear;

/// y = x W^T + bias for each of `count` matrices with the same `columns`, sharing the preparation of x `[tokens, columns]`.
void cxr_linear_apply(const cxr_linear *jobs, size_t count, cxr_activation activation, const float *x, size_t ldx,
                      size_t tokens);

// -------------------------------------------------------------------------------------------------- rows and elements

void cxr_rms_norm(const float *x, size_t ldx, size_t rows, size_t columns, const float *weight, float weight_offset,
                  float epsilon, float *y, size_t ldy);
void cxr_layer_norm(const float *x, size_t ldx, size_t rows, size_t columns, const float *weight, const float *bias,
                    float epsilon, float *y, size_t ldy);
void cxr_softmax(float *x, size_t ldx, size_t rows, size_t columns);

typedef enum { CXR_SILU = 0, CXR_GELU = 1, CXR_GELU_TANH = 2, CXR_QUICK_GELU = 3, CXR_RELU = 4 } cxr_function;

void cxr_apply_function(cxr_function function, float *x, size_t ldx, size_t rows, size_t columns);
/// gate = f(gate) * up
void cxr_gate(cxr_function function, float *gate, size_t ldg, const float *up, size_t ldu, size_t rows, size_t columns);
/// y += scale[column] * x; a null scale is 1.
void cxr_add(float *y, size_t ldy, const float *x, size_t ldx, const float *scale, size_t rows, size_t columns);
void cxr_exp(const float *x, float *y, size_t count);

/// Rotates, in each of `heads` heads of `head_dim`, the pairs (i, i + rotary_dim / 2) by the row's angle i ("rotate_half").
/// cosine, sine: `[rows, rotary_dim / 2]`.
void cxr_rope(float *x, size_t ldx, size_t rows, size_t heads, size_t head_dim, size_t rotary_dim, const float *cosine,
              const float *sine);

// -------------------------------------------------------------------------------------------------------- attention

typedef struct {
    const float *q;  // [queries, heads * head_dim]
    size_t ldq;
    size_t queries;
    size_t heads, kv_heads, head_dim;
    cxr_format kv_format;  // CXR_FLOAT32, CXR_FLOAT16 or CXR_BFLOAT16
    const void *k;         // [kv_heads][kv_stride][head_dim]
    const void *v;
    size_t kv_stride;    // positions between one head and the next
    const int32_t *low;  // per query: attends to keys low ≤ key < high
    const int32_t *high;
    float scale;
    float *out;  // [queries, heads * head_dim]
    size_t ldo;
} cxr_attention;

/// softmax(scale q k^T) v. A query whose range is empty gives zeros.
void cxr_attention_apply(const cxr_attention *a);
/// Stores rows `[rows, kv_heads * head_dim]` at `position` of a cache laid out as in `cxr_attention`.
void cxr_cache_store(cxr_format format, const float *x, size_t ldx, size_t rows, size_t kv_heads, size_t head_dim,
                     size_t kv_stride, size_t position, void *cache);

// ----------------------------------------------------------------------------------------------------------- images

/// Rows of patches for a convolution. image: `[height * width, channels]`; out: one row a output pixel of `[first, first + count)`,
/// `[kernel_h * kernel_w * channels]`, zero outside the image.
void cxr_im2col(const float *image, size_t height, size_t width, size_t channels, size_t kernel_h, size_t kernel_w,
                size_t stride, size_t padding_top, size_t padding_left, size_t out_width, size_t first, size_t count,
                float *out);
/// image: `[pixels, channels]`, normalised in place over the pixels and channels of each group.
void cxr_group_norm(float *image, size_t pixels, size_t channels, size_t groups, const float *weight, const float *bias,
                    float epsilon);

// ------------------------------------------------------------------------------------------------------ conversions

void cxr_convert_to_float(cxr_format from, const void *x, float *y, size_t count);
void cxr_convert_from_float(cxr_format to, const float *x, void *y, size_t count);

// --------------------------------------------------------------------------------------------------------- OpenBLAS

/// Loads OpenBLAS at run time, with the core type that this CPU has (a value in OPENBLAS_CORETYPE wins). Returns null, or why not.
const char *cxr_blas_load(void);
/// c = a b^T + beta c with OpenBLAS: a `[m, k]`, b `[n, k]`, c `[m, n]`. Returns 0, or -1 if OpenBLAS cannot be loaded.
int cxr_blas_sgemm(size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb, float beta,
                   float *c, size_t ldc);

typedef enum { CXR_BLAS_NEVER = 0, CXR_BLAS_WITHOUT_SIMD = 1, CXR_BLAS_ALWAYS = 2 } cxr_blas_use;

/// When f32 weights meet more than 8 tokens in f32, OpenBLAS multiplies: by default on CPUs without own vector kernels, if it can be
/// loaded.
void cxr_blas_set_use(cxr_blas_use use);
int cxr_blas_is_wanted(void);
/// The core type that OpenBLAS runs as, or "" if not loaded.
const char *cxr_blas_core(void);

/// Reads memory as fast as it can, with all threads: the bandwidth probe of the benchmarks.
uint64_t cxr_read_memory(const void *memory, size_t bytes);

#ifdef __cplusplus
}
#endif
