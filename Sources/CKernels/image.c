#include "pool.h"
#include "table.h"

#include <math.h>
#include <string.h>

typedef struct {
    const float *image;
    size_t height, width, channels, kernel_h, kernel_w, stride, top, left, out_width, first;
    float *out;
} im2col_context;

static void im2col_range(void *context, size_t begin, size_t end, size_t worker) {
    (void)worker;
    const im2col_context *c = context;
    size_t row_floats = c->kernel_h * c->kernel_w * c->channels;
    for (size_t i = begin; i < end; i++) {
        size_t pixel = c->first + i;
        ptrdiff_t y0 = (ptrdiff_t)(pixel / c->out_width * c->stride) - (ptrdiff_t)c->top;
        ptrdiff_t x0 = (ptrdiff_t)(pixel % c->out_width * c->stride) - (ptrdiff_t)c->left;
        float *out = c->out + i * row_floats;
        for (size_t ky = 0; ky < c->kernel_h; ky++) {
            ptrdiff_t y = y0 + (ptrdiff_t)ky;
            for (size_t kx = 0; kx < c->kernel_w; kx++, out += c->channels) {
                ptrdiff_t x = x0 + (ptrdiff_t)kx;
                if (y < 0 || y >= (ptrdiff_t)c->height || x < 0 || x >= (ptrdiff_t)c->width) {
                    memset(out, 0, c->channels * sizeof *out);
                } else {
                    memcpy(out, c->image + ((size_t)y * c->width + (size_t)x) * c->channels, c->channels * sizeof *out);
                }
            }
        }
    }
}

void cxr_im2col(const float *image, size_t height, size_t width, size_t channels, size_t kernel_h, size_t kernel_w,
                size_t stride, size_t padding_top, size_t padding_left, size_t out_width, size_t first, size_t count,
                float *out) {
    im2col_context c = {image,  height,      width,        channels,  kernel_h, kernel_w,
                        stride, padding_top, padding_left, out_width, first,    out};
    size_t grain = 32768 / (kernel_h * kernel_w * channels + 1) + 1;
    cxr_parallel_for(0, count, grain, im2col_range, &c);
}

enum { PIXELS_A_STRIP = 512 };

typedef struct {
    const cxr_table *table;
    float *image;
    size_t pixels, channels, groups;
    double *partial;  // [strips][groups][2]
    const float *scale, *shift;
} norm_context;

static void sum_range(void *context, size_t begin, size_t end, size_t worker) {
    (void)worker;
    const norm_context *c = context;
    size_t size = c->channels / c->groups;
    for (size_t strip = begin; strip < end; strip++) {
        double *p = c->partial + strip * c->groups * 2;
        memset(p, 0, c->groups * 2 * sizeof *p);
        size_t last = (strip + 1) * PIXELS_A_STRIP < c->pixels ? (strip + 1) * PIXELS_A_STRIP : c->pixels;
        for (size_t pixel = strip * PIXELS_A_STRIP; pixel < last; pixel++) {
            for (size_t g = 0; g < c->groups; g++) {
                c->table->sums(c->image + pixel * c->channels + g * size, size, p + 2 * g, p + 2 * g + 1);
            }
        }
    }
}

static void shift_range(void *context, size_t begin, size_t end, size_t worker) {
    (void)worker;
    const norm_context *c = context;
    for (size_t pixel = begin; pixel < end; pixel++) {
        c->table->scale_shift(c->image + pixel * c->channels, c->scale, c->shift, c->channels);
    }
}

void cxr_group_norm(float *image, size_t pixels, size_t channels, size_t groups, const float *weight, const float *bias,
                    float epsilon) {
    cxr_pool_enter();
    size_t strips = (pixels + PIXELS_A_STRIP - 1) / PIXELS_A_STRIP, size = channels / groups;
    norm_context c = {.table = cxr_table_current(), .image = image, .pixels = pixels, .channels = channels, .groups = groups};
    c.partial = cxr_pool_shared(CXR_SHARED_X, strips * groups * 2 * sizeof(double));
    float *scale = cxr_pool_shared(CXR_SHARED_SCALES, 2 * channels * sizeof(float)), *shift = scale + channels;
    c.scale = scale;
    c.shift = shift;
    cxr_parallel_for(0, strips, 1, sum_range, &c);
    for (size_t g = 0; g < groups; g++) {
        double sum = 0, squares = 0, count = (double)pixels * (double)size;
        for (size_t s = 0; s < strips; s++) {
            sum += c.partial[(s * groups + g) * 2];
            squares += c.partial[(s * groups + g) * 2 + 1];
        }
        double mean = sum / count, variance = squares / count - mean * mean;
        double factor = 1 / sqrt((variance > 0 || isnan(variance) ? variance : 0) + (double)epsilon);
        for (size_t i = g * size; i < (g + 1) * size; i++) {
            scale[i] = (float)(factor * (double)(weight ? weight[i] : 1));
            shift[i] = (float)((double)(bias ? bias[i] : 0) - mean * factor * (double)(weight ? weight[i] : 1));
        }
    }
    cxr_parallel_for(0, pixels, 16384 / (channels + 1) + 1, shift_range, &c);
    cxr_pool_leave();
}
