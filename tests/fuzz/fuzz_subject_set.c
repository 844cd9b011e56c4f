/*
 * Lines: "<subject>[ <queue>]" of a list, and last "<subject>[ <queue>]" asked for; against looking
 * at every entry.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "common/subject.h"
#include "common/subject_set.h"
#include "tests/fuzz/fuzz.h"

#define LIST_MAX 64

struct entry {
	struct str subject, queue;
};

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static struct entry
read_entry(struct str line)
{
	const char *blank = line.n == 0 ? NULL : memchr(line.p, ' ', line.n);
	struct entry e = { line, { line.p + line.n, 0 } };

	if (blank != NULL) {
		e.subject.n = (size_t)(blank - line.p);
		e.queue = (struct str){ blank + 1, line.n - e.subject.n - 1 };
	}
	return (e);
}

/* Token by token; wildcards of the list only. */
static bool
meets(struct str subject, struct str pattern)
{
	struct subject_iter s = subject_iter(subject), p = subject_iter(pattern);
	struct str a, b;
	bool more_s, more_p;

	for (;;) {
		more_s = subject_next(&s, &a);
		more_p = subject_next(&p, &b);
		if (!more_s || !more_p)
			return (!more_s && !more_p);
		if (str_eq(b, STR(">")))
			return (true);
		if (!str_eq(b, STR("*")) && !str_eq(a, b))
			return (false);
	}
}

static bool
has_empty_token(struct str s)
{
	struct subject_iter it = subject_iter(s);
	struct str token;

	if (s.n == 0 || s.p[s.n - 1] == '.')
		return (true);
	while (subject_next(&it, &token))
		if (token.n == 0)
			return (true);
	return (false);
}

/* subject_collide() has nats-server's way with tokens that only begin like a wildcard; nothing depends on
 * it here: a filter that is asked needlessly finds nothing. */
static bool
has_odd_token(struct str s)
{
	struct subject_iter it = subject_iter(s);
	struct str token;

	while (subject_next(&it, &token))
		if (token.n > 1 && (token.p[0] == '*' || token.p[0] == '>'))
			return (true);
	return (false);
}

static void
compare(const struct subject_set *set, const struct entry *list, size_t n, struct entry asked)
{
	struct subject_set_match got, want = { 0 };
	bool empty = has_empty_token(asked.subject), collides = false;
	bool odd = has_odd_token(asked.subject);

	for (size_t i = 0; i < n; i++) {
		odd |= has_odd_token(list[i].subject);
		if (!empty && subject_valid_sub(asked.subject) &&
		    subject_collide(list[i].subject, asked.subject))
			collides = true;
		if (empty || !meets(asked.subject, list[i].subject))
			continue;
		if (list[i].queue.n == 0) {
			want.plain = true;
			continue;
		}
		want.queued = true;
		if (asked.queue.n != 0 && (str_eq(asked.queue, list[i].queue) ||
		    (subject_has_wildcard(list[i].queue) &&
		    subject_subset(asked.queue, list[i].queue))))
			want.fits = true;
	}
	subject_set_match(set, asked.subject, asked.queue, &got);
	must(got.plain == want.plain && got.queued == want.queued && got.fits == want.fits);
	must(subject_set_plain(set, asked.subject) == want.plain);
	if (!subject_valid_sub(asked.subject))
		return;
	must(!subject_set_collides(set, asked.subject) || collides);
	must(odd || subject_set_collides(set, asked.subject) == collides);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct str rest = { (const char *)p, n };
	struct subject_set *set = subject_set_new();
	struct entry list[LIST_MAX], e;
	size_t used = 0;
	const char *nl;

	must(set != NULL);
	while (used < LIST_MAX && rest.n != 0 && (nl = memchr(rest.p, '\n', rest.n)) != NULL) {
		e = read_entry((struct str){ rest.p, (size_t)(nl - rest.p) });
		rest.n -= (size_t)(nl + 1 - rest.p);
		rest.p = nl + 1;
		if (!subject_valid_sub(e.subject))
			continue;
		must(subject_set_add(set, e.subject, e.queue) == 0);
		list[used++] = e;
	}
	compare(set, list, used, read_entry(rest));
	subject_set_free(set);
	return (0);
}
