// Stand-ins for cuBLAS, cuBLASLt, cuRAND and the driver: what gives something back. All else that the provider asks of
// them is written by scripts/gpu/stand-ins.mjs from its list of symbols, as functions that name themselves in the log.
#include <stdlib.h>
#include <string.h>

static int handle(void **out) {
  *out = calloc(1, 64);
  return 0;
}

#ifdef STANDIN_cublas
int cublasCreate_v2(void **out) { return handle(out); }
int cublasGetMathMode(void *cublas, int *mode) {
  (void)cublas;
  *mode = 0;
  return 0;
}
const char *cublasGetStatusName(int status) { return status == 0 ? "CUBLAS_STATUS_SUCCESS" : "?"; }
const char *cublasGetStatusString(int status) { return status == 0 ? "success" : "?"; }
#endif

#ifdef STANDIN_cublasLt
int cublasLtCreate(void **out) { return handle(out); }
int cublasLtMatmulDescCreate(void **out) { return handle(out); }
int cublasLtMatmulPreferenceCreate(void **out) { return handle(out); }
int cublasLtMatrixLayoutCreate(void **out) { return handle(out); }
int cublasLtMatrixTransformDescCreate(void **out) { return handle(out); }
int cublasLtMatmulAlgoGetHeuristic(void *lt, void *operation, void *a, void *b, void *c, void *d, void *preference,
                                   int asked, void *results, int *found) {
  (void)lt, (void)operation, (void)a, (void)b, (void)c, (void)d, (void)preference, (void)asked;
  memset(results, 0, 64);
  *found = 1;
  return 0;
}
#endif

#ifdef STANDIN_cuda
// CUDA_ERROR_NO_DEVICE: nothing of the driver is used beside the runtime.
int cuInit(unsigned flags) {
  (void)flags;
  return 100;
}
#endif
