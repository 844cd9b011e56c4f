/*
 * secret - text that must not get about: wiped when it goes, compared in constant time, and without
 * any function that prints it.
 */
#ifndef FRONT_AUTH_SECRET_H
#define FRONT_AUTH_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "common/str.h"

struct secret {
	char *p; /* malloc'ed; NULL: empty */
	size_t n;
};

/* secret_set - a copy of s in place of what was there.  0; -1: no memory, it is empty. */
int secret_set(struct secret *, struct str s);
void secret_wipe(struct secret *);

static inline struct str
secret_str(const struct secret *s)
{
	return ((struct str){ s->p, s->n });
}

/* secret_equal - takes as long for any two texts of these lengths. */
bool secret_equal(struct str a, struct str b);

#endif
