// Exercises every kernel for `run`: see there. Results are compared in the Swift tests; here only accesses count, and that levels
// give about the same checksum.

#include "kernels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state = 42;

static float next(void) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (float)((double)(state >> 33) / (double)(1ull << 31) * 2 - 1);
}

// Exactly as large as asked: AddressSanitizer guards both ends. Odd placements: the data ends at the guard and need not be aligned
// beyond its element.
static void *room(size_t bytes) {
    void *p = malloc(bytes ? bytes : 1);
    if (!p) abort();
    return p;
}

static float *floats(size_t count) {
    float *p = room(count * sizeof *p);
    for (size_t i = 0; i < count; i++) p[i] = next();
    return p;
}

static double checksum;

static void sum(const float *x, size_t n) {
    for (size_t i = 0; i < n; i++) checksum += (double)x[i] * (double)(i % 7 + 1);
}

static void linear(size_t tokens, size_t rows, size_t columns) {
    float *x = floats(tokens * columns), *source = floats(rows * columns), *bias = floats(rows);
    size_t blocks = (columns + 31) / 32;
    for (int format = CXR_FLOAT32; format <= CXR_Q4; format++) {
        size_t bytes = format == CXR_FLOAT32 ? columns * 4 : format < CXR_Q8 ? columns * 2 : blocks * (format == CXR_Q8 ? 32 : 16);
        void *values = room(rows * bytes);
        uint16_t *scales = room(rows * blocks * 2);
        if (format >= CXR_Q8) cxr_quantize_rows((cxr_format)format, source, columns, rows, columns, values, scales);
        else cxr_convert_from_float((cxr_format)format, source, values, rows * columns);
        cxr_weight weight = {(cxr_format)format, rows, columns, values, format >= CXR_Q8 ? scales : NULL};
        float *row = room(columns * sizeof *row);
        cxr_dequantize_row(&weight, rows - 1, row);
        sum(row, columns);
        for (int activation = 0; activation <= CXR_ACTIVATION_INT8; activation++) {
            float *y = floats(tokens * rows), *z = floats(tokens * rows);
            cxr_linear jobs[2] = {{weight, bias, y, rows, 0}, {weight, NULL, z, rows, 1}};
            cxr_linear_apply(jobs, 2, (cxr_activation)activation, x, columns, tokens);
            sum(y, tokens * rows);
            sum(z, tokens * rows);
            free(y);
            free(z);
        }
        free(row);
        free(values);
        free(scales);
    }
    free(x);
    free(source);
    free(bias);
}

static void rows(size_t columns) {
    float *x = floats(3 * columns), *y = floats(3 * columns), *w = floats(columns), *b = floats(columns);
    cxr_rms_norm(x, columns, 3, columns, w, 1, 1e-6f, y, columns);
    sum(y, 3 * columns);
    cxr_layer_norm(x, columns, 3, columns, w, b, 1e-6f, y, columns);
    cxr_layer_norm(x, columns, 3, columns, NULL, NULL, 1e-6f, y, columns);
    sum(y, 3 * columns);
    for (int f = CXR_SILU; f <= CXR_RELU; f++) {
        cxr_gate((cxr_function)f, y, columns, x, columns, 3, columns);
        cxr_apply_function((cxr_function)f, y, columns, 3, columns);
    }
    cxr_add(y, columns, x, columns, w, 3, columns);
    cxr_add(y, columns, b, 0, NULL, 3, columns);
    cxr_softmax(y, columns, 3, columns);
    sum(y, 3 * columns);
    float extremes[] = {NAN, INFINITY, -INFINITY, 1e30f, -1e30f, 88.7f, -103.9f, 0, -0.0f};
    float *e = room(sizeof extremes), *r = room(sizeof extremes);
    memcpy(e, extremes, sizeof extremes);
    cxr_exp(e, r, sizeof extremes / sizeof *extremes);
    void *halves = room(columns * 2);
    for (int format = CXR_FLOAT16; format <= CXR_BFLOAT16; format++) {
        cxr_convert_from_float((cxr_format)format, x, halves, columns);
        cxr_convert_to_float((cxr_format)format, halves, y, columns);
        sum(y, columns);
    }
    // Non-finite values in quantised products and weights.
    x[0] = NAN;
    uint8_t *values = room((columns + 31) / 32 * 32);
    uint16_t *scales = room((columns + 31) / 32 * 2);
    cxr_quantize_rows(CXR_Q4, x, columns, 1, columns, values, scales);
    cxr_weight weight = {CXR_Q4, 1, columns, values, scales};
    float *out = room(3 * sizeof *out);
    cxr_linear job = {weight, NULL, out, 1, 0};
    for (int activation = 0; activation <= CXR_ACTIVATION_INT8; activation++) {
        cxr_linear_apply(&job, 1, (cxr_activation)activation, x, columns, 3);
    }
    free(out);
    free(values);
    free(scales);
    free(halves);
    free(e);
    free(r);
    free(x);
    free(y);
    free(w);
    free(b);
}

static void attention(size_t queries, size_t keys, size_t heads, size_t kv_heads, size_t dim) {
    float *q = floats(queries * heads * dim), *kv = floats(keys * kv_heads * dim), *out = floats(queries * heads * dim);
    int32_t *low = room(queries * sizeof *low), *high = room(queries * sizeof *high);
    for (size_t i = 0; i < queries; i++) {
        low[i] = (int32_t)(i % 5);
        high[i] = i % 11 == 10 ? 0 : (int32_t)(keys - queries + i + 1);
    }
    float *angles = floats(queries * (dim / 2));
    cxr_rope(q, heads * dim, queries, heads, dim, dim / 2 * 2, angles, angles);
    for (int format = CXR_FLOAT32; format <= CXR_BFLOAT16; format++) {
        size_t bytes = keys * kv_heads * dim * (format == CXR_FLOAT32 ? 4 : 2);
        void *k = room(bytes), *v = room(bytes);
        cxr_cache_store((cxr_format)format, kv, kv_heads * dim, keys, kv_heads, dim, keys, 0, k);
        cxr_cache_store((cxr_format)format, kv, kv_heads * dim, keys, kv_heads, dim, keys, 0, v);
        cxr_attention a = {q,    heads * dim, queries, heads, kv_heads, dim, (cxr_format)format, k, v, keys, low, high,
                           0.1f, out,         heads * dim};
        cxr_attention_apply(&a);
        sum(out, queries * heads * dim);
        free(k);
        free(v);
    }
    free(angles);
    free(q);
    free(kv);
    free(out);
    free(low);
    free(high);
}

static void images(size_t height, size_t width, size_t channels, size_t kernel, size_t stride, size_t padding) {
    float *image = floats(height * width * channels), *w = floats(channels), *b = floats(channels);
    size_t out_height = (height + 2 * padding - kernel) / stride + 1, out_width = (width + 2 * padding - kernel) / stride + 1;
    size_t pixels = out_height * out_width, first = pixels / 3;
    float *out = room((pixels - first) * kernel * kernel * channels * sizeof *out);
    cxr_im2col(image, height, width, channels, kernel, kernel, stride, padding, padding, out_width, first, pixels - first, out);
    sum(out, (pixels - first) * kernel * kernel * channels);
    cxr_group_norm(image, height * width, channels, channels % 2 ? 1 : 2, w, b, 1e-6f);
    sum(image, height * width * channels);
    free(out);
    free(image);
    free(w);
    free(b);
}

static void count_range(void *context, size_t begin, size_t end, size_t worker) {
    (void)worker;
    int *hits = context;
    for (size_t i = begin; i < end; i++) hits[i]++;
}

static void pool(void) {
    static int hits[1000];
    for (size_t threads = 1; threads <= 4; threads++) {
        cxr_pool_set_threads(threads);
        for (int round = 0; round < 200; round++) {
            memset(hits, 0, sizeof hits);
            cxr_parallel_for(0, 1000, (size_t)(round % 50 + 1), count_range, hits);
            for (int i = 0; i < 1000; i++) {
                if (hits[i] != 1) abort();
            }
        }
    }
}

int main(int argc, char **argv) {
    pool();
    linear(70, 13, 300);
    if (argc > 1 && strcmp(argv[1], "pool") == 0) {
        puts("the thread pool is clean");
        return 0;
    }
    double first = 0;
    for (int level = 0; level <= (int)cxr_level_supported(); level++) {
        cxr_level_force((cxr_level)level);
        state = 42;
        checksum = 0;
        static const size_t shapes[][3] = {{1, 1, 1},  {1, 5, 31},  {2, 7, 100}, {3, 6, 520},  {4, 9, 513}, {8, 3, 64},
                                           {9, 7, 37}, {17, 49, 95}, {64, 6, 256}, {65, 50, 300}, {130, 13, 258}};
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) linear(shapes[i][0], shapes[i][1], shapes[i][2]);
        for (size_t columns = 1; columns < 70; columns++) rows(columns);
        attention(1, 1, 1, 1, 64);
        attention(1, 300, 4, 2, 128);
        attention(3, 50, 14, 2, 72);
        attention(65, 230, 4, 2, 100);
        attention(40, 40, 2, 1, 256);
        images(9, 7, 3, 3, 2, 1);
        images(30, 40, 12, 3, 1, 1);
        images(28, 28, 3, 14, 14, 0);
        if (level == 0) first = checksum;
        printf("level %d: checksum %.4f\n", level, checksum);
        if (!(fabs(checksum - first) < 0.02 * fabs(first) + 50)) return 1;
    }
    char *memory = room(1000003);
    memset(memory, 1, 1000003);
    (void)cxr_read_memory(memory, 1000003);
    free(memory);
    puts("the kernels are clean");
    return 0;
}
