/*
 * names - which names were seen before; of users and of accounts there may be very many.
 */
#ifndef SUPERVISOR_NAMES_H
#define SUPERVISOR_NAMES_H

#include <stddef.h>

#include "common/str.h"

struct names { /* all zero: empty */
	struct str *at; /* slots; a free one has p == NULL */
	size_t size;	/* a power of two, or 0 */
	size_t n;
};

/* names_add - 1: it is new and now among them, borrowed; 0: it was there; -1: no memory. */
int names_add(struct names *, struct str);
void names_free(struct names *);

#endif
