#include "pool.h"
#include "table.h"

#include <math.h>
#include <string.h>

// y = x W^T. Two ways:
// - few tokens (≤ 8): each weight row is read once, in place, against all tokens; bound by memory;
// - many: x is packed into panels whose lanes are tokens, `units` deep (a unit is 32 bits: an f32, two bf16 or four s8), so that
//   row-major weights need no packing of their own: a tile broadcasts units of six rows against the lanes of a panel. Rows of other
//   formats are unpacked a row block at a time, into memory that stays in cache while all panels pass.

enum { FEW_TOKENS = 8, CHUNK = 16 };
enum { CACHE_BYTES = 512 * 1024, MAX_ROWS = 48 };

static inline size_t up_to(size_t n, size_t multiple) { return (n + multiple - 1) / multiple * multiple; }
static inline size_t least(size_t a, size_t b) { return a < b ? a : b; }
static inline int is_quantized(cxr_format format) { return format == CXR_Q8 || format == CXR_Q4; }

static inline float float_of_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

/// Scale of values quantised to ±limit, and its inverse; NaN and 0 if a value is not finite.
static float scale_for(uint32_t bits, float limit, float *inverse) {
    if (bits >= 0x7f800000) {
        *inverse = 0;
        return NAN;
    }
    float scale = float_of_bits(bits) / limit;
    // Subnormal scales have no finite inverse; such values are 0 beside any other.
    *inverse = scale > 1e-37f ? 1 / scale : 0;
    return scale;
}

/// One block of integers; non-finite input gives zeros (its scale is NaN).
static int32_t quantize_block16(const cxr_table *t, const float *x, size_t n, float limit, int16_t *q, float *scale) {
    float inverse;
    *scale = scale_for(t->max_bits(x, n), limit, &inverse);
    if (inverse == 0) {
        memset(q, 0, n * sizeof *q);
        return 0;
    }
    return t->quantize16(x, inverse, n, q);
}

static int32_t quantize_block8(const cxr_table *t, const float *x, size_t n, int8_t *q, float *scale) {
    float inverse;
    *scale = scale_for(t->max_bits(x, n), 127, &inverse);
    if (inverse == 0) {
        memset(q, 0, n);
        return 0;
    }
    return t->quantize8(x, inverse, n, q);
}

// ------------------------------------------------------------------------------------------------------- few tokens

typedef struct {
    const cxr_table *table;
    const cxr_linear *jobs;
    size_t count;
    const float *x;
    size_t ldx, tokens;
    const cxr_quantized_row *quantized;
} few_context;

static void few_rows(const few_context *c, const cxr_linear *job, size_t begin, size_t end) {
    const cxr_weight *w = &job->weight;
    size_t blocks = (w->columns + CXR_BLOCK - 1) / CXR_BLOCK;
    size_t step = is_quantized(w->format) ? 4 : 1;
    size_t element = w->format == CXR_FLOAT32 ? 4 : 2;
    for (size_t r = begin; r < end; r += step) {
        size_t rows = least(step, end - r);
        for (size_t t = 0; t < c->tokens; t += 4) {
            size_t n = least(4, c->tokens - t);
            float out[16];
            if (w->format == CXR_Q8) {
                c->table->dot_q8((const uint8_t *)w->values + r * blocks * 32, w->scales + r * blocks, rows,
                                 c->quantized + t, n, blocks, out);
            } else if (w->format == CXR_Q4) {
                c->table->dot_q4((const uint8_t *)w->values + r * blocks * 16, w->scales + r * blocks, rows,
                                 c->quantized + t, n, blocks, out);
            } else {
                c->table->dot_float(w->format, (const uint8_t *)w->values + r * w->columns * element,
                                    c->x + t * c->ldx, c->ldx, n, w->columns, out);
            }
            for (size_t i = 0; i < rows; i++) {
                float bias = job->bias ? job->bias[r + i] : 0;
                for (size_t j = 0; j < n; j++) {
                    float *y = job->y + (t + j) * job->ldy + r + i;
                    *y = (job->accumulate ? *y : 0) + out[i * 4 + j] + bias;
                }
            }
        }
    }
}

static void few_range(void *context, size_t begin, size_t end, size_t worker) {
    (void)worker;
    const few_context *c = context;
    size_t first = 0;
    for (size_t j = 0; j < c->count && first < end; j++) {
        size_t last = first + c->jobs[j].weight.rows;
        if (begin < last) {
            few_rows(c, &c->jobs[j], begin > first ? begin - first : 0, least(end, last) - first);
        }
        first = last;
    }
}

static cxr_quantized_row quantize_row(const cxr_table *t, const float *x, size_t columns, float limit, int has_q4,
                                      uint8_t *memory) {
    size_t blocks = (columns + CXR_BLOCK - 1) / CXR_BLOCK, padded = up_to(blocks, 16);
    cxr_quantized_row row;
    row.scales = (float *)memory;
    row.sums = row.scales + padded;
    row.values = (int16_t *)(row.sums + padded);
    row.low = (int8_t *)(row.values + padded * CXR_BLOCK);
    row.high = row.low + padded * CXR_BLOCK;
    row.low4 = row.high + padded * CXR_BLOCK;
    row.high4 = row.low4 + padded * CXR_BLOCK;
    for (size_t b = 0; b < padded; b++) {
        size_t n = b < blocks ? least(CXR_BLOCK, columns - b * CXR_BLOCK) : 0;
        int16_t *q = row.values + b * CXR_BLOCK;
        memset(q + n, 0, (CXR_BLOCK - n) * sizeof *q);
        float scale = 0;
        int32_t sum = n ? quantize_block16(t, x + b * CXR_BLOCK, n, limit, q, &scale) : 0;
        row.scales[b] = scale;
        row.sums[b] = scale * (float)sum;
    }
    if (t->splits_activations) {
        size_t count = padded * CXR_BLOCK;
        for (size_t i = 0; i < count; i++) row.low[i] = (int8_t)row.values[i];
        for (size_t i = 0; i < count && limit > 127; i++) row.high[i] = (int8_t)((row.values[i] - row.low[i]) >> 8);
        for (size_t b = 0; b < padded && has_q4; b++) {
            for (size_t half = 0; half < 2; half++) {
                size_t from = b * 32 + half * 16, to = b / 4 * 128 + half * 64 + b % 4 * 16;
                memcpy(row.low4 + to, row.low + from, 16);
                if (limit > 127) memcpy(row.high4 + to, row.high + from, 16);
            }
        }
    }
    if (limit <= 127) row.high = row.high4 = NULL;
    return row;
}

static void apply_few(const cxr_table *table, const cxr_linear *jobs, size_t count, cxr_activation activation,
                      const float *x, size_t ldx, size_t tokens) {
    size_t columns = jobs[0].weight.columns;
    cxr_quantized_row quantized[FEW_TOKENS];
    size_t total = 0, bytes = 0;
    int any_quantized = 0, has_q4 = 0;
    for (size_t j = 0; j < count; j++) {
        total += jobs[j].weight.rows;
        any_quantized |= is_quantized(jobs[j].weight.format);
        has_q4 |= jobs[j].weight.format == CXR_Q4;
    }
    if (any_quantized) {
        size_t padded = up_to((columns + CXR_BLOCK - 1) / CXR_BLOCK, 16);
        size_t row_bytes = padded * (2 * sizeof(float) + 6 * CXR_BLOCK);
        uint8_t *memory = cxr_pool_shared(CXR_SHARED_X, row_bytes * tokens);
        // ±32512 = 127 * 256: the high byte then stays within ±127.
        float limit = activation == CXR_ACTIVATION_INT8 ? 127 : 32512;
        for (size_t t = 0; t < tokens; t++) {
            quantized[t] = quantize_row(table, x + t * ldx, columns, limit, has_q4, memory + t * row_bytes);
        }
    }
    few_context context = {table, jobs, count, x, ldx, tokens, quantized};
    switch (jobs[0].weight.format) {
    case CXR_FLOAT32: bytes = columns * 4; break;
    case CXR_FLOAT16:
    case CXR_BFLOAT16: bytes = columns * 2; break;
    case CXR_Q8: bytes = columns * 17 / 16; break;
    case CXR_Q4: bytes = columns * 9 / 16; break;
    }
    size_t grain = up_to(65536 / (bytes + 1) + 1, 4);
    cxr_parallel_for(0, total, grain, few_range, &context);
}

// ------------------------------------------------------------------------------------------------------ many tokens

typedef enum { MODE_FLOAT32, MODE_BFLOAT16, MODE_INT8 } mode;

typedef struct {
    const cxr_table *table;
    mode mode;
    int native;  // the units are pairs or quadruples for a tile of that type; otherwise f32 holding the rounded values
    const cxr_linear *jobs;
    size_t count;
    const float *x;
    size_t ldx, tokens, columns;
    size_t units;    // a row
    size_t panels;
    uint32_t *packed;     // [panels][units][panel]
    float *scales;        // [panels][groups][panel], int8
    int32_t *sums;        // 128 * sum of the group
    size_t groups;
    size_t block_rows;
    size_t panels_a_task;
    size_t panel_chunks;
    size_t chunk;  // tokens packed at a time
} many_context;

static inline size_t panel_width(const many_context *c, size_t panel) {
    size_t first = panel * c->table->panel;
    return up_to(least(c->table->panel, c->tokens - first), c->table->lanes);
}

/// Prepares one row of x as units; `scales` and `sums` step by one panel row.
static void prepare_row(const many_context *c, const float *x, uint32_t *units, float *scales, int32_t *sums) {
    const cxr_table *t = c->table;
    size_t panel = t->panel;
    if (c->mode == MODE_INT8) {
        int8_t *bytes = (int8_t *)units;
        float *floats = (float *)units;
        for (size_t g = 0; g < c->groups; g++) {
            size_t first = g * CXR_GROUP, n = least(CXR_GROUP, c->columns - first);
            float scale;
            int8_t q[CXR_GROUP];
            int32_t sum = quantize_block8(t, x + first, n, c->native ? bytes + first : q, &scale);
            if (c->native) {
                scales[g * panel] = scale;
                sums[g * panel] = 128 * sum;
            } else {
                for (size_t i = 0; i < n; i++) floats[first + i] = (float)q[i] * scale;
            }
        }
        if (c->native) memset(bytes + c->columns, 0, c->units * 4 - c->columns);
    } else if (c->mode == MODE_BFLOAT16) {
        if (c->native) {
            uint16_t *halves = (uint16_t *)units;
            t->from_float(CXR_BFLOAT16, x, halves, c->columns);
            if (c->columns % 2) halves[c->columns] = 0;
        } else {
            t->from_float(CXR_BFLOAT16, x, units, c->columns);
            // In place, back to front a piece at a time: the f32 row is twice as long.
            uint16_t piece[64];
            for (size_t end = c->columns; end > 0;) {
                size_t n = end % 64 ? end % 64 : 64;
                memcpy(piece, (uint16_t *)units + end - n, n * 2);
                t->to_float(CXR_BFLOAT16, piece, (float *)units + end - n, n);
                end -= n;
            }
        }
    }
}

static void pack_range(void *context, size_t begin, size_t end, size_t worker) {
    const many_context *c = context;
    const cxr_table *t = c->table;
    for (size_t chunk = begin; chunk < end; chunk++) {
        size_t first = chunk * c->chunk;
        if (first >= up_to(c->tokens, t->lanes)) return;
        size_t panel = first / t->panel, column = first % t->panel, width = panel_width(c, panel);
        size_t n = first < c->tokens ? least(c->chunk, c->tokens - first) : 0;
        size_t fill = least(c->chunk, width - column);
        uint32_t *out = c->packed + panel * t->panel * c->units + column;
        const uint32_t *rows = (const uint32_t *)(c->x + first * c->ldx);
        size_t ld = c->ldx;
        if (c->mode != MODE_FLOAT32) {
            uint32_t *local = cxr_pool_local(worker, CXR_LOCAL_A, c->chunk * c->units * 4);
            float *scales = c->scales + panel * c->groups * t->panel + column;
            int32_t *sums = c->sums + panel * c->groups * t->panel + column;
            for (size_t i = 0; i < n; i++) {
                prepare_row(c, c->x + (first + i) * c->ldx, local + i * c->units, scales + i, sums + i);
            }
            for (size_t g = 0; c->mode == MODE_INT8 && c->native && g < c->groups; g++) {
                for (size_t i = n; i < fill; i++) {
                    scales[g * t->panel + i] = 0;
                    sums[g * t->panel + i] = 0;
                }
            }
            rows = local;
            ld = c->units;
        }
        t->transpose(rows, ld, n, c->units, out, width, fill);
    }
}

/// Unpacks weight row `row` into units (and one scale a group for int8).
static void unpack_row(const many_context *c, const cxr_weight *w, size_t row, uint32_t *units, float *scales,
                       uint8_t *bytes) {
    const cxr_table *t = c->table;
    if (c->mode == MODE_INT8) {
        if (c->native) {
            t->row_to_groups(w, row, (uint8_t *)units, scales);
        } else {
            t->row_to_groups(w, row, bytes, scales);
            float *floats = (float *)units;
            for (size_t i = 0; i < c->columns; i++) floats[i] = (float)((int)bytes[i] - 128) * scales[i / CXR_GROUP];
        }
    } else if (c->mode == MODE_BFLOAT16) {
        if (c->native && w->format == CXR_BFLOAT16) {
            memcpy(units, (const uint16_t *)w->values + row * w->columns, w->columns * 2);
            if (w->columns % 2) ((uint16_t *)units)[w->columns] = 0;
        } else {
            t->row_to_float(w, row, (float *)bytes);
            prepare_row(c, (const float *)bytes, units, NULL, NULL);
        }
    } else {
        t->row_to_float(w, row, (float *)units);
    }
}

static void multiply_block(const many_context *c, const cxr_linear *job, size_t first_row, size_t rows, size_t panel_begin,
                           size_t panel_end, size_t worker) {
    const cxr_table *t = c->table;
    // The pad keeps the rows of one tile out of the same cache sets.
    size_t stride = up_to(c->units, 16) + 16;
    uint32_t *units = cxr_pool_local(worker, CXR_LOCAL_A, c->block_rows * stride * 4);
    size_t acc_floats = c->block_rows * t->panel;
    float *acc = cxr_pool_local(worker, CXR_LOCAL_B, (acc_floats + c->block_rows * c->groups) * 4);
    float *scales = acc + acc_floats;
    uint8_t *bytes = cxr_pool_local(worker, CXR_LOCAL_C, up_to(c->columns, CXR_BLOCK) * 4);
    for (size_t r = 0; r < rows; r++) {
        unpack_row(c, &job->weight, first_row + r, units + r * stride, scales + r * c->groups, bytes);
    }
    size_t step = c->mode == MODE_INT8 && c->native ? CXR_GROUP / 4 : 128;
    for (size_t panel = panel_begin; panel < panel_end; panel++) {
        size_t width = panel_width(c, panel), v = width / t->lanes;
        const uint32_t *x = c->packed + panel * t->panel * c->units;
        memset(acc, 0, rows * width * sizeof *acc);
        for (size_t u = 0; u < c->units; u += step) {
            size_t depth = least(step, c->units - u);
            const uint32_t *xb = x + u * width;
            size_t g = u / step;
            const float *xs = c->scales + (panel * c->groups + g) * t->panel;
            const int32_t *sums = c->sums + (panel * c->groups + g) * t->panel;
            for (size_t r = 0; r < rows; r += CXR_TILE_ROWS) {
                size_t n = least(CXR_TILE_ROWS, rows - r);
                const uint32_t *w = units + r * stride + u;
                if (!c->native) {
                    t->tile_f32(n, v, (const float *)w, stride, 1, (const float *)xb, depth, acc + r * width, width);
                } else if (c->mode == MODE_BFLOAT16) {
                    t->tile_bf16(n, v, w, stride, xb, depth, acc + r * width, width);
                } else {
                    t->tile_int8(n, v, w, stride, xb, depth, scales + r * c->groups + g, c->groups, xs, sums,
                                 acc + r * width, width);
                }
            }
        }
        size_t token = panel * t->panel;
        t->store_tile(acc, width, rows, least(t->panel, c->tokens - token), job->bias ? job->bias + first_row : NULL,
                      job->y + token * job->ldy + first_row, job->ldy, job->accumulate);
    }
}

static void multiply_range(void *context, size_t begin, size_t end, size_t worker) {
    const many_context *c = context;
    for (size_t task = begin; task < end; task++) {
        size_t block = task / c->panel_chunks, chunk = task % c->panel_chunks;
        for (size_t j = 0; j < c->count; j++) {
            size_t rows = c->jobs[j].weight.rows, blocks = (rows + c->block_rows - 1) / c->block_rows;
            if (block < blocks) {
                size_t first = block * c->block_rows, panel = chunk * c->panels_a_task;
                multiply_block(c, &c->jobs[j], first, least(c->block_rows, rows - first), panel,
                               least(panel + c->panels_a_task, c->panels), worker);
                break;
            }
            block -= blocks;
        }
    }
}

static void apply_many(const cxr_table *table, mode mode, const cxr_linear *jobs, size_t count, const float *x, size_t ldx,
                       size_t tokens) {
    many_context c = {.table = table, .mode = mode, .jobs = jobs, .count = count, .x = x, .ldx = ldx, .tokens = tokens};
    c.columns = jobs[0].weight.columns;
    c.native = mode == MODE_INT8 ? table->has_int8_tile : mode == MODE_BFLOAT16 ? table->has_bf16_tile : 0;
    c.units = !c.native ? c.columns : mode == MODE_INT8 ? up_to(c.columns, CXR_BLOCK) / 4 : (c.columns + 1) / 2;
    c.chunk = least(CHUNK, table->panel);
    c.panels = (tokens + table->panel - 1) / table->panel;
    c.groups = (c.columns + CXR_GROUP - 1) / CXR_GROUP;
    c.packed = cxr_pool_shared(CXR_SHARED_X, c.panels * table->panel * c.units * 4);
    c.scales = cxr_pool_shared(CXR_SHARED_SCALES, c.panels * table->panel * c.groups * 8);
    c.sums = (int32_t *)(c.scales + c.panels * table->panel * c.groups);
    cxr_parallel_for(0, c.panels * table->panel / c.chunk, 1, pack_range, &c);

    size_t fitting = CACHE_BYTES / (c.units * 4 + 1) / CXR_TILE_ROWS * CXR_TILE_ROWS;
    c.block_rows = fitting < CXR_TILE_ROWS ? CXR_TILE_ROWS : least(fitting, MAX_ROWS);
    size_t threads = cxr_pool_threads(), rows = 0, blocks = 0;
    for (size_t j = 0; j < count; j++) rows += jobs[j].weight.rows;
    // Enough tasks for an even end: smaller row blocks down to 24 rows, then a split of the tokens.
    while (c.block_rows > 24 && rows / c.block_rows < 8 * threads) c.block_rows -= CXR_TILE_ROWS;
    for (size_t j = 0; j < count; j++) blocks += (jobs[j].weight.rows + c.block_rows - 1) / c.block_rows;
    size_t chunks = blocks >= 8 * threads ? 1 : least(c.panels, (8 * threads + blocks - 1) / blocks);
    c.panels_a_task = (c.panels + chunks - 1) / chunks;
    c.panel_chunks = (c.panels + c.panels_a_task - 1) / c.panels_a_task;
    cxr_parallel_for(0, blocks * c.panel_chunks, 1, multiply_range, &c);
}

/// With OpenBLAS; 0 if it did the job.
static int apply_blas(const cxr_linear *job, const float *x, size_t ldx, size_t tokens) {
    const cxr_weight *w = &job->weight;
    if (w->format != CXR_FLOAT32 || !cxr_blas_is_wanted()) return -1;
    if (cxr_blas_sgemm(tokens, w->rows, w->columns, x, ldx, w->values, w->columns, job->accumulate ? 1 : 0, job->y,
                       job->ldy) != 0) {
        return -1;
    }
    if (job->bias) cxr_add(job->y, job->ldy, job->bias, 0, NULL, tokens, w->rows);
    return 0;
}

void cxr_linear_apply(const cxr_linear *jobs, size_t count, cxr_activation activation, const float *x, size_t ldx,
                      size_t tokens) {
    if (count == 0 || tokens == 0) return;
    const cxr_table *table = cxr_table_current();
    cxr_pool_enter();
    if (tokens <= FEW_TOKENS) {
        apply_few(table, jobs, count, activation, x, ldx, tokens);
    } else {
        for (size_t begin = 0; begin < count;) {
            if (activation == CXR_ACTIVATION_FLOAT32 && apply_blas(jobs + begin, x, ldx, tokens) == 0) {
                begin++;
                continue;
            }
            mode wanted[2];
            size_t end = begin;
            for (; end < count; end++) {
                mode m = MODE_FLOAT32;
                if (activation == CXR_ACTIVATION_BFLOAT16) m = MODE_BFLOAT16;
                if (activation == CXR_ACTIVATION_INT8 && is_quantized(jobs[end].weight.format)) m = MODE_INT8;
                wanted[end == begin ? 0 : 1] = m;
                if (wanted[0] != m) break;
            }
            apply_many(table, wanted[0], jobs + begin, end - begin, x, ldx, tokens);
            begin = end;
        }
    }
    cxr_pool_leave();
}

// -------------------------------------------------------------------------------------------------------- weights

typedef struct {
    const cxr_table *table;
    cxr_format format;
    const float *x;
    size_t ldx, columns, blocks;
    uint8_t *values;
    uint16_t *scales;
} quantize_context;

static void quantize_range(void *context, size_t begin, size_t end, size_t worker) {
    (void)worker;
    const quantize_context *c = context;
    size_t bytes = c->format == CXR_Q8 ? 32 : 16;
    for (size_t r = begin; r < end; r++) {
        for (size_t b = 0; b < c->blocks; b++) {
            size_t at = r * c->blocks + b;
            c->table->quantize_block(c->format, c->x + r * c->ldx + b * CXR_BLOCK,
                                     least(CXR_BLOCK, c->columns - b * CXR_BLOCK), c->values + at * bytes, c->scales + at);
        }
    }
}

void cxr_quantize_rows(cxr_format format, const float *x, size_t ldx, size_t rows, size_t columns, void *values,
                       uint16_t *scales) {
    quantize_context c = {cxr_table_current(), format, x, ldx, columns, (columns + CXR_BLOCK - 1) / CXR_BLOCK, values, scales};
    cxr_parallel_for(0, rows, 16, quantize_range, &c);
}

void cxr_dequantize_row(const cxr_weight *weight, size_t row, float *out) {
    cxr_table_current()->row_to_float(weight, row, out);
}
