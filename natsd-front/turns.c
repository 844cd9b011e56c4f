#include "config.h"

#include <assert.h>
#include <stdlib.h>

#include "natsd-front/turns.h"

int
turns_init(struct turns *t, unsigned nworkers)
{
	*t = (struct turns){ .of = calloc(nworkers, sizeof(*t->of)), .n = nworkers };
	return (t->of == NULL ? -1 : 0);
}

void
turns_free(struct turns *t)
{
	free(t->of);
	*t = (struct turns){ .of = NULL };
}

static uint64_t
least(const struct turns *t)
{
	uint64_t number = UINT64_MAX;
	unsigned i;

	for (i = 0; i < t->n; i++)
		if (t->of[i] < number)
			number = t->of[i];
	return (number);
}

bool
turns_said(struct turns *t, unsigned worker, uint64_t number)
{
	uint64_t before = t->all;

	assert(worker < t->n);
	if (number > t->of[worker])
		t->of[worker] = number;
	t->all = least(t);
	return (t->all > before);
}
