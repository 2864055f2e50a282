#include "ceiling.h"
#include "products.h"
#include "unit.h"
#include <stdlib.h>
#include <string.h>

/* Square products: three operands of several megabytes, beyond the second-level cache. */
enum { SIDE = 2048, STRIPS = SIDE / STRIP, SCALES = SIDE / 64 * SIDE, MATRIX = SIDE * SIDE };
static const double SQUARE = 2.0 * SIDE * SIDE * SIDE;

/* 64-byte aligned, every byte `value`. */
static void *filled(size_t bytes, int value) {
  void *at = aligned_alloc(64, bytes);
  return at ? memset(at, value, bytes) : NULL;
}

/* As the linear layers run: packed weights, rows as digits, sums scaled and stored. */
static double int8_memory(long count) {
  int8_t *weights = filled(MATRIX, 3), *high = filled(MATRIX, 5), *low = filled(MATRIX, 7);
  float *scale = filled(SCALES * sizeof(float), 0), *out = filled(MATRIX * sizeof(float), 0);
  double operations = 0;
  if (weights && high && low && scale && out) {
    const struct linear l = {.inputs = SIDE, .strips = STRIPS, .weights = weights,
                             .scale = scale, .bias = scale, .start = (int32_t *)scale};
    const struct digits in = {.high = high, .low = TWO_DIGITS ? low : NULL, .scale = scale, .rows = SIDE};
    for (long i = 0; i < count; i++) product(&l, 0, STRIPS, in, SIDE, out);
    operations = (TWO_DIGITS ? 2 : 1) * SQUARE * (double)count;
  }
  free(weights), free(high), free(low), free(scale), free(out);
  return operations;
}

/* A strip of 32 columns stays near while all rows, blocked as attention has them, pass by. */
static double bf16_memory(long count) {
  bf16 *tiles = filled(MATRIX * sizeof(bf16), 0x3c), *rows = filled(MATRIX * sizeof(bf16), 0x3c);
  float *out = filled(MATRIX * sizeof(float), 0);
  double operations = 0;
  if (tiles && rows && out) {
    for (long i = 0; i < count * STRIPS; i++) {
      const bf16 *strip = tiles + i % STRIPS * SIDE * STRIP;
      for (int row = 0; row < SIDE; row += UNIT_ROWS) {
        struct bf16_sums sums;
        bf16_zero(&sums);
        for (int k = 0; k < SIDE; k += STRIP)
          bf16_step(&sums, (const char *)(rows + row * SIDE + k * UNIT_ROWS), 64, strip + k * STRIP, UNIT_ROWS);
        bf16_store(&sums, out + row * SIDE + i % STRIPS * STRIP, SIDE * sizeof(float), UNIT_ROWS);
      }
    }
    operations = SQUARE * (double)count;
  }
  free(tiles), free(rows), free(out);
  return operations;
}

double measure(enum measured kind, long count) {
  if (kind == INT8_MEMORY) return int8_memory(count);
  if (kind == BF16_MEMORY) return bf16_memory(count);
  unit_products(kind == BF16_REGISTERS, count);
  return (double)count * (kind == BF16_REGISTERS ? UNIT_BF16_OPERATIONS : UNIT_OPERATIONS);
}
