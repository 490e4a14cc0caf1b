#include "pool.h"
#include "table.h"

#include <math.h>
#include <string.h>

// Attention without the score matrix (Dao et al., FlashAttention, arXiv 2205.14135). A panel's lanes are (query, head of the key's
// group) pairs: scores of a block of keys are a tile product of key rows with the panel, and the output's transpose is one of value
// columns with the exponentials, so both use the f32 tile of the linear layers. Few lanes go one query at a time along the head.

enum { KEYS_A_BLOCK = 96 };

static inline size_t least(size_t a, size_t b) { return a < b ? a : b; }

typedef struct {
    const cxr_attention *a;
    const cxr_table *table;
    size_t group, lanes, panels;
} attention_context;

static size_t element_size(cxr_format format) { return format == CXR_FLOAT32 ? 4 : 2; }

static void one_range(void *context, size_t begin, size_t end, size_t worker) {
    const attention_context *c = context;
    const cxr_attention *a = c->a;
    for (size_t i = begin; i < end; i++) {
        size_t head = i / a->queries, query = i % a->queries;
        size_t offset = head / c->group * a->kv_stride * a->head_dim * element_size(a->kv_format);
        float *out = a->out + query * a->ldo + head * a->head_dim;
        if (a->high[query] <= a->low[query]) {
            memset(out, 0, a->head_dim * sizeof *out);
            continue;
        }
        size_t low = (size_t)a->low[query], high = (size_t)a->high[query];
        float *scores = cxr_pool_local(worker, CXR_LOCAL_A, (high - low) * sizeof *scores);
        c->table->attend_one(a->kv_format, a->q + query * a->ldq + head * a->head_dim, (const uint8_t *)a->k + offset,
                             (const uint8_t *)a->v + offset, low, high, a->head_dim, a->scale, scores, out);
    }
}

/// Keys or values `[first, first + count)` of one head as f32: in place, or converted into `scratch`.
static const float *key_rows(const attention_context *c, const void *base, size_t head, size_t first, size_t count,
                             float *scratch) {
    const cxr_attention *a = c->a;
    size_t at = (head * a->kv_stride + first) * a->head_dim;
    if (a->kv_format == CXR_FLOAT32) return (const float *)base + at;
    c->table->to_float(a->kv_format, (const uint16_t *)base + at, scratch, count * a->head_dim);
    return scratch;
}

static void panel_range(void *context, size_t begin, size_t end, size_t worker) {
    const attention_context *c = context;
    const cxr_attention *a = c->a;
    const cxr_table *t = c->table;
    size_t dim = a->head_dim, most = t->panel;
    float *memory = cxr_pool_local(worker, CXR_LOCAL_A,
                                   (3 * most * dim + KEYS_A_BLOCK * (most + dim) + 5 * most) * sizeof(float));
    float *rows = memory, *q = rows + most * dim, *out = q + most * dim, *scores = out + most * dim;
    float *converted = scores + KEYS_A_BLOCK * most;
    float *maximum = converted + KEYS_A_BLOCK * dim, *total = maximum + most, *factor = total + most;
    int32_t *low = (int32_t *)(factor + most), *high = low + most;
    for (size_t task = begin; task < end; task++) {
        // The longest causal panels first.
        size_t panel = c->panels - 1 - task / a->kv_heads, kv_head = task % a->kv_heads;
        size_t first_lane = panel * most, count = least(most, c->lanes - first_lane);
        size_t width = (count + t->lanes - 1) / t->lanes * t->lanes, v = width / t->lanes;
        size_t first_key = SIZE_MAX, last_key = 0;
        for (size_t i = 0; i < width; i++) {
            maximum[i] = -INFINITY;
            total[i] = 0;
            low[i] = high[i] = 0;
            if (i >= count) continue;
            size_t query = (first_lane + i) / c->group, head = kv_head * c->group + (first_lane + i) % c->group;
            memcpy(rows + i * dim, a->q + query * a->ldq + head * dim, dim * sizeof(float));
            low[i] = a->low[query];
            high[i] = a->high[query];
            if (low[i] >= high[i]) continue;
            first_key = least(first_key, (size_t)low[i]);
            last_key = (size_t)high[i] > last_key ? (size_t)high[i] : last_key;
        }
        for (size_t i = 0; i < width; i += 16) {
            size_t n = i < count ? least(16, count - i) : 0;
            t->transpose((const uint32_t *)rows + i * dim, dim, n, dim, (uint32_t *)q + i, width, least(16, width - i));
        }
        memset(out, 0, dim * width * sizeof(float));
        for (size_t key = first_key; key < last_key; key += KEYS_A_BLOCK) {
            size_t keys = least(KEYS_A_BLOCK, last_key - key);
            const float *k = key_rows(c, a->k, kv_head, key, keys, converted);
            memset(scores, 0, keys * width * sizeof(float));
            for (size_t r = 0; r < keys; r += CXR_TILE_ROWS) {
                t->tile_f32(least(CXR_TILE_ROWS, keys - r), v, k + r * dim, dim, 1, q, dim, scores + r * width, width);
            }
            t->softmax_block(scores, keys, v, key, low, high, a->scale, maximum, total, factor);
            t->scale_columns(out, dim, v, factor);
            const float *values = key_rows(c, a->v, kv_head, key, keys, converted);
            for (size_t d = 0; d < dim; d += CXR_TILE_ROWS) {
                t->tile_f32(least(CXR_TILE_ROWS, dim - d), v, values + d, 1, dim, scores, keys, out + d * width, width);
            }
        }
        for (size_t i = 0; i < width; i++) factor[i] = total[i] == 0 ? 0 : 1 / total[i];
        t->scale_columns(out, dim, v, factor);
        t->store_tile(out, width, dim, count, NULL, rows, dim, 0);
        for (size_t i = 0; i < count; i++) {
            size_t query = (first_lane + i) / c->group, head = kv_head * c->group + (first_lane + i) % c->group;
            memcpy(a->out + query * a->ldo + head * dim, rows + i * dim, dim * sizeof(float));
        }
    }
}

void cxr_attention_apply(const cxr_attention *a) {
    if (a->queries == 0) return;
    const cxr_table *table = cxr_table_current();
    attention_context c = {a, table, a->heads / a->kv_heads, 0, 0};
    c.lanes = a->queries * c.group;
    c.panels = (c.lanes + table->panel - 1) / table->panel;
    cxr_pool_enter();
    if (c.lanes < 8) {
        cxr_parallel_for(0, a->heads * a->queries, 1, one_range, &c);
    } else {
        cxr_parallel_for(0, c.panels * a->kv_heads, 1, panel_range, &c);
    }
    cxr_pool_leave();
}

void cxr_cache_store(cxr_format format, const float *x, size_t ldx, size_t rows, size_t kv_heads, size_t head_dim,
                     size_t kv_stride, size_t position, void *cache) {
    const cxr_table *table = cxr_table_current();
    size_t size = element_size(format);
    for (size_t r = 0; r < rows; r++) {
        for (size_t h = 0; h < kv_heads; h++) {
            table->from_float(format, x + r * ldx + h * head_dim,
                              (uint8_t *)cache + (h * kv_stride + position + r) * head_dim * size, head_dim);
        }
    }
}
