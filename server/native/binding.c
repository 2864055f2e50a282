/* The Node-API side: models are shared by the threads of a process, a workspace belongs to one handle. */
#include "cpu.h"
#include "kernels.h"
#include <errno.h>
#include <node_api.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static const struct kernels *const sets[] = {&kernels_amx, &kernels_vnni};
enum { SETS = sizeof sets / sizeof *sets };

struct shared {
  const struct kernels *set;
  char *path;
  struct model *model;
  int users;
  struct shared *next;
};

struct handle {
  struct shared *shared;
  struct workspace *workspace;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct shared *open_models;

static void release(struct shared *s) {
  pthread_mutex_lock(&lock);
  if (--s->users == 0) {
    struct shared **at = &open_models;
    while (*at != s) at = &(*at)->next;
    *at = s->next;
    s->set->close(s->model);
    free(s->path);
    free(s);
  }
  pthread_mutex_unlock(&lock);
}

/* The model of a file, opened once in the process by each set. NULL with errno set. */
static struct shared *acquire(const struct kernels *set, const char *path, const struct shape *shape,
                              const int32_t *slides, const double *offsets) {
  pthread_mutex_lock(&lock);
  struct shared *s = open_models;
  while (s && (s->set != set || strcmp(s->path, path) != 0)) s = s->next;
  if (!s && (s = calloc(1, sizeof *s))) {
    s->set = set;
    s->path = strdup(path);
    s->model = s->path ? set->open(path, shape, slides, offsets) : NULL;
    if (s->model) {
      s->next = open_models;
      open_models = s;
    } else {
      const int failure = s->path ? errno : ENOMEM;
      free(s->path);
      free(s);
      s = NULL;
      errno = failure;
    }
  }
  if (s) s->users++;
  pthread_mutex_unlock(&lock);
  return s;
}

static void finalize(napi_env env, void *data, void *hint) {
  (void)env, (void)hint;
  struct handle *h = data;
  h->shared->set->workspace_free(h->workspace);
  release(h->shared);
  free(h);
}

static napi_value fail(napi_env env, const char *message) {
  napi_throw_error(env, NULL, message);
  return NULL;
}

/* A typed array of the given type as pointer and length; 0 when it is something else. */
static int view(napi_env env, napi_value value, napi_typedarray_type type, void **data, size_t *length) {
  napi_typedarray_type found;
  return napi_get_typedarray_info(env, value, &found, length, data, NULL, NULL) == napi_ok &&
         found == type;
}

/* The set of a name, or NULL. */
static const struct kernels *set_of(napi_env env, napi_value value) {
  char name[16];
  if (napi_get_value_string_utf8(env, value, name, sizeof name, NULL) != napi_ok) return NULL;
  for (int i = 0; i < SETS; i++)
    if (strcmp(sets[i]->name, name) == 0) return sets[i];
  return NULL;
}

/* NULL, or what a set lacks of the processor or the system. */
static const char *missing_of(const struct kernels *set) {
  const char *part = cpu_missing(set == &kernels_amx);
  if (part) return part;
  if (!set->begin()) return "AMX registers that the system lets programs use";
  part = set->test();
  set->end();
  return part;
}

/* missing(set): what the kernels lack of the processor or the system, what they compute wrong, or undefined. */
static napi_value missing(napi_env env, napi_callback_info info) {
  napi_value argv[1], out;
  size_t argc = 1;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  const struct kernels *set = argc < 1 ? NULL : set_of(env, argv[0]);
  if (!set) return fail(env, "missing: expected the name of a set of kernels");
  const char *part = missing_of(set);
  if (part) napi_create_string_utf8(env, part, NAPI_AUTO_LENGTH, &out);
  else napi_get_undefined(env, &out);
  return out;
}

/* open(set, path, shape: Int32Array, numbers: Float64Array, slides: Int32Array, offsets: Float64Array): native-backbone.ts */
static napi_value open_model(napi_env env, napi_callback_info info) {
  napi_value argv[6];
  size_t argc = 6, length;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  const struct kernels *set = argc < 6 ? NULL : set_of(env, argv[0]);
  if (!set || napi_get_value_string_utf8(env, argv[1], NULL, 0, &length) != napi_ok)
    return fail(env, "open: expected the name of a set, a path and four arrays");
  if (missing_of(set)) return fail(env, "open: these kernels cannot run here");
  void *ints, *floats, *slides, *offsets;
  size_t n_ints, n_floats, n_slides, n_offsets;
  if (!view(env, argv[2], napi_int32_array, &ints, &n_ints) || n_ints != 13 ||
      !view(env, argv[3], napi_float64_array, &floats, &n_floats) || n_floats != 4 ||
      !view(env, argv[4], napi_int32_array, &slides, &n_slides) ||
      !view(env, argv[5], napi_float64_array, &offsets, &n_offsets))
    return fail(env, "open: an array has the wrong type or length");
  const int32_t *i = ints;
  const double *f = floats;
  const struct shape shape = {.layers = i[0], .hidden = i[1], .intermediate = i[2], .heads = i[3],
                              .kv_heads = i[4], .head_dim = i[5], .vocab = i[6], .prefix = i[7],
                              .window = i[8], .ropes = i[9], .head_norms = i[10],
                              .output_norms = i[11], .activation = i[12],
                              .eps = (float)f[0], .query_scale = (float)f[1],
                              .embedding_scale = (float)f[2], .softcap = (float)f[3]};
  if (shape.layers < 1 || shape.layers > 1 << 16 || n_slides != (size_t)shape.layers ||
      n_offsets != GLOBAL_TENSORS + (size_t)shape.layers * LAYER_TENSORS)
    return fail(env, "open: the offsets do not fit the number of layers");
  struct handle *h = calloc(1, sizeof *h);
  char *path = malloc(length + 1);
  if (!h || !path || !(h->workspace = set->workspace_new())) {
    free(h);
    free(path);
    return fail(env, "out of memory");
  }
  napi_get_value_string_utf8(env, argv[1], path, length + 1, &length);
  h->shared = acquire(set, path, &shape, slides, offsets);
  const int failure = errno;
  free(path);
  napi_value out;
  if (!h->shared) {
    set->workspace_free(h->workspace);
    free(h);
    return fail(env, failure == EBADMSG ? "the file is too short for the model, or its shape is not one of the kernels'"
                                        : strerror(failure));
  }
  if (napi_create_external(env, h, finalize, NULL, &out) != napi_ok) {
    finalize(env, h, NULL);
    return fail(env, "out of memory");
  }
  return out;
}

/* Indices from outside must not lead out of the buffers. */
static const char *check(const struct shape *s, const int32_t *ids, size_t tokens,
                         const struct segment *g, size_t segments, size_t positions,
                         const int32_t *targets, size_t wanted) {
  for (size_t i = 0; i < tokens; i++)
    if (ids[i] < 0 || ids[i] >= s->vocab) return "a token id is outside the vocabulary";
  int next = 0;
  for (size_t i = 0; i < segments; i++) {
    if (g[i].first != next || g[i].count < 0 || g[i].count > (int)tokens - next)
      return "the segments do not follow one another";
    if (g[i].trunk_count < 0 || g[i].trunk_first < 0 || g[i].trunk_count > g[i].first - g[i].trunk_first)
      return "a trunk does not lie before its branch";
    if (g[i].position < 0 || (size_t)g[i].position + g[i].count > positions)
      return "a position is beyond the table of angles";
    next += g[i].count;
  }
  if (next != (int)tokens) return "the segments do not hold all tokens";
  for (size_t i = 0; i < wanted; i++)
    if (targets[i] < 0 || targets[i] >= (int)tokens) return "a target is no packed token";
  return NULL;
}

/* run(handle, ids: Int32Array, segments: Int32Array, rope: Float32Array, targets: Int32Array, out: Float32Array) */
static napi_value run(napi_env env, napi_callback_info info) {
  napi_value argv[6];
  size_t argc = 6, tokens, ints, angles, wanted, size;
  void *data, *ids, *segments, *rope, *targets, *out;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  if (argc < 6 || napi_get_value_external(env, argv[0], &data) != napi_ok ||
      !view(env, argv[1], napi_int32_array, &ids, &tokens) ||
      !view(env, argv[2], napi_int32_array, &segments, &ints) ||
      !view(env, argv[3], napi_float32_array, &rope, &angles) ||
      !view(env, argv[4], napi_int32_array, &targets, &wanted) ||
      !view(env, argv[5], napi_float32_array, &out, &size))
    return fail(env, "run: expected a model and five arrays");
  const struct handle *h = data;
  const struct shape *s = &h->shared->model->shape;
  const size_t fields = sizeof(struct segment) / sizeof(int32_t), positions = angles / s->head_dim / s->ropes;
  if (ints % fields || size != wanted * s->hidden) return fail(env, "run: an array has the wrong length");
  const char *problem =
      check(s, ids, tokens, segments, ints / fields, positions, targets, wanted);
  if (problem) return fail(env, problem);
  if (tokens && h->shared->set->run(h->shared->model, h->workspace, ids, (int)tokens, segments,
                                    (int)(ints / fields), rope, (int)positions, targets, (int)wanted, out) != 0)
    return fail(env, "out of memory, or the system refused the AMX registers");
  napi_value undefined;
  napi_get_undefined(env, &undefined);
  return undefined;
}

/* products(set, kind, count): multiplies alone, for measuring the processor; how many operations that was. */
static napi_value products(napi_env env, napi_callback_info info) {
  napi_value argv[3], out;
  size_t argc = 3;
  int32_t kind;
  int64_t count;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  const struct kernels *set = argc < 3 ? NULL : set_of(env, argv[0]);
  if (!set || napi_get_value_int32(env, argv[1], &kind) != napi_ok || kind < 0 || kind >= MEASURED ||
      napi_get_value_int64(env, argv[2], &count) != napi_ok)
    return fail(env, "products: expected the name of a set, a kind and a number");
  if (missing_of(set) || !set->begin()) return fail(env, "products: these kernels cannot run here");
  const double operations = set->measure(kind, (long)count);
  set->end();
  if (operations == 0 && count > 0) return fail(env, "products: out of memory");
  napi_create_double(env, operations, &out);
  return out;
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor properties[] = {
      {"missing", NULL, missing, NULL, NULL, NULL, napi_enumerable, NULL},
      {"open", NULL, open_model, NULL, NULL, NULL, napi_enumerable, NULL},
      {"run", NULL, run, NULL, NULL, NULL, napi_enumerable, NULL},
      {"products", NULL, products, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  napi_define_properties(env, exports, sizeof properties / sizeof *properties, properties);
#ifdef SOURCE_HASH
  napi_value hash;
  napi_create_string_utf8(env, SOURCE_HASH, NAPI_AUTO_LENGTH, &hash);
  napi_set_named_property(env, exports, "source", hash);
#endif
  return exports;
}
