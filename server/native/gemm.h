/* Int8 matrix products on AMX tiles: 32 rows by 64 columns at a time, 32-bit sums. */
#pragma once
#include "simd.h"

enum { BLOCK_ROWS = 32, STRIP = 64, TILE_BYTES = 1024 };

/* Asks Linux for the tile registers and sets their shapes for the calling thread. 0 when refused. */
int amx_begin(void);
void amx_end(void);

/*
 * Weights [inputs, columns] in the order the tiles read them: strips of 64 columns, in each strip
 * `inputs / 64` steps, in each step 4 tiles of 64 inputs x 16 columns (four inputs side by side).
 */
static inline size_t packed_bytes(int inputs, int columns) { return (size_t)inputs * columns; }

/* Packs column `from` .. `from + 16` of `w` (row-major, `stride` columns) into one tile column of a strip. */
void pack_columns(const int8_t *w, int inputs, int stride, int from, int8_t *strip, int tile);

/*
 * acc[32][64] = a[32, inputs] @ strip; rows of `a` are `inputs` bytes apart.
 * The tile loads want `a` to have 32 readable rows.
 */
INLINE void gemm_block(const int8_t *a, const int8_t *strip, int inputs, int32_t *acc) {
  for (int half = 0; half < 2; half++) {
    const int8_t *b = strip + half * 2 * TILE_BYTES;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int k = 0; k < inputs; k += 64, b += 4 * TILE_BYTES) {
      _tile_loadd(4, a + k, inputs);
      _tile_loadd(6, b, 64);
      _tile_loadd(7, b + TILE_BYTES, 64);
      _tile_loadd(5, a + (size_t)16 * inputs + k, inputs);
      _tile_dpbssd(0, 4, 6);
      _tile_dpbssd(1, 4, 7);
      _tile_dpbssd(2, 5, 6);
      _tile_dpbssd(3, 5, 7);
    }
    int32_t *out = acc + half * 32;
    _tile_stored(0, out, STRIP * 4);
    _tile_stored(1, out + 16, STRIP * 4);
    _tile_stored(2, out + 16 * STRIP, STRIP * 4);
    _tile_stored(3, out + 16 * STRIP + 16, STRIP * 4);
  }
}
