/*
 * heap - what is asked of malloc beyond the standard; elsewhere than with glibc most of it is not there,
 * and need not be.
 */
#ifndef FRONT_HEAP_H
#define FRONT_HEAP_H

#include <stddef.h>

/* heap_begin - few heaps for many threads: before there is a second one. */
void heap_begin(void);

/* heap_give_back - free memory between blocks in use goes back to the system.  Takes a while. */
void heap_give_back(void);

/* heap_usable - bytes that may be used of a block from malloc; 0: unknown. */
size_t heap_usable(void *);

#endif
