/*
 * What multiplies: the kernels are compiled once for each set of instructions (scripts/build-native.mjs). A unit has
 *   NAME       what it is called outside
 *   UNIT_ROWS  rows of a step of bfloat16 products
 *   FLIP       what the bytes of rows are XORed with: 0x80 where the products take unsigned rows
 *   TWO_DIGITS whether every row has two digits (digits.h), not those of wide_down alone (backbone.h)
 *   GROUP      inputs that share a scale of their row, 64 or, with 0, all of them. Where products are dear, scales for parts of a
 *              row keep what a second digit would
 *   MLP_ROWS   rows of the MLP done at a time: more use the weights longer, fewer keep the inner activations near
 *              (both measured)
 *   unit_begin, unit_end   around all work of a thread; 0 where the system refuses the registers
 *   unit_products          so many products on registers alone, of bfloat16 or int8: what cannot be exceeded
 *   bf16_zero, bf16_step, bf16_store   a block of rows times tiles of 32 columns
 * and product.h says how it runs a product.
 */
#pragma once
#ifdef UNIT_VNNI
#include "vnni.h"
#else
#include "amx.h"
#endif

/* Inputs of a row of `width` that share a scale, and how many groups of them there are. */
INLINE int group_of(int width) { return GROUP ? GROUP : width; }
INLINE int groups_of(int width) { return (width + group_of(width) - 1) / group_of(width); }
