#include "attention.h"
#include "unit.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void *tiles_alloc(size_t bytes) {
  return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static int linear_new(struct linear *l, int inputs, int strips) {
  l->inputs = inputs;
  l->strips = strips;
  l->weights = tiles_alloc((size_t)inputs * strips * STRIP);
  l->scale = tiles_alloc((size_t)strips * STRIP * sizeof(float));
  l->bias = tiles_alloc((size_t)strips * STRIP * sizeof(float));
  if (FLIP) l->start = tiles_alloc((size_t)groups_of(inputs) * strips * STRIP * sizeof(int32_t));
  return l->weights && l->scale && l->bias && (l->start || !FLIP);
}

static void linear_free(struct linear *l) {
  free(l->weights);
  free(l->scale);
  free(l->bias);
  free(l->start);
}

/* Tensors of one linear as they lie in the file: weights [inputs, columns], scale and bias [columns]. */
struct stored {
  const int8_t *weights;
  const float *scale, *bias;
  int columns;
};

/* Copies 16 columns from `from` on to the 16 columns that begin at packed column `to`. */
static void copy_columns(struct linear *l, const struct stored *s, int from, int to) {
  int8_t *strip = l->weights + (size_t)(to / STRIP) * l->inputs * STRIP;
  pack_columns(s->weights, l->inputs, s->columns, from, strip, to / 16 % 2);
  const int size = group_of(l->inputs);
  for (int k = 0; FLIP && k < l->inputs; k++) {
    const int8_t *row = s->weights + (size_t)k * s->columns + from;
    int32_t *start = l->start + (size_t)(k / size) * l->strips * STRIP + to;
    for (int c = 0; c < 16; c++) start[c] = (k % size ? start[c] : 0) - FLIP * row[c];
  }
  memcpy(l->scale + to, s->scale + from, 16 * sizeof(float));
  memcpy(l->bias + to, s->bias + from, 16 * sizeof(float));
}

static void copy_all(struct linear *l, const struct stored *s, int to) {
  for (int c = 0; c < s->columns; c += 16) copy_columns(l, s, c, to + c);
}

/*
 * Copies heads for the rotary embedding, which pairs dim i with dim i + head_dim / 2: strip j of a head
 * holds 16 first halves and their 16 partners. Queries and keys in the same order have the same product.
 */
static void copy_rotary(struct linear *l, const struct stored *s, int head_dim, int to) {
  for (int head = 0; head < s->columns; head += head_dim) {
    for (int c = 0; c < head_dim / 2; c += 16) {
      copy_columns(l, s, head + c, to + head + 2 * c);
      copy_columns(l, s, head + head_dim / 2 + c, to + head + 2 * c + 16);
    }
  }
}

/* Stored keys (rotated already) or values [prefix, kv_heads * head_dim] as tiles of whole blocks. */
static bf16 *prefix_tiles(const struct shape *s, const float *rows, int keys) {
  const int blocks = (s->prefix + KEYS - 1) / KEYS, D = s->head_dim;
  const size_t size = kv_block(s);
  bf16 *tiles = tiles_alloc((size_t)s->kv_heads * blocks * size * sizeof(bf16) + 64);
  if (!tiles) return NULL;
  bf16 block[KEYS * STRIP] __attribute__((aligned(64)));
  for (int head = 0; head < s->kv_heads; head++) {
    for (int b = 0; b < blocks; b++) {
      for (int j = 0; j < D / STRIP; j++) {
        memset(block, 0, sizeof block);
        for (int i = 0; i < KEYS && b * KEYS + i < s->prefix; i++) {
          const float *row = rows + ((size_t)(b * KEYS + i) * s->kv_heads + head) * D;
          const float *low = row + (keys ? 16 * j : STRIP * j);
          const float *high = keys ? row + D / 2 + 16 * j : low + 16;
          const __m512i both = bf16x32(_mm512_loadu_ps(low), _mm512_loadu_ps(high));
          _mm512_store_si512(block + i * STRIP, both);
        }
        bf16 *out = tiles + ((size_t)head * blocks + b) * size + j * TILE_BYTES;
        if (keys) keys_to_tiles(block, out);
        else values_to_tiles(block, out);
      }
    }
  }
  return tiles;
}

/* A head's norm in the order of copy_rotary. */
static float *rotary_norm(const float *weight, int head_dim) {
  float *out = tiles_alloc(head_dim * sizeof(float));
  for (int c = 0; out && c < head_dim / 2; c += 16) {
    memcpy(out + 2 * c, weight + c, 16 * sizeof(float));
    memcpy(out + 2 * c + 16, weight + head_dim / 2 + c, 16 * sizeof(float));
  }
  return out;
}

static void open_rotation(struct rotation *r, const float *matrix, int hidden) {
  r->power = hidden & -hidden;
  r->odd = hidden / r->power;
  r->signs = tiles_alloc(hidden * sizeof(float));
  r->dct = tiles_alloc((size_t)r->odd * r->odd * sizeof(float));
  if (!r->signs || !r->dct) return;
  const float root = _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss((float)r->power)));
  /* The first column is the signs times positive numbers: those of H and of the DCT's mean. */
  for (int i = 0; i < hidden; i++) r->signs[i] = (matrix[(size_t)i * hidden] < 0 ? -1.0f : 1.0f) / root;
  for (int n = 0; n < r->odd; n++) {
    const float *row = matrix + (size_t)n * r->power * hidden;
    for (int k = 0; k < r->odd; k++)
      r->dct[k * r->odd + n] = (row[0] < 0 ? -root : root) * row[k * r->power];
  }
}

static int open_layer(const struct shape *s, const char *map, const double *at, struct layer *out) {
  const int q = s->heads * s->head_dim, kv = s->kv_heads * s->head_dim;
  const int H = s->hidden, F = s->intermediate;
  struct stored t[7];
  const int columns[7] = {q, kv, kv, H, F, F, H};
  for (int i = 0; i < 7; i++) {
    t[i].weights = (const int8_t *)(map + (size_t)at[3 * i]);
    t[i].scale = (const float *)(map + (size_t)at[3 * i + 1]);
    t[i].bias = (const float *)(map + (size_t)at[3 * i + 2]);
    t[i].columns = columns[i];
  }
  if (!linear_new(&out->qkv, H, (q + 2 * kv) / STRIP) || !linear_new(&out->output, q, H / STRIP) ||
      !linear_new(&out->gate_up, H, F / 16) || !linear_new(&out->down, F, H / STRIP))
    return 0;
  copy_rotary(&out->qkv, &t[0], s->head_dim, 0);
  copy_rotary(&out->qkv, &t[1], s->head_dim, q);
  copy_all(&out->qkv, &t[2], q + kv);
  copy_all(&out->output, &t[3], 0);
  for (int c = 0; c < F; c += 16) {
    copy_columns(&out->gate_up, &t[4], c, 2 * c);
    copy_columns(&out->gate_up, &t[5], c, 2 * c + 16);
  }
  /* The gate's exponential is a power of two: see finish_gated. */
  for (int c = 0; s->activation == SILU && c < 2 * F; c++) {
    const float factor = c % STRIP < 16 ? -1.44269504f : -0.69314718f;
    out->gate_up.scale[c] *= factor;
    out->gate_up.bias[c] *= factor;
  }
  copy_all(&out->down, &t[6], 0);
  out->prefix_keys = prefix_tiles(s, (const float *)(map + (size_t)at[PREFIX_KEY]), 1);
  out->prefix_values = prefix_tiles(s, (const float *)(map + (size_t)at[PREFIX_VALUE]), 0);
  if (s->output_norms) {
    out->attention_norm = (const float *)(map + (size_t)at[ATTENTION_NORM]);
    out->mlp_norm = (const float *)(map + (size_t)at[MLP_NORM]);
  }
  if (s->head_norms) {
    out->query_norm = rotary_norm((const float *)(map + (size_t)at[QUERY_NORM]), s->head_dim);
    out->key_norm = rotary_norm((const float *)(map + (size_t)at[KEY_NORM]), s->head_dim);
    if (!out->query_norm || !out->key_norm) return 0;
  }
  return out->prefix_keys && out->prefix_values;
}

/* Does an array of `count` elements of `element` bytes begin at `offset` and end within `size` bytes? */
static int inside(double offset, double count, int element, double size) {
  return offset >= 0 && offset + count * element <= size && (double)(size_t)offset == offset &&
         (size_t)offset % element == 0;
}

/* Numbers from outside must be a shape that the blocks divide, and tensors that lie within the file. */
static int fits(const struct shape *s, const double *at, double size) {
  enum { MOST = 1 << 24 };
  const int sizes[] = {s->hidden, s->intermediate, s->heads, s->kv_heads, s->head_dim, s->vocab};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    if (sizes[i] < 1 || sizes[i] > MOST) return 0;
  const double Q = (double)s->heads * s->head_dim, KV = (double)s->kv_heads * s->head_dim;
  if (s->layers < 1 || s->prefix < 0 || s->prefix > MOST || Q > MOST || s->heads % s->kv_heads ||
      s->hidden % 64 || s->intermediate % 64 || s->head_dim % 64 || s->window < 0 || s->window > MOST ||
      s->ropes < 1 || s->ropes > 2 || s->activation < 0 || s->activation >= ACTIVATIONS)
    return 0;
  const double H = s->hidden, F = s->intermediate;
  if (!inside(at[EMBEDDING], s->vocab * H, 4, size) || !inside(at[UNROTATE], H * H, 4, size) ||
      !inside(at[NORM], H, 4, size))
    return 0;
  if (s->output_norms &&
      (s->hidden / (s->hidden & -s->hidden) > MOST_ODD || !inside(at[ROTATION], H * H, 4, size)))
    return 0;
  const double inputs[7] = {H, H, H, Q, H, H, F}, outputs[7] = {Q, KV, KV, H, F, F, H};
  at += GLOBAL_TENSORS;
  for (int l = 0; l < s->layers; l++, at += LAYER_TENSORS) {
    for (int i = 0; i < 7; i++)
      if (!inside(at[3 * i], inputs[i] * outputs[i], 1, size) ||
          !inside(at[3 * i + 1], outputs[i], 4, size) || !inside(at[3 * i + 2], outputs[i], 4, size))
        return 0;
    if (!inside(at[PREFIX_KEY], s->prefix * KV, 4, size) ||
        !inside(at[PREFIX_VALUE], s->prefix * KV, 4, size))
      return 0;
    if (s->head_norms && (!inside(at[QUERY_NORM], s->head_dim, 4, size) ||
                          !inside(at[KEY_NORM], s->head_dim, 4, size)))
      return 0;
    if (s->output_norms &&
        (!inside(at[ATTENTION_NORM], H, 4, size) || !inside(at[MLP_NORM], H, 4, size)))
      return 0;
  }
  return 1;
}

/* As graph/int8-weights.ts has it. */
enum { FIRST_WIDE = 3, LAST_WIDE = 2 };

struct model *model_open(const char *path, const struct shape *shape, const int32_t *slides,
                         const double *offsets) {
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return NULL;
  const off_t size = lseek(file, 0, SEEK_END);
  if (!fits(shape, offsets, (double)size)) {
    close(file);
    errno = EBADMSG;
    return NULL;
  }
  void *map = size > 0 ? mmap(NULL, size, PROT_READ, MAP_SHARED, file, 0) : MAP_FAILED;
  const int failure = errno;
  close(file);
  if (map == MAP_FAILED) {
    errno = failure;
    return NULL;
  }
  struct model *m = calloc(1, sizeof *m);
  if (m) m->layers = calloc(shape->layers, sizeof *m->layers);
  if (!m || !m->layers) {
    free(m);
    munmap(map, size);
    errno = ENOMEM;
    return NULL;
  }
  m->shape = *shape;
  m->map = map;
  m->map_bytes = size;
  const char *bytes = map;
  m->embedding = (const float *)(bytes + (size_t)offsets[EMBEDDING]);
  m->unrotate = (const float *)(bytes + (size_t)offsets[UNROTATE]);
  m->norm = (const float *)(bytes + (size_t)offsets[NORM]);
  if (shape->output_norms) {
    open_rotation(&m->rotation, (const float *)(bytes + (size_t)offsets[ROTATION]), shape->hidden);
    if (!m->rotation.signs || !m->rotation.dct) {
      model_close(m);
      errno = ENOMEM;
      return NULL;
    }
  }
  for (int l = 0; l < shape->layers; l++) {
    m->layers[l].slides = slides[l] != 0 && shape->window > 0;
    m->layers[l].wide_down = l < FIRST_WIDE || l >= shape->layers - LAST_WIDE;
    if (!open_layer(shape, bytes, offsets + GLOBAL_TENSORS + l * LAYER_TENSORS, &m->layers[l])) {
      model_close(m);
      errno = ENOMEM;
      return NULL;
    }
  }
  /* The packed copies are what runs read: of the file, only rows of the embedding stay in use. */
  madvise(map, size, MADV_DONTNEED);
  return m;
}

void model_close(struct model *m) {
  for (int l = 0; l < m->shape.layers; l++) {
    struct layer *layer = &m->layers[l];
    linear_free(&layer->qkv);
    linear_free(&layer->output);
    linear_free(&layer->gate_up);
    linear_free(&layer->down);
    free(layer->prefix_keys);
    free(layer->prefix_values);
    free(layer->query_norm);
    free(layer->key_norm);
  }
  free(m->rotation.signs);
  free(m->rotation.dct);
  free(m->layers);
  munmap(m->map, m->map_bytes);
  free(m);
}
