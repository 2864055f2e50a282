#include "norms.h"
#include "gemm.h"

/* One strip of a head, normed, rotated and times `factor`; rope is the row's, x and weight the head's. */
INLINE __m512i normed_strip(const float *x, const float *weight, const float *rope, int head_dim, int strip,
                            __m512 inverse, __m512 factor) {
  const int at = strip * STRIP;
  const __m512 a = _mm512_mul_ps(_mm512_mul_ps(_mm512_load_ps(x + at), inverse), _mm512_load_ps(weight + at));
  const __m512 b =
      _mm512_mul_ps(_mm512_mul_ps(_mm512_load_ps(x + at + 16), inverse), _mm512_load_ps(weight + at + 16));
  const __m512 c = _mm512_load_ps(rope + strip * 16), t = _mm512_load_ps(rope + head_dim / 2 + strip * 16);
  const __m512 low = _mm512_fmsub_ps(a, c, _mm512_mul_ps(b, t));
  const __m512 high = _mm512_fmadd_ps(b, c, _mm512_mul_ps(a, t));
  return bf16x32(_mm512_mul_ps(factor, low), _mm512_mul_ps(factor, high));
}

void norm_queries(const struct shape *s, const float *weight, const float *x, const float *rope, int rows, bf16 *q) {
  const int D = s->head_dim;
  const __m512 unit = _mm512_set1_ps(s->query_scale * LOG2_E);
  for (int r = 0; r < rows; r++, rope += D) {
    for (int h = 0; h < s->heads; h++, x += D, q += D) {
      const __m512 inverse = _mm512_set1_ps(inverse_root(x, D, s->eps));
      for (int j = 0; j < D / STRIP; j++)
        _mm512_store_si512(q + j * STRIP, normed_strip(x, weight, rope, D, j, inverse, unit));
    }
  }
}

void norm_keys(const struct shape *s, const float *weight, const float *x, const float *rope, int rows,
               const int32_t *slot_of, int slots, bf16 *out) {
  const int D = s->head_dim, per_head = D / STRIP;
  const __m512 one = _mm512_set1_ps(1.0f);
  for (int r = 0; r < rows; r++, rope += D) {
    for (int h = 0; h < s->kv_heads; h++, x += D) {
      const __m512 inverse = _mm512_set1_ps(inverse_root(x, D, s->eps));
      for (int j = 0; j < per_head; j++) {
        const size_t at = (size_t)(h * per_head + j) * slots + slot_of[r];
        _mm512_store_si512(out + at * STRIP, normed_strip(x, weight, rope, D, j, inverse, one));
      }
    }
  }
}

/* Channels i and i ^ half of 16 as their sum and difference. */
INLINE __m512 butterfly(__m512 v, int half) {
  int from[16];
  float sign[16];
  for (int i = 0; i < 16; i++) {
    from[i] = i ^ half;
    sign[i] = i & half ? -1.0f : 1.0f;
  }
  const __m512i order = _mm512_loadu_si512(from);
  const __m512 partner = (__m512)_mm512_permutexvar_epi32(order, (__m512i)v);
  return _mm512_fmadd_ps(v, _mm512_loadu_ps(sign), partner);
}

/* Walsh-Hadamard of `power` numbers, unscaled. */
INLINE void hadamard(float *v, int power) {
  for (int i = 0; i < power; i += 16) {
    __m512 x = _mm512_load_ps(v + i);
    x = butterfly(x, 1);
    x = butterfly(x, 2);
    x = butterfly(x, 4);
    _mm512_store_ps(v + i, butterfly(x, 8));
  }
  for (int half = 16; half < power; half *= 2) {
    for (int i = 0; i < power; i += 2 * half) {
      for (int j = i; j < i + half; j += 16) {
        const __m512 a = _mm512_load_ps(v + j), b = _mm512_load_ps(v + j + half);
        _mm512_store_ps(v + j, _mm512_add_ps(a, b));
        _mm512_store_ps(v + j + half, _mm512_sub_ps(a, b));
      }
    }
  }
}

void add_normed(const struct model *m, const float *weight, float *y, int rows, float *x) {
  const struct rotation *R = &m->rotation;
  const int H = m->shape.hidden, p = R->power;
  for (int r = 0; r < rows; r++, x += H, y += H) {
    const __m512 inverse = _mm512_set1_ps(inverse_root(y, H, m->shape.eps));
    for (int i = 0; i < H; i += 16) {
      const __m512 v = _mm512_mul_ps(_mm512_mul_ps(_mm512_load_ps(y + i), inverse), _mm512_loadu_ps(weight + i));
      _mm512_store_ps(y + i, _mm512_mul_ps(v, _mm512_load_ps(R->signs + i)));
    }
    for (int i = 0; i < H; i += p) hadamard(y + i, p);
    for (int j = 0; j < p; j += 16) {
      for (int k = 0; k < R->odd; k++) {
        float *out = x + k * p + j;
        __m512 sum = _mm512_load_ps(out);
        for (int n = 0; n < R->odd; n++)
          sum = _mm512_fmadd_ps(_mm512_set1_ps(R->dct[k * R->odd + n]), _mm512_load_ps(y + n * p + j), sum);
        _mm512_store_ps(out, sum);
      }
    }
  }
}
