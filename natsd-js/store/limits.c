/*
 * Limits: what may come in, and what must go.
 */
#include "config.h"

#include "natsd-js/store/store_priv.h"

static bool
subject_is_full(const struct subject_sum *sum, const struct stream_limits *l)
{
	return (l->max_per_subject > 0 && sum != NULL && sum->count >= l->max_per_subject);
}

static uint64_t
first_bytes(struct stream *s, struct subject_sum *sum)
{
	struct block *b;

	subject_settle(s, sum);
	b = block_find(s, sum->first);
	return (block_slot(b, sum->first)->bytes);
}

/*
 * With a limit per subject and without discard_new_per_subject the message takes the place of the
 * oldest of its subject: the number of messages does not grow, and the bytes only by the
 * difference.
 */
const char *
stream_admits(struct stream *s, const struct stream_limits *l, const struct store_message *m)
{
	struct subject_sum *sum = subjects_find(&s->subjects, m->subject);
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
	void (*told)(void *, uint64_t, enum removal);
	void *arg;
	struct err *err;
};

static enum store_result
remove_one(const struct enforcing *e, uint64_t seq, enum removal why)
{
	enum store_result result = stream_remove_range(e->stream, seq, seq, e->err);

	if (result == STORE_OK && e->told != NULL)
		e->told(e->arg, seq, why);
	return (result);
}

static enum store_result
enforce_subject(const struct enforcing *e, struct subject_sum *sum, uint64_t max)
{
	enum store_result result = STORE_OK;

	while (result == STORE_OK && sum->count > max) {
		subject_settle(e->stream, sum);
		result = remove_one(e, sum->first, REMOVAL_MAX_PER_SUBJECT);
	}
	return (result);
}

static enum store_result
enforce_subjects(const struct enforcing *e, const struct str *subject, uint64_t max)
{
	struct subjects *t = &e->stream->subjects;
	struct subject_sum *sum;
	enum store_result result = STORE_OK;

	if (max == 0)
		return (STORE_OK);
	if (subject != NULL) {
		sum = subjects_find(t, *subject);
		return (sum == NULL ? STORE_OK : enforce_subject(e, sum, max));
	}
	for (uint32_t i = 0; i < t->numbers && result == STORE_OK; i++)
		if (t->by_number[i] != NULL)
			result = enforce_subject(e, t->by_number[i], max);
	return (result);
}

/* The oldest message there is; lost sequences below it do not count. */
static uint64_t
oldest(const struct stream *s)
{
	uint64_t first = stream_first(s);

	for (uint32_t i = block_find_index(s, first); i < s->block_count; i++) {
		const struct block *b = s->blocks[i];
		uint64_t seq = b->first_seq > first ? b->first_seq : first;

		for (; b->live > 0 && seq <= block_last(b); seq++)
			if (block_slot(b, seq) != NULL)
				return (seq);
	}
	return (0);
}

static enum store_result
enforce_age(const struct enforcing *e, int64_t max_age, int64_t now)
{
	enum store_result result = STORE_OK;
	struct store_message m;

	while (result == STORE_OK && e->stream->messages > 0) {
		uint64_t seq = oldest(e->stream);

		/* One that cannot be read has no known age: it waits for its neighbours' limits. */
		result = stream_load(e->stream, seq, &m, e->err);
		if (result != STORE_OK)
			return (result == STORE_DAMAGED ? STORE_OK : result);
		if (m.time > now - max_age)
			return (STORE_OK);
		result = remove_one(e, seq, REMOVAL_MAX_AGE);
	}
	return (result);
}

enum store_result
stream_enforce(struct stream *s, const struct stream_limits *l, const struct str *subject,
    int64_t now, void (*told)(void *, uint64_t, enum removal), void *arg, struct err *err)
{
	const struct enforcing e = { .stream = s, .told = told, .arg = arg, .err = err };
	enum store_result result = enforce_subjects(&e, subject, l->max_per_subject);

	while (result == STORE_OK && l->max_msgs > 0 && s->messages > l->max_msgs)
		result = remove_one(&e, oldest(s), REMOVAL_MAX_MSGS);
	while (result == STORE_OK && l->max_bytes > 0 && s->bytes > l->max_bytes &&
	    s->messages > 0)
		result = remove_one(&e, oldest(s), REMOVAL_MAX_BYTES);
	if (result == STORE_OK && l->max_age > 0)
		result = enforce_age(&e, l->max_age, now);
	return (result);
}
