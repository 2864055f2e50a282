/* The tile registers, and what the kernels ask of the system: registers are granted, a mapped file is memory with guarded ends. */
#include <errno.h>
#include <immintrin.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static _Thread_local struct {
  int configured;
  int8_t tile[8][1024] __attribute__((aligned(64)));
} registers;

static void *checked(int tile) {
  if (!registers.configured || tile < 0 || tile > 7) {
    fprintf(stderr, "tile %d is used%s\n", tile, registers.configured ? "" : " before the registers are shaped");
    abort();
  }
  return registers.tile[tile];
}

/* Only the shape that the kernels use: eight tiles of 16 rows of 64 bytes. */
void _tile_loadconfig(const void *config) {
  const uint8_t *c = config;
  for (int i = 0; i < 8; i++) {
    if (c[0] != 1 || c[16 + 2 * i] != 64 || c[17 + 2 * i] != 0 || c[48 + i] != 16) abort();
  }
  memset(&registers, 0, sizeof registers);
  registers.configured = 1;
}
void _tile_release(void) { registers.configured = 0; }
uint8_t *emulated_tile(int tile) { return checked(tile); }
void _tile_zero(int tile) { memset(checked(tile), 0, 1024); }

/* sums[16][16] += a[16 rows of 64 int8] * b[16 groups of four inputs, 16 columns]; sums wrap. */
void _tile_dpbssd(int sums, int a, int b) {
  uint32_t *restrict out = checked(sums);
  const int8_t *restrict x = checked(a), *restrict w = checked(b);
  for (int m = 0; m < 16; m++)
    for (int k = 0; k < 16; k++)
      for (int n = 0; n < 16; n++)
        for (int j = 0; j < 4; j++)
          out[m * 16 + n] += (uint32_t)(x[m * 64 + k * 4 + j] * w[k * 64 + n * 4 + j]);
}

static float widened(uint16_t b) {
  const uint32_t u = (uint32_t)b << 16;
  float f;
  memcpy(&f, &u, 4);
  return f;
}
void _tile_dpbf16ps(int sums, int a, int b) {
  float *restrict out = checked(sums);
  const uint16_t *restrict x = checked(a), *restrict w = checked(b);
  for (int m = 0; m < 16; m++)
    for (int k = 0; k < 16; k++)
      for (int n = 0; n < 16; n++)
        for (int j = 0; j < 2; j++)
          out[m * 16 + n] += widened(x[m * 32 + k * 2 + j]) * widened(w[k * 32 + n * 2 + j]);
}

const char *cpu_missing(int tiles) { (void)tiles; return 0; }

/* --wrap: calls of the kernels' files end here. */
long __wrap_syscall(long number, ...) { (void)number; return 0; }
int __wrap_madvise(void *at, size_t size, int advice) { (void)at, (void)size, (void)advice; return 0; }
int __wrap_munmap(void *at, size_t size) { (void)size; free(at); return 0; }
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int file, off_t from) {
  (void)at, (void)protection, (void)flags;
  void *copy;
  if (posix_memalign(&copy, 64, size) != 0) return MAP_FAILED;
  for (size_t done = 0; done < size;) {
    const ssize_t n = pread(file, (char *)copy + done, size - done, from + (off_t)done);
    if (n <= 0) { free(copy); errno = EIO; return MAP_FAILED; }
    done += (size_t)n;
  }
  return copy;
}
