/* The linear layers with what follows each, block by block while the sums are in the first-level cache. */
#pragma once
#include "backbone.h"
#include "digits.h"

/*
 * All take `rows` a multiple of 32, and `in` [rows, inputs of the layer]. rope: cos and sin of each row,
 * [rows, head_dim], halves side by side.
 */

/* q [rows, heads * head_dim]: queries, rotated, times query_scale * log2(e), as bfloat16. */
void project_queries(const struct shape *s, const struct linear *qkv, struct digits in,
                     const float *rope, int rows, bf16 *q);

/* out [strips of keys (rotated), then of values; slots, 32] bfloat16; slot_of [rows]. Values alone with head_norms. */
void project_keys_values(const struct shape *s, const struct linear *qkv, struct digits in,
                         const float *rope, int rows, const int32_t *slot_of, int slots, bf16 *out);

/* x [rows, strips * 32] += in @ W + bias. */
void add_product(const struct linear *l, struct digits in, int rows, float *x);

/* inner [rows / 32, strips, 32, 16] = act(gate) * up: blocks, so that a block's rows lie together. */
void gate_up(const struct linear *l, enum activation activation, struct digits in, int rows, float *inner);

/* out [rows, count * 32] = in @ W + bias, of the strips first .. first + count. */
void product(const struct linear *l, int first, int count, struct digits in, int rows, float *out);
