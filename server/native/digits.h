/*
 * Activations as rows of two int8 digits with a scale each: what rounding to one digit loses is as much
 * as what the int8 weights lose, and on tiles twice the products still cost less than float32 or bfloat16. Where
 * they do not, one digit, but for the down projections of the first layers and the last (backbone.h).
 */
#pragma once
#include <stdint.h>

/*
 * Row r ~ (high + low / 254) * scale[r], in the order of gemm.h; every byte XORed with the unit's FLIP. Each group
 * of inputs (unit.h) has a scale of its own.
 */
struct digits {
  int8_t *high, *low; /* low NULL where one digit is enough. [rows / 32, width / 64, 2 tiles of 16 rows x 64]: tile_at */
  float *scale;       /* [groups, rows] */
  int rows;           /* that scales are laid out for */
};

/* x [rows, width], each row over its root mean square. `width` is a multiple of 64, rows are 64-byte aligned. */
void quantize_normed(const float *x, int rows, int width, float eps, struct digits out);

/* x [rows, width]. */
void quantize_rows(const float *x, int rows, int width, struct digits out);

/* The same of blocks [rows / 32, width / 16, 32, 16]: `rows` is a multiple of 32. */
void quantize_blocks(const float *x, int rows, int width, struct digits out);

/* Copies one row. */
void copy_digits(struct digits from, int row, struct digits to, int to_row, int width);
