#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/subject.h"
#include "natsd-js/store/subjects.h"

#define SIZE_FIRST 8u

static struct subject_sum *
find_hashed(const struct subjects *t, struct str subject, uint32_t hash)
{
	size_t i;

	if (t->size == 0)
		return (NULL);
	for (i = hash & (t->size - 1); t->slots[i] != NULL; i = (i + 1) & (t->size - 1))
		if (t->slots[i]->hash == hash && str_eq(subject_text(t->slots[i]), subject))
			return (t->slots[i]);
	return (NULL);
}

struct subject_sum *
subjects_find(const struct subjects *t, struct str subject)
{
	return (find_hashed(t, subject, (uint32_t)subject_hash(subject)));
}

static void
place(struct subjects *t, struct subject_sum *s)
{
	size_t i = s->hash & (t->size - 1);

	while (t->slots[i] != NULL)
		i = (i + 1) & (t->size - 1);
	t->slots[i] = s;
}

static int
grow(struct subjects *t)
{
	struct subject_sum **old = t->slots, **slots;
	size_t old_size = t->size, size = old_size == 0 ? SIZE_FIRST : old_size * 2;

	if ((t->used + 1) * 4 <= t->size * 3)
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

static size_t
bytes_of(const struct subject_sum *s)
{
	return (sizeof(*s) + s->len + 24); /* with what malloc and the table take */
}

struct subject_sum *
subjects_add(struct subjects *t, struct str subject)
{
	struct subject_sum *s;

	if (subject.n > UINT16_MAX || grow(t) != 0)
		return (NULL);
	s = calloc(1, sizeof(*s) + subject.n);
	if (s == NULL)
		return (NULL);
	s->len = (uint16_t)subject.n;
	s->hash = (uint32_t)subject_hash(subject);
	if (subject.n > 0)
		memcpy(s->text, subject.p, subject.n);
	place(t, s);
	t->used++;
	t->bytes += bytes_of(s);
	return (s);
}

/* Closes the gap that a removal leaves in a run of slots. */
void
subjects_forget(struct subjects *t, struct subject_sum *s)
{
	size_t mask = t->size - 1, gap = s->hash & mask, i;

	while (t->slots[gap] != s)
		gap = (gap + 1) & mask;
	t->slots[gap] = NULL;
	for (i = (gap + 1) & mask; t->slots[i] != NULL; i = (i + 1) & mask) {
		size_t want = t->slots[i]->hash & mask;

		if (((i - want) & mask) < ((i - gap) & mask))
			continue;
		t->slots[gap] = t->slots[i];
		t->slots[i] = NULL;
		gap = i;
	}
	t->used--;
	t->bytes -= bytes_of(s);
	t->dirty -= s->dirty;
	free(s);
}

void
subjects_changed(struct subjects *t, struct subject_sum *s)
{
	t->dirty += !s->dirty;
	s->dirty = true;
}

void
subjects_count_in(struct subjects *t, struct subject_sum *s, uint64_t seq)
{
	if (s->count++ == 0) {
		s->first = seq;
		s->first_old = false;
		t->count++;
	}
	s->last = seq;
	s->last_old = false;
	subjects_changed(t, s);
}

void
subjects_count_out(struct subjects *t, struct subject_sum *s, uint64_t seq)
{
	assert(s->count > 0);
	subjects_changed(t, s);
	if (--s->count == 0) {
		t->count--;
		return;
	}
	s->first_old |= seq == s->first;
	s->last_old |= seq == s->last;
	if (s->count > 1 || s->first_old == s->last_old)
		return;
	if (s->first_old)
		s->first = s->last;
	else
		s->last = s->first;
	s->first_old = s->last_old = false;
}

void
subjects_trim(struct subjects *t, size_t bytes, uint32_t landed)
{
	struct subject_sum *s;

	for (size_t n = 0; t->bytes > bytes && n < t->size; n++) {
		t->hand = (t->hand + 1) & (t->size - 1);
		while ((s = t->slots[t->hand]) != NULL && !s->dirty && s->cut <= landed) {
			t->partial |= s->count > 0;
			subjects_forget(t, s);
		}
	}
}

void
subjects_clear(struct subjects *t)
{
	for (size_t i = 0; i < t->size; i++) {
		free(t->slots[i]);
		t->slots[i] = NULL;
	}
	t->used = t->bytes = t->dirty = 0;
	t->count = 0;
	t->partial = false;
}

void
subjects_free(struct subjects *t)
{
	subjects_clear(t);
	free(t->slots);
	*t = (struct subjects){ .slots = NULL };
}
