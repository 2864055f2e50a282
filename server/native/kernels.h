/* The kernels of one set of instructions: see unit.h. */
#pragma once
#include "backbone.h"
#include "ceiling.h"

struct kernels {
  const char *name;
  struct model *(*open)(const char *path, const struct shape *shape, const int32_t *slides, const double *offsets);
  void (*close)(struct model *model);
  struct workspace *(*workspace_new)(void);
  void (*workspace_free)(struct workspace *w);
  int (*run)(const struct model *model, struct workspace *w, const int32_t *ids, int tokens,
             const struct segment *segments, int segment_count, const float *rope, int positions,
             const int32_t *targets, int target_count, float *out);
  int (*begin)(void); /* unit_begin .. unit_end */
  void (*end)(void);
  /* What its products give otherwise than plain C, or NULL: between begin and end. */
  const char *(*test)(void);
  double (*measure)(enum measured kind, long count); /* between begin and end */
};

extern const struct kernels kernels_amx, kernels_vnni;
