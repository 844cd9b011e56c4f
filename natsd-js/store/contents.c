#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "common/cursor.h"
#include "common/subject.h"
#include "natsd-js/store/contents.h"

#define HEAD_BYTES 16u
#define NUMBERS_MAX (1u << 26)

/* ---- making ---- */

struct posting {
	uint32_t hash, number;
};

struct making {
	uint64_t first, last;
	uint8_t *dead; /* a byte a number */
	uint32_t *steps;
	struct posting *list;
	uint32_t numbers, count, room;
};

static int
add_dead(struct making *m, const struct record *r)
{
	struct rd in = rd_of(r->payload.p, r->payload.n);
	uint32_t first, count;

	while (rd_left(&in) >= 8) {
		first = rd_u32(&in);
		count = rd_u32(&in);
		if (first >= m->numbers)
			continue;
		if (count > m->numbers - first)
			count = m->numbers - first;
		memset(m->dead + first, 1, count);
	}
	return (0);
}

static int
add_message(struct making *m, const struct record *r, size_t at)
{
	uint32_t number = (uint32_t)(r->seq - m->first);
	struct posting *list;

	if (m->count == m->room) {
		list = reallocarray(m->list, (size_t)m->room * 2 + 64, sizeof(*list));
		if (list == NULL)
			return (-1);
		m->list = list;
		m->room = m->room * 2 + 64;
	}
	if (m->steps[number / CONTENTS_STEP] == 0)
		m->steps[number / CONTENTS_STEP] = (uint32_t)at;
	m->list[m->count++] = (struct posting){ .hash = (uint32_t)subject_hash(r->subject),
		.number = number };
	return (0);
}

static int
collect(struct making *m, const struct record_bytes *p)
{
	struct record r;
	size_t at;
	int bad = 0;

	for (at = record_find(p, 0, &r); at < p->n && bad == 0;
	     at = record_find(p, at + record_padded(r.bytes), &r)) {
		if (r.type == RECORD_WITHIN)
			bad = add_dead(m, &r);
		else if (r.type == RECORD_MESSAGE && r.seq >= m->first && r.seq <= m->last)
			bad = add_message(m, &r, at);
	}
	return (bad);
}

static int
by_hash(const void *a, const void *b)
{
	const struct posting *x = a, *y = b;

	if (x->hash != y->hash)
		return (x->hash < y->hash ? -1 : 1);
	return ((x->number > y->number) - (x->number < y->number));
}

/* Without those that are dead, nor a second one of the same number. */
static void
sort(struct making *m)
{
	uint32_t kept = 0;

	if (m->count > 1)
		qsort(m->list, m->count, sizeof(*m->list), by_hash);
	for (uint32_t i = 0; i < m->count; i++)
		if (!m->dead[m->list[i].number] && (kept == 0 ||
		    m->list[kept - 1].number != m->list[i].number ||
		    m->list[kept - 1].hash != m->list[i].hash))
			m->list[kept++] = m->list[i];
	m->count = kept;
}

static uint32_t
count_pairs(const struct making *m)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->numbers; i++)
		n += m->dead[i] && (i == 0 || !m->dead[i - 1]);
	return (n);
}

static uint32_t
count_subjects(const struct making *m)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->count; i++)
		n += i == 0 || m->list[i].hash != m->list[i - 1].hash;
	return (n);
}

static int
emit(const struct making *m, struct buf *payload)
{
	uint32_t steps = m->numbers / CONTENTS_STEP + 1, pairs = count_pairs(m);
	uint32_t subjects = count_subjects(m), from;
	size_t n = HEAD_BYTES + 4 * ((size_t)steps + m->count) + 8 * ((size_t)pairs + subjects);
	uint8_t *p = buf_room(payload, n);
	struct wr out = wr_of(p, p == NULL ? 0 : n);

	wr_u32(&out, steps);
	wr_u32(&out, pairs);
	wr_u32(&out, subjects);
	wr_u32(&out, m->count);
	for (uint32_t i = 0; i < steps; i++)
		wr_u32(&out, m->steps[i]);
	for (uint32_t i = 0; i < m->numbers; i++) {
		if (!m->dead[i])
			continue;
		for (from = i; i < m->numbers && m->dead[i]; i++)
			;
		wr_u32(&out, from);
		wr_u32(&out, i - from);
	}
	for (uint32_t i = 0; i < m->count; i++)
		if (i == 0 || m->list[i].hash != m->list[i - 1].hash) {
			wr_u32(&out, m->list[i].hash);
			wr_u32(&out, i);
		}
	for (uint32_t i = 0; i < m->count; i++)
		wr_u32(&out, m->list[i].number);
	if (wr_end(&out) != 0)
		return (-1);
	payload->len += n;
	return (0);
}

int
contents_make(const struct record_bytes *p, uint64_t first, uint64_t last, struct buf *payload)
{
	struct making m = { .first = first, .last = last };
	int result = -1;

	if (last < first || last - first >= NUMBERS_MAX)
		return (-1);
	m.numbers = (uint32_t)(last - first + 1);
	m.dead = calloc(m.numbers, 1);
	m.steps = calloc(m.numbers / CONTENTS_STEP + 1, sizeof(*m.steps));
	if (m.dead != NULL && m.steps != NULL && collect(&m, p) == 0) {
		sort(&m);
		result = emit(&m, payload);
	}
	free(m.dead);
	free(m.steps);
	free(m.list);
	return (result);
}

/* ---- reading ---- */

static uint32_t
word(const uint8_t *p, size_t i)
{
	struct rd in = rd_of(p + 4 * i, 4);

	return (rd_u32(&in));
}

struct contents *
contents_read(struct str payload)
{
	struct contents *c;
	uint64_t need;

	if (payload.n < HEAD_BYTES)
		return (NULL);
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return (NULL);
	c->bytes = payload.n;
	c->data = malloc(payload.n);
	if (c->data == NULL) {
		free(c);
		return (NULL);
	}
	memcpy(c->data, payload.p, payload.n);
	c->steps = word(c->data, 0);
	c->pairs = word(c->data, 1);
	c->subjects = word(c->data, 2);
	c->messages = word(c->data, 3);
	need = HEAD_BYTES + 4 * ((uint64_t)c->steps + c->messages) +
	    8 * ((uint64_t)c->pairs + c->subjects);
	if (need != payload.n) {
		contents_free(c);
		return (NULL);
	}
	c->step = c->data + HEAD_BYTES;
	c->pair = c->step + 4 * (size_t)c->steps;
	c->subject = c->pair + 8 * (size_t)c->pairs;
	c->message = c->subject + 8 * (size_t)c->subjects;
	return (c);
}

void
contents_free(struct contents *c)
{
	if (c == NULL)
		return;
	free(c->data);
	free(c);
}

uint32_t
contents_find(const struct contents *c, struct str subject, uint32_t *count)
{
	uint32_t hash = (uint32_t)subject_hash(subject), low = 0, high = c->subjects, mid, begin, end;

	*count = 0;
	while (low < high) {
		mid = low + (high - low) / 2;
		if (word(c->subject, 2 * (size_t)mid) < hash)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == c->subjects || word(c->subject, 2 * (size_t)low) != hash)
		return (0);
	begin = word(c->subject, 2 * (size_t)low + 1);
	end = low + 1 < c->subjects ? word(c->subject, 2 * (size_t)low + 3) : c->messages;
	if (begin > end || end > c->messages)
		return (0);
	*count = end - begin;
	return (begin);
}

uint32_t
contents_number(const struct contents *c, uint32_t at)
{
	return (word(c->message, at));
}

uint32_t
contents_step(const struct contents *c, uint32_t i)
{
	return (i < c->steps ? word(c->step, i) : 0);
}
