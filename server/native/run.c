#include "attention.h"
#include <stdlib.h>
#include <string.h>

/* Rows of the MLP done at a time: its inner activations stay in the second-level cache. */
enum { MLP_ROWS = 256 };
/* A normed row beyond so many root mean squares is clipped (graph/int8-weights.ts). */
static const float NORM_CLIP = 1e30f;
static const float LOG2_E = 1.44269504f;

struct workspace {
  int rows, wanted;
  float *x, *context, *row_scale, *mlp, *peaks;
  float *wanted_x, *wanted_scale, *wanted_rope;
  int8_t *digits, *wanted_digits, *high, *low;
  bf16 *q, *keys, *values;
  float *rope;
  struct attention_scratch scratch;
};

struct workspace *workspace_new(void) { return calloc(1, sizeof(struct workspace)); }

static void release(struct workspace *w) {
  void *all[] = {w->x, w->context, w->row_scale, w->mlp, w->peaks, w->wanted_x, w->wanted_scale,
                 w->wanted_rope, w->digits, w->wanted_digits, w->high, w->low, w->q, w->keys, w->values, w->rope};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
  attention_release(&w->scratch);
  memset(w, 0, sizeof *w);
}

void workspace_free(struct workspace *w) {
  if (w) release(w);
  free(w);
}

/* Zeroed: padding rows are computed with and must be numbers. */
static void *zeroed(size_t bytes) {
  bytes = (bytes + 63) / 64 * 64;
  void *p = aligned_alloc(64, bytes);
  if (p) memset(p, 0, bytes);
  return p;
}

INLINE int padded(int rows) { return (rows + BLOCK_ROWS - 1) / BLOCK_ROWS * BLOCK_ROWS; }

static int reserve(struct workspace *w, const struct shape *s, int tokens, int targets) {
  const int rows = padded(tokens), wanted = padded(targets);
  if (rows <= w->rows && wanted <= w->wanted) return 1;
  release(w);
  const size_t H = s->hidden, F = s->intermediate, Q = (size_t)s->heads * s->head_dim;
  const size_t widest = Q > H ? Q : H, most = rows > wanted ? rows : wanted;
  const size_t kv = (size_t)s->kv_heads * (rows / KEYS) * kv_block(s) * sizeof(bf16);
  w->x = zeroed(rows * H * 4);
  w->context = zeroed(most * Q * 4);
  w->row_scale = zeroed(most * 4);
  w->digits = zeroed(most * widest);
  w->rope = zeroed((size_t)rows * s->head_dim * 4);
  w->wanted_x = zeroed(wanted * H * 4);
  w->wanted_scale = zeroed(wanted * 4);
  w->wanted_rope = zeroed((size_t)wanted * s->head_dim * 4);
  w->wanted_digits = zeroed(wanted * H);
  w->mlp = zeroed(MLP_ROWS * F * 4);
  w->peaks = zeroed(MLP_ROWS * 16 * 4);
  w->high = zeroed(MLP_ROWS * F);
  w->low = zeroed(MLP_ROWS * F);
  /* A tile of queries may begin at the last row. */
  w->q = zeroed((most + BLOCK_ROWS) * Q * 2);
  w->keys = zeroed(kv);
  w->values = zeroed(kv);
  if (!w->x || !w->context || !w->row_scale || !w->digits || !w->rope || !w->wanted_x ||
      !w->wanted_scale || !w->wanted_rope || !w->wanted_digits || !w->mlp || !w->peaks || !w->high || !w->low ||
      !w->q || !w->keys || !w->values ||
      !attention_reserve(&w->scratch, rows / KEYS + 1 + (s->prefix + KEYS - 1) / KEYS)) {
    release(w);
    return 0;
  }
  w->rows = rows;
  w->wanted = wanted;
  return 1;
}

/* Rows as int8 with one scale each: row ~ digits * scale. With `norm`, of the row over its rms. */
static void quantize_rows(const float *x, int rows, int width, int norm, float eps, int8_t *digits,
                          float *scale) {
  for (int r = 0; r < rows; r++, x += width, digits += width) {
    __m512 peaks = _mm512_setzero_ps(), squares = _mm512_setzero_ps();
    for (int i = 0; i < width; i += 16) {
      const __m512 v = _mm512_load_ps(x + i);
      peaks = _mm512_max_ps(peaks, abs_ps(v));
      squares = _mm512_fmadd_ps(v, v, squares);
    }
    float peak = _mm512_reduce_max_ps(peaks), inverse = 1.0f;
    if (norm) {
      const float mean = _mm512_reduce_add_ps(squares) / (float)width + eps;
      inverse = 1.0f / _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(mean)));
      if (peak * inverse > NORM_CLIP) peak = NORM_CLIP / inverse;
    }
    if (peak < 1e-30f) peak = 1e-30f;
    scale[r] = peak * inverse / 127.0f;
    const __m512 factor = _mm512_set1_ps(127.0f / peak);
    for (int i = 0; i < width; i += 16)
      _mm_store_si128((__m128i *)(digits + i), int8x16(_mm512_mul_ps(_mm512_load_ps(x + i), factor)));
  }
}

/* 16 columns of row r of a block of sums, in the product's own unit. */
INLINE __m512 column(const int32_t *acc, const struct linear *l, int strip, int r, int c, float scale) {
  const int at = strip * STRIP + c;
  const __m512 sum = _mm512_cvtepi32_ps(_mm512_load_si512(acc + r * STRIP + c));
  const __m512 factor = _mm512_mul_ps(_mm512_load_ps(l->scale + at), _mm512_set1_ps(scale));
  return _mm512_fmadd_ps(sum, factor, _mm512_load_ps(l->bias + at));
}

INLINE const int8_t *strip_of(const struct linear *l, int strip) {
  return l->weights + (size_t)strip * l->inputs * STRIP;
}

/* Queries of strips 0 .. heads * head_dim / 64, rotated and scaled, as bfloat16. */
static void project_queries(const struct shape *s, const struct linear *l, const int8_t *digits,
                            const float *scale, const float *rope, int rows, bf16 *q) {
  const int width = s->heads * s->head_dim, per_head = s->head_dim / STRIP, half = s->head_dim / 2;
  const __m512 unit = _mm512_set1_ps(s->query_scale * LOG2_E);
  int32_t acc[BLOCK_ROWS * STRIP] __attribute__((aligned(64)));
  for (int strip = 0; strip < width / STRIP; strip++) {
    const int from = strip % per_head * 32;
    for (int m = 0; m < rows; m += BLOCK_ROWS) {
      gemm_block(digits + (size_t)m * l->inputs, strip_of(l, strip), l->inputs, acc);
      for (int r = 0; r < BLOCK_ROWS; r++) {
        const float *cos = rope + (size_t)(m + r) * s->head_dim + from, *sin = cos + half;
        __m512 v[4];
        for (int c = 0; c < 4; c++)
          v[c] = _mm512_mul_ps(unit, column(acc, l, strip, r, c * 16, scale[m + r]));
        bf16 *out = q + (size_t)(m + r) * width + strip * STRIP;
        const __m512 c0 = _mm512_load_ps(cos), c1 = _mm512_load_ps(cos + 16);
        const __m512 s0 = _mm512_load_ps(sin), s1 = _mm512_load_ps(sin + 16);
        _mm512_store_si512(out, bf16x32(_mm512_fmsub_ps(v[0], c0, _mm512_mul_ps(v[2], s0)),
                                        _mm512_fmsub_ps(v[1], c1, _mm512_mul_ps(v[3], s1))));
        _mm512_store_si512(out + 32, bf16x32(_mm512_fmadd_ps(v[2], c0, _mm512_mul_ps(v[0], s0)),
                                             _mm512_fmadd_ps(v[3], c1, _mm512_mul_ps(v[1], s1))));
      }
    }
  }
}

/* Keys (rotated) and values of all rows as tiles. */
static void project_keys_values(const struct shape *s, const struct linear *l, const int8_t *digits,
                                const float *scale, const float *rope, int rows, bf16 *keys,
                                bf16 *values) {
  const int first = s->heads * s->head_dim / STRIP, per_head = s->head_dim / STRIP;
  const int count = s->kv_heads * per_head, half = s->head_dim / 2, blocks = rows / KEYS;
  const size_t size = kv_block(s);
  int32_t acc[BLOCK_ROWS * STRIP] __attribute__((aligned(64)));
  float block[BLOCK_ROWS * STRIP] __attribute__((aligned(64)));
  for (int j = 0; j < 2 * count; j++) {
    const int strip = first + j, is_key = j < count, within = j % count;
    const int head = within / per_head, part = within % per_head;
    for (int b = 0; b < blocks; b++) {
      gemm_block(digits + (size_t)b * KEYS * l->inputs, strip_of(l, strip), l->inputs, acc);
      for (int r = 0; r < BLOCK_ROWS; r++) {
        __m512 v[4];
        for (int c = 0; c < 4; c++) v[c] = column(acc, l, strip, r, c * 16, scale[b * KEYS + r]);
        float *out = block + r * STRIP;
        if (is_key) {
          const float *cos = rope + (size_t)(b * KEYS + r) * s->head_dim + part * 32;
          const float *sin = cos + half;
          for (int c = 0; c < 2; c++) {
            const __m512 u = _mm512_load_ps(cos + c * 16), t = _mm512_load_ps(sin + c * 16);
            const __m512 low = v[c], high = v[c + 2];
            v[c] = _mm512_fmsub_ps(low, u, _mm512_mul_ps(high, t));
            v[c + 2] = _mm512_fmadd_ps(high, u, _mm512_mul_ps(low, t));
          }
        }
        for (int c = 0; c < 4; c++) _mm512_store_ps(out + c * 16, v[c]);
      }
      const size_t at = ((size_t)head * blocks + b) * size + part * 4 * (TILE_BYTES / 2);
      if (is_key) keys_to_tiles(block, keys + at);
      else values_to_tiles(block, values + at);
    }
  }
}

/* x += digits @ W + bias. */
static void add_product(const struct linear *l, const int8_t *digits, const float *scale, int rows,
                        float *x, int width) {
  int32_t acc[BLOCK_ROWS * STRIP] __attribute__((aligned(64)));
  for (int strip = 0; strip < l->strips; strip++) {
    for (int m = 0; m < rows; m += BLOCK_ROWS) {
      gemm_block(digits + (size_t)m * l->inputs, strip_of(l, strip), l->inputs, acc);
      for (int r = 0; r < BLOCK_ROWS; r++) {
        float *out = x + (size_t)(m + r) * width + strip * STRIP;
        for (int c = 0; c < STRIP; c += 16)
          _mm512_store_ps(out + c, _mm512_add_ps(_mm512_load_ps(out + c),
                                                 column(acc, l, strip, r, c, scale[m + r])));
      }
    }
  }
}

/* silu(gate) * up of up to MLP_ROWS rows, and the largest magnitude of each row in 16 parts. */
static void gate_up(const struct linear *l, const int8_t *digits, const float *scale, int rows,
                    float *inner, int width, float *peaks) {
  int32_t acc[BLOCK_ROWS * STRIP] __attribute__((aligned(64)));
  memset(peaks, 0, (size_t)rows * 16 * sizeof(float));
  for (int strip = 0; strip < l->strips; strip++) {
    for (int m = 0; m < rows; m += BLOCK_ROWS) {
      gemm_block(digits + (size_t)m * l->inputs, strip_of(l, strip), l->inputs, acc);
      for (int r = 0; r < BLOCK_ROWS; r++) {
        float *out = inner + (size_t)(m + r) * width + strip * 32;
        __m512 peak = _mm512_load_ps(peaks + (m + r) * 16);
        for (int c = 0; c < 32; c += 16) {
          const __m512 gate = column(acc, l, strip, r, c, scale[m + r]);
          const __m512 v = _mm512_mul_ps(silu_ps(gate), column(acc, l, strip, r, c + 32, scale[m + r]));
          peak = _mm512_max_ps(peak, abs_ps(v));
          _mm512_store_ps(out + c, v);
        }
        _mm512_store_ps(peaks + (m + r) * 16, peak);
      }
    }
  }
}

/* The inner activations' first digit, and with `low` the second: (high + low / 254) * scale. */
static void quantize_inner(const float *x, const float *peaks, int rows, int width, int8_t *high,
                           int8_t *low, float *scale) {
  for (int r = 0; r < rows; r++) {
    float peak = _mm512_reduce_max_ps(_mm512_load_ps(peaks + r * 16));
    if (peak < 1e-30f) peak = 1e-30f;
    scale[r] = peak / 127.0f;
    const __m512 factor = _mm512_set1_ps(127.0f / peak);
    const size_t at = (size_t)r * width;
    for (int i = 0; i < width; i += 16) {
      const __m512 v = _mm512_mul_ps(_mm512_load_ps(x + at + i), factor);
      const __m512i q = _mm512_cvtps_epi32(v);
      _mm_store_si128((__m128i *)(high + at + i), _mm512_cvtsepi32_epi8(q));
      if (low) {
        const __m512 rest = _mm512_sub_ps(v, _mm512_cvtepi32_ps(q));
        _mm_store_si128((__m128i *)(low + at + i),
                        int8x16(_mm512_mul_ps(rest, _mm512_set1_ps(254.0f))));
      }
    }
  }
}

/* x += (high + low / 254) @ W + bias. */
static void add_wide_product(const struct linear *l, const int8_t *high, const int8_t *low,
                             const float *scale, int rows, float *x, int width) {
  int32_t acc[BLOCK_ROWS * STRIP] __attribute__((aligned(64)));
  int32_t rest[BLOCK_ROWS * STRIP] __attribute__((aligned(64)));
  for (int strip = 0; strip < l->strips; strip++) {
    for (int m = 0; m < rows; m += BLOCK_ROWS) {
      const size_t at = (size_t)m * l->inputs;
      gemm_block(high + at, strip_of(l, strip), l->inputs, acc);
      gemm_block(low + at, strip_of(l, strip), l->inputs, rest);
      for (int r = 0; r < BLOCK_ROWS; r++) {
        float *out = x + (size_t)(m + r) * width + strip * STRIP;
        for (int c = 0; c < STRIP; c += 16) {
          const int i = r * STRIP + c, col = strip * STRIP + c;
          const __m512 h = _mm512_cvtepi32_ps(_mm512_load_si512(acc + i));
          const __m512 e = _mm512_cvtepi32_ps(_mm512_load_si512(rest + i));
          const __m512 sum = _mm512_fmadd_ps(e, _mm512_set1_ps(1.0f / 254.0f), h);
          const __m512 factor = _mm512_mul_ps(_mm512_load_ps(l->scale + col), _mm512_set1_ps(scale[m + r]));
          const __m512 v = _mm512_fmadd_ps(sum, factor, _mm512_load_ps(l->bias + col));
          _mm512_store_ps(out + c, _mm512_add_ps(_mm512_load_ps(out + c), v));
        }
      }
    }
  }
}

/* x += MLP(norm(x)), `rows` a multiple of 32. */
static void mlp(struct workspace *w, const struct shape *s, const struct layer *layer, float *x,
                int rows) {
  const int H = s->hidden, F = s->intermediate;
  for (int from = 0; from < rows; from += MLP_ROWS) {
    const int n = rows - from < MLP_ROWS ? rows - from : MLP_ROWS;
    float *part = x + (size_t)from * H;
    quantize_rows(part, n, H, 1, s->eps, w->digits, w->row_scale);
    gate_up(&layer->gate_up, w->digits, w->row_scale, n, w->mlp, F, w->peaks);
    quantize_inner(w->mlp, w->peaks, n, F, w->high, layer->wide_down ? w->low : NULL, w->row_scale);
    if (layer->wide_down) add_wide_product(&layer->down, w->high, w->low, w->row_scale, n, part, H);
    else add_product(&layer->down, w->high, w->row_scale, n, part, H);
  }
}

/* out = norm(x @ unrotate) * weight, of `rows` rows, in float32. */
static void final_norm(const struct model *m, const float *x, int rows, float *out) {
  const int H = m->shape.hidden;
  for (int r = 0; r < rows; r++, x += H, out += H) {
    __m512 squares = _mm512_setzero_ps();
    for (int c = 0; c < H; c += 64) {
      __m512 v[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
      for (int i = 0; i < H; i++) {
        const __m512 f = _mm512_set1_ps(x[i]);
        const float *row = m->unrotate + (size_t)i * H + c;
        for (int k = 0; k < 4; k++) v[k] = _mm512_fmadd_ps(f, _mm512_loadu_ps(row + k * 16), v[k]);
      }
      for (int k = 0; k < 4; k++) {
        squares = _mm512_fmadd_ps(v[k], v[k], squares);
        _mm512_storeu_ps(out + c + k * 16, v[k]);
      }
    }
    const float mean = _mm512_reduce_add_ps(squares) / (float)H + m->shape.eps;
    const __m512 inverse = _mm512_set1_ps(1.0f / _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(mean))));
    for (int c = 0; c < H; c += 16)
      _mm512_storeu_ps(out + c, _mm512_mul_ps(_mm512_mul_ps(_mm512_loadu_ps(out + c), inverse),
                                              _mm512_loadu_ps(m->norm + c)));
  }
}

/* cos and sin of each packed token: [tokens, head_dim], the two halves side by side. */
static void place_rope(const struct shape *s, const struct segment *g, int segments, const float *table,
                       int positions, float *rope) {
  const size_t half = s->head_dim / 2;
  for (; segments > 0; segments--, g++) {
    for (int i = 0; i < g->count; i++) {
      float *out = rope + (size_t)(g->first + i) * s->head_dim;
      const size_t at = (size_t)(g->position + i) * half;
      memcpy(out, table + at, half * 4);
      memcpy(out + half, table + (size_t)positions * half + at, half * 4);
    }
  }
}

static const struct segment *segment_of(const struct segment *g, int token) {
  while (token >= g->first + g->count) g++;
  return g;
}

int model_run(const struct model *m, struct workspace *w, const int32_t *ids, int tokens,
              const struct segment *segments, int segment_count, const float *rope, int positions,
              const int32_t *targets, int target_count, float *out) {
  const struct shape *s = &m->shape;
  const int H = s->hidden, width = s->heads * s->head_dim;
  const int rows = padded(tokens), wanted = padded(target_count);
  if (!reserve(w, s, tokens, target_count) || !amx_begin()) return -1;
  for (int i = 0; i < tokens; i++)
    memcpy(w->x + (size_t)i * H, m->embedding + (size_t)ids[i] * H, H * sizeof(float));
  memset(w->x + (size_t)tokens * H, 0, (size_t)(rows - tokens) * H * sizeof(float));
  place_rope(s, segments, segment_count, rope, positions, w->rope);

  for (int l = 0; l < s->layers; l++) {
    const struct layer *layer = &m->layers[l];
    quantize_rows(w->x, rows, H, 1, s->eps, w->digits, w->row_scale);
    project_keys_values(s, &layer->qkv, w->digits, w->row_scale, w->rope, rows, w->keys, w->values);
    if (l < s->layers - 1) {
      project_queries(s, &layer->qkv, w->digits, w->row_scale, w->rope, rows, w->q);
      for (int g = 0; g < segment_count; g++) {
        const int end = segments[g].first + segments[g].count;
        for (int token = segments[g].first; token < end; token += 32) {
          const int count = end - token < 32 ? end - token : 32;
          attend(&w->scratch, s, layer, w->keys, w->values, rows / KEYS, &segments[g],
                 w->q + (size_t)token * width, token, count, w->context + (size_t)token * width);
        }
      }
      quantize_rows(w->context, rows, width, 0, 0, w->digits, w->row_scale);
      add_product(&layer->output, w->digits, w->row_scale, rows, w->x, H);
      mlp(w, s, layer, w->x, rows);
      continue;
    }
    /* The last layer goes past its keys and values only where a hidden state is wanted. */
    const size_t D = s->head_dim;
    for (int t = 0; t < target_count; t++) {
      const size_t from = targets[t];
      memcpy(w->wanted_digits + (size_t)t * H, w->digits + from * H, H);
      memcpy(w->wanted_x + (size_t)t * H, w->x + from * H, H * sizeof(float));
      w->wanted_scale[t] = w->row_scale[from];
      memcpy(w->wanted_rope + t * D, w->rope + from * D, D * sizeof(float));
    }
    project_queries(s, &layer->qkv, w->wanted_digits, w->wanted_scale, w->wanted_rope, wanted,
                    w->q);
    for (int t = 0; t < target_count; t++) {
      const struct segment *g = segment_of(segments, targets[t]);
      attend(&w->scratch, s, layer, w->keys, w->values, rows / KEYS, g, w->q + (size_t)t * width,
             targets[t], 1, w->context + (size_t)t * width);
    }
    quantize_rows(w->context, wanted, width, 0, 0, w->digits, w->row_scale);
    add_product(&layer->output, w->digits, w->row_scale, wanted, w->wanted_x, H);
    mlp(w, s, layer, w->wanted_x, wanted);
  }
  amx_end();
  final_norm(m, w->wanted_x, target_count, out);
  return 0;
}
