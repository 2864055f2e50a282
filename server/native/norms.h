/* Norms that stand between a product and what reads it: of heads, and of what a block adds to the stream. */
#pragma once
#include "backbone.h"

/* Queries and keys that were not rotated yet, x [rows, heads * head_dim] in packed order, as products.h gives them. */
void norm_queries(const struct shape *s, const float *weight, const float *x, const float *rope, int rows, bf16 *q);
void norm_keys(const struct shape *s, const float *weight, const float *x, const float *rope, int rows,
               const int32_t *slot_of, int slots, bf16 *out);

/* x [rows, hidden] += (norm(y) * weight) R. Overwrites y [rows, hidden]. */
void add_normed(const struct model *m, const float *weight, float *y, int rows, float *x);
