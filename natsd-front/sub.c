#include "config.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/subject.h"
#include "natsd-front/sub.h"

struct sub *
sub_new(enum sub_kind kind, struct str sid, struct str subject, struct str queue)
{
	struct sub *s = calloc(1, sizeof(*s) + sid.n + subject.n + queue.n);

	if (s == NULL)
		return (NULL);
	s->kind = (uint8_t)kind;
	s->sid_n = (uint32_t)sid.n;
	s->subject_n = (uint32_t)subject.n;
	s->queue_n = (uint32_t)queue.n;
	s->sid_hash = (uint32_t)subject_hash(sid);
	if (sid.n != 0)
		memcpy(s->text, sid.p, sid.n);
	if (subject.n != 0)
		memcpy(s->text + sid.n, subject.p, subject.n);
	if (queue.n != 0)
		memcpy(s->text + sid.n + subject.n, queue.p, queue.n);
	return (s);
}

void
sub_free(struct sub *s)
{
	free(s);
}

static void
sub_reclaim(struct qsbr_head *head)
{
	free((char *)head - offsetof(struct sub, retire));
}

void
sub_retire(struct qsbr *q, struct sub *s)
{
	qsbr_retire(q, &s->retire, sub_reclaim);
}

#define SUB_MAP_FIRST 4u

static uint32_t
sub_map_home(const struct sub_map *m, const struct sub *s)
{
	return (s->sid_hash & (m->size - 1));
}

struct sub *
sub_map_find(const struct sub_map *m, struct str sid)
{
	uint32_t hash = (uint32_t)subject_hash(sid), i;

	if (m->size == 0)
		return (NULL);
	for (i = hash & (m->size - 1); m->at[i] != NULL; i = (i + 1) & (m->size - 1))
		if (m->at[i]->sid_hash == hash && str_eq(sub_sid(m->at[i]), sid))
			return (m->at[i]);
	return (NULL);
}

static void
sub_map_put(struct sub_map *m, struct sub *s)
{
	uint32_t i = sub_map_home(m, s);

	while (m->at[i] != NULL)
		i = (i + 1) & (m->size - 1);
	m->at[i] = s;
	m->used++;
}

static int
sub_map_grow(struct sub_map *m)
{
	struct sub_map bigger = { .size = m->size == 0 ? SUB_MAP_FIRST : m->size * 2 };
	uint32_t i;

	if (bigger.size <= m->size)
		return (-1);
	bigger.at = calloc(bigger.size, sizeof(*bigger.at));
	if (bigger.at == NULL)
		return (-1);
	for (i = 0; i < m->size; i++)
		if (m->at[i] != NULL)
			sub_map_put(&bigger, m->at[i]);
	free(m->at);
	*m = bigger;
	return (0);
}

int
sub_map_add(struct sub_map *m, struct sub *s)
{
	if ((m->used + 1) * 4 > m->size * 3 && sub_map_grow(m) != 0)
		return (-1);
	sub_map_put(m, s);
	return (0);
}

void
sub_map_remove(struct sub_map *m, struct sub *s)
{
	uint32_t mask = m->size - 1, i = sub_map_home(m, s), j, home;

	while (m->at[i] != s) {
		assert(m->at[i] != NULL);
		i = (i + 1) & mask;
	}
	/* Close the gap: move back whatever would not be found across it. */
	for (j = (i + 1) & mask; m->at[j] != NULL; j = (j + 1) & mask) {
		home = sub_map_home(m, m->at[j]);
		if (((j - home) & mask) >= ((j - i) & mask)) {
			m->at[i] = m->at[j];
			i = j;
		}
	}
	m->at[i] = NULL;
	if (--m->used == 0)
		sub_map_free(m);
}

void
sub_map_free(struct sub_map *m)
{
	free(m->at);
	*m = (struct sub_map){ .at = NULL };
}
