#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/subject.h"
#include "natsd-js/store/subjects.h"

#define SIZE_FIRST 8u

static size_t
home(const struct subjects *t, struct str subject)
{
	return ((size_t)subject_hash(subject) & (t->size - 1));
}

struct subject_sum *
subjects_find(const struct subjects *t, struct str subject)
{
	size_t i;

	if (t->size == 0)
		return (NULL);
	for (i = home(t, subject); t->slots[i] != NULL; i = (i + 1) & (t->size - 1))
		if (str_eq(subject_text(t->slots[i]), subject))
			return (t->slots[i]);
	return (NULL);
}

struct subject_sum *
subjects_at(const struct subjects *t, uint32_t number)
{
	assert(number < t->numbers && t->by_number[number] != NULL);
	return (t->by_number[number]);
}

static void
place(struct subjects *t, struct subject_sum *s)
{
	size_t i = home(t, subject_text(s));

	while (t->slots[i] != NULL)
		i = (i + 1) & (t->size - 1);
	t->slots[i] = s;
}

static int
grow(struct subjects *t)
{
	struct subject_sum **old = t->slots, **slots;
	size_t old_size = t->size, size = old_size == 0 ? SIZE_FIRST : old_size * 2;

	if ((t->count + 1) * 4 <= t->size * 3)
		return (0);
	slots = calloc(size, sizeof(struct subject_sum *));
	if (slots == NULL)
		return (-1);
	t->slots = slots;
	t->size = size;
	for (size_t i = 0; i < old_size; i++)
		if (old[i] != NULL)
			place(t, old[i]);
	free(old);
	return (0);
}

/* Room for one number more, in the table and in the list of the unused. */
static int
grow_numbers(struct subjects *t)
{
	uint32_t room = t->numbers_room == 0 ? SIZE_FIRST : t->numbers_room * 2;
	struct subject_sum **by_number;
	uint32_t *unused;

	if (t->numbers < t->numbers_room || t->unused_count > 0)
		return (0);
	if (room < t->numbers_room)
		return (-1);
	by_number = reallocarray(t->by_number, room, sizeof(struct subject_sum *));
	if (by_number == NULL)
		return (-1);
	t->by_number = by_number;
	unused = reallocarray(t->unused, room, sizeof(*unused));
	if (unused == NULL)
		return (-1);
	t->unused = unused;
	t->numbers_room = room;
	return (0);
}

struct subject_sum *
subjects_get(struct subjects *t, struct str subject)
{
	struct subject_sum *s = subjects_find(t, subject);

	if (s != NULL)
		return (s);
	if (subject.n > UINT16_MAX || grow(t) != 0 || grow_numbers(t) != 0)
		return (NULL);
	s = calloc(1, sizeof(*s) + subject.n);
	if (s == NULL)
		return (NULL);
	s->len = (uint16_t)subject.n;
	if (subject.n > 0)
		memcpy(s->text, subject.p, subject.n);
	s->number = t->unused_count > 0 ? t->unused[--t->unused_count] : t->numbers++;
	t->by_number[s->number] = s;
	place(t, s);
	t->count++;
	return (s);
}

/* Closes the gap that a removal leaves in a run of slots. */
static void
unplace(struct subjects *t, struct subject_sum *s)
{
	size_t mask = t->size - 1, gap = home(t, subject_text(s)), i;

	while (t->slots[gap] != s)
		gap = (gap + 1) & mask;
	t->slots[gap] = NULL;
	for (i = (gap + 1) & mask; t->slots[i] != NULL; i = (i + 1) & mask) {
		size_t want = home(t, subject_text(t->slots[i]));

		if (((i - want) & mask) < ((i - gap) & mask))
			continue;
		t->slots[gap] = t->slots[i];
		t->slots[i] = NULL;
		gap = i;
	}
}

static void
forget(struct subjects *t, struct subject_sum *s)
{
	unplace(t, s);
	t->by_number[s->number] = NULL;
	t->unused[t->unused_count++] = s->number;
	t->generation++;
	t->count--;
	free(s);
}

void
subjects_drop_empty(struct subjects *t, struct subject_sum *s)
{
	if (s->count == 0)
		forget(t, s);
}

void
subjects_count_in(struct subject_sum *s, uint64_t seq)
{
	if (s->count++ == 0) {
		s->first = seq;
		s->first_old = false;
	}
	s->last = seq;
	s->last_old = false;
}

void
subjects_count_out(struct subjects *t, struct subject_sum *s, uint64_t seq)
{
	assert(s->count > 0);
	if (--s->count == 0) {
		forget(t, s);
		return;
	}
	if (seq == s->first)
		s->first_old = true;
	if (seq == s->last)
		s->last_old = true;
}

void
subjects_clear(struct subjects *t)
{
	for (uint32_t i = 0; i < t->numbers; i++)
		free(t->by_number[i]);
	if (t->size > 0)
		memset(t->slots, 0, t->size * sizeof(struct subject_sum *));
	t->count = 0;
	t->numbers = t->unused_count = 0;
	t->generation++;
}

void
subjects_free(struct subjects *t)
{
	subjects_clear(t);
	free(t->slots);
	free(t->by_number);
	free(t->unused);
	*t = (struct subjects){ .generation = t->generation };
}
