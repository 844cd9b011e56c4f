/*
 * The sums by subject of a stream: in memory, and behind that in the index.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "natsd-js/store/store_priv.h"

/* ---- made again ---- */

struct counting {
	struct block *b;
	uint32_t next; /* number that may come next */
};

static int
count_record(void *arg, const struct record *r, uint32_t offset)
{
	struct counting *c = arg;
	struct block *b = c->b;
	struct subjects *t = &b->stream->subjects;
	struct subject_sum *sum;
	uint32_t number;

	(void)offset;
	if (r->type != RECORD_MESSAGE || r->seq < b->first || r->seq > b->last)
		return (0);
	number = (uint32_t)(r->seq - b->first);
	if (number < c->next || block_dead(b, number))
		return (0);
	c->next = number + 1;
	sum = subjects_find(t, r->subject);
	if (sum == NULL)
		sum = subjects_add(t, r->subject);
	if (sum == NULL)
		return (-1);
	subjects_count_in(t, sum, r->seq);
	b->bytes += record_counts(r);
	return (0);
}

int
stream_sums_make(struct stream *s, struct err *err)
{
	uint64_t bytes = 0;

	s->sums_doubtful = false;
	stream_filters_renew(s);
	subjects_clear(&s->subjects);
	for (uint32_t i = 0; i < s->block_count; i++) {
		struct counting c = { .b = s->blocks[i] };

		if (block_know(c.b, err) != STORE_OK)
			return (-1);
		c.b->bytes = 0;
		if (block_scan(c.b, count_record, &c, NULL, err) != STORE_OK)
			return (-1);
		bytes += c.b->bytes;
	}
	s->sums_doubtful = false; /* what was found lost is not counted */
	s->sums_clear = true;
	s->bytes = bytes;
	if (s->store->sums != NULL)
		stream_touch(s);
	return (0);
}

/* What the index says of it counts from here on, or it is made again. */
int
stream_sums_open(struct stream *s, struct err *err)
{
	struct store *store = s->store;
	struct sums_point p;

	if (store->sums == NULL || sums_point(store->sums, s->uid, &p) != SUMS_OK ||
	    p.life != store->id || p.commit < s->point_commit || p.commit == 0)
		return (stream_sums_make(s, err));
	s->sums_commit = p.commit;
	s->subjects.count = p.subjects;
	s->subjects.partial = p.subjects > 0;
	s->sums_unseen = true;
	store->verify_uid = s->uid;
	return (0);
}

/* ---- looking up ---- */

static struct subject_sum *
fetch(struct stream *s, struct str subject)
{
	struct subject_sum *sum;
	struct sum found;

	switch (sums_find(s->store->sums, s->uid, subject, &found)) {
	case SUMS_NONE:
		return (NULL);
	case SUMS_ERROR:
		store_report(s->store, false, "stream %016llx: its index is made again",
		    (unsigned long long)s->uid);
		if (stream_sums_make(s, NULL) != 0)
			return (NULL);
		return (subjects_find(&s->subjects, subject));
	case SUMS_OK:
		break;
	}
	sum = subjects_add(&s->subjects, subject);
	if (sum == NULL)
		return (NULL);
	sum->first = found.first;
	sum->last = found.last;
	sum->count = found.count;
	sum->first_old = found.first_old;
	sum->last_old = found.last_old;
	s->store->sums_fetched++;
	return (sum);
}

/* In memory now, also when it is gone. */
static struct subject_sum *
find(struct stream *s, struct str subject)
{
	struct subject_sum *sum;

	if (s->sums_doubtful && stream_sums_make(s, NULL) != 0)
		return (NULL);
	sum = subjects_find(&s->subjects, subject);
	if (sum == NULL && s->subjects.partial)
		sum = fetch(s, subject);
	return (sum);
}

struct subject_sum *
stream_sum(struct stream *s, struct str subject)
{
	struct subject_sum *sum = find(s, subject);

	return (sum != NULL && sum->count > 0 ? sum : NULL);
}

struct subject_sum *
stream_sum_get(struct stream *s, struct str subject)
{
	struct subject_sum *sum = find(s, subject);

	return (sum != NULL ? sum : subjects_add(&s->subjects, subject));
}

void
stream_sum_out(struct stream *s, struct subject_sum *sum, uint64_t seq)
{
	subjects_count_out(&s->subjects, sum, seq);
	if (sum->count == 0 && s->store->sums == NULL)
		subjects_forget(&s->subjects, sum);
}

/* ---- all of them ---- */

struct each {
	struct stream *stream;
	bool (*fn)(void *, struct str, struct sum *);
	void *arg;
	bool stopped;
};

static bool
each_found(void *arg, struct str text, bool whole, const struct sum *found)
{
	struct each *e = arg;
	struct store_message m;
	struct sum sum = *found;

	/* A long subject is said by its messages only. */
	if (!whole) {
		if (stream_load(e->stream, sum.last, &m, NULL) != STORE_OK)
			return (true);
		text = m.subject;
	}
	if (subjects_find(&e->stream->subjects, text) == NULL)
		e->stopped = !e->fn(e->arg, text, &sum);
	return (!e->stopped);
}

enum store_result
stream_sums_each(struct stream *s, struct str prefix, bool (*fn)(void *, struct str, struct sum *),
    void *arg, struct err *err)
{
	struct each e = { .stream = s, .fn = fn, .arg = arg };

	if (s->sums_doubtful && stream_sums_make(s, err) != 0)
		return (STORE_ERROR);
	if (s->subjects.partial &&
	    sums_each(s->store->sums, s->uid, prefix, each_found, &e) != SUMS_OK) {
		s->sums_doubtful = true;
		err_set(err, "the index of the stream has to be made again");
		return (STORE_BUSY);
	}
	for (size_t i = 0; i < s->subjects.size && !e.stopped; i++) {
		struct subject_sum *at = s->subjects.slots[i];
		struct sum sum;

		if (at == NULL || at->count == 0 || at->len < prefix.n ||
		    (prefix.n > 0 && memcmp(at->text, prefix.p, prefix.n) != 0))
			continue;
		sum = (struct sum){ .first = at->first, .last = at->last, .count = at->count,
			.first_old = at->first_old, .last_old = at->last_old };
		e.stopped = !fn(arg, subject_text(at), &sum);
	}
	return (STORE_OK);
}

/* ---- to the disk ---- */

#define SUMS_AT_ONCE 16384u

int
stream_sums_cut(struct stream *s, struct job *j)
{
	struct subjects *t = &s->subjects;
	size_t left = SUMS_AT_ONCE;

	if (s->store->sums == NULL)
		return (0);
	s->sums_cut++;
	for (size_t i = 0; i < t->size && t->dirty > 0 && left > 0; i++) {
		struct subject_sum *at = t->slots[i];
		struct sum sum;

		if (at == NULL || !at->dirty)
			continue;
		sum = (struct sum){ .first = at->first, .last = at->last, .count = at->count,
			.first_old = at->first_old, .last_old = at->last_old };
		if (sums_put(&j->sums, s->uid, subject_text(at), &sum) != 0)
			return (-1);
		at->dirty = false;
		at->cut = s->sums_cut;
		t->dirty--;
		left--;
	}
	j->with_sums = true;
	j->sums_clear = s->sums_clear;
	j->sums_cut = s->sums_cut;
	/* One of several parts says commit 0: not to be trusted. */
	j->sums_whole = t->dirty == 0;
	j->sums_point = (struct sums_point){ .subjects = t->count, .life = s->store->id };
	s->sums_clear = false;
	return (0);
}

void
stream_sums_landed(struct stream *s, const struct job *j, bool failed)
{
	struct subjects *t = &s->subjects;

	if (!failed) {
		s->sums_landed = j->sums_cut;
		if (j->sums_whole)
			s->sums_commit = j->sums_point.commit;
		if (t->dirty > 0)
			stream_touch(s);
		return;
	}
	s->sums_clear |= j->sums_clear;
	for (size_t i = 0; i < t->size; i++)
		if (t->slots[i] != NULL && t->slots[i]->cut > s->sums_landed)
			subjects_changed(t, t->slots[i]);
}

/* Memory for sums is shared by all streams, to each by what it has. */
void
store_sums_trim(struct store *store)
{
	size_t total = 0, most = store->options.subject_cache;

	if (store->sums == NULL)
		return;
	store->sums_fetched = 0;
	for (struct stream *s = store->all; s != NULL; s = s->next_all)
		total += s->subjects.bytes;
	if (total <= most)
		return;
	for (struct stream *s = store->all; s != NULL; s = s->next_all)
		subjects_trim(&s->subjects,
		    (size_t)((double)s->subjects.bytes * (double)most / (double)total),
		    s->sums_landed);
}
