// Conversions between formats and unpacking of weight rows: part of ../body.h.

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
