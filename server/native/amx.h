/* The processor's tile registers. */
#pragma once

/* Asks Linux for the tile registers and shapes them for the calling thread. 0 when refused. */
int amx_begin(void);
void amx_end(void);

/* `count` times four tile products in registers, 2 * 16 * 16 * 64 operations each: what cannot be exceeded. */
void amx_products(long count);
