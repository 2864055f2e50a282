/* Products on vector registers: AVX-512 VNNI for int8, AVX-512 BF16 for bfloat16. */
#pragma once
#include "gemm.h"
#include <string.h>

#define NAME "vnni"
/*
 * 8 rows x 32 columns of bfloat16 are 16 registers of sums: enough in flight for the latency, few enough beside the operands. Of int8
 * it is 4 rows, since the sums of a group of inputs, in integers, and those of all groups, in floats, are both kept in registers.
 */
enum { UNIT_ROWS = 8, SUM_ROWS = 4, FLIP = 0x80, TWO_DIGITS = 0, GROUP = 64, MLP_ROWS = 96 };

INLINE int unit_begin(void) { return 1; }
INLINE void unit_end(void) {}

/* Operations of one of `count`: twelve registers of sums, 64 products of int8 or 32 of bfloat16 each. */
enum { UNIT_OPERATIONS = 12 * 2 * 64, UNIT_BF16_OPERATIONS = 12 * 2 * 32 };
INLINE void unit_bf16_products(long count) {
  __m512 sums[12];
  const __m512bh x = (__m512bh)_mm512_set1_epi32(0x3c003c00);
  for (int i = 0; i < 12; i++) sums[i] = _mm512_set1_ps((float)i);
  for (; count > 0; count--)
    for (int i = 0; i < 12; i++) sums[i] = _mm512_dpbf16_ps(sums[i], x, x);
  __asm__ volatile("" : "+m"(sums));
}
INLINE void unit_products(int bf16, long count) {
  if (bf16) {
    unit_bf16_products(count);
    return;
  }
  __m512i sums[12], x = _mm512_set1_epi32(0x03030303);
  for (int i = 0; i < 12; i++) sums[i] = _mm512_set1_epi32(i);
  for (; count > 0; count--)
    for (int i = 0; i < 12; i++) sums[i] = _mm512_dpbusd_epi32(sums[i], x, x);
  /* Products whose sums nobody looks at would not be made. */
  __asm__ volatile("" : "+m"(sums));
}

/* Four bytes, or two bfloat16, of a row in every lane. */
INLINE __m512i everywhere(const void *at) {
  int32_t four;
  memcpy(&four, at, 4);
  return _mm512_set1_epi32(four);
}

struct int8_sums {
  __m512i of[SUM_ROWS][2];
};

/*
 * start [32] + a @ b of a group of inputs, for 4 rows: a in the order of tile_at, unsigned; b of a strip. Unsigned rows
 * are 128 too large, which `start` takes away.
 */
INLINE struct int8_sums int8_rows(const int8_t *a, const int8_t *b, const int32_t *start) {
  struct int8_sums s;
  for (int r = 0; r < SUM_ROWS; r++) {
    s.of[r][0] = _mm512_load_si512(start);
    s.of[r][1] = _mm512_load_si512(start + 16);
  }
  UNROLL(16)
  for (int i = 0; i < 16; i++) {
    const __m512i low = _mm512_load_si512(b + i * 64), high = _mm512_load_si512(b + TILE_BYTES + i * 64);
    UNROLL(4)
    for (int r = 0; r < SUM_ROWS; r++) {
      const __m512i x = everywhere(a + r * 64 + i * 4);
      s.of[r][0] = _mm512_dpbusd_epi32(s.of[r][0], x, low);
      s.of[r][1] = _mm512_dpbusd_epi32(s.of[r][1], x, high);
    }
  }
  return s;
}

struct bf16_sums {
  __m512 of[UNIT_ROWS][2];
};
INLINE void bf16_zero(struct bf16_sums *s) {
  for (int r = 0; r < UNIT_ROWS; r++) s->of[r][0] = s->of[r][1] = _mm512_setzero_ps();
}

/* += 8 rows of 32 bfloat16 (`stride` bytes apart) times two tiles. */
INLINE void bf16_step(struct bf16_sums *s, const char *rows, size_t stride, const uint16_t *tiles, int count) {
  (void)count;
  UNROLL(2)
  for (int i = 0; i < 16; i++) {
    const __m512bh low = (__m512bh)_mm512_load_si512(tiles + i * 32);
    const __m512bh high = (__m512bh)_mm512_load_si512(tiles + TILE_BYTES / 2 + i * 32);
    UNROLL(8)
    for (int r = 0; r < UNIT_ROWS; r++) {
      const __m512bh x = (__m512bh)everywhere(rows + r * stride + i * 4);
      s->of[r][0] = _mm512_dpbf16_ps(s->of[r][0], x, low);
      s->of[r][1] = _mm512_dpbf16_ps(s->of[r][1], x, high);
    }
  }
}

/* As rows of 32 floats, `stride` bytes apart. */
INLINE void bf16_store(const struct bf16_sums *s, float *out, size_t stride, int count) {
  (void)count;
  for (int r = 0; r < UNIT_ROWS; r++) {
    float *row = (float *)((char *)out + r * stride);
    _mm512_store_ps(row, s->of[r][0]);
    _mm512_store_ps(row + 16, s->of[r][1]);
  }
}
