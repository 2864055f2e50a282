#include "unit.h"
#ifndef UNIT_VNNI
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

int unit_begin(void) {
  if (syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) != 0) return 0;
  _tile_loadconfig(&TILES);
  return 1;
}

void unit_end(void) { _tile_release(); }

void unit_products(int bf16, long count) {
  gemm_zero();
  for (; bf16 && count > 0; count--) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  for (; count > 0; count--) {
    _tile_dpbssd(0, 4, 6);
    _tile_dpbssd(1, 4, 7);
    _tile_dpbssd(2, 5, 6);
    _tile_dpbssd(3, 5, 7);
  }
}
#endif
