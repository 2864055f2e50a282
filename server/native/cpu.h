/* What the kernels need of the processor and the system. */
#pragma once
/* NULL, or which part is missing of a set: that on tiles, or that on vector registers. */
const char *cpu_missing(int tiles);
