// Vectors of LANES floats: part of ../body.h.

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
typedef float v4 __attribute__((vector_size(16)));
typedef float v8 __attribute__((vector_size(32)));
#if LANES == 16
#define FOLD(OPERATION) \
    v8 h = OPERATION(v8, __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7), \
                     __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15)); \
    v4 q = OPERATION(v4, __builtin_shufflevector(h, h, 0, 1, 2, 3), __builtin_shufflevector(h, h, 4, 5, 6, 7));
#elif LANES == 8
#define FOLD(OPERATION) \
    v4 q = OPERATION(v4, __builtin_shufflevector(v, v, 0, 1, 2, 3), __builtin_shufflevector(v, v, 4, 5, 6, 7));
#else
#define FOLD(OPERATION) v4 q = v;
#endif
#define SUM(TYPE, A, B) ((A) + (B))
INLINE float sum_lanes(vf v) {
    FOLD(SUM)
    q += __builtin_shufflevector(q, q, 2, 3, 2, 3);
    return q[0] + q[1];
}
#define GREATER(TYPE, A, B) greater_##TYPE(A, B)
INLINE v4 greater_v4(v4 a, v4 b) {
    __typeof__(a > b) mask = a > b;
    return (v4)((mask & (__typeof__(mask))a) | (~mask & (__typeof__(mask))b));
}
INLINE v8 greater_v8(v8 a, v8 b) {
    __typeof__(a > b) mask = a > b;
    return (v8)((mask & (__typeof__(mask))a) | (~mask & (__typeof__(mask))b));
}
INLINE float max_lanes(vf v) {
    FOLD(GREATER)
    q = greater_v4(q, __builtin_shufflevector(q, q, 2, 3, 2, 3));
    return q[0] > q[1] ? q[0] : q[1];
}
