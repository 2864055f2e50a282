/* Int8 matrix products, 32 rows by 32 columns at a time, with 32-bit sums: how rows and weights lie. */
#pragma once
#include "simd.h"

enum { BLOCK_ROWS = 32, STRIP = 32, TILE_BYTES = 1024 };

/*
 * Copies columns from .. from + 16 of `w` [inputs, stride] to half `half` of a strip: strips of 32
 * columns hold, for each 64 inputs, 2 tiles of 64 inputs x 16 columns (four inputs side by side):
 * strip [inputs / 64, 2, 1024] bytes.
 */
void pack_columns(const int8_t *w, int inputs, int stride, int from, int8_t *strip, int half);

/*
 * Rows are read as tiles of 16 rows x 64 inputs, for each block of 32 rows its tiles step by step, so
 * that a product reads both its operands from one end to the other.
 */
INLINE size_t tile_at(int row, int input, int inputs) {
  return (size_t)(row / BLOCK_ROWS) * BLOCK_ROWS * inputs + (size_t)(input / 64) * 2 * TILE_BYTES +
         row % BLOCK_ROWS * 64 + input % 64;
}
