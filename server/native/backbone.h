/* The int8 backbone of model/int8/convert-int8.ts: packed weights, and one run over packed trees. */
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef uint16_t bf16;

/* Of the MLP's gate; the numbers are native-backbone.ts's. */
enum activation { SILU, GELU_TANH, GELU, ACTIVATIONS };

/* Sizes in elements. hidden, intermediate and heads * head_dim are multiples of 64, head_dim of 32. */
struct shape {
  int layers, hidden, intermediate, heads, kv_heads, head_dim, vocab;
  int prefix;       /* tokens whose keys and values are stored */
  int window;       /* tokens that a sliding layer sees, the last its own; 0 where no layer slides */
  int ropes;        /* tables of angles: 2 where sliding layers have their own, the second */
  int head_norms;   /* are q and k normed, head by head? */
  int output_norms; /* are the outputs of attention and MLP normed before they are added? */
  int activation;
  float eps, query_scale, embedding_scale;
  float softcap;    /* attention logits become softcap * tanh(logits / softcap); 0: they stay */
};

/* One linear layer: strips of 32 columns (gemm.h), and a scale and a bias for each packed column. */
struct linear {
  int inputs, strips;
  int8_t *weights;     /* [strips, inputs / 64, 2 tiles of 64 inputs x 16 columns] */
  float *scale, *bias; /* [strips * 32] each, as packed */
  int32_t *start;      /* [groups, strips * 32], what sums begin with where rows are unsigned (unit.h); else NULL */
};

struct layer {
  int slides; /* does it see `window` tokens alone? */
  struct linear qkv;     /* strips of q heads, then k heads, then v heads */
  struct linear output;
  struct linear gate_up; /* each strip: 16 columns of gate, the same 16 of up */
  struct linear down;
  int wide_down;         /* are its inputs read in two digits on every unit? Those of the first layers and the last have the longest tails */
  /* Stored keys and values as tiles, [kv_heads, blocks of 32 slots, kv_block]: see attention.h. */
  bf16 *prefix_keys, *prefix_values;
  float *query_norm, *key_norm; /* [head_dim] in the order of packed columns; NULL without head_norms */
  const float *attention_norm, *mlp_norm; /* of the outputs, [hidden], in the mapped file */
};

/*
 * The stream's rotation R = S (C x H) of model/int8/hadamard.ts, for what is normed in its own basis: signs (with
 * the factor of H), Walsh-Hadamard over `power` channels, a DCT over the blocks of them.
 */
struct rotation {
  int power, odd;
  float *signs; /* [hidden] */
  float *dct;   /* [odd, odd] */
};
enum { MOST_ODD = 256 };

struct model {
  struct shape shape;
  const float *embedding; /* [vocab, hidden], in the mapped file */
  const float *unrotate;  /* [hidden, hidden], in the mapped file */
  const float *norm;      /* [hidden], in the mapped file */
  struct layer *layers;   /* [layers] */
  struct rotation rotation; /* with output_norms */
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

/* Where each tensor lies in the weights file, in bytes; the order is native-backbone.ts's. Any number for one that the shape has not. */
enum global_tensor { EMBEDDING, UNROTATE, NORM, ROTATION, GLOBAL_TENSORS };
enum layer_tensor {
  Q_W, Q_SCALE, Q_BIAS, K_W, K_SCALE, K_BIAS, V_W, V_SCALE, V_BIAS,
  O_W, O_SCALE, O_BIAS, GATE_W, GATE_SCALE, GATE_BIAS, UP_W, UP_SCALE, UP_BIAS,
  DOWN_W, DOWN_SCALE, DOWN_BIAS, PREFIX_KEY, PREFIX_VALUE,
  QUERY_NORM, KEY_NORM, ATTENTION_NORM, MLP_NORM, LAYER_TENSORS
};

/*
 * Maps the file and packs its weights. slides [layers]; offsets [GLOBAL_TENSORS + layers * LAYER_TENSORS], in bytes.
 * NULL with errno set: EBADMSG when shape and offsets do not fit it.
 */
struct model *model_open(const char *path, const struct shape *shape, const int32_t *slides,
                         const double *offsets);
void model_close(struct model *model);

/* Buffers of one thread; they grow to the largest batch seen. */
struct workspace;
struct workspace *workspace_new(void);
void workspace_free(struct workspace *w);

/*
 * Hidden states after the final norm of `targets`: out [target_count, hidden], float32.
 * ids [tokens], segments [segment_count], targets [target_count]: indices of packed tokens.
 * rope: cos [positions, head_dim / 2], then sin [positions, head_dim / 2], of every position up to the largest;
 * `ropes` such tables.
 * 0, or -1 when memory or the tile registers are refused.
 */
int model_run(const struct model *model, struct workspace *w, const int32_t *ids, int tokens,
              const struct segment *segments, int segment_count, const float *rope, int positions,
              const int32_t *targets, int target_count, float *out);
