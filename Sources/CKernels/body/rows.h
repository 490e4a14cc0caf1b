// Elementary functions, norms, softmax and rotation: part of ../body.h.

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
