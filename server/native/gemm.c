#include "gemm.h"
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* arch_prctl: permission to use the tile data, which is large and off by default. */
#define ARCH_REQ_XCOMP_PERM 0x1023
#define XFEATURE_XTILEDATA 18

struct tile_config {
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
} __attribute__((packed));

/* Eight tiles of 16 rows of 64 bytes. Constant: GCC drops stores to a local one (its asm reads 8 bytes). */
static const struct tile_config TILES = {
    .palette = 1,
    .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
    .rows = {16, 16, 16, 16, 16, 16, 16, 16},
};

int amx_begin(void) {
  if (syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) != 0) return 0;
  _tile_loadconfig(&TILES);
  return 1;
}

void amx_end(void) { _tile_release(); }

void amx_products(long count) {
  gemm_zero();
  for (; count > 0; count--) {
    _tile_dpbssd(0, 4, 6);
    _tile_dpbssd(1, 4, 7);
    _tile_dpbssd(2, 5, 6);
    _tile_dpbssd(3, 5, 7);
  }
}

void pack_columns(const int8_t *w, int inputs, int stride, int from, int8_t *strip, int half) {
  for (int k = 0; k < inputs; k += 64) {
    int8_t *out = strip + (size_t)(k / 64) * 2 * TILE_BYTES + half * TILE_BYTES;
    for (int i = 0; i < 16; i++)
      for (int c = 0; c < 16; c++)
        for (int j = 0; j < 4; j++)
          out[i * 64 + c * 4 + j] = w[(size_t)(k + 4 * i + j) * stride + from + c];
  }
}
