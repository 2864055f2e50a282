/* The int8 backbone of model/int8/convert-int8.ts: packed weights, and one run over packed trees. */
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef uint16_t bf16;

/* Sizes in elements. hidden, intermediate and heads * head_dim are multiples of 64, head_dim of 32. */
struct shape {
  int layers, hidden, intermediate, heads, kv_heads, head_dim, vocab;
  int prefix; /* tokens whose keys and values are stored */
  float eps, query_scale;
};

/* One linear layer: strips of 32 columns (gemm.h), and a scale and a bias for each packed column. */
struct linear {
  int inputs, strips;
  int8_t *weights;     /* [strips, inputs / 64, 2 tiles of 64 inputs x 16 columns] */
  float *scale, *bias; /* [strips * 32] each, as packed */
};

struct layer {
  struct linear qkv;     /* strips of q heads, then k heads, then v heads */
  struct linear output;
  struct linear gate_up; /* each strip: 16 columns of gate, the same 16 of up */
  struct linear down;
  /* Stored keys and values as tiles, [kv_heads, blocks of 32 slots, kv_block]: see attention.h. */
  bf16 *prefix_keys, *prefix_values;
};

struct model {
  struct shape shape;
  const float *embedding; /* [vocab, hidden], in the mapped file */
  const float *unrotate;  /* [hidden, hidden], in the mapped file */
  const float *norm;      /* [hidden], in the mapped file */
  struct layer *layers;   /* [layers] */
  void *map;              /* the file, map_bytes long */
  size_t map_bytes;
};

/* A run of packed tokens that sees the stored beginning (or not), a trunk, and itself causally. */
struct segment {
  int first, count;             /* packed tokens */
  int trunk_first, trunk_count; /* what it branches from; count 0 for a trunk */
  int sees_prefix;
  int position; /* of its first token */
};

/* Where each tensor lies in the weights file, in bytes; the order is native.ts's. */
enum global_tensor { EMBEDDING, UNROTATE, NORM, GLOBAL_TENSORS };
enum layer_tensor {
  Q_W, Q_SCALE, Q_BIAS, K_W, K_SCALE, K_BIAS, V_W, V_SCALE, V_BIAS,
  O_W, O_SCALE, O_BIAS, GATE_W, GATE_SCALE, GATE_BIAS, UP_W, UP_SCALE, UP_BIAS,
  DOWN_W, DOWN_SCALE, DOWN_BIAS, PREFIX_KEY, PREFIX_VALUE, LAYER_TENSORS
};

/*
 * Maps the file and packs its weights. offsets [GLOBAL_TENSORS + layers * LAYER_TENSORS], in bytes. NULL with errno set: EBADMSG when shape and offsets do not fit it.
 */
struct model *model_open(const char *path, const struct shape *shape, const double *offsets);
void model_close(struct model *model);

/* Buffers of one thread; they grow to the largest batch seen. */
struct workspace;
struct workspace *workspace_new(void);
void workspace_free(struct workspace *w);

/*
 * Hidden states after the final norm of `targets`: out [target_count, hidden], float32.
 * ids [tokens], segments [segment_count], targets [target_count]: indices of packed tokens.
 * rope: cos [positions, head_dim / 2], then sin [positions, head_dim / 2], of every position up to the largest.
 * 0, or -1 when memory or the tile registers are refused.
 */
int model_run(const struct model *model, struct workspace *w, const int32_t *ids, int tokens,
              const struct segment *segments, int segment_count, const float *rope, int positions,
              const int32_t *targets, int target_count, float *out);
