/*
 * Filters that match few of the subjects of their stream know which: then a block that is full says
 * which of its messages those are, and is not looked through.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "common/subject.h"
#include "natsd-js/store/find_priv.h"

#define LIST_MAX 1024u

/* ---- the list ---- */

void
filter_unlist(struct stream_filter *f)
{
	for (uint32_t i = 0; i < f->list_count; i++)
		free(f->list[i]);
	f->list_count = 0;
	f->is_listed = f->broad = false;
	f->found_in = 0;
}

static int
list_add(struct stream_filter *f, struct str subject)
{
	uint32_t room = f->list_room == 0 ? 8 : f->list_room * 2;
	uint64_t hash = subject_hash(subject);
	struct listed **list, *l;

	for (uint32_t i = 0; i < f->list_count; i++)
		if (f->list[i]->hash == hash && str_eq(listed_text(f->list[i]), subject))
			return (0);
	if (f->list_count == f->list_room) {
		list = reallocarray(f->list, room, sizeof(struct listed *));
		if (list == NULL)
			return (-1);
		f->list = list;
		f->list_room = room;
	}
	l = malloc(sizeof(*l) + subject.n);
	if (l == NULL)
		return (-1);
	l->hash = hash;
	l->len = (uint16_t)subject.n;
	memcpy(l->text, subject.p, subject.n);
	f->list[f->list_count++] = l;
	f->found_in = 0;
	return (0);
}

struct listing {
	struct stream_filter *filter;
	bool failed;
};

static bool
list_one(void *arg, struct str subject, struct sum *sum)
{
	struct listing *x = arg;

	(void)sum;
	if (!filter_matches(x->filter, subject))
		return (true);
	x->filter->broad = x->filter->list_count == LIST_MAX;
	x->failed = !x->filter->broad && list_add(x->filter, subject) != 0;
	return (!x->failed && !x->filter->broad);
}

static void
list_make(struct stream_filter *f)
{
	struct listing x = { .filter = f };

	filter_unlist(f);
	if (f->literals) {
		f->broad = f->count > LIST_MAX;
		for (unsigned i = 0; i < f->count && !f->broad && !x.failed; i++)
			x.failed = list_add(f, f->subjects[i]) != 0;
	} else if (stream_sums_each(f->stream, filter_prefix(f), list_one, &x, NULL) != STORE_OK) {
		x.failed = true;
	}
	f->is_listed = !x.failed;
}

bool
filter_list(struct stream_filter *f)
{
	if (!f->is_listed && !f->all)
		list_make(f);
	return (f->is_listed && !f->broad);
}

void
stream_filters_see(struct stream *s, struct str subject)
{
	for (struct stream_filter *f = s->filters; f != NULL; f = f->next) {
		if (!f->is_listed || f->broad || f->literals || !filter_matches(f, subject))
			continue;
		if (f->list_count == LIST_MAX)
			f->broad = true;
		else if (list_add(f, subject) != 0)
			f->is_listed = false;
	}
}

void
stream_filters_renew(struct stream *s)
{
	/* Somebody may be looking at the list: it goes when another one is made. */
	for (struct stream_filter *f = s->filters; f != NULL; f = f->next) {
		f->is_listed = false;
		f->found_in = 0;
	}
}

/* ---- in a block ---- */

static int
found_add(struct stream_filter *f, const struct contents *c, uint32_t at, uint32_t count)
{
	uint32_t room = f->found_room == 0 ? 64 : f->found_room, *found;

	while (room < f->found_count + count)
		room *= 2;
	if (room > f->found_room) {
		found = reallocarray(f->found, room, sizeof(*found));
		if (found == NULL)
			return (-1);
		f->found = found;
		f->found_room = room;
	}
	for (uint32_t i = 0; i < count; i++)
		f->found[f->found_count++] = contents_number(c, at + i);
	return (0);
}

static int
by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return ((*x > *y) - (*x < *y));
}

static int
found_make(struct stream_filter *f, const struct block *b, const struct contents *c)
{
	uint32_t count, at;

	if (f->found_in == b->number)
		return (0);
	f->found_in = f->found_count = 0;
	for (uint32_t i = 0; i < f->list_count; i++) {
		at = contents_find(c, listed_text(f->list[i]), &count);
		if (count > 0 && found_add(f, c, at, count) != 0)
			return (-1);
	}
	if (f->found_count > 1)
		qsort(f->found, f->found_count, sizeof(*f->found), by_number);
	f->found_in = b->number;
	return (0);
}

/* Only hashes were compared; one that cannot be read is for the caller to find out. */
static bool
is_right(const struct stream_filter *f, struct block *b, uint32_t number)
{
	struct record r;

	return (block_read(b, b->first + number, &r, NULL) != STORE_OK ||
	    filter_matches(f, r.subject));
}

enum store_result
filter_listed_next(struct stream_filter *f, struct block *b, uint32_t from, uint32_t *number,
    struct err *err)
{
	enum store_result result = STORE_BUSY;
	const struct contents *c;
	uint32_t low = 0, high, mid;

	*number = INDEX_NONE;
	if (b->contents_at == 0 || b->index != NULL || !filter_list(f))
		return (STORE_BUSY);
	if ((result = block_know(b, err)) != STORE_OK)
		return (result);
	c = block_contents(b);
	if (c == NULL || found_make(f, b, c) != 0)
		return (STORE_BUSY);
	high = f->found_count;
	while (low < high) {
		mid = low + (high - low) / 2;
		if (f->found[mid] < from)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < f->found_count; low++) {
		uint32_t n = f->found[low];

		if (n >= block_numbers(b) || block_dead(b, n) || !is_right(f, b, n))
			continue;
		*number = n;
		break;
	}
	return (STORE_OK);
}
