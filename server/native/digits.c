#include "digits.h"
#include "gemm.h"
#include <string.h>

/* 64 numbers as int8, saturated. */
INLINE __m512i int8x64(const __m512i q[4]) {
  const __m512i words = _mm512_packs_epi32(q[0], q[1]), more = _mm512_packs_epi32(q[2], q[3]);
  /* Packing works within 128-bit lanes: the parts of four numbers are put in order. */
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  return _mm512_permutexvar_epi32(order, _mm512_packs_epi16(words, more));
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

INLINE void quantize_row(const float *x, int width, __m512 factor, const struct digits *out, int r) {
  for (int i = 0; i < width; i += 64) quantize_64(x + i, 16, factor, out, tile_at(r, i, width));
}

void quantize_normed(const float *x, int rows, int width, float eps, struct digits out) {
  for (int r = 0; r < rows; r++, x += width) {
    __m512 peaks = _mm512_setzero_ps(), squares = _mm512_setzero_ps();
    for (int i = 0; i < width; i += 16) {
      const __m512 v = _mm512_load_ps(x + i);
      peaks = _mm512_max_ps(peaks, _mm512_abs_ps(v));
      squares = _mm512_fmadd_ps(v, v, squares);
    }
    const float mean = _mm512_reduce_add_ps(squares) / (float)width + eps;
    const float inverse = 1.0f / _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(mean)));
    quantize_row(x, width, factor_of(_mm512_reduce_max_ps(peaks), inverse, out.scale + r), &out, r);
  }
}

void quantize_rows(const float *x, int rows, int width, struct digits out) {
  for (int r = 0; r < rows; r++, x += width) {
    __m512 peaks = _mm512_setzero_ps();
    for (int i = 0; i < width; i += 16)
      peaks = _mm512_max_ps(peaks, _mm512_abs_ps(_mm512_load_ps(x + i)));
    quantize_row(x, width, factor_of(_mm512_reduce_max_ps(peaks), 1.0f, out.scale + r), &out, r);
  }
}

void quantize_blocks(const float *x, int rows, int width, struct digits out) {
  enum { SIXTEEN = BLOCK_ROWS * 16 };
  for (int row = 0; row < rows; row += BLOCK_ROWS, x += (size_t)BLOCK_ROWS * width) {
    __m512 factors[BLOCK_ROWS];
    for (int half = 0; half < BLOCK_ROWS; half += 16) {
      __m512 peaks[16];
      for (int r = 0; r < 16; r++) peaks[r] = _mm512_setzero_ps();
      for (int i = 0; i < width / 16; i++) {
        const float *part = x + (size_t)i * SIXTEEN + half * 16;
        for (int r = 0; r < 16; r++)
          peaks[r] = _mm512_max_ps(peaks[r], _mm512_abs_ps(_mm512_load_ps(part + r * 16)));
      }
      for (int r = 0; r < 16; r++) {
        const int at = half + r;
        factors[at] = factor_of(_mm512_reduce_max_ps(peaks[r]), 1.0f, out.scale + row + at);
      }
    }
    for (int i = 0; i < width; i += 64) {
      for (int r = 0; r < BLOCK_ROWS; r++)
        quantize_64(x + (size_t)i / 16 * SIXTEEN + r * 16, SIXTEEN, factors[r], &out,
                    tile_at(row + r, i, width));
    }
  }
}

void copy_digits(struct digits from, int row, struct digits to, int to_row, int width) {
  for (int i = 0; i < width; i += 64) {
    const size_t a = tile_at(row, i, width), b = tile_at(to_row, i, width);
    memcpy(to.high + b, from.high + a, 64);
    memcpy(to.low + b, from.low + a, 64);
  }
  to.scale[to_row] = from.scale[row];
}
