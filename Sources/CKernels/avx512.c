#include "table.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define AVX512_FEATURES "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"

#pragma clang attribute push(__attribute__((target(AVX512_FEATURES))), apply_to = function)

#define LANES 16
#define VECTORS 4
#define NATIVE_HALF
#define NATIVE_CONVERSIONS
#define NATIVE_TRANSPOSE
#define NATIVE_DOT_QUANTIZED
#define NATIVE_GROUPS
typedef float native_vector __attribute__((vector_size(64)));
static inline __attribute__((always_inline)) native_vector native_load_half(const uint16_t *p) {
    return (native_vector)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}

#include "body.h"

static void from_float(cxr_format to, const float *x, void *y, size_t count) {
    uint16_t *out = y;
    if (to == CXR_FLOAT32) {
        __builtin_memcpy(y, x, count * sizeof(float));
        return;
    }
    for (size_t i = 0; i < count; i += 16) {
        __mmask16 mask = count - i < 16 ? (__mmask16)((1u << (count - i)) - 1) : 0xffff;
        __m512 v = _mm512_maskz_loadu_ps(mask, x + i);
        __m256i h;
        if (to == CXR_FLOAT16) {
            h = _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
        } else {
            __m512i bits = _mm512_castps_si512(v);
            __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
            __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
            __mmask16 nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
            rounded = _mm512_mask_or_epi32(rounded, nan, bits, _mm512_set1_epi32(0x400000));
            h = _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16));
        }
        _mm256_mask_storeu_epi16(out + i, mask, h);
    }
}

// ------------------------------------------------------------------------------------------------------- transposing

INLINE void transpose16(__m512i r[16]) {
    __m512i t[16];
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; i++) {
        t[2 * i] = _mm512_unpacklo_epi32(r[2 * i], r[2 * i + 1]);
        t[2 * i + 1] = _mm512_unpackhi_epi32(r[2 * i], r[2 * i + 1]);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < 4; i++) {
        r[4 * i] = _mm512_unpacklo_epi64(t[4 * i], t[4 * i + 2]);
        r[4 * i + 1] = _mm512_unpackhi_epi64(t[4 * i], t[4 * i + 2]);
        r[4 * i + 2] = _mm512_unpacklo_epi64(t[4 * i + 1], t[4 * i + 3]);
        r[4 * i + 3] = _mm512_unpackhi_epi64(t[4 * i + 1], t[4 * i + 3]);
    }
    // r[4 i + j] holds column 4 lane + j of rows 4 i…4 i + 3 in its 128-bit lanes.
#pragma clang loop unroll(full)
    for (int j = 0; j < 4; j++) {
        t[j] = _mm512_shuffle_i32x4(r[j], r[4 + j], 0x88);
        t[4 + j] = _mm512_shuffle_i32x4(r[j], r[4 + j], 0xdd);
        t[8 + j] = _mm512_shuffle_i32x4(r[8 + j], r[12 + j], 0x88);
        t[12 + j] = _mm512_shuffle_i32x4(r[8 + j], r[12 + j], 0xdd);
    }
#pragma clang loop unroll(full)
    for (int j = 0; j < 4; j++) {
        r[j] = _mm512_shuffle_i32x4(t[j], t[8 + j], 0x88);
        r[8 + j] = _mm512_shuffle_i32x4(t[j], t[8 + j], 0xdd);
        r[4 + j] = _mm512_shuffle_i32x4(t[4 + j], t[12 + j], 0x88);
        r[12 + j] = _mm512_shuffle_i32x4(t[4 + j], t[12 + j], 0xdd);
    }
}

INLINE __mmask16 first_lanes(size_t n) { return n >= 16 ? 0xffff : (__mmask16)((1u << n) - 1); }

static void transpose(const uint32_t *x, size_t ldx, size_t tokens, size_t units, uint32_t *out, size_t stride,
                      size_t fill) {
    __mmask16 store_mask = first_lanes(fill);
    for (size_t i = 0; i < units; i += 16) {
        size_t n = units - i < 16 ? units - i : 16;
        __mmask16 load_mask = first_lanes(n);
        __m512i r[16];
#pragma clang loop unroll(full)
        for (size_t t = 0; t < 16; t++) {
            r[t] = t < tokens ? _mm512_maskz_loadu_epi32(load_mask, x + t * ldx + i) : _mm512_setzero_si512();
        }
        transpose16(r);
#pragma clang loop unroll(full)
        for (size_t j = 0; j < 16; j++) {
            if (j < n) _mm512_mask_storeu_epi32(out + (i + j) * stride, store_mask, r[j]);
        }
    }
}

static void store_tile(const float *acc, size_t as, size_t rows, size_t tokens, const float *bias, float *y, size_t ldy,
                       int accumulate) {
    for (size_t t0 = 0; t0 < tokens; t0 += 16) {
        size_t count = tokens - t0 < 16 ? tokens - t0 : 16;
        for (size_t r0 = 0; r0 < rows; r0 += 16) {
            __mmask16 row_mask = first_lanes(rows - r0);
            __m512 b = bias ? _mm512_maskz_loadu_ps(row_mask, bias + r0) : _mm512_setzero_ps();
            __m512i v[16];
#pragma clang loop unroll(full)
            for (size_t r = 0; r < 16; r++) {
                v[r] = r0 + r < rows ? _mm512_loadu_si512(acc + (r0 + r) * as + t0) : _mm512_setzero_si512();
            }
            transpose16(v);
#pragma clang loop unroll(full)
            for (size_t t = 0; t < 16; t++) {
                if (t >= count) continue;
                float *out = y + (t0 + t) * ldy + r0;
                __m512 sum = _mm512_add_ps(_mm512_castsi512_ps(v[t]), b);
                if (accumulate) sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(row_mask, out));
                _mm512_mask_storeu_ps(out, row_mask, sum);
            }
        }
    }
}

// -------------------------------------------------------------------------------------------------------- int8 tiles

INLINE void int8_fixed(const size_t rows, const size_t v, const uint32_t *w, size_t rs, const uint32_t *x, size_t quads,
                       const float *ws, size_t wss, const float *xs, const int32_t *sums, float *acc, size_t as) {
    __m512i c[CXR_TILE_ROWS][VECTORS];
#pragma clang loop unroll(full)
    for (size_t j = 0; j < v; j++) {
        __m512i start = _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_loadu_si512(sums + 16 * j));
#pragma clang loop unroll(full)
        for (size_t r = 0; r < rows; r++) c[r][j] = start;
    }
#pragma clang loop unroll_count(2)
    for (size_t i = 0; i < quads; i++) {
        __m512i b[VECTORS];
#pragma clang loop unroll(full)
        for (size_t j = 0; j < v; j++) b[j] = _mm512_loadu_si512(x + (i * v + j) * 16);
#pragma clang loop unroll(full)
        for (size_t r = 0; r < rows; r++) {
            __m512i a = _mm512_set1_epi32((int)w[r * rs + i]);
#pragma clang loop unroll(full)
            for (size_t j = 0; j < v; j++) c[r][j] = _mm512_dpbusd_epi32(c[r][j], a, b[j]);
        }
    }
#pragma clang loop unroll(full)
    for (size_t j = 0; j < v; j++) {
        __m512 scale = _mm512_loadu_ps(xs + 16 * j);
#pragma clang loop unroll(full)
        for (size_t r = 0; r < rows; r++) {
            float *out = acc + r * as + 16 * j;
            __m512 value = _mm512_mul_ps(_mm512_cvtepi32_ps(c[r][j]), scale);
            _mm512_storeu_ps(out, _mm512_fmadd_ps(value, _mm512_set1_ps(ws[r * wss]), _mm512_loadu_ps(out)));
        }
    }
}

#define INT8_CASE(R, V) \
    case R * 8 + V: int8_fixed(R, V, w, rs, x, quads, ws, wss, xs, sums, acc, as); break;
#define INT8_CASES(R) INT8_CASE(R, 1) INT8_CASE(R, 2) INT8_CASE(R, 3) INT8_CASE(R, 4)

static void tile_int8(size_t rows, size_t v, const uint32_t *w, size_t rs, const uint32_t *x, size_t quads,
                      const float *ws, size_t wss, const float *xs, const int32_t *sums, float *acc, size_t as) {
    switch (rows * 8 + v) {
        INT8_CASES(1)
        INT8_CASES(2)
        INT8_CASES(3)
        INT8_CASES(4)
        INT8_CASES(5)
        INT8_CASES(6)
    }
}

// --------------------------------------------------------------------------------------- few tokens against Q8 and Q4

// Sixteen blocks at a time: their scales are one vector, and each vector of 32-bit sums takes the scales of its blocks by a permutation.
// Weights are unsigned in the product (value + 8 or + 128); the excess, 8 or 128 times the sum of the activations, is taken off per block.

// The rows after these, at the same place: the processor's own prefetcher loses a row at its end.
INLINE void prefetch(uintptr_t address) { _mm_prefetch((const char *)address, _MM_HINT_T0); }

INLINE void dot_sixteen(const int four, const size_t rows, const size_t tokens, const int planes, const uint8_t *w,
                        size_t row_bytes, const uint16_t *scales, size_t row_scales, const cxr_quantized_row *x, size_t block,
                        size_t count, __m512 sums[4][4]) {
    const size_t chunks = four ? 4 : 8;  // of 64 bytes
    const size_t chunk_blocks = four ? 4 : 2;
    const __m512i nibble = _mm512_set1_epi8(15);
    __mmask16 present = first_lanes(count);
    __m512 product[4][4];
#pragma clang loop unroll(full)
    for (size_t r = 0; r < rows; r++) {
        __m512 d = _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(present, scales + r * row_scales + block));
        prefetch((uintptr_t)(scales + (r + rows) * row_scales + block));
        __m512 excess = _mm512_mul_ps(d, _mm512_set1_ps(four ? 8.0f : 128.0f));
#pragma clang loop unroll(full)
        for (size_t t = 0; t < tokens; t++) {
            product[r][t] = _mm512_mul_ps(d, _mm512_loadu_ps(x[t].scales + block));
            sums[r][t] = _mm512_fnmadd_ps(excess, _mm512_loadu_ps(x[t].sums + block), sums[r][t]);
        }
    }
    __m512i lanes = four ? _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3)
                         : _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
#pragma clang loop unroll(full)
    for (size_t c = 0; c < chunks; c++) {
        size_t first = c * chunk_blocks;
        if (first >= count) break;
        size_t bytes = (count - first) * 64 / chunk_blocks;
        __mmask64 loaded = bytes >= 64 ? ~0ull : (1ull << bytes) - 1;
        __m512i index = _mm512_add_epi32(lanes, _mm512_set1_epi32((int)first));
#pragma clang loop unroll(full)
        for (size_t r = 0; r < rows; r++) {
            const uint8_t *p = w + r * row_bytes + (block + first) * (four ? 16 : 32);
            prefetch((uintptr_t)p + rows * row_bytes);
            __m512i v = count == 16 ? _mm512_loadu_si512(p) : _mm512_maskz_loadu_epi8(loaded, p);
            __m512i even = four ? _mm512_and_si512(v, nibble) : v;
            __m512i odd = four ? _mm512_and_si512(_mm512_srli_epi16(v, 4), nibble) : v;
            size_t at = (block + first) * 32;
#pragma clang loop unroll(full)
            for (size_t t = 0; t < tokens; t++) {
                const int8_t *low = (four ? x[t].low4 : x[t].low) + at;
                __m512i sum = _mm512_dpbusd_epi32(_mm512_setzero_si512(), even, _mm512_loadu_si512(low));
                if (four) sum = _mm512_dpbusd_epi32(sum, odd, _mm512_loadu_si512(low + 64));
                if (planes == 2) {
                    const int8_t *high = (four ? x[t].high4 : x[t].high) + at;
                    __m512i upper = _mm512_dpbusd_epi32(_mm512_setzero_si512(), even, _mm512_loadu_si512(high));
                    if (four) upper = _mm512_dpbusd_epi32(upper, odd, _mm512_loadu_si512(high + 64));
                    sum = _mm512_add_epi32(sum, _mm512_slli_epi32(upper, 8));
                }
                sums[r][t] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), _mm512_permutexvar_ps(index, product[r][t]), sums[r][t]);
            }
        }
    }
}

INLINE void dot_rows(const int four, const size_t rows, const size_t tokens, const int planes, const uint8_t *w,
                     const uint16_t *scales, const cxr_quantized_row *x, size_t blocks, float *out) {
    __m512 sums[4][4];
#pragma clang loop unroll(full)
    for (size_t r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (size_t t = 0; t < tokens; t++) sums[r][t] = _mm512_setzero_ps();
    }
    size_t row_bytes = blocks * (four ? 16 : 32), block = 0;
    for (; block + 16 <= blocks; block += 16) {
        dot_sixteen(four, rows, tokens, planes, w, row_bytes, scales, blocks, x, block, 16, sums);
    }
    if (block < blocks) {
        dot_sixteen(four, rows, tokens, planes, w, row_bytes, scales, blocks, x, block, blocks - block, sums);
    }
#pragma clang loop unroll(full)
    for (size_t r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (size_t t = 0; t < tokens; t++) out[r * 4 + t] = _mm512_reduce_add_ps(sums[r][t]);
    }
}

// Few enough rows at once that sums and scales stay in registers.
#define DOT_ROWS(FOUR, ROWS, TOKENS, PLANES) \
    for (; rows - r >= ROWS; r += ROWS) { \
        dot_rows(FOUR, ROWS, TOKENS, PLANES, w + r * blocks * (FOUR ? 16 : 32), scales + r * blocks, x, blocks, out + 4 * r); \
    }
#define DOT_QUANTIZED(FOUR, PLANES) \
    switch (tokens) { \
    case 1: DOT_ROWS(FOUR, 4, 1, PLANES) DOT_ROWS(FOUR, 1, 1, PLANES) break; \
    case 2: DOT_ROWS(FOUR, 2, 2, PLANES) DOT_ROWS(FOUR, 1, 2, PLANES) break; \
    case 3: DOT_ROWS(FOUR, 2, 3, PLANES) DOT_ROWS(FOUR, 1, 3, PLANES) break; \
    default: DOT_ROWS(FOUR, 2, 4, PLANES) DOT_ROWS(FOUR, 1, 4, PLANES) break; \
    }

static void dot_q8(const uint8_t *w, const uint16_t *scales, size_t rows, const cxr_quantized_row *x, size_t tokens,
                   size_t blocks, float *out) {
    size_t r = 0;
    if (x->high) {
        DOT_QUANTIZED(0, 2)
    } else {
        DOT_QUANTIZED(0, 1)
    }
}

static void dot_q4(const uint8_t *w, const uint16_t *scales, size_t rows, const cxr_quantized_row *x, size_t tokens,
                   size_t blocks, float *out) {
    size_t r = 0;
    if (x->high4) {
        DOT_QUANTIZED(1, 2)
    } else {
        DOT_QUANTIZED(1, 1)
    }
}

// --------------------------------------------------------------------------------------------- unpacking quantised rows

static void row_to_float(const cxr_weight *w, size_t row, float *out) {
    if (w->format != CXR_Q8 && w->format != CXR_Q4) {
        float_row_to_float(w, row, out);
        return;
    }
    size_t blocks = (w->columns + CXR_BLOCK - 1) / CXR_BLOCK;
    const uint16_t *scales = w->scales + row * blocks;
    size_t bytes = w->format == CXR_Q8 ? 32 : 16;
    const uint8_t *values = (const uint8_t *)w->values + row * blocks * bytes;
    for (size_t b = 0; b < blocks; b++) {
        __m512 d = _mm512_set1_ps(half_to_float(scales[b]));
        __m512i first = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(values + b * bytes))), second;
        __m512i excess = _mm512_set1_epi32(w->format == CXR_Q8 ? 128 : 8);
        if (w->format == CXR_Q8) {
            second = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(values + b * bytes + 16)));
        } else {
            second = _mm512_srli_epi32(first, 4);
            first = _mm512_and_si512(first, _mm512_set1_epi32(15));
        }
        size_t n = w->columns - b * CXR_BLOCK;
        _mm512_mask_storeu_ps(out + b * CXR_BLOCK, first_lanes(n),
                              _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(first, excess)), d));
        if (n > 16) {
            _mm512_mask_storeu_ps(out + b * CXR_BLOCK + 16, first_lanes(n - 16),
                                  _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(second, excess)), d));
        }
    }
}

static void row_to_groups(const cxr_weight *w, size_t row, uint8_t *out, float *scales) {
    size_t blocks = (w->columns + CXR_BLOCK - 1) / CXR_BLOCK, per_group = CXR_GROUP / CXR_BLOCK;
    int eight = w->format == CXR_Q8;
    size_t bytes = eight ? 32 : 16;
    const uint8_t *values = (const uint8_t *)w->values + row * blocks * bytes;
    const uint16_t *halves = w->scales + row * blocks;
    const __m512i excess = _mm512_set1_epi32(128);
    const __m512 levels = _mm512_setr_ps(-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7);
    for (size_t g = 0; g * per_group < blocks; g++) {
        size_t first = g * per_group, n = blocks - first < per_group ? blocks - first : per_group;
        __m256 d = _mm256_cvtph_ps(_mm_maskz_loadu_epi16((__mmask8)((1u << n) - 1), halves + first));
        __m256 size = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), d);
        float largest = _mm512_reduce_max_ps(_mm512_zextps256_ps512(size));
        int finite = _mm256_cmp_ps_mask(size, _mm256_set1_ps(__builtin_inff()), _CMP_NLT_UQ) == 0;
        float unit = eight ? largest : largest * (8.0f / 127.0f);
        scales[g] = finite ? unit : __builtin_nanf("");
        float inverse = finite && unit > 0 ? 1 / unit : 0;
        float ratios[8];
        _mm256_storeu_ps(ratios, finite ? _mm256_mul_ps(d, _mm256_set1_ps(inverse)) : _mm256_setzero_ps());
        for (size_t b = 0; b < n; b++) {
            __m512 ratio = _mm512_set1_ps(ratios[b]);
            const uint8_t *p = values + (first + b) * bytes;
            uint8_t *q = out + (first + b) * CXR_BLOCK;
            if (eight) {
                for (int half = 0; half < 2; half++) {
                    __m512i v = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(p + 16 * half)));
                    __m512 f = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(v, excess)), ratio);
                    v = _mm512_add_epi32(_mm512_cvtps_epi32(f), excess);
                    _mm_storeu_si128((__m128i *)(q + 16 * half), _mm512_cvtepi32_epi8(v));
                }
            } else {
                // The sixteen values of a block, rounded once, are a table for its nibbles.
                __m512i rounded = _mm512_add_epi32(_mm512_cvtps_epi32(_mm512_mul_ps(levels, ratio)), excess);
                __m128i table = _mm512_cvtepi32_epi8(rounded);
                __m128i v = _mm_loadu_si128((const __m128i *)p), mask = _mm_set1_epi8(15);
                _mm_storeu_si128((__m128i *)q, _mm_shuffle_epi8(table, _mm_and_si128(v, mask)));
                __m128i upper = _mm_and_si128(_mm_srli_epi16(v, 4), mask);
                _mm_storeu_si128((__m128i *)(q + 16), _mm_shuffle_epi8(table, upper));
            }
        }
    }
}

#define AVX512_TABLE COMMON_TABLE, .has_int8_tile = 1, .tile_int8 = tile_int8, .splits_activations = 1

const cxr_table cxr_table_avx512 = {AVX512_TABLE};

#pragma clang attribute pop

// ---------------------------------------------------------------------------------------------------------- bf16 tiles

#pragma clang attribute push(__attribute__((target(AVX512_FEATURES ",avx512bf16"))), apply_to = function)

INLINE void bf16_fixed(const size_t rows, const size_t v, const uint32_t *w, size_t rs, const uint32_t *x, size_t pairs,
                       float *acc, size_t as) {
    __m512 c[CXR_TILE_ROWS][VECTORS];
#pragma clang loop unroll(full)
    for (size_t r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (size_t j = 0; j < v; j++) c[r][j] = _mm512_loadu_ps(acc + r * as + 16 * j);
    }
#pragma clang loop unroll_count(2)
    for (size_t i = 0; i < pairs; i++) {
        __m512i b[VECTORS];
#pragma clang loop unroll(full)
        for (size_t j = 0; j < v; j++) b[j] = _mm512_loadu_si512(x + (i * v + j) * 16);
#pragma clang loop unroll(full)
        for (size_t r = 0; r < rows; r++) {
            __m512i a = _mm512_set1_epi32((int)w[r * rs + i]);
#pragma clang loop unroll(full)
            for (size_t j = 0; j < v; j++) c[r][j] = _mm512_dpbf16_ps(c[r][j], (__m512bh)a, (__m512bh)b[j]);
        }
    }
#pragma clang loop unroll(full)
    for (size_t r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (size_t j = 0; j < v; j++) _mm512_storeu_ps(acc + r * as + 16 * j, c[r][j]);
    }
}

#define BF16_CASE(R, V) \
    case R * 8 + V: bf16_fixed(R, V, w, rs, x, pairs, acc, as); break;
#define BF16_CASES(R) BF16_CASE(R, 1) BF16_CASE(R, 2) BF16_CASE(R, 3) BF16_CASE(R, 4)

static void tile_bf16(size_t rows, size_t v, const uint32_t *w, size_t rs, const uint32_t *x, size_t pairs, float *acc,
                      size_t as) {
    switch (rows * 8 + v) {
        BF16_CASES(1)
        BF16_CASES(2)
        BF16_CASES(3)
        BF16_CASES(4)
        BF16_CASES(5)
        BF16_CASES(6)
    }
}

#define PROBE(TYPE, STATEMENT) \
    TYPE c[8] = {{0}}; \
    uint64_t start = __rdtsc(); \
    for (int i = 0; i < 500; i++) { \
        for (int j = 0; j < 8; j++) STATEMENT; \
        __asm__ volatile("" : "+v"(c[0]), "+v"(c[1]), "+v"(c[2]), "+v"(c[3]), "+v"(c[4]), "+v"(c[5]), "+v"(c[6]), "+v"(c[7])); \
    } \
    return __rdtsc() - start;

static __attribute__((noinline)) uint64_t fma_cycles(__m512 a) { PROBE(__m512, c[j] = _mm512_fmadd_ps(a, a, c[j])) }
static __attribute__((noinline)) uint64_t bf16_cycles(__m512 a) {
    PROBE(__m512, c[j] = _mm512_dpbf16_ps(c[j], (__m512bh)a, (__m512bh)a))
}

int cxr_bf16_is_fast(void) {
    uint64_t fma = UINT64_MAX, bf16 = UINT64_MAX;
    // The least of several: an interruption only ever adds.
    for (int i = 0; i < 9; i++) {
        uint64_t one = fma_cycles(_mm512_setzero_ps()), other = bf16_cycles(_mm512_setzero_ps());
        fma = one < fma ? one : fma;
        bf16 = other < bf16 ? other : bf16;
    }
    return bf16 < 2 * fma;
}

#pragma clang attribute pop

const cxr_table cxr_table_avx512_bf16 = {AVX512_TABLE, .has_bf16_tile = 1, .tile_bf16 = tile_bf16};

#endif
