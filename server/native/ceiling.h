/* What the processor can at most: products alone, for measuring (npm run bench). */
#pragma once

enum measured { INT8_REGISTERS, BF16_REGISTERS, INT8_MEMORY, BF16_MEMORY, MEASURED };

/* `count` times the products of a kind, between unit_begin and unit_end; operations of all, 0 without memory. */
double measure(enum measured kind, long count);
