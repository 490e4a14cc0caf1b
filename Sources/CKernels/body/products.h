// Tiles, products for few tokens, and quantising: part of ../body.h.

// ------------------------------------------------------------------------------------------------------------ tiles

INLINE void tile_fixed(const size_t rows, const size_t v, const float *w, size_t rs, size_t ks, const float *x, size_t k,
                       float *acc, size_t as) {
    vf c[CXR_TILE_ROWS][VECTORS];
#pragma clang loop unroll(full)
    for (size_t r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (size_t j = 0; j < v; j++) c[r][j] = load(acc + r * as + j * LANES);
    }
#pragma clang loop unroll(disable)
    for (size_t i = 0; i < k; i++) {
        vf b[VECTORS];
#pragma clang loop unroll(full)
        for (size_t j = 0; j < v; j++) b[j] = load(x + (i * v + j) * LANES);
#pragma clang loop unroll(full)
        for (size_t r = 0; r < rows; r++) {
            vf a = splat(w[r * rs + i * ks]);
#pragma clang loop unroll(full)
            for (size_t j = 0; j < v; j++) c[r][j] += a * b[j];
        }
    }
#pragma clang loop unroll(full)
    for (size_t r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
        for (size_t j = 0; j < v; j++) store(acc + r * as + j * LANES, c[r][j]);
    }
}

#define TILE_CASE(R, V) \
    case R * 8 + V: tile_fixed(R, V, w, rs, ks, x, k, acc, as); break;
#if VECTORS == 4
#define TILE_CASES(R) TILE_CASE(R, 1) TILE_CASE(R, 2) TILE_CASE(R, 3) TILE_CASE(R, 4)
#else
#define TILE_CASES(R) TILE_CASE(R, 1) TILE_CASE(R, 2)
#endif

static void tile_f32(size_t rows, size_t v, const float *w, size_t rs, size_t ks, const float *x, size_t k, float *acc,
                     size_t as) {
    switch (rows * 8 + v) {
        TILE_CASES(1)
        TILE_CASES(2)
        TILE_CASES(3)
        TILE_CASES(4)
        TILE_CASES(5)
        TILE_CASES(6)
    }
}

#ifndef NATIVE_TRANSPOSE
static void transpose(const uint32_t *x, size_t ldx, size_t tokens, size_t units, uint32_t *out, size_t stride,
                      size_t fill) {
    for (size_t i0 = 0; i0 < units; i0 += 16) {
        size_t end = i0 + 16 < units ? i0 + 16 : units;
        for (size_t t = 0; t < tokens; t++) {
            for (size_t i = i0; i < end; i++) out[i * stride + t] = x[t * ldx + i];
        }
        for (size_t t = tokens; t < fill; t++) {
            for (size_t i = i0; i < end; i++) out[i * stride + t] = 0;
        }
    }
}

static void store_tile(const float *acc, size_t as, size_t rows, size_t tokens, const float *bias, float *y, size_t ldy,
                       int accumulate) {
    for (size_t t = 0; t < tokens; t++) {
        for (size_t r = 0; r < rows; r++) {
            float value = acc[r * as + t] + (bias ? bias[r] : 0);
            y[t * ldy + r] = accumulate ? y[t * ldy + r] + value : value;
        }
    }
}
#endif

// ------------------------------------------------------------------------------------------------- few-token products

INLINE void dot_fixed(const cxr_format format, const size_t tokens, const void *row, const float *x, size_t ldx,
                      size_t columns, float *out) {
    vf c[4][2];
#pragma clang loop unroll(full)
    for (size_t t = 0; t < tokens; t++) c[t][0] = c[t][1] = (vf){0};
    size_t i = 0;
    for (; i + 2 * LANES <= columns; i += 2 * LANES) {
        // The next row, at the same place: the processor's own prefetcher loses a row at its end.
        __builtin_prefetch((const void *)((uintptr_t)row + (columns + i) * (format == CXR_FLOAT32 ? 4 : 2)));
        vf w0 = load_as(format, row, i), w1 = load_as(format, row, i + LANES);
#pragma clang loop unroll(full)
        for (size_t t = 0; t < tokens; t++) {
            c[t][0] += w0 * load(x + t * ldx + i);
            c[t][1] += w1 * load(x + t * ldx + i + LANES);
        }
    }
    for (size_t t = 0; t < tokens; t++) {
        float sum = sum_lanes(c[t][0] + c[t][1]);
        for (size_t j = i; j < columns; j++) sum += load_one(format, row, j) * x[t * ldx + j];
        out[t] = sum;
    }
}

#define DOT_FLOAT(F) \
    switch (tokens) { \
    case 1: dot_fixed(F, 1, row, x, ldx, columns, out); break; \
    case 2: dot_fixed(F, 2, row, x, ldx, columns, out); break; \
    case 3: dot_fixed(F, 3, row, x, ldx, columns, out); break; \
    default: dot_fixed(F, 4, row, x, ldx, columns, out); break; \
    }

static void dot_float(cxr_format format, const void *row, const float *x, size_t ldx, size_t tokens, size_t columns,
                      float *out) {
    if (format == CXR_FLOAT16) {
        DOT_FLOAT(CXR_FLOAT16)
    } else if (format == CXR_BFLOAT16) {
        DOT_FLOAT(CXR_BFLOAT16)
    } else {
        DOT_FLOAT(CXR_FLOAT32)
    }
}

#ifndef NATIVE_DOT_QUANTIZED
static void dot_q8(const uint8_t *w, const uint16_t *scales, size_t rows, const cxr_quantized_row *x, size_t tokens,
                   size_t blocks, float *out) {
    for (size_t r = 0; r < rows; r++) {
        for (size_t t = 0; t < tokens; t++) {
            float total = 0;
            for (size_t b = 0; b < blocks; b++) {
                const uint8_t *p = w + (r * blocks + b) * 32;
                const int16_t *q = x[t].values + b * 32;
                int32_t sum = 0;
                for (int i = 0; i < 32; i++) sum += (int16_t)((int)p[i] - 128) * q[i];
                total += half_to_float(scales[r * blocks + b]) * x[t].scales[b] * (float)sum;
            }
            out[r * 4 + t] = total;
        }
    }
}

static void dot_q4(const uint8_t *w, const uint16_t *scales, size_t rows, const cxr_quantized_row *x, size_t tokens,
                   size_t blocks, float *out) {
    for (size_t r = 0; r < rows; r++) {
        for (size_t t = 0; t < tokens; t++) {
            float total = 0;
            for (size_t b = 0; b < blocks; b++) {
                const uint8_t *p = w + (r * blocks + b) * 16;
                const int16_t *q = x[t].values + b * 32;
                int32_t sum = 0;
                for (int i = 0; i < 16; i++) sum += (int16_t)((int)(p[i] & 15) - 8) * q[i];
                for (int i = 0; i < 16; i++) sum += (int16_t)((int)(p[i] >> 4) - 8) * q[i + 16];
                total += half_to_float(scales[r * blocks + b]) * x[t].scales[b] * (float)sum;
            }
            out[r * 4 + t] = total;
        }
    }
}
#endif

// ------------------------------------------------------------------------------------------------------- quantising

static uint32_t max_bits(const float *x, size_t count) {
    vu m = {0};
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        vu bits = (vu)load(x + i) & 0x7fffffffu;
        vu larger = (vu)(bits > m);
        m = (bits & larger) | (m & ~larger);
    }
    if (i < count) {
        vu bits = (vu)load_part(x + i, count - i) & 0x7fffffffu;
        vu larger = (vu)(bits > m);
        m = (bits & larger) | (m & ~larger);
    }
    uint32_t maximum = 0;
    for (size_t j = 0; j < LANES; j++) maximum = m[j] > maximum ? m[j] : maximum;
    return maximum;
}

static int32_t quantize8(const float *x, float inverse, size_t count, int8_t *q) {
    int32_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        q[i] = (int8_t)(int)__builtin_rintf(x[i] * inverse);
        sum += q[i];
    }
    return sum;
}

static int32_t quantize16(const float *x, float inverse, size_t count, int16_t *q) {
    int32_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        q[i] = (int16_t)(int)__builtin_rintf(x[i] * inverse);
        sum += q[i];
    }
    return sum;
}

// The f16 scale of least squared error among candidates around the one that maps the extreme value to the end of the range.
static void quantize_block(cxr_format format, const float *x, size_t n, uint8_t *out, uint16_t *scale_out) {
    float padded[CXR_BLOCK] = {0};
    __builtin_memcpy(padded, x, n * sizeof(float));
    float low = format == CXR_Q8 ? -127 : -8, high = format == CXR_Q8 ? 127 : 7;
    float extreme = 0;
    for (int i = 0; i < CXR_BLOCK; i++) {
        if (__builtin_fabsf(padded[i]) > __builtin_fabsf(extreme)) extreme = padded[i];
    }
    float best_error = __builtin_inff(), inverse = 0;
    uint16_t best = 0x7e00;
    int finite = max_bits(padded, CXR_BLOCK) < 0x7f800000, candidates = format == CXR_Q8 ? 1 : 17;
    for (int candidate = 0; finite && candidate < candidates; candidate++) {
        // -8 is the longer end of the 4-bit range: the extreme value goes there, whatever its sign.
        float divisor = format == CXR_Q8 ? 127.0f : -(7.2f + 0.1f * (float)candidate);
        uint16_t half = float_to_half(extreme / divisor);
        float d = half_to_float(half), error = 0;
        float factor = d != 0 ? 1 / d : 0;
        float errors[CXR_BLOCK];
        for (int i = 0; i < CXR_BLOCK; i++) {
            float q = __builtin_rintf(padded[i] * factor);
            q = q < low ? low : q;
            q = q > high ? high : q;
            float difference = padded[i] - q * d;
            errors[i] = difference * difference;
        }
        for (int i = 0; i < CXR_BLOCK; i++) error += errors[i];
        if (candidate == 0 || error < best_error) {
            best_error = error;
            best = half;
            inverse = factor;
        }
    }
    *scale_out = best;
    int q[CXR_BLOCK];
    for (int i = 0; i < CXR_BLOCK; i++) {
        float value = finite ? __builtin_rintf(padded[i] * inverse) : 0;
        value = value < low ? low : value;
        q[i] = (int)(value > high ? high : value);
    }
    if (format == CXR_Q8) {
        for (int i = 0; i < 32; i++) out[i] = (uint8_t)(q[i] + 128);
    } else {
        for (int i = 0; i < 16; i++) out[i] = (uint8_t)((q[i] + 8) | (q[i + 16] + 8) << 4);
    }
}
