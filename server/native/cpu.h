/* What the kernels need of the processor and the system. */
#pragma once
/* NULL, or which part is missing. */
const char *cpu_missing(void);
