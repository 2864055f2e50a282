#include "products.h"
#include "attention.h"
#include "product.h"

/* A row of 16 dims and their 16 partners, rotated; `strip` counts from the first head's. */
INLINE void rotated(const struct product *p, const struct sums *s, int strip, int first, int row, int r,
                    __m512 *low, __m512 *high) {
  const int D = p->shape->head_dim;
  const float *cos = p->rope + (size_t)(row + r) * D + strip % (D / STRIP) * 16;
  const __m512 c = _mm512_load_ps(cos), t = _mm512_load_ps(cos + D / 2);
  const __m512 a = column(p, s, first + strip, row, r, 0), b = column(p, s, first + strip, row, r, 16);
  *low = _mm512_fmsub_ps(a, c, _mm512_mul_ps(b, t));
  *high = _mm512_fmadd_ps(b, c, _mm512_mul_ps(a, t));
}

INLINE void finish_query(const struct product *p, const struct sums *s, int strip, int row, int r) {
  const __m512 unit = _mm512_set1_ps(p->shape->query_scale * LOG2_E);
  __m512 low, high;
  rotated(p, s, strip, 0, row, r, &low, &high);
  bf16 *out = p->bf + (size_t)(row + r) * p->shape->heads * p->shape->head_dim + strip * STRIP;
  _mm512_store_si512(out, bf16x32(_mm512_mul_ps(unit, low), _mm512_mul_ps(unit, high)));
}

void project_queries(const struct shape *s, const struct linear *l, struct digits in,
                     const float *rope, int rows, bf16 *q) {
  const struct product p = {.linear = l, .in = in, .rows = rows, .shape = s, .rope = rope, .bf = q};
  run_product(&p, 0, s->heads * s->head_dim / STRIP, finish_query);
}

INLINE void finish_key_value(const struct product *p, const struct sums *s, int strip, int row, int r) {
  const int per_head = p->shape->head_dim / STRIP, first = p->shape->heads * per_head;
  __m512 low, high;
  if (strip - first < p->shape->kv_heads * per_head) {
    rotated(p, s, strip - first, first, row, r, &low, &high);
  } else {
    low = column(p, s, strip, row, r, 0);
    high = column(p, s, strip, row, r, 16);
  }
  const size_t at = (size_t)(strip - first) * p->slots + p->slot_of[row + r];
  _mm512_store_si512(p->bf + at * STRIP, bf16x32(low, high));
}

void project_keys_values(const struct shape *s, const struct linear *l, struct digits in,
                         const float *rope, int rows, const int32_t *slot_of, int slots, bf16 *out) {
  const struct product p = {.linear = l, .in = in, .rows = rows, .shape = s, .rope = rope,
                            .bf = out, .slot_of = slot_of, .slots = slots};
  const int per_head = s->head_dim / STRIP;
  const int done = s->head_norms ? s->kv_heads * per_head : 0;
  run_product(&p, s->heads * per_head + done, 2 * s->kv_heads * per_head - done, finish_key_value);
}

INLINE void finish_plain(const struct product *p, const struct sums *s, int strip, int row, int r) {
  float *out = p->out + (size_t)(row + r) * p->width + (strip - p->first) * STRIP;
  for (int c = 0; c < STRIP; c += 16) _mm512_store_ps(out + c, column(p, s, strip, row, r, c));
}

void product(const struct linear *l, int first, int count, struct digits in, int rows, float *out) {
  const struct product p = {.linear = l, .in = in, .rows = rows, .out = out,
                            .first = first, .width = count * STRIP};
  run_product(&p, first, count, finish_plain);
}

INLINE void finish_sum(const struct product *p, const struct sums *s, int strip, int row, int r) {
  float *out = p->out + (size_t)(row + r) * p->linear->strips * STRIP + strip * STRIP;
  for (int c = 0; c < STRIP; c += 16)
    _mm512_store_ps(out + c, _mm512_add_ps(_mm512_load_ps(out + c), column(p, s, strip, row, r, c)));
}

void add_product(const struct linear *l, struct digits in, int rows, float *x) {
  const struct product p = {.linear = l, .in = in, .rows = rows, .out = x};
  run_product(&p, 0, l->strips, finish_sum);
}

/*
 * silu(gate) * up = y / (1 + 2^y) * z, where y = -gate * log2(e) and z = -up / log2(e): the factors are in
 * the packed scales (model.c). The reciprocal's 14 bits are twice what int8 digits keep; of infinity it is 0.
 */
INLINE void finish_gated(const struct product *p, const struct sums *s, int strip, int row, int r) {
  const __m512 y = column(p, s, strip, row, r, 0), z = column(p, s, strip, row, r, 16);
  const __m512 sigmoid = _mm512_rcp14_ps(_mm512_add_ps(exp2_ps(y, 1), _mm512_set1_ps(1.0f)));
  float *out = p->out + ((size_t)(row / BLOCK_ROWS) * p->linear->strips + strip) * 512 + r * 16;
  _mm512_store_ps(out, _mm512_mul_ps(_mm512_mul_ps(y, z), sigmoid));
}

INLINE float *gated_row(const struct product *p, int strip, int row, int r) {
  return p->out + ((size_t)(row / BLOCK_ROWS) * p->linear->strips + strip) * 512 + r * 16;
}

/* g / (1 + e^(-2 sqrt(2 / pi) (g + 0.044715 g^3))) * up, which is the tanh form: tanh(x) = 2 / (1 + e^-2x) - 1. */
INLINE void finish_gelu_tanh(const struct product *p, const struct sums *s, int strip, int row, int r) {
  const __m512 g = column(p, s, strip, row, r, 0), up = column(p, s, strip, row, r, 16);
  const __m512 linear = _mm512_set1_ps(-2.30220820f), cubic = _mm512_set1_ps(-0.102943240f);
  /* Powers of large numbers stay numbers; what is left of the product then is 0 or all of it. */
  const __m512 square = _mm512_min_ps(_mm512_mul_ps(g, g), _mm512_set1_ps(1e6f));
  const __m512 y = _mm512_min_ps(_mm512_mul_ps(g, _mm512_fmadd_ps(square, cubic, linear)), _mm512_set1_ps(120.0f));
  const __m512 part = _mm512_rcp14_ps(_mm512_add_ps(exp2_ps(y, 1), _mm512_set1_ps(1.0f)));
  _mm512_store_ps(gated_row(p, strip, row, r), _mm512_mul_ps(_mm512_mul_ps(g, up), part));
}

/* g * Phi(g) * up; the error function by Abramowitz and Stegun 7.1.26, absolute error 1.5e-7. */
INLINE void finish_gelu(const struct product *p, const struct sums *s, int strip, int row, int r) {
  const __m512 g = column(p, s, strip, row, r, 0), up = column(p, s, strip, row, r, 16);
  const __m512 one = _mm512_set1_ps(1.0f);
  const __m512 z = _mm512_min_ps(_mm512_mul_ps(_mm512_abs_ps(g), _mm512_set1_ps(0.707106781f)), _mm512_set1_ps(9.0f));
  const __m512 t = _mm512_div_ps(one, _mm512_fmadd_ps(z, _mm512_set1_ps(0.3275911f), one));
  __m512 q = _mm512_fmadd_ps(t, _mm512_set1_ps(1.061405429f), _mm512_set1_ps(-1.453152027f));
  q = _mm512_fmadd_ps(q, t, _mm512_set1_ps(1.421413741f));
  q = _mm512_fmadd_ps(q, t, _mm512_set1_ps(-0.284496736f));
  q = _mm512_fmadd_ps(q, t, _mm512_set1_ps(0.254829592f));
  const __m512 power = exp2_ps(_mm512_mul_ps(_mm512_mul_ps(z, z), _mm512_set1_ps(-LOG2_E)), 1);
  /* erfc(|g| / sqrt 2) / 2: Phi itself below 0, what is missing to 1 above. */
  const __m512 tail = _mm512_mul_ps(_mm512_mul_ps(q, t), _mm512_mul_ps(power, _mm512_set1_ps(0.5f)));
  const __m512 positive = _mm512_max_ps(g, _mm512_setzero_ps());
  const __m512 value = _mm512_sub_ps(positive, _mm512_mul_ps(_mm512_abs_ps(g), tail));
  _mm512_store_ps(gated_row(p, strip, row, r), _mm512_mul_ps(value, up));
}

void gate_up(const struct linear *l, enum activation activation, struct digits in, int rows, float *inner) {
  const struct product p = {.linear = l, .in = in, .rows = rows, .out = inner};
  if (activation == GELU_TANH) run_product(&p, 0, l->strips, finish_gelu_tanh);
  else if (activation == GELU) run_product(&p, 0, l->strips, finish_gelu);
  else run_product(&p, 0, l->strips, finish_gated);
}
