#include "attention.h"
#include "unit.h"
#include <stdlib.h>
#include <string.h>

/* A window that no position leaves, whatever is added to it. */
enum { TILE = TILE_BYTES / sizeof(bf16), NO_WINDOW = 1 << 30 };

void keys_to_tiles(const bf16 *k, bf16 *tiles) {
  for (int group = 0; group < 2; group++) {
    __m512i r[16];
    for (int i = 0; i < 16; i++) r[i] = _mm512_load_si512(k + (group * 16 + i) * STRIP);
    transpose16(r);
    for (int i = 0; i < 16; i++) _mm512_store_si512(tiles + group * TILE + i * 32, r[i]);
  }
}

void values_to_tiles(const bf16 *v, bf16 *tiles) {
  /* A token pair's numbers of one dim lie side by side: the first token's in the lower half. */
  for (int pair = 0; pair < 16; pair++) {
    for (int half = 0; half < 2; half++) {
      const bf16 *row = v + pair * 2 * STRIP + half * 16;
      const __m512i a = _mm512_cvtepu16_epi32(_mm256_load_si256((const __m256i *)row));
      const __m512i b = _mm512_cvtepu16_epi32(_mm256_load_si256((const __m256i *)(row + STRIP)));
      _mm512_store_si512(tiles + half * TILE + pair * 32, _mm512_or_si512(a, _mm512_slli_epi32(b, 16)));
    }
  }
}

void tile_keys_values(const struct shape *s, const bf16 *rows, int slots, bf16 *keys, bf16 *values) {
  const int per_head = s->head_dim / STRIP, count = s->kv_heads * per_head;
  for (int strip = 0; strip < 2 * count; strip++) {
    const int head = strip % count / per_head, part = strip % per_head;
    for (int b = 0; b < slots / KEYS; b++) {
      const bf16 *from = rows + ((size_t)strip * slots + b * KEYS) * STRIP;
      const size_t at = ((size_t)head * (slots / KEYS) + b) * kv_block(s) + part * TILE_BYTES;
      if (strip < count) keys_to_tiles(from, keys + at);
      else values_to_tiles(from, values + at);
    }
  }
}

void attention_release(struct attention_scratch *a) {
  free(a->scores);
  free(a->weights);
  free(a->masks);
  free(a->keys);
  free(a->values);
  memset(a, 0, sizeof *a);
}

int attention_reserve(struct attention_scratch *a, int blocks) {
  if (blocks <= a->blocks) return 1;
  attention_release(a);
  const size_t keys = (size_t)blocks * KEYS;
  a->scores = aligned_alloc(64, 32 * keys * sizeof(float));
  a->weights = aligned_alloc(64, 32 * keys * sizeof(bf16));
  a->masks = aligned_alloc(64, 32 * (size_t)blocks * sizeof(uint32_t));
  a->keys = malloc(blocks * sizeof(bf16 *));
  a->values = malloc(blocks * sizeof(bf16 *));
  if (!a->scores || !a->weights || !a->masks || !a->keys || !a->values) return 0;
  /* Rows beyond the last query are multiplied too: they must hold numbers. */
  memset(a->weights, 0, 32 * keys * sizeof(bf16));
  a->blocks = blocks;
  return 1;
}

/* Bits of the keys `first` .. `end` in the block that begins at `base`. */
INLINE uint32_t range_bits(int first, int end, int base) {
  int from = first - base, to = end - base;
  if (from < 0) from = 0;
  if (to > KEYS) to = KEYS;
  if (from >= to) return 0;
  return (uint32_t)(((1ull << to) - 1) & ~((1ull << from) - 1));
}

INLINE int above_zero(int n) { return n > 0 ? n : 0; }

/*
 * Lists the blocks that some query of the tile sees, with each query's mask; those of the stored beginning
 * come first. `window`: tokens that a query sees, itself the last. Returns their number.
 */
static int list_blocks(struct attention_scratch *a, const struct shape *s, const struct segment *g, int window,
                       int shift, int token, int count, size_t *offsets, int *of_prefix) {
  int n = 0;
  /* Positions of the first token that the first query sees, and of those that trunk and segment begin with. */
  const int earliest = g->position + token - g->first - window + 1;
  const int trunk_at = g->position - g->trunk_count, first_at = g->position;
  if (g->sees_prefix) {
    for (int b = above_zero(earliest) / KEYS; b * KEYS < s->prefix; b++, n++) {
      for (int i = 0; i < count; i++)
        a->masks[n * 32 + i] = range_bits(above_zero(earliest + i), s->prefix, b * KEYS);
      offsets[n] = (size_t)b;
    }
  }
  *of_prefix = n;
  const int trunk = g->trunk_first + shift, trunk_end = trunk + g->trunk_count;
  const int first = g->first + shift, from = token + shift;
  const int starts[2] = {trunk + above_zero(earliest - trunk_at), first + above_zero(earliest - first_at)};
  const int ends[2] = {trunk_end, from + count};
  int next = 0;
  for (int part = g->trunk_count ? 0 : 1; part < 2; part++) {
    int b = starts[part] / KEYS;
    if (b < next) b = next;
    for (; b * KEYS < ends[part]; b++, n++) {
      for (int i = 0; i < count; i++) {
        a->masks[n * 32 + i] =
            range_bits(trunk + above_zero(earliest + i - trunk_at), trunk_end, b * KEYS) |
            range_bits(first + above_zero(earliest + i - first_at), from + i + 1, b * KEYS);
      }
      offsets[n] = (size_t)b;
      next = b + 1;
    }
  }
  return n;
}

/* scores[32, n * 32] = q k^T, of the first `count` rows. */
static void score(const struct attention_scratch *a, const bf16 *q, size_t q_stride, int n, int strips,
                  int count) {
  for (int b = 0; b < n; b++) {
    for (int row = 0; row < count; row += UNIT_ROWS) {
      const char *rows = (const char *)q + row * q_stride;
      struct bf16_sums sums;
      bf16_zero(&sums);
      for (int d = 0; d < strips; d++)
        bf16_step(&sums, rows + d * 64, q_stride, a->keys[b] + d * 2 * TILE, count - row);
      float *out = a->scores + (size_t)row * n * KEYS + b * KEYS;
      bf16_store(&sums, out, n * KEYS * sizeof(float), count - row);
    }
  }
}

/* cap * tanh(score / cap), both in base 2's unit: tanh(x) = 1 - 2 / (1 + e^2x). */
static void cap_scores(float *scores, int count, float cap) {
  const __m512 c = _mm512_set1_ps(cap), twice = _mm512_set1_ps(2.0f * cap), one = _mm512_set1_ps(1.0f);
  const __m512 unit = _mm512_set1_ps(2.0f * LOG2_E / cap);
  for (int i = 0; i < count; i += 16) {
    const __m512 e = exp2_ps(_mm512_mul_ps(unit, _mm512_load_ps(scores + i)), 1);
    _mm512_store_ps(scores + i, _mm512_sub_ps(c, _mm512_div_ps(twice, _mm512_add_ps(e, one))));
  }
}

/* Unnormalised softmax of one query's scores in base 2, as bfloat16; returns the sum. */
INLINE float softmax(const float *scores, bf16 *weights, const uint32_t *masks, int n) {
  const __m512 low = _mm512_set1_ps(-3e38f);
  __m512 peak = low;
  for (int b = 0; b < n; b++) {
    const uint32_t m = masks[b * 32];
    peak = _mm512_mask_max_ps(peak, (__mmask16)m, peak, _mm512_load_ps(scores + b * 32));
    peak = _mm512_mask_max_ps(peak, (__mmask16)(m >> 16), peak, _mm512_load_ps(scores + b * 32 + 16));
  }
  const __m512 top = _mm512_set1_ps(_mm512_reduce_max_ps(peak));
  __m512 sum = _mm512_setzero_ps();
  for (int b = 0; b < n; b++) {
    const uint32_t m = masks[b * 32];
    const __m512 x = _mm512_sub_ps(_mm512_load_ps(scores + b * 32), top);
    const __m512 y = _mm512_sub_ps(_mm512_load_ps(scores + b * 32 + 16), top);
    const __m512 p = _mm512_maskz_mov_ps((__mmask16)m, exp2_ps(x, 0));
    const __m512 r = _mm512_maskz_mov_ps((__mmask16)(m >> 16), exp2_ps(y, 0));
    sum = _mm512_add_ps(sum, _mm512_add_ps(p, r));
    _mm512_store_si512(weights + b * 32, bf16x32(p, r));
  }
  return _mm512_reduce_add_ps(sum);
}

/* context[:, a strip's 32 dims] = weights @ values, each row divided by its sum. */
static void mix(const struct attention_scratch *a, int n, int strip, int count, const float *inverse,
                float *context, int width) {
  float out[32 * STRIP] __attribute__((aligned(64)));
  const size_t stride = n * KEYS * sizeof(bf16);
  for (int row = 0; row < count; row += UNIT_ROWS) {
    struct bf16_sums sums;
    bf16_zero(&sums);
    for (int b = 0; b < n; b++)
      bf16_step(&sums, (const char *)a->weights + row * stride + b * 64, stride, a->values[b] + strip * 2 * TILE,
                count - row);
    bf16_store(&sums, out + row * STRIP, STRIP * sizeof(float), count - row);
  }
  for (int i = 0; i < count; i++) {
    const __m512 f = _mm512_set1_ps(inverse[i]);
    float *row = context + (size_t)i * width + strip * STRIP;
    _mm512_store_ps(row, _mm512_mul_ps(f, _mm512_load_ps(out + i * STRIP)));
    _mm512_store_ps(row + 16, _mm512_mul_ps(f, _mm512_load_ps(out + i * STRIP + 16)));
  }
}

void attend(struct attention_scratch *a, const struct shape *s, const struct layer *layer,
            const bf16 *keys, const bf16 *values, int blocks, const struct segment *segment, int shift,
            const bf16 *q, int token, int count, float *context) {
  const int width = s->heads * s->head_dim, strips = s->head_dim / STRIP;
  const int group = s->heads / s->kv_heads;
  const size_t size = kv_block(s);
  const int stored = (s->prefix + KEYS - 1) / KEYS, window = layer->slides ? s->window : NO_WINDOW;
  size_t offsets[a->blocks];
  int from_prefix;
  const int n = list_blocks(a, s, segment, window, shift, token, count, offsets, &from_prefix);
  for (int kv = 0; kv < s->kv_heads; kv++) {
    for (int b = 0; b < n; b++) {
      const int p = b < from_prefix;
      const size_t at = ((size_t)kv * (p ? stored : blocks) + offsets[b]) * size;
      a->keys[b] = (p ? layer->prefix_keys : keys) + at;
      a->values[b] = (p ? layer->prefix_values : values) + at;
    }
    for (int h = kv * group; h < (kv + 1) * group; h++) {
      float inverse[32];
      score(a, q + h * s->head_dim, width * (int)sizeof(bf16), n, strips, count);
      for (int i = 0; i < count; i++) {
        const size_t row = (size_t)i * n * KEYS;
        if (s->softcap > 0) cap_scores(a->scores + row, n * KEYS, s->softcap * LOG2_E);
        inverse[i] = 1.0f / softmax(a->scores + row, a->weights + row, a->masks + i, n);
      }
      for (int strip = 0; strip < strips; strip++)
        mix(a, n, strip, count, inverse, context + h * s->head_dim, width);
    }
  }
}
