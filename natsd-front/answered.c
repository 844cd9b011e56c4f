#include "config.h"

#include <stdlib.h>

#include "natsd-front/answered.h"

#define ANSWERED_FIRST 64u
#define ANSWERED_SIZE_MAX (1u << 24)
#define ANSWERED_FORGET 32u /* not worth a sweep below this many */

static uint32_t
home(const struct answered *a, uint64_t at)
{
	return ((uint32_t)((at >> 3) * 0x9e3779b1u) & (a->size - 1));
}

static void
put(struct answered *a, uint64_t at)
{
	uint32_t i = home(a, at);

	while (a->at[i] != 0)
		i = (i + 1) & (a->size - 1);
	a->at[i] = at + 1;
	a->used++;
}

/* Makes a table of that size with everything at or above `from`. */
static int
rebuild(struct answered *a, uint32_t size, uint64_t from)
{
	struct answered b = *a;
	uint32_t i;

	b.at = calloc(size, sizeof(*b.at));
	if (b.at == NULL)
		return (-1);
	b.size = size;
	b.used = 0;
	for (i = 0; i < a->size; i++)
		if (a->at[i] != 0 && a->at[i] - 1 >= from)
			put(&b, a->at[i] - 1);
	free(a->at);
	*a = b;
	return (0);
}

int
answered_add(struct answered *a, uint64_t at)
{
	uint32_t i;

	if (a->size != 0)
		for (i = home(a, at); a->at[i] != 0; i = (i + 1) & (a->size - 1))
			if (a->at[i] == at + 1)
				return (0);
	if (a->used * 2 >= a->size) {
		if (a->size >= ANSWERED_SIZE_MAX ||
		    rebuild(a, a->size == 0 ? ANSWERED_FIRST : a->size * 2, 0) != 0)
			return (-1);
	}
	put(a, at);
	return (1);
}

void
answered_forget(struct answered *a, uint64_t released, uint64_t written, uint64_t read)
{
	if (a->used < ANSWERED_FORGET)
		return;
	if (!a->sampled) {
		a->sampled = true;
		a->released = released;
		a->read_until = written;
	}
	if (read < a->read_until)
		return;
	a->sampled = false;
	/* In place would need deletions from a probed table; a fresh one is as cheap. */
	rebuild(a, a->size, a->released);
}

void
answered_free(struct answered *a)
{
	free(a->at);
	*a = (struct answered){ .at = NULL };
}
