#include "gemm.h"

void pack_columns(const int8_t *w, int inputs, int stride, int from, int8_t *strip, int half) {
  for (int k = 0; k < inputs; k += 64) {
    int8_t *out = strip + (size_t)(k / 64) * 2 * TILE_BYTES + half * TILE_BYTES;
    for (int i = 0; i < 16; i++)
      for (int c = 0; c < 16; c++)
        for (int j = 0; j < 4; j++)
          out[i * 64 + c * 4 + j] = w[(size_t)(k + 4 * i + j) * stride + from + c];
  }
}
