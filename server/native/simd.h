/* Small AVX-512 helpers shared by the kernels. */
#pragma once
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))

/* The loop that follows, `n` steps at a time. A build for tests may leave loops as they are: it compiles in a tenth of the time. */
#ifdef LOOPS_AS_THEY_ARE
#define UNROLL(n)
#else
#define PRAGMA(text) _Pragma(#text)
#define UNROLL(n) PRAGMA(GCC unroll n)
#endif

static const float LOG2_E = 1.44269504f;

/* 2^x for x <= 127, 0 for very negative x. `fine`: relative error below 3e-6, else below 8e-5 (minimax). */
INLINE __m512 exp2_ps(__m512 x, int fine) {
  const __m512 n = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m512 f = _mm512_sub_ps(x, n);
  __m512 p;
  if (fine) {
    p = _mm512_fmadd_ps(_mm512_set1_ps(9.570101433e-3f), f, _mm512_set1_ps(5.591786028e-2f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(2.402474484e-1f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(6.931218147e-1f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(9.999992614e-1f));
  } else {
    p = _mm512_fmadd_ps(_mm512_set1_ps(5.517166492e-2f), f, _mm512_set1_ps(2.426111219e-1f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(6.932609862e-1f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(9.999280736e-1f));
  }
  return _mm512_scalef_ps(p, n);
}

/* 32 floats as bfloat16, rounded to nearest even. */
INLINE __m512i bf16x32(__m512 low, __m512 high) {
  return (__m512i)_mm512_cvtne2ps_pbh(high, low);
}

/* 1 over the root mean square of x, `width` numbers. */
INLINE float inverse_root(const float *x, int width, float eps) {
  __m512 squares = _mm512_setzero_ps();
  for (int i = 0; i < width; i += 16) {
    const __m512 v = _mm512_load_ps(x + i);
    squares = _mm512_fmadd_ps(v, v, squares);
  }
  const float mean = _mm512_reduce_add_ps(squares) / (float)width + eps;
  return 1.0f / _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(mean)));
}

/* Transposes a 16 x 16 matrix of 32-bit elements held in 16 registers. */
INLINE void transpose16(__m512i r[16]) {
  __m512i t[16];
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  for (int i = 0; i < 4; i++) {
    t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
  }
  for (int i = 0; i < 8; i++) {
    r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
    r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
  }
}
