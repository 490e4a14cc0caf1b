// Attention of one head: part of ../body.h.

enum { KEYS_AHEAD = 16 };  // distance of prefetching

INLINE void attend_fixed(const cxr_format format, const float *q, const void *k, const void *v, size_t low, size_t high,
                         size_t head_dim, float scale, float *scores, float *out) {
    size_t count = high - low;
    size_t i0 = head_dim - head_dim % LANES;
    for (size_t j = 0; j < count; j++) {
        size_t at = (low + j) * head_dim;
        vf a = {0}, b = {0};
        size_t i = 0;
        for (; i + 2 * LANES <= head_dim; i += 2 * LANES) {
            __builtin_prefetch((const void *)((uintptr_t)k + (at + i + KEYS_AHEAD * head_dim) * (format == CXR_FLOAT32 ? 4 : 2)));
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
                __builtin_prefetch((const void *)((uintptr_t)v + (at + KEYS_AHEAD * head_dim) * (format == CXR_FLOAT32 ? 4 : 2)));
                __builtin_prefetch((const void *)((uintptr_t)v + (at + 32 + KEYS_AHEAD * head_dim) * (format == CXR_FLOAT32 ? 4 : 2)));
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
