#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/subject.h"
#include "natsd-js/store/index.h"

#define SEARCH_BY_CHAIN 16u /* one of so many messages has the subject: its chain is shorter */

struct index *
index_new(void)
{
	static uint64_t serial; /* of the one owner */
	struct index *x = calloc(1, sizeof(*x));

	if (x != NULL)
		x->serial = ++serial;
	return (x);
}

void
index_free(struct index *x)
{
	if (x == NULL)
		return;
	free(x->slots);
	free(x->subjects);
	free(x->table);
	free(x->texts);
	free(x);
}

size_t
index_bytes(const struct index *x)
{
	return (sizeof(*x) + x->room * sizeof(*x->slots) +
	    x->subject_room * sizeof(*x->subjects) + x->table_size * sizeof(*x->table) +
	    x->texts_room);
}

/* Room for n elements in a growing array. */
static int
room_for(void *list, uint32_t *room, uint64_t n, size_t element)
{
	uint64_t to = *room == 0 ? 16 : *room;
	void *old, *more;

	if (n <= *room)
		return (0);
	while (to < n)
		to *= 2;
	if (to > UINT32_MAX)
		return (-1);
	memcpy(&old, list, sizeof(old));
	more = reallocarray(old, (size_t)to, element);
	if (more == NULL)
		return (-1);
	memcpy(list, &more, sizeof(more));
	*room = (uint32_t)to;
	return (0);
}

/* ---- subjects ---- */

static uint32_t
find_hashed(const struct index *x, struct str subject, uint32_t hash)
{
	uint32_t i, n;

	if (x->table_size == 0)
		return (INDEX_NONE);
	for (i = hash & (x->table_size - 1); (n = x->table[i]) != 0; i = (i + 1) & (x->table_size - 1))
		if (x->subjects[n - 1].hash == hash && str_eq(index_text(x, n - 1), subject))
			return (n - 1);
	return (INDEX_NONE);
}

uint32_t
index_find(const struct index *x, struct str subject)
{
	return (find_hashed(x, subject, (uint32_t)subject_hash(subject)));
}

static void
place(struct index *x, uint32_t n)
{
	uint32_t i = x->subjects[n].hash & (x->table_size - 1);

	while (x->table[i] != 0)
		i = (i + 1) & (x->table_size - 1);
	x->table[i] = n + 1;
}

static int
table_grow(struct index *x)
{
	uint32_t size = x->table_size == 0 ? 16 : x->table_size * 2, *table;

	if (((uint64_t)x->subject_count + 1) * 4 <= (uint64_t)x->table_size * 3)
		return (0);
	table = calloc(size, sizeof(*table));
	if (table == NULL)
		return (-1);
	free(x->table);
	x->table = table;
	x->table_size = size;
	for (uint32_t n = 0; n < x->subject_count; n++)
		place(x, n);
	return (0);
}

static uint32_t
subject_add(struct index *x, struct str subject, uint32_t hash)
{
	if (table_grow(x) != 0 || room_for(&x->subjects, &x->subject_room,
	    (uint64_t)x->subject_count + 1, sizeof(*x->subjects)) != 0 ||
	    room_for(&x->texts, &x->texts_room, (uint64_t)x->texts_len + subject.n + 1, 1) != 0)
		return (INDEX_NONE);
	if (subject.n > 0)
		memcpy(x->texts + x->texts_len, subject.p, subject.n);
	x->subjects[x->subject_count] = (struct index_subject){ .hash = hash,
		.text = x->texts_len, .len = (uint32_t)subject.n, .first = INDEX_NONE,
		.last = INDEX_NONE };
	x->texts_len += (uint32_t)subject.n;
	place(x, x->subject_count);
	return (x->subject_count++);
}

/* ---- messages ---- */

int
index_add(struct index *x, uint32_t number, uint32_t offset, struct str subject)
{
	uint32_t hash = (uint32_t)subject_hash(subject), n;
	struct index_subject *s;

	assert(number >= x->count && offset != 0);
	if (room_for(&x->slots, &x->room, (uint64_t)number + 1, sizeof(*x->slots)) != 0)
		return (-1);
	n = find_hashed(x, subject, hash);
	if (n == INDEX_NONE)
		n = subject_add(x, subject, hash);
	if (n == INDEX_NONE)
		return (-1);
	memset(&x->slots[x->count], 0, (number - x->count) * sizeof(*x->slots));
	x->slots[number] = (struct index_slot){ .offset = offset, .subject = n,
		.next = INDEX_NONE };
	x->count = number + 1;
	s = &x->subjects[n];
	if (s->count++ == 0)
		s->first = number;
	else
		x->slots[s->last].next = number;
	s->last = number;
	return (0);
}

uint32_t
index_next(const struct index *x, uint32_t subject, uint32_t from)
{
	const struct index_subject *s = &x->subjects[subject];
	uint32_t at;

	if (from <= s->first)
		return (s->first);
	if (from > s->last)
		return (INDEX_NONE);
	if (x->slots[from].offset != 0 && x->slots[from].subject == subject)
		return (from);
	/* Who goes on behind the one it found last. */
	if (x->slots[from - 1].offset != 0 && x->slots[from - 1].subject == subject)
		return (x->slots[from - 1].next);
	if ((uint64_t)s->count * SEARCH_BY_CHAIN < x->count) {
		for (at = s->first; at < from; at = x->slots[at].next)
			;
		return (at);
	}
	for (at = from; x->slots[at].offset == 0 || x->slots[at].subject != subject; at++)
		;
	return (at);
}

uint32_t
index_prev(const struct index *x, uint32_t subject, uint32_t upto)
{
	const struct index_subject *s = &x->subjects[subject];
	uint32_t at;

	if (upto >= s->last)
		return (s->last);
	if (upto < s->first)
		return (INDEX_NONE);
	if ((uint64_t)s->count * SEARCH_BY_CHAIN < x->count) {
		for (at = s->first; x->slots[at].next <= upto; at = x->slots[at].next)
			;
		return (at);
	}
	for (at = upto; x->slots[at].offset == 0 || x->slots[at].subject != subject; at--)
		;
	return (at);
}
