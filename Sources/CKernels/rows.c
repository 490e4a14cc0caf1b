#include "table.h"

// Drivers of the row-wise kernels: rows in parallel, in pieces large enough to be worth a hand-over.

enum { ELEMENTS_A_PIECE = 16384 };

static size_t rows_a_piece(size_t columns) { return columns >= ELEMENTS_A_PIECE ? 1 : ELEMENTS_A_PIECE / (columns + 1) + 1; }

typedef struct {
    const cxr_table *table;
    cxr_function function;
    const float *x, *weight, *bias;
    float *y;
    size_t ldx, ldy, columns, heads, head_dim, rotary_dim;
    float offset, epsilon;
} rows_context;

static void rms_range(void *context, size_t begin, size_t end, size_t worker) {
    (void)worker;
    const rows_context *c = context;
    for (size_t r = begin; r < end; r++) {
        c->table->rms_norm(c->x + r * c->ldx, c->columns, c->weight, c->offset, c->epsilon, c->y + r * c->ldy);
    }
}

void cxr_rms_norm(const float *x, size_t ldx, size_t rows, size_t columns, const float *weight, float weight_offset,
                  float epsilon, float *y, size_t ldy) {
    rows_context c = {.table = cxr_table_current(), .x = x, .ldx = ldx, .columns = columns, .weight = weight,
                      .offset = weight_offset, .epsilon = epsilon, .y = y, .ldy = ldy};
    cxr_parallel_for(0, rows, rows_a_piece(columns), rms_range, &c);
}

static void layer_range(void *context, size_t begin, size_t end, size_t worker) {
    (void)worker;
    const rows_context *c = context;
    for (size_t r = begin; r < end; r++) {
        c->table->layer_norm(c->x + r * c->ldx, c->columns, c->weight, c->bias, c->epsilon, c->y + r * c->ldy);
    }
}

void cxr_layer_norm(const float *x, size_t ldx, size_t rows, size_t columns, const float *weight, const float *bias,
                    float epsilon, float *y, size_t ldy) {
    rows_context c = {.table = cxr_table_current(), .x = x, .ldx = ldx, .columns = columns, .weight = weight,
                      .bias = bias, .epsilon = epsilon, .y = y, .ldy = ldy};
    cxr_parallel_for(0, rows, rows_a_piece(columns), layer_range, &c);
}

static void softmax_range(void *context, size_t begin, size_t end, size_t worker) {
    (void)worker;
    const rows_context *c = context;
    for (size_t r = begin; r < end; r++) c->table->softmax(c->y + r * c->ldy, c->columns);
}

void cxr_softmax(float *x, size_t ldx, size_t rows, size_t columns) {
    rows_context c = {.table = cxr_table_current(), .y = x, .ldy = ldx, .columns = columns};
    cxr_parallel_for(0, rows, rows_a_piece(columns), softmax_range, &c);
}

static void function_range(void *context, size_t begin, size_t end, size_t worker) {
    (void)worker;
    const rows_context *c = context;
    for (size_t r = begin; r < end; r++) {
        if (c->x) {
            c->table->gate(c->function, c->y + r * c->ldy, c->x + r * c->ldx, c->columns);
        } else {
            c->table->apply(c->function, c->y + r * c->ldy, c->columns);
        }
    }
}

void cxr_apply_function(cxr_function function, float *x, size_t ldx, size_t rows, size_t columns) {
    rows_context c = {.table = cxr_table_current(), .function = function, .y = x, .ldy = ldx, .columns = columns};
    cxr_parallel_for(0, rows, rows_a_piece(columns), function_range, &c);
}

void cxr_gate(cxr_function function, float *gate, size_t ldg, const float *up, size_t ldu, size_t rows, size_t columns) {
    rows_context c = {.table = cxr_table_current(), .function = function, .y = gate, .ldy = ldg, .x = up, .ldx = ldu,
                      .columns = columns};
    cxr_parallel_for(0, rows, rows_a_piece(columns), function_range, &c);
}

static void add_range(void *context, size_t begin, size_t end, size_t worker) {
    (void)worker;
    const rows_context *c = context;
    for (size_t r = begin; r < end; r++) c->table->add(c->y + r * c->ldy, c->x + r * c->ldx, c->weight, c->columns);
}

void cxr_add(float *y, size_t ldy, const float *x, size_t ldx, const float *scale, size_t rows, size_t columns) {
    rows_context c = {.table = cxr_table_current(), .y = y, .ldy = ldy, .x = x, .ldx = ldx, .weight = scale,
                      .columns = columns};
    cxr_parallel_for(0, rows, rows_a_piece(columns), add_range, &c);
}

void cxr_exp(const float *x, float *y, size_t count) { cxr_table_current()->exp(x, y, count); }

static void rope_range(void *context, size_t begin, size_t end, size_t worker) {
    (void)worker;
    const rows_context *c = context;
    size_t half = c->rotary_dim / 2;
    for (size_t r = begin; r < end; r++) {
        for (size_t h = 0; h < c->heads; h++) {
            c->table->rope(c->y + r * c->ldy + h * c->head_dim, c->weight + r * half, c->bias + r * half, half);
        }
    }
}

void cxr_rope(float *x, size_t ldx, size_t rows, size_t heads, size_t head_dim, size_t rotary_dim, const float *cosine,
              const float *sine) {
    rows_context c = {.table = cxr_table_current(), .y = x, .ldy = ldx, .heads = heads, .head_dim = head_dim,
                      .rotary_dim = rotary_dim, .weight = cosine, .bias = sine};
    cxr_parallel_for(0, rows, rows_a_piece(heads * head_dim), rope_range, &c);
}

void cxr_convert_to_float(cxr_format from, const void *x, float *y, size_t count) {
    cxr_table_current()->to_float(from, x, y, count);
}

void cxr_convert_from_float(cxr_format to, const float *x, void *y, size_t count) {
    cxr_table_current()->from_float(to, x, y, count);
}
