/* Grouped-query attention over packed trees, bfloat16 products, softmax in float32. */
#pragma once
#include "backbone.h"
#include "gemm.h"

enum { KEYS = 32 };

/*
 * Keys and values have slots: packed tokens, but every tree begins a block of 32. So sums over keys run in
 * the same order whatever a tree is packed with, and a score does not depend on its batch.
 *
 * A layer's keys and values lie as tiles, block by block. A block of a kv head holds, for each strip of 32
 * dims, 2 tiles: of keys 16 pairs of dims x 16 slots each, of values 16 pairs of slots x 16 dims each.
 */
/* In elements. */
INLINE size_t kv_block(const struct shape *s) { return (size_t)s->head_dim / STRIP * TILE_BYTES; }

/* Writes k or v [32 slots, 32 dims] as two tiles, [2, 512] bfloat16. */
void keys_to_tiles(const bf16 *k, bf16 *tiles);
void values_to_tiles(const bf16 *v, bf16 *tiles);

/*
 * rows [strips of keys, then of values; slots, 32] as tiles, keys and values [kv_heads, slots / 32, kv_block];
 * `slots` is a multiple of 32.
 */
void tile_keys_values(const struct shape *s, const bf16 *rows, int slots, bf16 *keys, bf16 *values);

/* Scratch of `attend`; grown by attention_reserve. */
struct attention_scratch {
  float *scores;   /* [32, keys] */
  bf16 *weights;   /* [32, keys] */
  uint32_t *masks; /* [blocks, 32] */
  const bf16 **keys, **values; /* [blocks]: each of kv_block elements */
  int blocks;
};
int attention_reserve(struct attention_scratch *a, int blocks);
void attention_release(struct attention_scratch *a);

/*
 * Up to 32 queries of one segment, of consecutive packed tokens from `token` on: q [32, heads * head_dim]
 * bfloat16 (already scaled by query_scale * log2(e)), context [count, heads * head_dim] float32.
 * keys, values [kv_heads, blocks, kv_block]. shift: from the segment's tokens to slots.
 */
void attend(struct attention_scratch *a, const struct shape *s, const struct layer *layer,
            const bf16 *keys, const bf16 *values, int blocks, const struct segment *segment, int shift,
            const bf16 *q, int token, int count, float *context);
