// The kernels in portable C with vector types, included once for each instruction level (scalar.c, avx2.c, avx512.c), which defines
//   LANES    floats in a vector
//   VECTORS  vectors in the widest tile
// and the target features by `#pragma clang attribute`.

#pragma clang fp contract(fast)

#define INLINE static inline __attribute__((always_inline))

typedef float vf __attribute__((vector_size(4 * LANES)));
typedef int32_t vi __attribute__((vector_size(4 * LANES)));
typedef uint32_t vu __attribute__((vector_size(4 * LANES)));

INLINE vf load(const float *p) {
    vf v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}
INLINE void store(float *p, vf v) { __builtin_memcpy(p, &v, sizeof v); }
// A cast of a scalar to an extended vector copies it to all lanes; `zero + x` would be an addition, since 0 + -0 is 0.
typedef float extended __attribute__((ext_vector_type(LANES)));
INLINE vf splat(float x) { return (vf)(extended)(x); }
INLINE vi splat_int(int32_t x) { return (vi){0} + x; }
INLINE vf select(vi mask, vf a, vf b) { return (vf)((mask & (vi)a) | (~mask & (vi)b)); }
INLINE vf absolute(vf x) { return (vf)((vi)x & 0x7fffffff); }
INLINE vf load_part(const float *p, size_t n) {
    float parts[LANES] = {0};
    __builtin_memcpy(parts, p, n * sizeof(float));
    return load(parts);
}
INLINE void store_part(float *p, vf v, size_t n) { __builtin_memcpy(p, &v, n * sizeof(float)); }
INLINE float sum_lanes(vf v) {
    float parts[LANES];
    store(parts, v);
    for (size_t half = LANES / 2; half > 0; half /= 2) {
        for (size_t i = 0; i < half; i++) parts[i] += parts[i + half];
    }
    return parts[0];
}
INLINE float max_lanes(vf v) {
    float parts[LANES];
    store(parts, v);
    for (size_t half = LANES / 2; half > 0; half /= 2) {
        for (size_t i = 0; i < half; i++) parts[i] = parts[i] < parts[i + half] ? parts[i + half] : parts[i];
    }
    return parts[0];
}

// ------------------------------------------------------------------------------------------------------ conversions

INLINE float half_to_float(uint16_t h) {
    uint32_t magnitude = (uint32_t)(h & 0x7fff) << 13;
    uint32_t sign = (uint32_t)(h & 0x8000) << 16;
    float scaled;
    if ((h & 0x7c00) == 0x7c00) {
        magnitude |= 0x7f800000;
        __builtin_memcpy(&scaled, &magnitude, 4);
    } else {
        // The exponent is 112 too small; the product is exact, subnormals included.
        __builtin_memcpy(&scaled, &magnitude, 4);
        scaled *= 0x1p112f;
    }
    uint32_t bits;
    __builtin_memcpy(&bits, &scaled, 4);
    bits |= sign;
    __builtin_memcpy(&scaled, &bits, 4);
    return scaled;
}

INLINE uint16_t float_to_half(float x) {
    uint32_t bits;
    __builtin_memcpy(&bits, &x, 4);
    uint32_t sign = (bits >> 16) & 0x8000;
    bits &= 0x7fffffff;
    if (bits > 0x7f800000) return (uint16_t)(sign | 0x7e00);
    if (bits >= 0x477ff000) return (uint16_t)(sign | 0x7c00);
    if (bits < 0x38800000) {
        // Subnormal: adding 0.5 shifts the value so that the last ten bits are the result, rounded to even.
        float shifted;
        __builtin_memcpy(&shifted, &bits, 4);
        shifted += 0.5f;
        __builtin_memcpy(&bits, &shifted, 4);
        return (uint16_t)(sign | (bits - 0x3f000000));
    }
    uint32_t odd = (bits >> 13) & 1;
    return (uint16_t)(sign | ((bits - 0x38000000 + 0xfff + odd) >> 13));
}

INLINE float bfloat_to_float(uint16_t b) {
    uint32_t bits = (uint32_t)b << 16;
    float x;
    __builtin_memcpy(&x, &bits, 4);
    return x;
}

INLINE uint16_t float_to_bfloat(float x) {
    uint32_t bits;
    __builtin_memcpy(&bits, &x, 4);
    if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)((bits >> 16) | 0x40);
    return (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

#ifdef NATIVE_HALF
INLINE vf load_half(const uint16_t *p) { return native_load_half(p); }
#else
INLINE vf load_half(const uint16_t *p) {
    float parts[LANES];
    for (size_t i = 0; i < LANES; i++) parts[i] = half_to_float(p[i]);
    return load(parts);
}
#endif

INLINE vf load_bfloat(const uint16_t *p) {
    uint16_t parts[LANES];
    __builtin_memcpy(parts, p, sizeof parts);
    vi v;
    for (size_t i = 0; i < LANES; i++) v[i] = (int32_t)((uint32_t)parts[i] << 16);
    return (vf)v;
}

INLINE vf load_as(const cxr_format format, const void *p, size_t index) {
    if (format == CXR_FLOAT16) return load_half((const uint16_t *)p + index);
    if (format == CXR_BFLOAT16) return load_bfloat((const uint16_t *)p + index);
    return load((const float *)p + index);
}

INLINE float load_one(const cxr_format format, const void *p, size_t index) {
    if (format == CXR_FLOAT16) return half_to_float(((const uint16_t *)p)[index]);
    if (format == CXR_BFLOAT16) return bfloat_to_float(((const uint16_t *)p)[index]);
    return ((const float *)p)[index];
}

INLINE void convert_in(const cxr_format from, const void *x, float *y, size_t count) {
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) store(y + i, load_as(from, x, i));
    for (; i < count; i++) y[i] = load_one(from, x, i);
}

static void to_float(cxr_format from, const void *x, float *y, size_t count) {
    if (from == CXR_FLOAT16) convert_in(CXR_FLOAT16, x, y, count);
    else if (from == CXR_BFLOAT16) convert_in(CXR_BFLOAT16, x, y, count);
    else convert_in(CXR_FLOAT32, x, y, count);
}

#ifndef NATIVE_CONVERSIONS
static void from_float(cxr_format to, const float *x, void *y, size_t count) {
    if (to == CXR_FLOAT16) {
        uint16_t *out = y;
        for (size_t i = 0; i < count; i++) out[i] = float_to_half(x[i]);
    } else if (to == CXR_BFLOAT16) {
        uint16_t *out = y;
        for (size_t i = 0; i < count; i++) out[i] = float_to_bfloat(x[i]);
    } else {
        __builtin_memcpy(y, x, count * sizeof(float));
    }
}

#endif

INLINE void float_row_to_float(const cxr_weight *w, size_t row, float *out) {
    size_t size = w->format == CXR_FLOAT32 ? 4 : 2;
    to_float(w->format, (const uint8_t *)w->values + row * w->columns * size, out, w->columns);
}

#ifndef NATIVE_GROUPS
static void row_to_float(const cxr_weight *w, size_t row, float *out) {
    size_t blocks = (w->columns + CXR_BLOCK - 1) / CXR_BLOCK;
    if (w->format == CXR_Q8 || w->format == CXR_Q4) {
        const uint16_t *scales = w->scales + row * blocks;
        size_t bytes = w->format == CXR_Q8 ? 32 : 16;
        const uint8_t *values = (const uint8_t *)w->values + row * blocks * bytes;
        for (size_t b = 0; b < blocks; b++) {
            float block[CXR_BLOCK];
            float d = half_to_float(scales[b]);
            const uint8_t *p = values + b * bytes;
            if (w->format == CXR_Q8) {
                for (int i = 0; i < 32; i++) block[i] = d * (float)((int)p[i] - 128);
            } else {
                for (int i = 0; i < 16; i++) {
                    block[i] = d * (float)((int)(p[i] & 15) - 8);
                    block[i + 16] = d * (float)((int)(p[i] >> 4) - 8);
                }
            }
            size_t n = w->columns - b * CXR_BLOCK;
            __builtin_memcpy(out + b * CXR_BLOCK, block, (n < CXR_BLOCK ? n : CXR_BLOCK) * sizeof(float));
        }
    } else {
        float_row_to_float(w, row, out);
    }
}

static void row_to_groups(const cxr_weight *w, size_t row, uint8_t *out, float *scales) {
    size_t blocks = (w->columns + CXR_BLOCK - 1) / CXR_BLOCK;
    size_t bytes = w->format == CXR_Q8 ? 32 : 16;
    const uint8_t *values = (const uint8_t *)w->values + row * blocks * bytes;
    const uint16_t *d = w->scales + row * blocks;
    size_t per_group = CXR_GROUP / CXR_BLOCK;
    for (size_t g = 0; g * per_group < blocks; g++) {
        size_t end = (g + 1) * per_group < blocks ? (g + 1) * per_group : blocks;
        float maximum = 0;
        int finite = 1;
        for (size_t b = g * per_group; b < end; b++) {
            float s = __builtin_fabsf(half_to_float(d[b]));
            finite &= (d[b] & 0x7c00) != 0x7c00;
            maximum = s > maximum ? s : maximum;
        }
        // A 4-bit block's largest magnitude is 8 times its scale.
        float unit = w->format == CXR_Q8 ? maximum : maximum * (8.0f / 127.0f);
        scales[g] = finite ? unit : __builtin_nanf("");
        float inverse = finite && unit > 0 ? 1 / unit : 0;
        for (size_t b = g * per_group; b < end; b++) {
            float ratio = finite ? half_to_float(d[b]) * inverse : 0;
            const uint8_t *p = values + b * bytes;
            uint8_t *q = out + b * CXR_BLOCK;
            for (int i = 0; i < CXR_BLOCK; i++) {
                int value = w->format == CXR_Q8 ? (int)p[i] - 128 : (int)(i < 16 ? p[i] & 15 : p[i - 16] >> 4) - 8;
                q[i] = (uint8_t)(int)(__builtin_rintf((float)value * ratio) + 128.0f);
            }
        }
    }
}
#endif

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

// ------------------------------------------------------------------------------------------- elementary functions

// e^x: Cephes' polynomial on [-ln2/2, ln2/2]; relative error below 2e-7, 0 and infinity at the ends, NaN stays NaN.
INLINE vf exponential(vf x) {
    x = select(x < -104.0f, splat(-104.0f), x);
    x = select(x > 89.0f, splat(89.0f), x);
    vf shifted = x * 1.44269504088896341f + 12582912.0f;
    vi n = (vi)shifted - 0x4b400000;
    vf rounded = shifted - 12582912.0f;
    vf r = x - rounded * 0.693359375f;
    r = r - rounded * -2.12194440e-4f;
    vf p = splat(1.9875691500e-4f);
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    // Two steps, so that the ends of the range do not overflow the exponent field.
    vi half = n >> 1;
    return p * (vf)((vu)(half + 127) << 23) * (vf)((vu)(n - half + 127) << 23);
}

// The error function, Abramowitz and Stegun 7.1.26: absolute error below 1.5e-7.
INLINE vf error_function(vf x) {
    vf a = absolute(x);
    vf t = 1.0f / (1.0f + 0.3275911f * a);
    vf p = splat(1.061405429f);
    p = p * t - 1.453152027f;
    p = p * t + 1.421413741f;
    p = p * t - 0.284496736f;
    p = p * t + 0.254829592f;
    vf y = 1.0f - p * t * exponential(-a * a);
    return (vf)((vi)y | ((vi)x & (int32_t)0x80000000));
}

INLINE vf function_of(const cxr_function function, vf x) {
    switch (function) {
    case CXR_SILU: return x / (1.0f + exponential(-x));
    case CXR_GELU: return 0.5f * x * (1.0f + error_function(x * 0.70710678118654752f));
    case CXR_GELU_TANH: {
        // x * (1 + tanh u) / 2 = x / (1 + e^(-2u))
        vf u = 0.79788456080286536f * (x + 0.044715f * x * x * x);
        return x / (1.0f + exponential(-2.0f * u));
    }
    case CXR_QUICK_GELU: return x / (1.0f + exponential(-1.702f * x));
    default: return select(x < 0.0f, splat(0), x);
    }
}

INLINE void apply_fixed(const cxr_function f, float *x, const float *up, size_t n) {
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        vf y = function_of(f, load(x + i));
        store(x + i, up ? y * load(up + i) : y);
    }
    if (i < n) {
        vf y = function_of(f, load_part(x + i, n - i));
        store_part(x + i, up ? y * load_part(up + i, n - i) : y, n - i);
    }
}

static void gate(cxr_function function, float *x, const float *up, size_t n) {
    switch (function) {
    case CXR_SILU: apply_fixed(CXR_SILU, x, up, n); break;
    case CXR_GELU: apply_fixed(CXR_GELU, x, up, n); break;
    case CXR_GELU_TANH: apply_fixed(CXR_GELU_TANH, x, up, n); break;
    case CXR_QUICK_GELU: apply_fixed(CXR_QUICK_GELU, x, up, n); break;
    default: apply_fixed(CXR_RELU, x, up, n); break;
    }
}

static void apply(cxr_function function, float *x, size_t n) { gate(function, x, NULL, n); }

static void exp_all(const float *x, float *y, size_t n) {
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) store(y + i, exponential(load(x + i)));
    if (i < n) store_part(y + i, exponential(load_part(x + i, n - i)), n - i);
}

static void add(float *y, const float *x, const float *scale, size_t n) {
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        vf v = load(x + i);
        store(y + i, load(y + i) + (scale ? v * load(scale + i) : v));
    }
    for (; i < n; i++) y[i] += scale ? x[i] * scale[i] : x[i];
}

static void scale_shift(float *x, const float *scale, const float *shift, size_t n) {
    for (size_t i = 0; i < n; i++) x[i] = x[i] * scale[i] + shift[i];
}

static void sums(const float *x, size_t n, double *sum, double *squares) {
    double s[8] = {0}, q[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        for (size_t j = 0; j < 8; j++) {
            double value = x[i + j];
            s[j] += value;
            q[j] += value * value;
        }
    }
    for (; i < n; i++) {
        double value = x[i];
        s[0] += value;
        q[0] += value * value;
    }
    for (size_t j = 1; j < 8; j++) {
        s[0] += s[j];
        q[0] += q[j];
    }
    *sum += s[0];
    *squares += q[0];
}

static void rms_norm(const float *x, size_t n, const float *weight, float offset, float epsilon, float *y) {
    vf a = {0}, b = {0};
    size_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        vf p = load(x + i), q = load(x + i + LANES);
        a += p * p;
        b += q * q;
    }
    float sum = sum_lanes(a + b);
    for (; i < n; i++) sum += x[i] * x[i];
    float factor = 1.0f / __builtin_sqrtf(sum / (float)n + epsilon);
    for (i = 0; i + LANES <= n; i += LANES) store(y + i, load(x + i) * factor * (load(weight + i) + offset));
    for (; i < n; i++) y[i] = x[i] * factor * (weight[i] + offset);
}

static void layer_norm(const float *x, size_t n, const float *weight, const float *bias, float epsilon, float *y) {
    vf a = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) a += load(x + i);
    float sum = sum_lanes(a);
    for (; i < n; i++) sum += x[i];
    float mean = sum / (float)n;
    a = (vf){0};
    for (i = 0; i + LANES <= n; i += LANES) {
        vf d = load(x + i) - mean;
        a += d * d;
    }
    float squares = sum_lanes(a);
    for (; i < n; i++) squares += (x[i] - mean) * (x[i] - mean);
    float factor = 1.0f / __builtin_sqrtf(squares / (float)n + epsilon);
    for (i = 0; i + LANES <= n; i += LANES) {
        vf v = (load(x + i) - mean) * factor;
        if (weight) v *= load(weight + i);
        if (bias) v += load(bias + i);
        store(y + i, v);
    }
    for (; i < n; i++) {
        float v = (x[i] - mean) * factor;
        if (weight) v *= weight[i];
        if (bias) v += bias[i];
        y[i] = v;
    }
}

// Largest value; NaNs are passed over, since the sum of the exponentials shows them.
INLINE float maximum_of(const float *x, size_t n) {
    vf a = splat(-__builtin_inff());
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        vf v = load(x + i);
        a = select(v > a, v, a);
    }
    float m = max_lanes(a);
    for (; i < n; i++) m = x[i] > m ? x[i] : m;
    return m;
}

// x = e^(x - m); returns the sum.
INLINE float exponentiate(float *x, size_t n, float scale, float m) {
    vf a = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        vf e = exponential(load(x + i) * scale - m);
        a += e;
        store(x + i, e);
    }
    float sum = sum_lanes(a);
    if (i < n) {
        vf e = exponential(load_part(x + i, n - i) * scale - m);
        store_part(x + i, e, n - i);
        for (; i < n; i++) sum += x[i];
    }
    return sum;
}

static void softmax(float *x, size_t n) {
    float sum = exponentiate(x, n, 1.0f, maximum_of(x, n));
    float inverse = 1.0f / sum;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) store(x + i, load(x + i) * inverse);
    for (; i < n; i++) x[i] *= inverse;
}

static void rope(float *x, const float *cosine, const float *sine, size_t half) {
    size_t i = 0;
    for (; i + LANES <= half; i += LANES) {
        vf a = load(x + i), b = load(x + half + i), c = load(cosine + i), s = load(sine + i);
        store(x + i, a * c - b * s);
        store(x + half + i, b * c + a * s);
    }
    for (; i < half; i++) {
        float a = x[i], b = x[half + i];
        x[i] = a * cosine[i] - b * sine[i];
        x[half + i] = b * cosine[i] + a * sine[i];
    }
}

// -------------------------------------------------------------------------------------------------------- attention

INLINE void attend_fixed(const cxr_format format, const float *q, const void *k, const void *v, size_t low, size_t high,
                         size_t head_dim, float scale, float *scores, float *out) {
    size_t count = high - low;
    size_t i0 = head_dim - head_dim % LANES;
    for (size_t j = 0; j < count; j++) {
        size_t at = (low + j) * head_dim;
        vf a = {0}, b = {0};
        size_t i = 0;
        for (; i + 2 * LANES <= head_dim; i += 2 * LANES) {
            a += load(q + i) * load_as(format, k, at + i);
            b += load(q + i + LANES) * load_as(format, k, at + i + LANES);
        }
        if (i < i0) a += load(q + i) * load_as(format, k, at + i);
        float sum = sum_lanes(a + b);
        for (i = i0; i < head_dim; i++) sum += q[i] * load_one(format, k, at + i);
        scores[j] = sum * scale;
    }
    float inverse = 1.0f / exponentiate(scores, count, 1.0f, maximum_of(scores, count));
    for (size_t i = 0; i < i0; i += 4 * LANES) {
        vf a[4] = {{0}};
        size_t n = (i0 - i) / LANES;
        n = n < 4 ? n : 4;
        if (n == 4) {
            for (size_t j = 0; j < count; j++) {
                vf p = splat(scores[j]);
                size_t at = (low + j) * head_dim + i;
#pragma clang loop unroll(full)
                for (size_t m = 0; m < 4; m++) a[m] += p * load_as(format, v, at + m * LANES);
            }
        } else {
            for (size_t m = 0; m < n; m++) {
                for (size_t j = 0; j < count; j++) {
                    a[m] += splat(scores[j]) * load_as(format, v, (low + j) * head_dim + i + m * LANES);
                }
            }
        }
        for (size_t m = 0; m < n; m++) store(out + i + m * LANES, a[m] * inverse);
    }
    for (size_t i = i0; i < head_dim; i++) {
        float sum = 0;
        for (size_t j = 0; j < count; j++) sum += scores[j] * load_one(format, v, (low + j) * head_dim + i);
        out[i] = sum * inverse;
    }
}

static void attend_one(cxr_format format, const float *q, const void *k, const void *v, size_t low, size_t high,
                       size_t head_dim, float scale, float *scores, float *out) {
    if (format == CXR_FLOAT16) attend_fixed(CXR_FLOAT16, q, k, v, low, high, head_dim, scale, scores, out);
    else if (format == CXR_BFLOAT16) attend_fixed(CXR_BFLOAT16, q, k, v, low, high, head_dim, scale, scores, out);
    else attend_fixed(CXR_FLOAT32, q, k, v, low, high, head_dim, scale, scores, out);
}

static void softmax_block(float *scores, size_t keys, size_t v, size_t first_key, const int32_t *low,
                          const int32_t *high, float scale, float *maximum, float *total, float *factor) {
    size_t width = v * LANES;
    for (size_t j = 0; j < v; j++) {
        vi lo, hi;
        __builtin_memcpy(&lo, low + j * LANES, sizeof lo);
        __builtin_memcpy(&hi, high + j * LANES, sizeof hi);
        vf before = load(maximum + j * LANES);
        vf m = before;
        for (size_t key = 0; key < keys; key++) {
            vi at = splat_int((int32_t)(first_key + key));
            float *p = scores + key * width + j * LANES;
            vf s = select((at >= lo) & (at < hi), load(p) * scale, splat(-__builtin_inff()));
            m = select(s > m, s, m);
            store(p, s);
        }
        // Nothing seen yet: any finite value keeps the differences defined.
        vf base = select(m == -__builtin_inff(), splat(0), m);
        vf f = exponential(before - base);
        vf sum = load(total + j * LANES) * f;
        for (size_t key = 0; key < keys; key++) {
            float *p = scores + key * width + j * LANES;
            vf e = exponential(load(p) - base);
            sum += e;
            store(p, e);
        }
        store(maximum + j * LANES, m);
        store(total + j * LANES, sum);
        store(factor + j * LANES, f);
    }
}

static void scale_columns(float *acc, size_t rows, size_t v, const float *factor) {
    for (size_t r = 0; r < rows; r++) {
        for (size_t j = 0; j < v; j++) {
            float *p = acc + (r * v + j) * LANES;
            store(p, load(p) * load(factor + j * LANES));
        }
    }
}

#define COMMON_TABLE \
    .lanes = LANES, .panel = LANES * VECTORS, .tile_f32 = tile_f32, .dot_float = dot_float, .dot_q8 = dot_q8, \
    .dot_q4 = dot_q4, .to_float = to_float, .from_float = from_float, .row_to_float = row_to_float, \
    .row_to_groups = row_to_groups, .transpose = transpose, .store_tile = store_tile, .max_bits = max_bits, \
    .quantize8 = quantize8, .quantize16 = quantize16, .quantize_block = quantize_block, .rms_norm = rms_norm, .layer_norm = layer_norm, \
    .softmax = softmax, .apply = apply, .gate = gate, .add = add, .exp = exp_all, .rope = rope, .sums = sums, \
    .scale_shift = scale_shift, .attend_one = attend_one, .softmax_block = softmax_block, \
    .scale_columns = scale_columns
