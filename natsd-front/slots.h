/*
 * slots - names for things of one worker that other threads may keep: a slot and a life.
 *
 * A pointer never crosses threads; a handle does, and asking for one whose life is over gives NULL.
 * A slot is used again, a life of a slot is not (it wraps after 2^32 uses of that one slot).
 *
 * Owner: one worker.  Handles may be copied by anybody.
 */
#ifndef FRONT_SLOTS_H
#define FRONT_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

struct handle {
	uint32_t slot;
	uint32_t life; /* 0: names nothing */
};

#define HANDLE_NONE ((struct handle){ 0, 0 })

struct slot {
	void *object; /* NULL: free */
	uint32_t life;
	uint32_t next_free;
};

struct slots {
	struct slot *slots;
	uint32_t size;	    /* slots there are */
	uint32_t used;	    /* slots with an object */
	uint32_t free_head; /* SLOTS_END: none */
};

#define SLOTS_END UINT32_MAX
#define SLOTS_INIT ((struct slots){ .free_head = SLOTS_END })

/* slots_add - a handle for object (not NULL).  life 0 in the result: no memory. */
struct handle slots_add(struct slots *, void *object);

/* slots_remove - ends that life; the handle must be a living one. */
void slots_remove(struct slots *, struct handle);
void slots_free(struct slots *);

static inline void *
slots_find(const struct slots *s, struct handle h)
{
	if (h.slot >= s->size || s->slots[h.slot].life != h.life)
		return (NULL);
	return (s->slots[h.slot].object);
}

/* slots_at - for visiting all: the object in that slot, NULL when it is free. */
static inline void *
slots_at(const struct slots *s, uint32_t slot)
{
	return (slot < s->size ? s->slots[slot].object : NULL);
}

static inline bool
handle_eq(struct handle a, struct handle b)
{
	return (a.slot == b.slot && a.life == b.life);
}

#endif
