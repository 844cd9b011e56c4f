/*
 * Messages grow old: by the limit of their stream, or by what they say themselves.
 *
 * A block knows a time before which none of it expires, in its entry of the state file too; a stream
 * has one timer for the first of its blocks.  When that comes the block is looked through.
 */
#include "config.h"

#include <stddef.h>
#include <stdlib.h>

#include "natsd-js/store/store_priv.h"

#define SPACING_NS (250 * NS_PER_MS) /* between two looks at a stream */

void
stream_expires(struct stream *s, int64_t when)
{
	int64_t now = wall_now().ns, in;

	if (s->expires != 0 && s->expires <= when)
		return;
	s->expires = when;
	if (s->store->wheel == NULL || s->hidden)
		return;
	in = when <= now ? 0 : when - now;
	wheel_set(s->store->wheel, &s->timer, mono_add_ns(mono_now(), in));
}

void
block_expires(struct block *b, int64_t expires)
{
	if (expires == STORE_NEVER) {
		b->never = true;
		return;
	}
	if (b->expires == 0 || expires < b->expires)
		b->expires = expires;
	stream_expires(b->stream, expires);
}

/* When something may be due next, and not before `least`. */
static void
expires_again(struct stream *s, int64_t least)
{
	uint64_t seq = s->max_age > 0 ? stream_live_next(s, 0) : 0;
	int64_t when = 0;
	struct store_message m;

	for (uint32_t i = 0; i < s->block_count; i++) {
		const struct block *b = s->blocks[i];

		if (b->expires != 0 && (when == 0 || b->expires < when))
			when = b->expires;
	}
	if (seq != 0 && stream_load(s, seq, &m, NULL) == STORE_OK &&
	    (when == 0 || m.time + s->max_age < when))
		when = m.time + s->max_age;
	s->expires = 0;
	if (s->store->wheel != NULL)
		wheel_stop(s->store->wheel, &s->timer);
	if (when != 0)
		stream_expires(s, when > least ? when : least);
}

void
stream_max_age(struct stream *s, int64_t ns, int64_t now)
{
	s->max_age = ns;
	expires_again(s, now);
}

void
stream_tell(struct stream *s, store_told *fn, void *arg)
{
	s->told = fn;
	s->told_arg = arg;
}

/* ---- what is due ---- */

struct expiring {
	struct stream *stream;
	int64_t now;
	bool (*may)(void *, const struct store_message *, enum removal, bool);
	void *arg;
	struct err *err;
	bool refused;
};

/* Asks, and removes. */
static enum store_result
expire_one(struct expiring *x, const struct store_message *m, enum removal why)
{
	struct stream *s = x->stream;
	struct subject_sum *sum = x->may == NULL ? NULL : stream_sum(s, m->subject);
	enum store_result result;
	uint64_t seq = m->seq;

	if (x->may != NULL && !x->may(x->arg, m, why, sum != NULL && sum->count == 1)) {
		x->refused = true;
		return (STORE_OK);
	}
	s->why = why;
	result = stream_remove_range(s, seq, seq, x->err);
	s->why = REMOVAL_ASKED;
	return (result);
}

/* From the oldest one on; those that never expire are passed over. */
static enum store_result
expire_by_age(struct expiring *x)
{
	struct stream *s = x->stream;
	enum store_result result = STORE_OK;
	struct store_message m;

	for (uint64_t seq = stream_live_next(s, 0); seq != 0 && result == STORE_OK;
	     seq = stream_live_next(s, seq + 1)) {
		result = stream_load(s, seq, &m, x->err);
		/* One that cannot be read has no known age. */
		if (result == STORE_DAMAGED)
			result = STORE_OK;
		else if (result == STORE_OK && m.time > x->now - s->max_age)
			return (STORE_OK);
		else if (result == STORE_OK && m.expires != STORE_NEVER)
			result = expire_one(x, &m, REMOVAL_MAX_AGE);
	}
	return (result);
}

struct due {
	struct block *b;
	int64_t now, next; /* the first that is not due; 0: none */
	uint64_t *list;
	size_t count, room;
};

static int
due_record(void *arg, const struct record *r, uint32_t offset)
{
	struct due *d = arg;
	struct block *b = d->b;
	uint64_t *list;

	(void)offset;
	if (r->type != RECORD_MESSAGE || r->expires == 0 || r->expires == STORE_NEVER ||
	    r->seq < b->first || r->seq > b->last ||
	    block_dead(b, (uint32_t)(r->seq - b->first)))
		return (0);
	if (r->expires > d->now) {
		if (d->next == 0 || r->expires < d->next)
			d->next = r->expires;
		return (0);
	}
	if (d->count == d->room) {
		list = reallocarray(d->list, d->room * 2 + 16, sizeof(*list));
		if (list == NULL)
			return (-1);
		d->list = list;
		d->room = d->room * 2 + 16;
	}
	d->list[d->count++] = r->seq;
	return (0);
}

static enum store_result
expire_block(struct expiring *x, struct due *d)
{
	enum store_result result = block_know(d->b, x->err);
	struct store_message m;

	if (result == STORE_OK)
		result = block_scan(d->b, due_record, d, NULL, x->err);
	if (result != STORE_OK)
		return (result);
	d->b->expires = d->next;
	d->b->changed = true;
	/* From here on the block may go with its last message. */
	for (size_t i = 0; i < d->count && result == STORE_OK; i++) {
		x->refused = false;
		result = stream_load(x->stream, d->list[i], &m, x->err);
		if (result == STORE_OK)
			result = expire_one(x, &m, REMOVAL_TTL);
		if (result == STORE_NONE || result == STORE_DAMAGED)
			result = STORE_OK;
		if (x->refused || result != STORE_OK) {
			struct block *b = block_find(x->stream, d->list[i]);

			if (b != NULL)
				block_expires(b, x->now);
		}
	}
	return (result);
}

static enum store_result
expire_by_ttl(struct expiring *x)
{
	struct stream *s = x->stream;
	enum store_result result = STORE_OK;
	uint64_t from = 0;

	for (uint32_t i = 0; i < s->block_count && result == STORE_OK;) {
		struct due d = { .b = s->blocks[i], .now = x->now };

		from = d.b->last + 1;
		if (d.b->expires != 0 && d.b->expires <= x->now) {
			result = expire_block(x, &d);
			free(d.list);
		}
		i = block_find_index(s, from);
	}
	return (result);
}

enum store_result
stream_expire(struct stream *s, int64_t now,
    bool (*may)(void *, const struct store_message *, enum removal, bool), void *arg,
    struct err *err)
{
	struct expiring x = { .stream = s, .now = now, .may = may, .arg = arg, .err = err };
	enum store_result result;
	bool refused;

	if (s->expires == 0 || s->offline)
		return (STORE_OK);
	result = s->max_age > 0 ? expire_by_age(&x) : STORE_OK;
	refused = x.refused;
	if (result == STORE_OK)
		result = expire_by_ttl(&x);
	expires_again(s, now + (refused || x.refused ? EXPIRE_AGAIN_NS : SPACING_NS));
	return (result);
}

/* ---- timers ---- */

struct due_streams {
	void (*fn)(void *, struct stream *);
	void *arg;
};

static void
fired(struct wheel_timer *t, void *arg)
{
	struct due_streams *d = arg;
	struct stream *s = (struct stream *)(void *)((char *)t - offsetof(struct stream, timer));

	d->fn(d->arg, s);
}

void
store_due(struct store *store, struct mono now, void (*fn)(void *, struct stream *), void *arg)
{
	struct due_streams d = { .fn = fn, .arg = arg };

	if (store->wheel == NULL) {
		store->wheel = wheel_new(now);
		for (struct stream *s = store->all; store->wheel != NULL && s != NULL;
		     s = s->next_all)
			expires_again(s, 0);
	}
	if (store->wheel != NULL)
		wheel_run(store->wheel, now, fired, &d);
}

bool
store_due_next(const struct store *store, struct mono *when)
{
	return (store->wheel != NULL && wheel_next(store->wheel, when));
}
