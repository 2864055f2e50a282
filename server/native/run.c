#include "attention.h"
#include "norms.h"
#include "products.h"
#include "unit.h"
#include <stdlib.h>
#include <string.h>

/* Buffers of `rows` tokens, `wanted` targets and `slots` keys, each with the room for a last whole block. */
struct workspace {
  int rows, wanted, slots;
  float *x;                    /* [rows, hidden] */
  float *rope;                 /* [ropes, rows, head_dim], cos and sin side by side */
  float *context;              /* [most of rows and wanted, heads * head_dim] */
  float *wanted_x;             /* [wanted, hidden] */
  float *wanted_rope;          /* [wanted, head_dim] */
  /* What the products of a layer read: [most, the wider of hidden and q], [wanted, hidden]. */
  struct digits in, wanted_in;
  float *inner;                /* of the MLP, MLP_ROWS at a time: [MLP_ROWS / 32, strips, 32, 16] */
  struct digits inner_in;      /* [MLP_ROWS, intermediate] */
  bf16 *q;                     /* [most + 32, heads * head_dim] */
  bf16 *kv;                    /* keys and values by rows, before they are tiles: [strips, slots, 32] */
  bf16 *keys, *values;         /* [kv_heads, slots / 32, kv_block] each */
  int32_t *slot_of;            /* of each token: [rows] */
  float *plain;                /* products before a norm: [most, the wider of hidden and q], where there is one */
  struct attention_scratch scratch;
};

struct workspace *workspace_new(void) { return calloc(1, sizeof(struct workspace)); }

static void release(struct workspace *w) {
  void *all[] = {w->x, w->rope, w->context, w->wanted_x, w->wanted_rope, w->in.high, w->in.low,
                 w->in.scale, w->wanted_in.high, w->wanted_in.low, w->wanted_in.scale, w->inner,
                 w->inner_in.high, w->inner_in.low, w->inner_in.scale, w->q, w->kv,
                 w->keys, w->values, w->slot_of, w->plain};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
  attention_release(&w->scratch);
  memset(w, 0, sizeof *w);
}

void workspace_free(struct workspace *w) {
  if (w) release(w);
  free(w);
}

/* Zeroed: padding rows are computed with and must be numbers. Sets *failed when memory is refused. */
static void *zeroed(size_t bytes, int *failed) {
  bytes = (bytes + 63) / 64 * 64;
  void *p = aligned_alloc(64, bytes ? bytes : 64);
  if (p) memset(p, 0, bytes);
  else *failed = 1;
  return p;
}

static struct digits new_digits(size_t rows, size_t width, int two, int *failed) {
  struct digits d = {.rows = (int)rows};
  d.high = zeroed(rows * width, failed);
  d.low = two ? zeroed(rows * width, failed) : NULL;
  d.scale = zeroed(groups_of((int)width) * rows * sizeof(float), failed);
  return d;
}

INLINE int padded(int rows) { return (rows + BLOCK_ROWS - 1) / BLOCK_ROWS * BLOCK_ROWS; }

static int reserve(struct workspace *w, const struct shape *s, int tokens, int targets, int slots) {
  const int rows = padded(tokens), wanted = padded(targets);
  if (rows <= w->rows && wanted <= w->wanted && slots <= w->slots) return 1;
  release(w);
  const size_t H = s->hidden, F = s->intermediate, D = s->head_dim, Q = s->heads * D;
  const size_t most = rows > wanted ? rows : wanted;
  const size_t kv = (size_t)s->kv_heads * slots * D * sizeof(bf16);
  int failed = 0;
  w->x = zeroed(rows * H * sizeof(float), &failed);
  w->rope = zeroed(s->ropes * rows * D * sizeof(float), &failed);
  w->context = zeroed(most * Q * sizeof(float), &failed);
  w->wanted_x = zeroed(wanted * H * sizeof(float), &failed);
  w->wanted_rope = zeroed(wanted * D * sizeof(float), &failed);
  w->in = new_digits(most, Q > H ? Q : H, TWO_DIGITS, &failed);
  w->wanted_in = new_digits(wanted, H, TWO_DIGITS, &failed);
  w->inner = zeroed(MLP_ROWS * F * sizeof(float), &failed);
  w->inner_in = new_digits(MLP_ROWS, F, 1, &failed);
  /* A tile of 32 queries may begin at the last row. */
  w->q = zeroed((most + BLOCK_ROWS) * Q * sizeof(bf16), &failed);
  w->kv = zeroed(2 * kv, &failed);
  w->slot_of = zeroed(rows * sizeof(int32_t), &failed);
  w->keys = zeroed(kv, &failed);
  w->values = zeroed(kv, &failed);
  const int plain = s->head_norms || s->output_norms;
  w->plain = zeroed(plain ? most * (Q > H ? Q : H) * sizeof(float) : 0, &failed);
  const int blocks = slots / KEYS + (s->prefix + KEYS - 1) / KEYS;
  if (failed || !attention_reserve(&w->scratch, blocks)) {
    release(w);
    return 0;
  }
  w->rows = rows;
  w->wanted = wanted;
  w->slots = slots;
  return 1;
}

/* x [rows, hidden] += in @ W + bias, normed first where the layer norms its outputs. */
static void add_output(struct workspace *w, const struct model *m, const struct linear *l, const float *norm,
                       struct digits in, int rows, float *x) {
  if (!norm) {
    add_product(l, in, rows, x);
    return;
  }
  product(l, 0, l->strips, in, rows, w->plain);
  add_normed(m, norm, w->plain, rows, x);
}

/* x [rows, hidden] += MLP(norm(x)), `rows` a multiple of 32. */
static void mlp(struct workspace *w, const struct model *m, const struct layer *layer, float *x, int rows) {
  const struct shape *s = &m->shape;
  struct digits inner_in = w->inner_in;
  if (!TWO_DIGITS && !layer->wide_down) inner_in.low = NULL;
  for (int from = 0; from < rows; from += MLP_ROWS) {
    const int n = rows - from < MLP_ROWS ? rows - from : MLP_ROWS;
    float *part = x + (size_t)from * s->hidden;
    quantize_normed(part, n, s->hidden, s->eps, w->in);
    gate_up(&layer->gate_up, s->activation, w->in, n, w->inner);
    quantize_blocks(w->inner, n, s->intermediate, inner_in);
    add_output(w, m, &layer->down, layer->mlp_norm, inner_in, n, part);
  }
}

/* x [rows, hidden] += attention's output projection, then the MLP. */
static void finish_layer(struct workspace *w, const struct model *m, const struct layer *layer, float *x,
                         int rows) {
  quantize_rows(w->context, rows, m->shape.heads * m->shape.head_dim, w->in);
  add_output(w, m, &layer->output, layer->attention_norm, w->in, rows, x);
  mlp(w, m, layer, x, rows);
}

/* q of `in`: see project_queries. */
static void queries(struct workspace *w, const struct shape *s, const struct layer *layer, struct digits in,
                    const float *rope, int rows) {
  if (!s->head_norms) {
    project_queries(s, &layer->qkv, in, rope, rows, w->q);
    return;
  }
  product(&layer->qkv, 0, s->heads * s->head_dim / STRIP, in, rows, w->plain);
  norm_queries(s, layer->query_norm, w->plain, rope, rows, w->q);
}

/* keys and values of all rows, as tiles. */
static void keys_values(struct workspace *w, const struct shape *s, const struct layer *layer,
                        const float *rope, int rows, int slots) {
  project_keys_values(s, &layer->qkv, w->in, rope, rows, w->slot_of, slots, w->kv);
  if (s->head_norms) {
    const int per_head = s->head_dim / STRIP;
    product(&layer->qkv, s->heads * per_head, s->kv_heads * per_head, w->in, rows, w->plain);
    norm_keys(s, layer->key_norm, w->plain, rope, rows, w->slot_of, slots, w->kv);
  }
  tile_keys_values(s, w->kv, slots, w->keys, w->values);
}

/* out [rows, hidden] = norm(x [rows, hidden] @ unrotate) * weight, in float32. */
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

/* Slots of a batch, the last block being for rows that are no tokens: a trunk begins a block. */
static int count_slots(const struct segment *g, int segments) {
  int next = 0;
  for (; segments > 0; segments--, g++) next = (g->trunk_count ? next : padded(next)) + g->count;
  return padded(next) + KEYS;
}

static void place_slots(const struct segment *g, int segments, int rows, int slots, int32_t *slot_of) {
  int next = 0, token = 0;
  for (; segments > 0; segments--, g++) {
    if (!g->trunk_count) next = padded(next);
    for (int i = 0; i < g->count; i++) slot_of[token++] = next++;
  }
  while (token < rows) slot_of[token++] = slots - 1;
}

static void attend_all(struct workspace *w, const struct shape *s, const struct layer *layer,
                       const struct segment *segments, int count, int slots) {
  const size_t width = (size_t)s->heads * s->head_dim;
  for (const struct segment *g = segments; g < segments + count; g++) {
    const int end = g->first + g->count, shift = g->count ? w->slot_of[g->first] - g->first : 0;
    for (int token = g->first; token < end; token += 32) {
      attend(&w->scratch, s, layer, w->keys, w->values, slots / KEYS, g, shift, w->q + token * width, token,
             end - token < 32 ? end - token : 32, w->context + token * width);
    }
  }
}

/* The last layer past its keys and values, only where a hidden state is wanted. */
static void last_layer(struct workspace *w, const struct model *m, const struct layer *layer,
                       const struct segment *segments, int slots, const float *rope, const int32_t *targets,
                       int count) {
  const struct shape *s = &m->shape;
  const size_t H = s->hidden, D = s->head_dim, width = s->heads * D;
  for (int t = 0; t < count; t++) {
    const size_t from = targets[t];
    memcpy(w->wanted_x + t * H, w->x + from * H, H * sizeof(float));
    memcpy(w->wanted_rope + t * D, rope + from * D, D * sizeof(float));
    copy_digits(w->in, from, w->wanted_in, t, s->hidden);
  }
  queries(w, s, layer, w->wanted_in, w->wanted_rope, padded(count));
  for (int t = 0; t < count; t++) {
    const struct segment *g = segment_of(segments, targets[t]);
    attend(&w->scratch, s, layer, w->keys, w->values, slots / KEYS, g, w->slot_of[g->first] - g->first,
           w->q + t * width, targets[t], 1, w->context + t * width);
  }
  finish_layer(w, m, layer, w->wanted_x, padded(count));
}

int model_run(const struct model *m, struct workspace *w, const int32_t *ids, int tokens,
              const struct segment *segments, int segment_count, const float *rope, int positions,
              const int32_t *targets, int target_count, float *out) {
  const struct shape *s = &m->shape;
  const size_t H = s->hidden;
  const int rows = padded(tokens), slots = count_slots(segments, segment_count);
  if (!reserve(w, s, tokens, target_count, slots) || !unit_begin()) return -1;
  for (int i = 0; i < tokens; i++)
    memcpy(w->x + i * H, m->embedding + ids[i] * H, H * sizeof(float));
  const __m512 scale = _mm512_set1_ps(s->embedding_scale);
  for (size_t i = 0; s->embedding_scale != 1 && i < tokens * H; i += 16)
    _mm512_store_ps(w->x + i, _mm512_mul_ps(scale, _mm512_load_ps(w->x + i)));
  memset(w->x + tokens * H, 0, (rows - tokens) * H * sizeof(float));
  place_slots(segments, segment_count, rows, slots, w->slot_of);
  const size_t table = (size_t)positions * s->head_dim, placed = (size_t)rows * s->head_dim;
  for (int i = 0; i < s->ropes; i++)
    place_rope(s, segments, segment_count, rope + i * table, positions, w->rope + i * placed);
  for (int l = 0; l < s->layers; l++) {
    const struct layer *layer = &m->layers[l];
    quantize_normed(w->x, rows, s->hidden, s->eps, w->in);
    const float *angles = w->rope + (layer->slides && s->ropes > 1 ? placed : 0);
    keys_values(w, s, layer, angles, rows, slots);
    if (l == s->layers - 1) {
      last_layer(w, m, layer, segments, slots, angles, targets, target_count);
    } else {
      queries(w, s, layer, w->in, angles, rows);
      attend_all(w, s, layer, segments, segment_count, slots);
      finish_layer(w, m, layer, w->x, rows);
    }
  }
  unit_end();
  final_norm(m, w->wanted_x, target_count, out);
  return 0;
}
