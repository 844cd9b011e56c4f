/*
 * Limits: what may come in, and what must go.
 */
#include "config.h"

#include <string.h>

#include "natsd-js/store/store_priv.h"

static bool
subject_is_full(const struct subject_sum *sum, const struct stream_limits *l)
{
	return (l->max_per_subject > 0 && sum != NULL && sum->count >= l->max_per_subject);
}

/* What nats-server counts for the oldest message of the subject; 0 when it cannot be told. */
static uint64_t
first_bytes(struct stream *s, struct subject_sum *sum)
{
	struct store_message m;

	if (subject_settle(s, sum, NULL) != STORE_OK ||
	    stream_load(s, sum->first, &m, NULL) != STORE_OK)
		return (0);
	return (store_message_bytes(&m));
}

/*
 * With a limit per subject and without discard_new_per_subject the message takes the place of the
 * oldest of its subject: the number of messages does not grow, and the bytes only by the
 * difference.
 */
const char *
stream_admits(struct stream *s, const struct stream_limits *l, const struct store_message *m)
{
	struct subject_sum *sum = stream_sum(s, m->subject);
	bool full = subject_is_full(sum, l);
	uint64_t bytes = store_message_bytes(m);

	if (!l->discard_new)
		return (NULL);
	if (full && l->discard_new_per_subject)
		return ("maximum messages per subject exceeded");
	if (l->max_msgs > 0 && s->messages >= l->max_msgs && !full)
		return ("maximum messages exceeded");
	if (l->max_bytes > 0 && s->bytes + bytes > l->max_bytes &&
	    !(full && first_bytes(s, sum) >= bytes))
		return ("maximum bytes exceeded");
	return (NULL);
}

struct enforcing {
	struct stream *stream;
	struct err *err;
};

static enum store_result
remove_one(const struct enforcing *e, uint64_t seq, enum removal why)
{
	enum store_result result;

	e->stream->why = why;
	result = stream_remove_range(e->stream, seq, seq, e->err);
	e->stream->why = REMOVAL_ASKED;
	return (result);
}

static enum store_result
enforce_subject(const struct enforcing *e, struct str subject, uint64_t max)
{
	struct subject_sum *sum;
	enum store_result result = STORE_OK;

	while (result == STORE_OK) {
		sum = stream_sum(e->stream, subject);
		if (sum == NULL || sum->count <= max)
			break;
		result = subject_settle(e->stream, sum, e->err);
		if (result == STORE_OK)
			result = remove_one(e, sum->first, REMOVAL_MAX_PER_SUBJECT);
	}
	return (result);
}

#define OVER_AT_ONCE 256u

struct over { /* subjects that have too many */
	uint64_t max;
	struct buf texts; /* a length and the text of each */
	unsigned count;
};

static bool
over_collect(void *arg, struct str subject, struct sum *sum)
{
	struct over *o = arg;
	uint16_t n = (uint16_t)subject.n;

	if (sum->count <= o->max)
		return (true);
	if (buf_add(&o->texts, &n, sizeof(n)) != 0 || buf_add_str(&o->texts, subject) != 0)
		return (false);
	return (++o->count < OVER_AT_ONCE);
}

/* Some at a time, until there are none: what goes must not be looked through meanwhile. */
static enum store_result
enforce_all(const struct enforcing *e, uint64_t max)
{
	struct over o = { .max = max };
	enum store_result result;

	do {
		o.count = 0;
		o.texts = BUF_INIT((size_t)1 << 26);
		result = stream_sums_each(e->stream, STR_NONE, over_collect, &o, e->err);
		for (size_t at = 0; at < o.texts.len && result == STORE_OK;) {
			uint16_t n;

			memcpy(&n, o.texts.data + at, sizeof(n));
			result = enforce_subject(e, (struct str){ .n = n,
				.p = (const char *)o.texts.data + at + sizeof(n) }, max);
			at += sizeof(n) + n;
		}
		buf_free(&o.texts);
	} while (result == STORE_OK && o.count > 0);
	return (result);
}

static enum store_result
enforce_subjects(const struct enforcing *e, const struct str *subject, uint64_t max)
{
	if (max == 0)
		return (STORE_OK);
	return (subject != NULL ? enforce_subject(e, *subject, max) : enforce_all(e, max));
}

static uint64_t
oldest(struct stream *s)
{
	return (stream_live_next(s, 0));
}

enum store_result
stream_enforce(struct stream *s, const struct stream_limits *l, const struct str *subject,
    struct err *err)
{
	const struct enforcing e = { .stream = s, .err = err };
	enum store_result result = enforce_subjects(&e, subject, l->max_per_subject);

	while (result == STORE_OK && l->max_msgs > 0 && s->messages > l->max_msgs)
		result = remove_one(&e, oldest(s), REMOVAL_MAX_MSGS);
	while (result == STORE_OK && l->max_bytes > 0 && s->bytes > l->max_bytes &&
	    s->messages > 0)
		result = remove_one(&e, oldest(s), REMOVAL_MAX_BYTES);
	return (result);
}
