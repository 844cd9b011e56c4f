#include "config.h"

#include "natsd-supervisor/names.h"

#include <stdint.h>
#include <stdlib.h>
#include <xxhash.h>

#define FIRST_SIZE 64u

/* Where it is, or the free slot where it belongs; at least one is free. */
static struct str *
find(const struct names *n, struct str name)
{
	size_t i = (size_t)XXH3_64bits(name.p, name.n) & (n->size - 1);

	while (n->at[i].p != NULL && !str_eq(n->at[i], name))
		i = (i + 1) & (n->size - 1);
	return (&n->at[i]);
}

/* Keeps a third of the slots free at least. */
static int
grow(struct names *n)
{
	struct names to = { .size = n->size == 0 ? FIRST_SIZE : n->size * 2, .n = n->n };

	if (n->n * 3 < n->size * 2)
		return (0);
	if ((to.at = calloc(to.size, sizeof(*to.at))) == NULL)
		return (-1);
	for (size_t i = 0; i < n->size; i++)
		if (n->at[i].p != NULL)
			*find(&to, n->at[i]) = n->at[i];
	free(n->at);
	*n = to;
	return (0);
}

int
names_add(struct names *n, struct str name)
{
	struct str *at;

	if (name.p == NULL)
		name = STR("");
	if (grow(n) != 0)
		return (-1);
	at = find(n, name);
	if (at->p != NULL)
		return (0);
	*at = name;
	n->n++;
	return (1);
}

void
names_free(struct names *n)
{
	free(n->at);
	*n = (struct names){ .at = NULL };
}
