#include "config.h"

#include <assert.h>
#include <stdlib.h>

#include "natsd-front/slots.h"

#define SLOTS_FIRST 64u

static int
slots_grow(struct slots *s)
{
	uint32_t size = s->size == 0 ? SLOTS_FIRST : s->size * 2;
	struct slot *slots;
	uint32_t i;

	if (size <= s->size || size == SLOTS_END)
		return (-1);
	slots = reallocarray(s->slots, size, sizeof(*slots));
	if (slots == NULL)
		return (-1);
	for (i = s->size; i < size; i++)
		slots[i] = (struct slot){ .life = 0,
			.next_free = i + 1 < size ? i + 1 : SLOTS_END };
	s->free_head = s->size;
	s->slots = slots;
	s->size = size;
	return (0);
}

struct handle
slots_add(struct slots *s, void *object)
{
	struct slot *slot;
	uint32_t at;

	assert(object != NULL);
	if (s->free_head == SLOTS_END && slots_grow(s) != 0)
		return (HANDLE_NONE);
	at = s->free_head;
	slot = &s->slots[at];
	s->free_head = slot->next_free;
	slot->object = object;
	if (++slot->life == 0)
		slot->life = 1;
	s->used++;
	return ((struct handle){ .slot = at, .life = slot->life });
}

void
slots_remove(struct slots *s, struct handle h)
{
	struct slot *slot;

	assert(slots_find(s, h) != NULL);
	slot = &s->slots[h.slot];
	slot->object = NULL;
	slot->next_free = s->free_head;
	s->free_head = h.slot;
	s->used--;
}

void
slots_free(struct slots *s)
{
	free(s->slots);
	*s = SLOTS_INIT;
}
