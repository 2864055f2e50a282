#include "kernels.h"
#include "product.h"
#include "products.h"
#include <string.h>

/* Inputs of more than one group. */
enum { INPUTS = 320, SIZE = GROUP ? GROUP : INPUTS, PARTS = (INPUTS + SIZE - 1) / SIZE, ROWS = BLOCK_ROWS };

/* Numbers that repeat only after 2^32: Knuth's linear congruential generator. */
static int32_t next(uint32_t *state) { return (int32_t)((*state = *state * 1664525u + 1013904223u) >> 16); }

/* A strip over a block of rows through the real product, against sums in plain C: equal, since all are whole numbers. */
static const char *test_int8(void) {
  int8_t plain[INPUTS * STRIP], weights[INPUTS * STRIP] __attribute__((aligned(64)));
  int8_t high[ROWS * INPUTS] __attribute__((aligned(64)));
  float scale[STRIP] __attribute__((aligned(64))), bias[STRIP] __attribute__((aligned(64))), of_rows[PARTS * ROWS];
  float out[ROWS * STRIP] __attribute__((aligned(64)));
  int32_t start[PARTS * STRIP] __attribute__((aligned(64))) = {0};
  int8_t low[ROWS * INPUTS] __attribute__((aligned(64)));
  uint32_t state = 1;
  for (int i = 0; i < INPUTS * STRIP; i++) {
    plain[i] = (int8_t)(next(&state) % 255 - 127);
    start[i / STRIP / SIZE * STRIP + i % STRIP] -= FLIP * plain[i];
  }
  for (int half = 0; half < 2; half++) pack_columns(plain, INPUTS, STRIP, half * 16, weights, half);
  for (int i = 0; i < ROWS * INPUTS; i++) {
    high[tile_at(i / INPUTS, i % INPUTS, INPUTS)] = (int8_t)((next(&state) % 255 - 127) ^ FLIP);
    low[i] = (int8_t)FLIP;
  }
  for (int i = 0; i < STRIP; i++) scale[i] = 1, bias[i] = (float)i;
  for (int i = 0; i < PARTS * ROWS; i++) of_rows[i] = 1;
  const struct linear l = {.inputs = INPUTS, .strips = 1, .weights = weights,
                           .scale = scale, .bias = bias, .start = start};
  const struct digits in = {.high = high, .low = low, .scale = of_rows, .rows = ROWS};
  product(&l, 0, 1, in, ROWS, out);
  for (int r = 0; r < ROWS; r++) {
    for (int c = 0; c < STRIP; c++) {
      int32_t sum = c;
      for (int k = 0; k < INPUTS; k++)
        sum += (int8_t)(high[tile_at(r, k, INPUTS)] ^ FLIP) * plain[k * STRIP + c];
      if (out[r * STRIP + c] != (float)sum) return "right int8 products";
    }
  }
  return NULL;
}

/* Small whole numbers are bfloat16, and so are exact sums of theirs float32. */
static bf16 whole(int n) {
  const float f = (float)n;
  uint32_t bits;
  memcpy(&bits, &f, 4);
  return (bf16)(bits >> 16);
}

static const char *test_bf16(void) {
  bf16 rows[BLOCK_ROWS * STRIP] __attribute__((aligned(64))), tiles[TILE_BYTES] __attribute__((aligned(64)));
  int8_t a[BLOCK_ROWS * STRIP], b[STRIP * STRIP];
  float out[BLOCK_ROWS * STRIP] __attribute__((aligned(64)));
  uint32_t state = 2;
  for (int i = 0; i < BLOCK_ROWS * STRIP; i++) {
    rows[i] = whole(a[i] = (int8_t)(next(&state) % 255 - 127));
    const int k = i / STRIP, c = i % STRIP;
    tiles[c / 16 * TILE_BYTES / 2 + k / 2 * 32 + c % 16 * 2 + k % 2] = whole(b[i] = (int8_t)(next(&state) % 255 - 127));
  }
  for (int r = 0; r < BLOCK_ROWS; r += UNIT_ROWS) {
    struct bf16_sums sums;
    bf16_zero(&sums);
    bf16_step(&sums, (const char *)(rows + r * STRIP), 64, tiles, BLOCK_ROWS - r);
    bf16_store(&sums, out + r * STRIP, STRIP * sizeof(float), BLOCK_ROWS - r);
  }
  for (int i = 0; i < BLOCK_ROWS * STRIP; i++) {
    int32_t sum = 0;
    for (int k = 0; k < STRIP; k++) sum += a[i / STRIP * STRIP + k] * b[k * STRIP + i % STRIP];
    if (out[i] != (float)sum) return "right bfloat16 products";
  }
  return NULL;
}

static const char *test(void) {
  const char *wrong = test_int8();
  return wrong ? wrong : test_bf16();
}

static int begin(void) { return unit_begin(); }
static void end(void) { unit_end(); }

#ifdef UNIT_VNNI
const struct kernels kernels_vnni
#else
const struct kernels kernels_amx
#endif
    = {NAME, model_open, model_close, workspace_new, workspace_free, model_run,
       begin, end, test, measure};
