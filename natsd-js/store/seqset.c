#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "natsd-js/store/seqset.h"

/* The first range whose last is >= seq; count when there is none. */
static size_t
find(const struct seqset *s, uint64_t seq)
{
	size_t low = 0, high = s->count, mid;

	if (s->count > 0 && s->ranges[s->count - 1].last < seq)
		return (s->count);
	while (low < high) {
		mid = low + (high - low) / 2;
		if (s->ranges[mid].last < seq)
			low = mid + 1;
		else
			high = mid;
	}
	return (low);
}

int
seqset_reserve(struct seqset *s, size_t changes)
{
	size_t room = s->room < 4 ? 4 : s->room;
	struct seqrange *ranges;

	if (s->count + changes <= s->room)
		return (0);
	while (room < s->count + changes)
		room *= 2;
	ranges = reallocarray(s->ranges, room, sizeof(*ranges));
	if (ranges == NULL)
		return (-1);
	s->ranges = ranges;
	s->room = room;
	return (0);
}

int
seqset_add(struct seqset *s, uint64_t first, uint64_t last)
{
	size_t from, to;

	assert(first <= last);
	if (seqset_reserve(s, 1) != 0)
		return (-1);
	from = find(s, first == 0 ? 0 : first - 1); /* a neighbour on the left joins */
	for (to = from; to < s->count; to++) {
		const struct seqrange *r = &s->ranges[to];

		if (r->first > last && r->first - last > 1)
			break;
		first = r->first < first ? r->first : first;
		last = r->last > last ? r->last : last;
		s->size -= r->last - r->first + 1;
	}
	memmove(&s->ranges[from + 1], &s->ranges[to], (s->count - to) * sizeof(*s->ranges));
	s->ranges[from] = (struct seqrange){ .first = first, .last = last };
	s->count = s->count - (to - from) + 1;
	s->size += last - first + 1;
	return (0);
}

bool
seqset_has(const struct seqset *s, uint64_t seq)
{
	size_t i = find(s, seq);

	return (i < s->count && s->ranges[i].first <= seq);
}

uint64_t
seqset_next_absent(const struct seqset *s, uint64_t seq)
{
	size_t i = find(s, seq);

	return (i < s->count && s->ranges[i].first <= seq ? s->ranges[i].last + 1 : seq);
}

uint64_t
seqset_prev_absent(const struct seqset *s, uint64_t seq)
{
	size_t i = find(s, seq);

	if (i == s->count || s->ranges[i].first > seq)
		return (seq);
	return (s->ranges[i].first == 0 ? 0 : s->ranges[i].first - 1);
}

uint64_t
seqset_count(const struct seqset *s, uint64_t first, uint64_t last)
{
	uint64_t sum = 0, low, high;

	for (size_t i = find(s, first); i < s->count && s->ranges[i].first <= last; i++) {
		low = s->ranges[i].first > first ? s->ranges[i].first : first;
		high = s->ranges[i].last < last ? s->ranges[i].last : last;
		sum += high - low + 1;
	}
	return (sum);
}

void
seqset_cut(struct seqset *s, uint64_t last)
{
	struct seqrange *r;

	while (s->count > 0) {
		r = &s->ranges[s->count - 1];
		if (r->last <= last)
			return;
		if (r->first <= last) {
			s->size -= r->last - last;
			r->last = last;
			return;
		}
		s->size -= r->last - r->first + 1;
		s->count--;
	}
}

void
seqset_clear(struct seqset *s)
{
	s->count = 0;
	s->size = 0;
}

void
seqset_free(struct seqset *s)
{
	free(s->ranges);
	*s = (struct seqset){ .ranges = NULL };
}
