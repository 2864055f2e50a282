/*
 * Stands in for the compiler's own header: the AVX-512 and AMX intrinsics that server/native uses, in plain C, so
 * that any processor runs the kernels under a sanitizer. Memory is touched exactly where the instructions touch
 * it; loads and stores that must be aligned go through aligned types, which UBSan checks.
 */
#pragma once
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define EMULATED static inline __attribute__((always_inline, unused))

typedef float __m512 __attribute__((vector_size(64), may_alias));
typedef long long __m512i __attribute__((vector_size(64), may_alias));
typedef short __m512bh __attribute__((vector_size(64), may_alias));
typedef long long __m256i __attribute__((vector_size(32), may_alias));
typedef float __m128 __attribute__((vector_size(16), may_alias));
typedef uint16_t __mmask16;

typedef int32_t emulated_i32 __attribute__((vector_size(64), may_alias));
typedef uint32_t emulated_u32 __attribute__((vector_size(64), may_alias));
typedef int16_t emulated_i16 __attribute__((vector_size(64), may_alias));
typedef uint8_t emulated_u8 __attribute__((vector_size(64), may_alias));
typedef int8_t emulated_i8 __attribute__((vector_size(64), may_alias));
typedef uint16_t emulated_u16x16 __attribute__((vector_size(32), may_alias));

/* Statement `s` for each of the 16 lanes `i`. */
#define EMULATED_LANES(s) for (int i = 0; i < 16; i++) { s; }

EMULATED __m512 _mm512_set1_ps(float a) { __m512 r; EMULATED_LANES(r[i] = a) return r; }
EMULATED __m512 _mm512_setzero_ps(void) { return _mm512_set1_ps(0); }
EMULATED __m512 _mm512_add_ps(__m512 a, __m512 b) { return a + b; }
EMULATED __m512 _mm512_sub_ps(__m512 a, __m512 b) { return a - b; }
EMULATED __m512 _mm512_mul_ps(__m512 a, __m512 b) { return a * b; }
EMULATED __m512 _mm512_fmadd_ps(__m512 a, __m512 b, __m512 c) { return a * b + c; }
EMULATED __m512 _mm512_fmsub_ps(__m512 a, __m512 b, __m512 c) { return a * b - c; }
EMULATED __m512 _mm512_div_ps(__m512 a, __m512 b) { return a / b; }
EMULATED __m512 _mm512_abs_ps(__m512 a) { EMULATED_LANES(a[i] = fabsf(a[i])) return a; }
/* The second operand where one is no number, as the instruction has it. */
EMULATED __m512 _mm512_max_ps(__m512 a, __m512 b) {
  EMULATED_LANES(a[i] = a[i] > b[i] ? a[i] : b[i]) return a;
}
EMULATED __m512 _mm512_min_ps(__m512 a, __m512 b) {
  EMULATED_LANES(a[i] = a[i] < b[i] ? a[i] : b[i]) return a;
}
EMULATED __m512 _mm512_mask_max_ps(__m512 s, __mmask16 m, __m512 a, __m512 b) {
  const __m512 most = _mm512_max_ps(a, b);
  EMULATED_LANES(if (m >> i & 1) s[i] = most[i]) return s;
}
EMULATED __m512 _mm512_maskz_mov_ps(__mmask16 m, __m512 a) {
  EMULATED_LANES(if (!(m >> i & 1)) a[i] = 0) return a;
}
EMULATED float _mm512_reduce_add_ps(__m512 a) { float r = 0; EMULATED_LANES(r += a[i]) return r; }
EMULATED float _mm512_reduce_max_ps(__m512 a) {
  float r = a[0];
  EMULATED_LANES(if (a[i] > r) r = a[i]) return r;
}
/* Exact, where the instruction has 14 bits. */
EMULATED __m512 _mm512_rcp14_ps(__m512 a) { EMULATED_LANES(a[i] = 1.0f / a[i]) return a; }
#define _MM_FROUND_TO_NEAREST_INT 0
#define _MM_FROUND_NO_EXC 8
EMULATED __m512 _mm512_roundscale_ps(__m512 a, int how) {
  if (how != 8) __builtin_trap();
  EMULATED_LANES(a[i] = nearbyintf(a[i])) return a;
}
/* a * 2^floor(b); beyond +-400 nothing changes any more. */
EMULATED __m512 _mm512_scalef_ps(__m512 a, __m512 b) {
  EMULATED_LANES(a[i] = isnan(b[i]) ? b[i] : ldexpf(a[i], (int)fmaxf(-400, fminf(400, floorf(b[i]))))) return a;
}

EMULATED __m512 _mm512_load_ps(const void *p) { return *(const __m512 *)p; }
EMULATED void _mm512_store_ps(void *p, __m512 a) { *(__m512 *)p = a; }
EMULATED __m512 _mm512_loadu_ps(const void *p) { __m512 r; memcpy(&r, p, sizeof r); return r; }
EMULATED void _mm512_storeu_ps(void *p, __m512 a) { memcpy(p, &a, sizeof a); }
EMULATED __m512i _mm512_load_si512(const void *p) { return *(const __m512i *)p; }
EMULATED __m512i _mm512_loadu_si512(const void *p) { __m512i r; memcpy(&r, p, sizeof r); return r; }
EMULATED void _mm512_store_si512(void *p, __m512i a) { *(__m512i *)p = a; }
EMULATED __m256i _mm256_load_si256(const __m256i *p) { return *p; }

EMULATED __m512i _mm512_set1_epi32(int32_t a) {
  emulated_i32 r;
  EMULATED_LANES(r[i] = a) return (__m512i)r;
}
EMULATED __m512i _mm512_xor_si512(__m512i a, __m512i b) { return a ^ b; }
EMULATED __m512i _mm512_or_si512(__m512i a, __m512i b) { return a | b; }
EMULATED __m512i _mm512_slli_epi32(__m512i a, unsigned n) { return (__m512i)((emulated_u32)a << n); }
EMULATED __m512 _mm512_cvtepi32_ps(__m512i v) {
  const emulated_i32 a = (emulated_i32)v;
  __m512 r;
  EMULATED_LANES(r[i] = (float)a[i]) return r;
}
/* Rounded to nearest even; what no int32 holds is its least number. */
EMULATED __m512i _mm512_cvtps_epi32(__m512 a) {
  emulated_i32 r;
  EMULATED_LANES(const float n = nearbyintf(a[i]);
                 r[i] = n >= -2147483648.0f && n < 2147483648.0f ? (int32_t)n : INT32_MIN)
  return (__m512i)r;
}
EMULATED __m512i _mm512_cvtepu16_epi32(__m256i v) {
  const emulated_u16x16 a = (emulated_u16x16)v;
  emulated_u32 r;
  EMULATED_LANES(r[i] = a[i]) return (__m512i)r;
}
EMULATED uint16_t emulated_bf16(float f) {
  uint32_t u;
  memcpy(&u, &f, 4);
  if (isnan(f)) return (uint16_t)(u >> 16 | 0x40);
  return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}
EMULATED __m512bh _mm512_cvtne2ps_pbh(__m512 high, __m512 low) {
  __m512bh r;
  EMULATED_LANES(r[i] = (short)emulated_bf16(low[i]); r[16 + i] = (short)emulated_bf16(high[i])) return r;
}

EMULATED float emulated_widened(short b) {
  const uint32_t u = (uint32_t)(uint16_t)b << 16;
  float f;
  memcpy(&f, &u, 4);
  return f;
}
EMULATED __m512 _mm512_dpbf16_ps(__m512 sums, __m512bh a, __m512bh b) {
  EMULATED_LANES(sums[i] += emulated_widened(a[2 * i + 1]) * emulated_widened(b[2 * i + 1]);
                 sums[i] += emulated_widened(a[2 * i]) * emulated_widened(b[2 * i]))
  return sums;
}
/* Unsigned bytes times signed ones, four to a sum; sums wrap. */
EMULATED __m512i _mm512_dpbusd_epi32(__m512i sums, __m512i x, __m512i y) {
  emulated_u32 r = (emulated_u32)sums;
  const emulated_u8 a = (emulated_u8)x;
  const emulated_i8 b = (emulated_i8)y;
  EMULATED_LANES(for (int j = 0; j < 4; j++) r[i] += (uint32_t)(a[4 * i + j] * b[4 * i + j]))
#ifdef EMULATED_WRONG
  r[3]++;
#endif
  return (__m512i)r;
}

EMULATED int16_t emulated_to_i16(int32_t a) { return (int16_t)(a > 32767 ? 32767 : a < -32768 ? -32768 : a); }
EMULATED int8_t emulated_to_i8(int16_t a) { return (int8_t)(a > 127 ? 127 : a < -128 ? -128 : a); }
/* Packing and unpacking work within each 128 bits. */
EMULATED __m512i _mm512_packs_epi32(__m512i x, __m512i y) {
  const emulated_i32 a = (emulated_i32)x, b = (emulated_i32)y;
  emulated_i16 r;
  EMULATED_LANES(const int at = i / 4 * 8 + i % 4; r[at] = emulated_to_i16(a[i]);
                 r[at + 4] = emulated_to_i16(b[i]))
  return (__m512i)r;
}
EMULATED __m512i _mm512_packs_epi16(__m512i x, __m512i y) {
  const emulated_i16 a = (emulated_i16)x, b = (emulated_i16)y;
  emulated_i8 r;
  for (int i = 0; i < 32; i++) {
    const int at = i / 8 * 16 + i % 8;
    r[at] = emulated_to_i8(a[i]);
    r[at + 8] = emulated_to_i8(b[i]);
  }
  return (__m512i)r;
}
EMULATED __m512i emulated_unpack_32(__m512i x, __m512i y, int high) {
  const emulated_i32 a = (emulated_i32)x, b = (emulated_i32)y;
  emulated_i32 r;
  EMULATED_LANES(const int from = i / 4 * 4 + 2 * high + i % 4 / 2; r[i] = i % 2 ? b[from] : a[from])
  return (__m512i)r;
}
EMULATED __m512i _mm512_unpacklo_epi32(__m512i a, __m512i b) { return emulated_unpack_32(a, b, 0); }
EMULATED __m512i _mm512_unpackhi_epi32(__m512i a, __m512i b) { return emulated_unpack_32(a, b, 1); }
EMULATED __m512i emulated_unpack_64(__m512i a, __m512i b, int high) {
  __m512i r;
  for (int i = 0; i < 8; i++) r[i] = i % 2 ? b[i / 2 * 2 + high] : a[i / 2 * 2 + high];
  return r;
}
EMULATED __m512i _mm512_unpacklo_epi64(__m512i a, __m512i b) { return emulated_unpack_64(a, b, 0); }
EMULATED __m512i _mm512_unpackhi_epi64(__m512i a, __m512i b) { return emulated_unpack_64(a, b, 1); }
EMULATED __m512i _mm512_shuffle_i32x4(__m512i a, __m512i b, int how) {
  __m512i r;
  for (int i = 0; i < 8; i++) {
    const int from = (how >> i / 2 * 2 & 3) * 2 + i % 2;
    r[i] = i < 4 ? a[from] : b[from];
  }
  return r;
}
EMULATED __m512i _mm512_setr_epi32(int a, int b, int c, int d, int e, int f, int g, int h, int i, int j,
                                   int k, int l, int m, int n, int o, int p) {
  return (__m512i)(emulated_i32){a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p};
}
EMULATED __m512i _mm512_permutexvar_epi32(__m512i order, __m512i v) {
  const emulated_i32 from = (emulated_i32)order, a = (emulated_i32)v;
  emulated_i32 r;
  EMULATED_LANES(r[i] = a[from[i] & 15]) return (__m512i)r;
}

EMULATED __m128 _mm_set_ss(float a) { return (__m128){a, 0, 0, 0}; }
EMULATED __m128 _mm_sqrt_ss(__m128 a) { a[0] = sqrtf(a[0]); return a; }
EMULATED float _mm_cvtss_f32(__m128 a) { return a[0]; }
/* A hint may point anywhere. */
#define _MM_HINT_T1 2
#define _mm_prefetch(p, hint) ((void)(p))

/* Tiles: emulated.c. All stop the program when the registers were not asked for. */
void _tile_loadconfig(const void *config);
void _tile_release(void);
void _tile_zero(int tile);
void _tile_dpbssd(int sums, int a, int b);
void _tile_dpbf16ps(int sums, int a, int b);
/* 16 rows of 64 bytes, `stride` bytes apart. */
uint8_t *emulated_tile(int tile);
EMULATED void _tile_loadd(int tile, const void *from, size_t stride) {
  for (int r = 0; r < 16; r++) memcpy(emulated_tile(tile) + r * 64, (const char *)from + r * stride, 64);
}
EMULATED void _tile_stored(int tile, void *to, size_t stride) {
  for (int r = 0; r < 16; r++) memcpy((char *)to + r * stride, emulated_tile(tile) + r * 64, 64);
}
