// The kernels in portable C with vector types, included once for each instruction level (scalar.c, avx2.c, avx512.c), which defines
//   LANES    floats in a vector
//   VECTORS  vectors in the widest tile
// and the target features by `#pragma clang attribute`.

#include "body/vectors.h"

#include "body/formats.h"

#include "body/products.h"

#include "body/rows.h"

#include "body/attention.h"

#define COMMON_TABLE \
    .lanes = LANES, .panel = LANES * VECTORS, .tile_f32 = tile_f32, .dot_float = dot_float, .dot_q8 = dot_q8, \
    .dot_q4 = dot_q4, .to_float = to_float, .from_float = from_float, .row_to_float = row_to_float, \
    .row_to_groups = row_to_groups, .transpose = transpose, .store_tile = store_tile, .max_bits = max_bits, \
    .quantize8 = quantize8, .quantize16 = quantize16, .quantize_block = quantize_block, .rms_norm = rms_norm, .layer_norm = layer_norm, \
    .softmax = softmax, .apply = apply, .gate = gate, .add = add, .exp = exp_all, .rope = rope, .sums = sums, \
    .scale_shift = scale_shift, .attend_one = attend_one, .softmax_block = softmax_block, \
    .scale_columns = scale_columns
