/* A product block by block, each block's rows finished while its sums are in the first-level cache. */
#pragma once
#include "backbone.h"
#include "digits.h"
#include "unit.h"

/* Sums of one block: integers of the first digits, then of the second; or what they stand for, by rows. */
struct sums {
#ifdef UNIT_VNNI
  float scaled[BLOCK_ROWS * STRIP] __attribute__((aligned(64)));
#else
  int32_t digit[2][BLOCK_ROWS * STRIP] __attribute__((aligned(64)));
#endif
};

/* A product in work: what it reads, and what its rows become. */
struct product {
  const struct linear *linear;
  struct digits in;
  int rows;
  const struct shape *shape;
  const float *rope;
  float *out;
  bf16 *bf;
  const int32_t *slot_of;
  int slots;
  int first, width; /* of finish_plain: the first strip, and columns in all */
};

/* Finishes row `r` of the block of rows `row` .. `row + 32` and the strip's columns. */
typedef void finish_row(const struct product *p, const struct sums *sums, int strip, int row, int r);

#ifdef UNIT_VNNI

/* The integers of a group of inputs, times its rows' scales in parts of `parts`, are added to floats. */
INLINE void add_group(const struct int8_sums *s, const float *scale, float parts, __m512 sums[SUM_ROWS][2]) {
  for (int r = 0; r < SUM_ROWS; r++) {
    const __m512 of_row = _mm512_set1_ps(scale[r] / parts);
    for (int half = 0; half < 2; half++)
      sums[r][half] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(s->of[r][half]), of_row, sums[r][half]);
  }
}

/* sums [4, 32]: rows row .. row + 4 times a strip, all groups of inputs, in floats. `two`: do rows have a second digit? */
INLINE void sum_groups(const struct product *p, int strip, int row, int two, float *out) {
  const struct linear *l = p->linear;
  const int groups = l->inputs / GROUP;
  const int8_t *high = p->in.high + tile_at(row, 0, l->inputs), *low = two ? p->in.low + (high - p->in.high) : NULL;
  const int8_t *weights = l->weights + (size_t)strip * l->inputs * STRIP;
  const int32_t *start = l->start + (size_t)strip * STRIP;
  const float *scale = p->in.scale + row;
  __m512 sums[SUM_ROWS][2];
  for (int r = 0; r < SUM_ROWS; r++) sums[r][0] = sums[r][1] = _mm512_setzero_ps();
  for (int g = 0; g < groups; g++) {
    const struct int8_sums first = int8_rows(high, weights, start);
    add_group(&first, scale, 1.0f, sums);
    high += 2 * TILE_BYTES;
    if (two) {
      const struct int8_sums second = int8_rows(low, weights, start);
      add_group(&second, scale, 254.0f, sums);
      low += 2 * TILE_BYTES;
    }
    weights += 2 * TILE_BYTES;
    start += (size_t)l->strips * STRIP;
    scale += p->in.rows;
  }
  for (int r = 0; r < SUM_ROWS; r++) {
    for (int half = 0; half < 2; half++) _mm512_store_ps(out + r * STRIP + half * 16, sums[r][half]);
  }
}

/* Runs strips first .. first + count over all rows. */
INLINE void run_product(const struct product *p, int first, int count, finish_row *finish) {
  struct sums sums;
  for (int strip = first; strip < first + count; strip++) {
    for (int row = 0; row < p->rows; row += BLOCK_ROWS) {
      for (int r = 0; r < BLOCK_ROWS; r += SUM_ROWS) {
        if (p->in.low) sum_groups(p, strip, row + r, 1, sums.scaled + r * STRIP);
        else sum_groups(p, strip, row + r, 0, sums.scaled + r * STRIP);
      }
      for (int r = 0; r < BLOCK_ROWS; r++) finish(p, &sums, strip, row, r);
    }
  }
}

/* 16 columns from `c` on of row `r` of a block, in the product's own unit, bias added. */
INLINE __m512 column(const struct product *p, const struct sums *s, int strip, int row, int r, int c) {
  (void)row;
  const int at = strip * STRIP + c;
  return _mm512_fmadd_ps(_mm512_load_ps(s->scaled + r * STRIP + c), _mm512_load_ps(p->linear->scale + at),
                         _mm512_load_ps(p->linear->bias + at));
}

#else

/*
 * Runs strips first .. first + count over all rows. The tile unit works on a block while the vector
 * units finish the block before, some rows a step.
 */
INLINE void run_product(const struct product *p, int first, int count, finish_row *finish) {
  struct sums sums[2];
  const int K = p->linear->inputs;
  int turn = 0, strip_before = 0, row_before = 0, r = BLOCK_ROWS;
  const int steps = 2 * K / 64, rows_per_step = (BLOCK_ROWS + steps - 1) / steps;
  for (int strip = first; strip < first + count; strip++) {
    const int8_t *weights = p->linear->weights + (size_t)strip * K * STRIP;
    const int8_t *ahead = weights + (size_t)K * STRIP, *const enough = ahead + (size_t)K * STRIP;
    for (int row = 0; row < p->rows; row += BLOCK_ROWS) {
      const struct sums *before = &sums[turn ^ 1];
      for (int digit = 0; digit < 2; digit++) {
        const int8_t *a = (digit ? p->in.low : p->in.high) + (size_t)row * K, *b = weights;
        gemm_zero();
        for (int k = 0; k < K; k += 64, a += 2 * TILE_BYTES, b += 2 * TILE_BYTES) {
          /* The next strip's weights come from beyond the second-level cache. */
          for (int i = 0; i < 4 && ahead < enough; i++, ahead += 64) _mm_prefetch(ahead, _MM_HINT_T1);
          _tile_loadd(4, a, 64);
          _tile_loadd(6, b, 64);
          _tile_loadd(7, b + TILE_BYTES, 64);
          _tile_loadd(5, a + TILE_BYTES, 64);
          _tile_dpbssd(0, 4, 6);
          _tile_dpbssd(1, 4, 7);
          _tile_dpbssd(2, 5, 6);
          _tile_dpbssd(3, 5, 7);
          for (int end = r + rows_per_step; r < end && r < BLOCK_ROWS; r++)
            finish(p, before, strip_before, row_before, r);
        }
        gemm_store(sums[turn].digit[digit]);
      }
      turn ^= 1;
      strip_before = strip;
      row_before = row;
      r = 0;
    }
  }
  const struct sums *before = &sums[turn ^ 1];
  for (; r < BLOCK_ROWS; r++) finish(p, before, strip_before, row_before, r);
}

/* 16 columns from `c` on of row `r` of a block, in the product's own unit, bias added. */
INLINE __m512 column(const struct product *p, const struct sums *s, int strip, int row, int r, int c) {
  const int at = strip * STRIP + c;
  const __m512 high = _mm512_cvtepi32_ps(_mm512_load_si512(s->digit[0] + r * STRIP + c));
  const __m512 low = _mm512_cvtepi32_ps(_mm512_load_si512(s->digit[1] + r * STRIP + c));
  const __m512 sum = _mm512_fmadd_ps(low, _mm512_set1_ps(1.0f / 254.0f), high);
  const __m512 scale = _mm512_set1_ps(p->in.scale[row + r]);
  return _mm512_fmadd_ps(sum, _mm512_mul_ps(_mm512_load_ps(p->linear->scale + at), scale),
                         _mm512_load_ps(p->linear->bias + at));
}

#endif
