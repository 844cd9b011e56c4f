/*
 * Small state: keys and values, and ingress marks, beside the messages of a stream.
 */
#include "config.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/cursor.h"
#include "natsd-js/store/store_priv.h"

/* Where the key is, or would go. */
static uint32_t
small_at(const struct stream *s, struct str key, bool *there)
{
	uint32_t low = 0, high = s->small_count, mid;
	int c;

	*there = false;
	while (low < high) {
		mid = low + (high - low) / 2;
		c = str_cmp(s->smalls[mid].key, key);
		if (c == 0) {
			*there = true;
			return (mid);
		}
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return (low);
}

struct small_text { /* a key and its value, as long as anybody needs them */
	uint32_t holders;
	char text[];
};

static struct small_text *
text_of(const struct small *m)
{
	char *p;

	memcpy(&p, &m->key.p, sizeof(p));
	return ((struct small_text *)(void *)(p - offsetof(struct small_text, text)));
}

struct small
small_hold(const struct small *m)
{
	text_of(m)->holders++;
	return (*m);
}

void
small_drop(struct small *m)
{
	struct small_text *t = text_of(m);

	if (--t->holders == 0)
		free(t);
}

/* Room for n elements in a growing array of the stream. */
static int
room_for(void *list, uint32_t *room, uint32_t n, size_t element)
{
	void *old, *more;
	uint32_t to = *room == 0 ? 4 : *room;

	if (n <= *room)
		return (0);
	while (to < n)
		to *= 2;
	memcpy(&old, list, sizeof(old));
	more = reallocarray(old, to, element);
	if (more == NULL)
		return (-1);
	memcpy(list, &more, sizeof(more));
	*room = to;
	return (0);
}

int
small_set(struct stream *s, struct str key, struct str value)
{
	bool there;
	uint32_t at = small_at(s, key, &there);
	struct small *m;
	struct small_text *t = malloc(sizeof(*t) + key.n + value.n);
	char *p;

	if (t == NULL || (!there && room_for(&s->smalls, &s->small_room, s->small_count + 1,
		sizeof(*s->smalls)) != 0)) {
		free(t);
		return (-1);
	}
	t->holders = 1;
	p = t->text;
	memcpy(p, key.p, key.n);
	if (value.n > 0)
		memcpy(p + key.n, value.p, value.n);
	m = &s->smalls[at];
	if (there) {
		small_drop(m);
	} else {
		memmove(m + 1, m, (s->small_count - at) * sizeof(*m));
		s->small_count++;
	}
	*m = (struct small){ .key = { .p = p, .n = key.n },
		.value = { .p = p + key.n, .n = value.n }, .changed = true };
	s->smalls_changed = true;
	return (0);
}

/* It is there until the state file knows that it is gone. */
void
small_unset(struct stream *s, struct str key)
{
	bool there;
	uint32_t at = small_at(s, key, &there);

	if (!there)
		return;
	s->smalls[at].gone = s->smalls[at].changed = true;
	s->smalls_changed = true;
}

void
small_forget_gone(struct stream *s)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < s->small_count; i++) {
		if (s->smalls[i].gone)
			small_drop(&s->smalls[i]);
		else
			s->smalls[kept++] = s->smalls[i];
	}
	s->small_count = kept;
	s->smalls_changed = false;
}

/* A mark of another life: its rings died with it. */
static void
marks_forget_others(struct stream *s, uint64_t life)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < s->mark_count; i++)
		if (s->marks[i].life == life)
			s->marks[kept++] = s->marks[i];
	s->mark_count = kept;
}

int
mark_set(struct stream *s, uint64_t life, uint64_t ring, uint64_t at)
{
	if (s->mark_count > 0 && s->marks[0].life != life)
		marks_forget_others(s, life);
	s->marks_changed = true;
	for (uint32_t i = 0; i < s->mark_count; i++) {
		struct mark *m = &s->marks[i];

		if (m->life != life || m->ring != ring)
			continue;
		if (at > m->at)
			m->at = at;
		return (0);
	}
	if (room_for(&s->marks, &s->mark_room, s->mark_count + 1, sizeof(*s->marks)) != 0)
		return (-1);
	s->marks[s->mark_count++] = (struct mark){ .life = life, .ring = ring, .at = at };
	return (0);
}

void
small_free(struct stream *s)
{
	for (uint32_t i = 0; i < s->small_count; i++)
		small_drop(&s->smalls[i]);
	free(s->smalls);
	free(s->marks);
}

/* ---- the API ---- */

static enum store_result
journal_small(struct stream *s, struct str key, struct str value, struct err *err)
{
	size_t n = 2 + key.n + value.n;
	enum store_result result;
	uint8_t *p;
	struct wr out;

	if (key.n == 0 || key.n > SMALL_KEY_MAX || value.n > SMALL_VALUE_MAX) {
		err_set(err, "a key or value of this size is not kept");
		return (STORE_ERROR);
	}
	p = store_begin(s, n, false, &result, err);
	if (p == NULL)
		return (result);
	out = wr_of(p, n);
	wr_str16(&out, key);
	wr_bytes(&out, value.p, value.n);
	return (STORE_OK);
}

enum store_result
stream_put(struct stream *s, struct str key, struct str value, struct err *err)
{
	enum store_result result;

	if (value.n == 0) {
		err_set(err, "an empty value is not kept");
		return (STORE_ERROR);
	}
	result = journal_small(s, key, value, err);
	if (result != STORE_OK)
		return (result);
	if (small_set(s, key, value) != 0)
		return (store_no_memory(err));
	store_end(s, STORE_J_SMALL, 2 + key.n + value.n);
	return (STORE_OK);
}

enum store_result
stream_unset(struct stream *s, struct str key, struct err *err)
{
	enum store_result result;

	if (s->smalls == NULL || stream_get(s, key, &(struct str){ .n = 0 }) != STORE_OK)
		return (STORE_NONE);
	result = journal_small(s, key, STR_NONE, err);
	if (result != STORE_OK)
		return (result);
	store_end(s, STORE_J_SMALL, 2 + key.n);
	small_unset(s, key);
	return (STORE_OK);
}

enum store_result
stream_get(struct stream *s, struct str key, struct str *value)
{
	bool there;
	uint32_t at = small_at(s, key, &there);

	if (!there || s->smalls[at].gone)
		return (STORE_NONE);
	*value = s->smalls[at].value;
	return (STORE_OK);
}

void
stream_keys(struct stream *s, bool (*fn)(void *, struct str, struct str), void *arg)
{
	for (uint32_t i = 0; i < s->small_count; i++)
		if (!s->smalls[i].gone && !fn(arg, s->smalls[i].key, s->smalls[i].value))
			return;
}

enum store_result
stream_mark(struct stream *s, uint64_t life, uint64_t ring, uint64_t at, struct err *err)
{
	enum store_result result;
	uint8_t *p = store_begin(s, 24, false, &result, err);
	struct wr out;

	if (p == NULL)
		return (result);
	out = wr_of(p, 24);
	wr_u64(&out, life);
	wr_u64(&out, ring);
	wr_u64(&out, at);
	if (mark_set(s, life, ring, at) != 0)
		return (store_no_memory(err));
	store_end(s, STORE_J_MARK, 24);
	return (STORE_OK);
}

uint64_t
stream_marked(const struct stream *s, uint64_t life, uint64_t ring)
{
	for (uint32_t i = 0; i < s->mark_count; i++)
		if (s->marks[i].life == life && s->marks[i].ring == ring)
			return (s->marks[i].at);
	return (0);
}
