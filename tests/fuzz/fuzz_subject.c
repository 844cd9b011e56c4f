/*
 * Two subjects, a line each: all predicates, and the laws that hold between them.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "common/subject.h"
#include "common/trie.h"
#include "tests/fuzz/fuzz.h"

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
one(struct str s)
{
	struct subject_iter it = subject_iter(s);
	struct str token;
	unsigned n = 0;

	while (subject_next(&it, &token))
		n++;
	must(n == subject_tokens(s));
	must(!subject_valid_runes(s) || subject_valid(s));
	must(!subject_valid(s) || subject_valid_sub(s));
	must(!subject_valid_publish(s) || (subject_valid(s) && !subject_has_wildcard(s)));
	must(!subject_valid_literal(s) || !subject_has_wildcard(s));
	must(subject_collide(s, s));
	(void)subject_first_hash(s);
}

/* The trie finds a subscription to b for a exactly when a matches b. */
static void
trie_agrees(struct str a, struct str b)
{
	struct qsbr *q = qsbr_new();
	struct trie *t = trie_new(q);
	struct trie_sub sub = { .node = NULL };

	must(trie_insert(t, &sub, b, STR_NONE) == 0);
	must(trie_has(t, a) == subject_matches(a, b));
	trie_remove(t, &sub);
	must(!trie_has(t, a));
	trie_free(t);
	qsbr_free(q);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data, *line = size == 0 ? NULL : memchr(p, '\n', size);
	struct str a = { .p = p, .n = line == NULL ? size : (size_t)(line - p) }, b = STR_NONE;

	if (line != NULL)
		b = (struct str){ .p = line + 1, .n = size - a.n - 1 };
	one(a);
	one(b);
	must(subject_collide(a, b) == subject_collide(b, a));
	if (!subject_has_wildcard(a) && subject_valid_sub(a) && subject_valid_sub(b))
		must(subject_subset(a, b) == subject_matches(a, b));
	if (subject_valid_sub(a) && subject_valid_sub(b) && subject_subset(a, b))
		must(subject_collide(a, b));
	if (subject_valid_sub(b))
		trie_agrees(a, b);
	return (0);
}
