#include "products.h"
#include "attention.h"
#include "gemm.h"

/* Integer sums of one block: of the first digits, then of the second. */
struct sums {
  int32_t digit[2][BLOCK_ROWS * STRIP] __attribute__((aligned(64)));
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
