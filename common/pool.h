/*
 * pool - objects of one size from slabs, for one thread; nothing on a hot path calls malloc.
 *
 * Free objects are kept in a list; whole empty slabs beyond one go back to the system when
 * pool_trim is called.  At the bound pool_get gives NULL, and the caller has a defined answer.
 */
#ifndef COMMON_POOL_H
#define COMMON_POOL_H

#include <stddef.h>

struct pool;

/* pool_new - objects of `size` bytes, `per_slab` at a time, at most `max` (0: no bound).  NULL: no
 * memory. */
struct pool *pool_new(size_t size, size_t per_slab, size_t max);
void pool_free(struct pool *); /* all its objects die with it */

/* pool_get - an object, contents undefined; NULL at the bound or without memory. */
void *pool_get(struct pool *);
void pool_put(struct pool *, void *);

size_t pool_used(const struct pool *); /* objects that are out */
size_t pool_held(const struct pool *); /* objects in all slabs */
void pool_trim(struct pool *);

#endif
