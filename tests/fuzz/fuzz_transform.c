/*
 * Three lines: a source, a destination, a subject.  What compiles is applied within the room it asks
 * for, and what is strict is compiled, too, when it is not.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "common/mapping.h"
#include "common/transform.h"
#include "tests/fuzz/fuzz.h"

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static uint32_t
below(void *ctx, uint32_t n)
{
	(void)ctx;
	return (n / 3);
}

static const struct chance chance = { .below = below };

static void
apply(const struct transform *t, struct str subject)
{
	size_t room = transform_room(t, subject.n);
	char *space = malloc(room);
	struct wr out = wr_of(space, room);

	must(space != NULL);
	if (transform_match(t, subject, &chance, &out))
		must(wr_end(&out) == 0);
	else
		must(wr_len(&out) == 0);
	free(space);
}

/* Weights follow from the subject; the first n of the destinations, in a cluster that some are for. */
static void
map_first(struct str source, struct str dest, struct str subject, size_t n, struct str cluster)
{
	uint32_t weight = subject.n == 0 ? 40 : (uint8_t)subject.p[0] % 112u;
	struct access_destination d[3] = { { dest, STR(""), weight }, { source, STR("c"), 30 },
		{ STR("other"), STR(""), 20 } };
	struct access_mapping m = { source, d, n };
	struct mappings *ms;
	struct wr out;
	char *space;

	if ((ms = mappings_new(&m, 1, cluster, NULL)) == NULL)
		return;
	must((space = malloc(mappings_room(ms, subject.n))) != NULL);
	out = wr_of(space, mappings_room(ms, subject.n));
	mappings_apply(ms, subject, &chance, &out);
	must(wr_end(&out) == 0);
	free(space);
	mappings_free(ms);
}

static void
map(struct str source, struct str dest, struct str subject)
{
	size_t n;

	for (n = 1; n <= 3; n++) {
		map_first(source, dest, subject, n, STR(""));
		map_first(source, dest, subject, n, STR("c"));
	}
}

static struct str
cut_line(struct str *rest)
{
	const char *nl = rest->n == 0 ? NULL : memchr(rest->p, '\n', rest->n);
	struct str line = *rest;

	if (nl != NULL)
		line.n = (size_t)(nl - line.p);
	*rest = (struct str){ line.p + line.n + (nl != NULL), rest->n - line.n - (nl != NULL) };
	return (line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct str rest = { (const char *)p, n }, source = cut_line(&rest), dest = cut_line(&rest);
	struct transform *t = transform_new(source, dest, false, NULL);
	struct transform *strict = transform_new(source, dest, true, NULL);

	must(strict == NULL || t != NULL);
	if (t != NULL)
		apply(t, rest);
	transform_check(source, dest, NULL);
	map(source, dest, rest);
	transform_free(t);
	transform_free(strict);
	return (0);
}
