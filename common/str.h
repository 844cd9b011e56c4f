/*
 * str - a borrowed run of bytes: a pointer and a length, no terminator, no owner.
 *
 * Lives as long as the memory it points into (a read buffer, a frame, a literal).
 */
#ifndef COMMON_STR_H
#define COMMON_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct str {
	const char *p;
	size_t n;
};

#define STR(literal) ((struct str){ .p = (literal), .n = sizeof(literal) - 1 })
#define STR_NONE ((struct str){ .p = NULL, .n = 0 })
#define STR_FMT "%.*s"
#define STR_ARG(s) (int)(s).n, (s).p

static inline struct str
str_of(const char *z)
{
	return ((struct str){ .p = z, .n = z == NULL ? 0 : strlen(z) });
}

static inline bool
str_eq(struct str a, struct str b)
{
	return (a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0));
}

/* str_cmp - < 0, 0, > 0 in the order of their bytes; one that the other begins with is before it. */
static inline int
str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n == 0 ? 0 : memcmp(a.p, b.p, n);

	return (c != 0 ? c : (a.n > b.n) - (a.n < b.n));
}

static inline bool
str_starts(struct str s, struct str prefix)
{
	return (s.n >= prefix.n && memcmp(s.p, prefix.p, prefix.n) == 0);
}

#endif
