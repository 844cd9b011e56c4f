#include "config.h"

#include <malloc.h>

#include "natsd-front/heap.h"

#define ARENAS_MAX 2 /* messages do not come there, memory counts */

void
heap_begin(void)
{
	mallopt(M_ARENA_MAX, ARENAS_MAX);
}

void
heap_give_back(void)
{
	malloc_trim(0);
}

size_t
heap_usable(void *p)
{
	return (malloc_usable_size(p));
}
