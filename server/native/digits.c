#include "digits.h"
#include "unit.h"
#include <string.h>

/* 64 numbers as int8, saturated, as the unit takes them. */
INLINE __m512i int8x64(const __m512i q[4]) {
  const __m512i words = _mm512_packs_epi32(q[0], q[1]), more = _mm512_packs_epi32(q[2], q[3]);
  /* Packing works within 128-bit lanes: the parts of four numbers are put in order. */
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m512i bytes = _mm512_permutexvar_epi32(order, _mm512_packs_epi16(words, more));
  return FLIP ? _mm512_xor_si512(bytes, _mm512_set1_epi32((int32_t)0x80808080u)) : bytes;
}

/* 64 inputs of one row, `stride` floats from one 16 to the next, times `factor`, to `at`. */
INLINE void quantize_64(const float *x, size_t stride, __m512 factor, const struct digits *out, size_t at) {
  __m512 v[4];
  __m512i q[4];
  for (int i = 0; i < 4; i++) {
    v[i] = _mm512_mul_ps(_mm512_load_ps(x + i * stride), factor);
    q[i] = _mm512_cvtps_epi32(v[i]);
  }
  _mm512_store_si512(out->high + at, int8x64(q));
  if (!out->low) return;
  for (int i = 0; i < 4; i++) {
    /* What the first digit leaves lies in [-1/2, 1/2]. */
    const __m512 rest = _mm512_sub_ps(v[i], _mm512_cvtepi32_ps(q[i]));
    q[i] = _mm512_cvtps_epi32(_mm512_mul_ps(rest, _mm512_set1_ps(254.0f)));
  }
  _mm512_store_si512(out->low + at, int8x64(q));
}

/* The factor that makes `peak` 127; the row's scale is in units of `unit`. */
INLINE __m512 factor_of(float peak, float unit, float *scale) {
  if (peak < 1e-30f) peak = 1e-30f;
  *scale = peak * unit / 127.0f;
  return _mm512_set1_ps(127.0f / peak);
}

INLINE float peak_of(const float *x, int count) {
  __m512 peaks = _mm512_setzero_ps();
  for (int i = 0; i < count; i += 16) peaks = _mm512_max_ps(peaks, _mm512_abs_ps(_mm512_load_ps(x + i)));
  return _mm512_reduce_max_ps(peaks);
}

/* Row `r`, its scales in units of `unit`. */
INLINE void quantize_row(const float *x, int width, float unit, const struct digits *out, int r) {
  const int size = group_of(width);
  float *scale = out->scale + r;
  for (int from = 0; from < width; from += size, scale += out->rows) {
    const int end = from + size < width ? from + size : width;
    const __m512 factor = factor_of(peak_of(x + from, end - from), unit, scale);
    for (int i = from; i < end; i += 64) quantize_64(x + i, 16, factor, out, tile_at(r, i, width));
  }
}

void quantize_normed(const float *x, int rows, int width, float eps, struct digits out) {
  for (int r = 0; r < rows; r++, x += width) quantize_row(x, width, inverse_root(x, width, eps), &out, r);
}

void quantize_rows(const float *x, int rows, int width, struct digits out) {
  for (int r = 0; r < rows; r++, x += width) quantize_row(x, width, 1.0f, &out, r);
}

void quantize_blocks(const float *x, int rows, int width, struct digits out) {
  enum { SIXTEEN = BLOCK_ROWS * 16 };
  const int size = group_of(width);
  for (int row = 0; row < rows; row += BLOCK_ROWS, x += (size_t)BLOCK_ROWS * width) {
    for (int from = 0, g = 0; from < width; from += size, g++) {
      const int end = from + size < width ? from + size : width;
      float *scale = out.scale + (size_t)g * out.rows + row;
      __m512 factors[BLOCK_ROWS];
      for (int half = 0; half < BLOCK_ROWS; half += 16) {
        __m512 peaks[16];
        for (int r = 0; r < 16; r++) peaks[r] = _mm512_setzero_ps();
        for (int i = from / 16; i < end / 16; i++) {
          const float *part = x + (size_t)i * SIXTEEN + half * 16;
          for (int r = 0; r < 16; r++)
            peaks[r] = _mm512_max_ps(peaks[r], _mm512_abs_ps(_mm512_load_ps(part + r * 16)));
        }
        for (int r = 0; r < 16; r++)
          factors[half + r] = factor_of(_mm512_reduce_max_ps(peaks[r]), 1.0f, scale + half + r);
      }
      for (int i = from; i < end; i += 64) {
        for (int r = 0; r < BLOCK_ROWS; r++)
          quantize_64(x + (size_t)i / 16 * SIXTEEN + r * 16, SIXTEEN, factors[r], &out,
                      tile_at(row + r, i, width));
      }
    }
  }
}

void copy_digits(struct digits from, int row, struct digits to, int to_row, int width) {
  for (int i = 0; i < width; i += 64) {
    const size_t a = tile_at(row, i, width), b = tile_at(to_row, i, width);
    memcpy(to.high + b, from.high + a, 64);
    if (to.low) memcpy(to.low + b, from.low + a, 64);
  }
  for (int g = 0; g < groups_of(width); g++)
    to.scale[(size_t)g * to.rows + to_row] = from.scale[(size_t)g * from.rows + row];
}
