#include "cpu.h"
#include <cpuid.h>
#include <stdint.h>

static uint64_t enabled_states(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

const char *cpu_missing(int tiles) {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & 1u << 27)) return "XSAVE";
  const uint64_t states = enabled_states();
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return "AVX-512";
  const unsigned avx512 = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31; /* F, DQ, BW, VL */
  if ((b & avx512) != avx512 || (states & 0xe6) != 0xe6) return "AVX-512";
  const unsigned amx = 1u << 22 | 1u << 24 | 1u << 25; /* BF16, TILE, INT8 */
  if (tiles && ((d & amx) != amx || (states & 0x60000) != 0x60000)) return "AMX";
  if (!tiles && !(c & 1u << 11)) return "AVX-512 VNNI";
  if (!__get_cpuid_count(7, 1, &a, &b, &c, &d) || !(a & 1u << 5)) return "AVX-512 BF16";
  return 0;
}
