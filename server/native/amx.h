/* Products on the processor's tile registers. */
#pragma once
#include "gemm.h"

#define NAME "amx"
enum { UNIT_ROWS = 32, FLIP = 0, TWO_DIGITS = 1, GROUP = 0, MLP_ROWS = 384 };

/* Asks Linux for the tile registers and shapes them for the calling thread. 0 when refused. */
int unit_begin(void);
void unit_end(void);

/* Operations of one of `count`: four tile products, of int8 or bfloat16. */
enum { UNIT_OPERATIONS = 4 * 2 * 16 * 16 * 64, UNIT_BF16_OPERATIONS = UNIT_OPERATIONS / 2 };
void unit_products(int bf16, long count);

INLINE void gemm_zero(void) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
}

/* Tiles 0-3 as sums [32, 32]. */
INLINE void gemm_store(int32_t *sums) {
  _tile_stored(0, sums, STRIP * 4);
  _tile_stored(1, sums + 16, STRIP * 4);
  _tile_stored(2, sums + 16 * STRIP, STRIP * 4);
  _tile_stored(3, sums + 16 * STRIP + 16, STRIP * 4);
}

/* The sums are in tiles 0-3. */
struct bf16_sums {
  char none;
};
INLINE void bf16_zero(struct bf16_sums *s) {
  (void)s;
  gemm_zero();
}

/* += 32 rows of 32 bfloat16 (`stride` bytes apart) times two tiles; for up to 16 rows, 16. */
INLINE void bf16_step(struct bf16_sums *s, const char *rows, size_t stride, const uint16_t *tiles, int count) {
  (void)s;
  _tile_loadd(4, rows, stride);
  _tile_loadd(6, tiles, 64);
  _tile_loadd(7, tiles + TILE_BYTES / 2, 64);
  _tile_dpbf16ps(0, 4, 6);
  _tile_dpbf16ps(1, 4, 7);
  if (count <= 16) return;
  _tile_loadd(5, rows + 16 * stride, stride);
  _tile_dpbf16ps(2, 5, 6);
  _tile_dpbf16ps(3, 5, 7);
}

/* As rows of 32 floats, `stride` bytes apart. */
INLINE void bf16_store(const struct bf16_sums *s, float *out, size_t stride, int count) {
  (void)s;
  _tile_stored(0, out, stride);
  _tile_stored(1, out + 16, stride);
  if (count <= 16) return;
  char *low = (char *)out + 16 * stride;
  _tile_stored(2, low, stride);
  _tile_stored(3, low + 64, stride);
}
