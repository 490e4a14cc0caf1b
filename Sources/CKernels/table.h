#pragma once

#include "kernels.h"

// One implementation of the inner kernels for one instruction level. The drivers (linear.c, attention.c, rows.c) know only this.

/// Activations of the few-token path of quantised weights, one token: blocks of 32 integers with a scale.
typedef struct {
    int16_t *values;  // [padded columns], ±127 (8-bit) or ±32512 (weight-only)
    // AVX-512: values = 256 * high + low; high is null for 8-bit activations. For Q4 in the order of its nibbles: of each four blocks
    // the first halves, then the second halves.
    int8_t *low, *high;
    int8_t *low4, *high4;
    float *scales;  // [blocks padded to 16], 0 beyond the last block
    float *sums;    // [blocks padded to 16], scale * sum of the block's values
} cxr_quantized_row;

typedef struct {
    size_t lanes;        // floats in a vector
    size_t panel;        // tokens in a full panel of packed activations: lanes * vectors of the widest tile
    int has_bf16_tile;   // tile_bf16 and tile_int8 exist
    int has_int8_tile;
    int splits_activations;  // few-token kernels read high and low instead of values

    // acc[r][0..<v*lanes] += sum over i of w[r * rs + i * ks] * x[i][0..<v*lanes], r < rows ≤ 6
    void (*tile_f32)(size_t rows, size_t v, const float *w, size_t rs, size_t ks, const float *x, size_t k, float *acc,
                     size_t as);
    // The same on pairs of bf16: w[r * rs + i] is one pair, x[i] holds one pair a lane.
    void (*tile_bf16)(size_t rows, size_t v, const uint32_t *w, size_t rs, const uint32_t *x, size_t pairs, float *acc,
                      size_t as);
    // w: quadruples of value + 128; x: quadruples of s8. acc += ws[r] * xs[lane] * (sum - 128 * xsum[lane])
    void (*tile_int8)(size_t rows, size_t v, const uint32_t *w, size_t rs, const uint32_t *x, size_t quads,
                      const float *ws, size_t wss, const float *xs, const int32_t *correction, float *acc, size_t as);

    // out[t] = dot of one weight row and x row t, t < tokens ≤ 4
    void (*dot_float)(cxr_format format, const void *row, const float *x, size_t ldx, size_t tokens, size_t columns,
                      float *out);
    // The same for `rows` ≤ 4 rows of Q8 and Q4; out[r * 4 + t]
    void (*dot_q8)(const uint8_t *w, const uint16_t *scales, size_t rows, const cxr_quantized_row *x, size_t tokens,
                   size_t blocks, float *out);
    void (*dot_q4)(const uint8_t *w, const uint16_t *scales, size_t rows, const cxr_quantized_row *x, size_t tokens,
                   size_t blocks, float *out);

    void (*to_float)(cxr_format from, const void *x, float *y, size_t count);
    void (*from_float)(cxr_format to, const float *x, void *y, size_t count);
    void (*row_to_float)(const cxr_weight *w, size_t row, float *out);
    // A quantised row as bytes (value + 128) with one scale a group of 256 columns.
    void (*row_to_groups)(const cxr_weight *w, size_t row, uint8_t *out, float *scales);

    // 32-bit units: out[i * stride + t] = x[t * ldx + i] for t < tokens ≤ 16, and 0 for tokens ≤ t < fill.
    void (*transpose)(const uint32_t *x, size_t ldx, size_t tokens, size_t units, uint32_t *out, size_t stride,
                      size_t fill);
    // y[t][r] (+)= acc[r][t] + bias[r]
    void (*store_tile)(const float *acc, size_t as, size_t rows, size_t tokens, const float *bias, float *y, size_t ldy,
                       int accumulate);
    // Largest |x| as bits, so that NaN and infinity are seen.
    uint32_t (*max_bits)(const float *x, size_t count);
    // q = round(x * inverse) as 8-bit; returns the sum
    int32_t (*quantize8)(const float *x, float inverse, size_t count, int8_t *q);
    int32_t (*quantize16)(const float *x, float inverse, size_t count, int16_t *q);
    // One block of n ≤ 32 weights as Q8 or Q4
    void (*quantize_block)(cxr_format format, const float *x, size_t n, uint8_t *out, uint16_t *scale);

    void (*rms_norm)(const float *x, size_t n, const float *weight, float offset, float epsilon, float *y);
    void (*layer_norm)(const float *x, size_t n, const float *weight, const float *bias, float epsilon, float *y);
    void (*softmax)(float *x, size_t n);
    void (*apply)(cxr_function function, float *x, size_t n);
    void (*gate)(cxr_function function, float *gate, const float *up, size_t n);
    void (*add)(float *y, const float *x, const float *scale, size_t n);
    void (*exp)(const float *x, float *y, size_t n);
    void (*rope)(float *x, const float *cosine, const float *sine, size_t half);
    void (*sums)(const float *x, size_t n, double *sum, double *squares);
    void (*scale_shift)(float *x, const float *scale, const float *shift, size_t n);

    // Attention of one query over contiguous keys of one head; scratch holds `high - low` floats.
    void (*attend_one)(cxr_format format, const float *q, const void *k, const void *v, size_t low, size_t high,
                       size_t head_dim, float scale, float *scratch, float *out);
    // One block of keys of the blocked form: see attention.c
    void (*softmax_block)(float *scores, size_t keys, size_t v, size_t first_key, const int32_t *low,
                          const int32_t *high, float scale, float *maximum, float *total, float *factor);
    void (*scale_columns)(float *acc, size_t rows, size_t v, const float *factor);
} cxr_table;

extern const cxr_table cxr_table_scalar;
#if defined(__x86_64__)
extern const cxr_table cxr_table_avx2;
extern const cxr_table cxr_table_avx512;
extern const cxr_table cxr_table_avx512_bf16;
/// Whether a bf16 dot product takes less than two f32 multiply-adds: some CPUs have the instruction at a quarter of their rate, and
/// f32 tiles on rounded values are then faster.
int cxr_bf16_is_fast(void);
#endif

const cxr_table *cxr_table_current(void);

enum { CXR_TILE_ROWS = 6, CXR_BLOCK = 32, CXR_GROUP = 256 };
