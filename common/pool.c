#include "config.h"

#include <assert.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/num.h"
#include "common/pool.h"

/*
 * Each object stands behind a pointer to its slab, so that a slab counts what of it is out and
 * whole empty ones can be found.  A free object holds the link of its slab's free list.
 */
struct cell {
	struct slab *slab;
	union {
		struct cell *next_free;
		max_align_t object;
	} u;
};

struct slab {
	struct slab *next, **at; /* among those with free cells; at NULL when full */
	struct slab *all_next, **all_at;
	struct cell *free;
	size_t used;
	max_align_t cells[];
};

struct pool {
	size_t cell_bytes;
	size_t per_slab;
	size_t max;
	size_t used;
	size_t slabs;
	struct slab *open; /* slabs with free cells */
	struct slab *all;
};

struct pool *
pool_new(size_t size, size_t per_slab, size_t max)
{
	struct pool *pool;
	const size_t align = alignof(max_align_t);

	assert(size > 0 && per_slab > 0);
	assert(size <= SIZE_MAX / 4 && per_slab <= SIZE_MAX / 4 / (size + sizeof(struct cell)));
	if ((pool = calloc(1, sizeof(*pool))) == NULL)
		return (NULL);
	pool->cell_bytes = (offsetof(struct cell, u) + size + align - 1) / align * align;
	if (pool->cell_bytes < sizeof(struct cell))
		pool->cell_bytes = sizeof(struct cell);
	pool->per_slab = per_slab;
	pool->max = max;
	return (pool);
}

static void
open_insert(struct pool *pool, struct slab *slab)
{
	slab->next = pool->open;
	if (slab->next != NULL)
		slab->next->at = &slab->next;
	slab->at = &pool->open;
	pool->open = slab;
}

static void
open_remove(struct slab *slab)
{
	*slab->at = slab->next;
	if (slab->next != NULL)
		slab->next->at = slab->at;
	slab->at = NULL;
}

static bool
slab_add(struct pool *pool)
{
	struct slab *slab;
	uint8_t *p;

	slab = malloc(offsetof(struct slab, cells) + pool->cell_bytes * pool->per_slab);
	if (slab == NULL)
		return (false);
	slab->free = NULL;
	slab->used = 0;
	p = (uint8_t *)slab->cells + pool->cell_bytes * pool->per_slab;
	for (size_t i = 0; i < pool->per_slab; i++) {
		struct cell *cell = (void *)(p -= pool->cell_bytes);

		cell->slab = slab;
		cell->u.next_free = slab->free;
		slab->free = cell;
	}
	slab->all_next = pool->all;
	if (slab->all_next != NULL)
		slab->all_next->all_at = &slab->all_next;
	slab->all_at = &pool->all;
	pool->all = slab;
	pool->slabs++;
	open_insert(pool, slab);
	return (true);
}

static void
slab_remove(struct pool *pool, struct slab *slab)
{
	open_remove(slab);
	*slab->all_at = slab->all_next;
	if (slab->all_next != NULL)
		slab->all_next->all_at = slab->all_at;
	pool->slabs--;
	free(slab);
}

void
pool_free(struct pool *pool)
{
	struct slab *slab, *next;

	if (pool == NULL)
		return;
	for (slab = pool->all; slab != NULL; slab = next) {
		next = slab->all_next;
		free(slab);
	}
	free(pool);
}

void *
pool_get(struct pool *pool)
{
	struct slab *slab;
	struct cell *cell;

	if (pool->max != 0 && pool->used >= pool->max)
		return (NULL);
	if (pool->open == NULL && !slab_add(pool))
		return (NULL);
	slab = pool->open;
	cell = slab->free;
	slab->free = cell->u.next_free;
	slab->used++;
	pool->used++;
	if (slab->free == NULL)
		open_remove(slab);
	return (&cell->u);
}

void
pool_put(struct pool *pool, void *object)
{
	struct cell *cell;
	struct slab *slab;

	if (object == NULL)
		return;
	cell = (void *)((uint8_t *)object - offsetof(struct cell, u));
	slab = cell->slab;
	assert(slab->used > 0 && pool->used > 0);
	if (slab->free == NULL)
		open_insert(pool, slab);
	cell->u.next_free = slab->free;
	slab->free = cell;
	slab->used--;
	pool->used--;
}

size_t
pool_used(const struct pool *pool)
{
	return (pool->used);
}

size_t
pool_held(const struct pool *pool)
{
	return (pool->slabs * pool->per_slab);
}

void
pool_trim(struct pool *pool)
{
	struct slab *slab, *next;
	bool kept = false;

	for (slab = pool->open; slab != NULL; slab = next) {
		next = slab->next;
		if (slab->used > 0)
			continue;
		if (kept)
			slab_remove(pool, slab);
		kept = true;
	}
}
