/*
 * Looking up by subject: blocks that cannot hold it are passed over, messages are compared by the
 * number of their subject.
 */
#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/subject.h"
#include "natsd-js/store/store_priv.h"

enum known { KNOWN_NOT_YET, KNOWN_NO, KNOWN_YES };

struct stream_filter {
	struct stream *stream;
	unsigned count;
	bool all;	       /* matches everything */
	bool literal;	       /* one subject without wildcards */
	struct str *subjects;  /* copies, behind the array */
	uint8_t *known;	       /* by number: enum known */
	uint32_t known_room;
	uint64_t generation;
};

struct stream_filter *
stream_filter_new(struct stream *s, const struct str *subjects, unsigned n)
{
	size_t bytes = sizeof(struct stream_filter) + n * sizeof(*subjects);
	struct stream_filter *f;
	char *text;

	for (unsigned i = 0; i < n; i++)
		bytes += subjects[i].n;
	f = calloc(1, bytes);
	if (f == NULL)
		return (NULL);
	f->stream = s;
	f->count = n;
	f->all = n == 0;
	f->literal = n == 1 && !subject_has_wildcard(subjects[0]);
	f->subjects = (struct str *)(f + 1);
	text = (char *)(f->subjects + n);
	for (unsigned i = 0; i < n; i++) {
		if (subjects[i].n > 0)
			memcpy(text, subjects[i].p, subjects[i].n);
		f->subjects[i] = (struct str){ .p = text, .n = subjects[i].n };
		text += subjects[i].n;
		f->all |= str_eq(subjects[i], STR(">"));
	}
	return (f);
}

void
stream_filter_free(struct stream_filter *f)
{
	if (f == NULL)
		return;
	free(f->known);
	free(f);
}

static bool
matches_text(const struct stream_filter *f, struct str subject)
{
	for (unsigned i = 0; i < f->count; i++)
		if (subject_matches(subject, f->subjects[i]))
			return (true);
	return (f->all);
}

/* Without memory for what it remembers it compares each time. */
static void
known_renew(struct stream_filter *f)
{
	struct subjects *t = &f->stream->subjects;
	uint8_t *known;

	if (f->generation != t->generation) {
		if (f->known_room > 0)
			memset(f->known, KNOWN_NOT_YET, f->known_room);
		f->generation = t->generation;
	}
	if (t->numbers > f->known_room) {
		known = realloc(f->known, t->numbers);
		if (known == NULL)
			return;
		memset(known + f->known_room, KNOWN_NOT_YET, t->numbers - f->known_room);
		f->known = known;
		f->known_room = t->numbers;
	}
}

static bool
matches(struct stream_filter *f, uint32_t number)
{
	bool yes;

	if (f->all)
		return (true);
	if (number < f->known_room && f->known[number] != KNOWN_NOT_YET)
		return (f->known[number] == KNOWN_YES);
	yes = matches_text(f, subject_text(subjects_at(&f->stream->subjects, number)));
	if (number < f->known_room)
		f->known[number] = yes ? KNOWN_YES : KNOWN_NO;
	return (yes);
}

/* ---- by number ---- */

/* The first sequence in from..upto with this subject; 0: none. */
static uint64_t
number_next(const struct stream *s, uint32_t number, uint64_t from, uint64_t upto)
{
	for (uint32_t i = block_find_index(s, from); i < s->block_count; i++) {
		const struct block *b = s->blocks[i];
		uint64_t seq = b->first_seq > from ? b->first_seq : from;
		uint64_t end = block_last(b) < upto ? block_last(b) : upto;

		if (b->first_seq > upto)
			break;
		if (b->live == 0 || !bloom_may(b, number))
			continue;
		for (const struct slot *slot = &b->slots[seq - b->first_seq]; seq <= end;
		     seq++, slot++)
			if (slot->offset != 0 && slot->subject == number)
				return (seq);
	}
	return (0);
}

/* The last sequence in from..upto with this subject; 0: none. */
static uint64_t
number_prev(const struct stream *s, uint32_t number, uint64_t from, uint64_t upto)
{
	for (uint32_t i = s->block_count; i > 0; i--) {
		const struct block *b = s->blocks[i - 1];
		uint64_t seq = block_last(b) < upto ? block_last(b) : upto;

		if (b->first_seq > upto || b->count == 0 || b->live == 0 || !bloom_may(b, number))
			continue;
		if (block_last(b) < from)
			break;
		for (; seq >= b->first_seq && seq >= from; seq--) {
			const struct slot *slot = &b->slots[seq - b->first_seq];

			if (slot->offset != 0 && slot->subject == number)
				return (seq);
			if (seq == 0)
				break;
		}
	}
	return (0);
}

void
subject_settle(struct stream *s, struct subject_sum *sum)
{
	if (sum->first_old) {
		sum->first = number_next(s, sum->number, sum->first, UINT64_MAX);
		sum->first_old = false;
	}
	if (sum->last_old) {
		sum->last = number_prev(s, sum->number, sum->first, sum->last);
		sum->last_old = false;
	}
	assert(sum->first != 0 && sum->last >= sum->first);
}

/* ---- the API ---- */

static uint64_t
next_match(struct stream_filter *f, uint64_t from)
{
	const struct stream *s = f->stream;

	for (uint32_t i = block_find_index(s, from); i < s->block_count; i++) {
		const struct block *b = s->blocks[i];
		uint64_t seq = b->first_seq > from ? b->first_seq : from;

		if (b->live == 0)
			continue;
		for (; seq <= block_last(b); seq++) {
			const struct slot *slot = block_slot(b, seq);

			if (slot != NULL && matches(f, slot->subject))
				return (seq);
		}
	}
	return (0);
}

static uint64_t
next_literal(struct stream_filter *f, uint64_t from)
{
	struct subject_sum *sum = subjects_find(&f->stream->subjects, f->subjects[0]);

	if (sum == NULL)
		return (0);
	if (from < sum->first)
		from = sum->first;
	return (from > sum->last ? 0 : number_next(f->stream, sum->number, from, sum->last));
}

static uint64_t
filter_next(struct stream_filter *f, uint64_t from)
{
	if (f->literal && !f->all)
		return (next_literal(f, from));
	known_renew(f);
	return (next_match(f, from));
}

enum store_result
stream_next(struct stream_filter *f, uint64_t seq, struct store_message *m, struct err *err)
{
	uint64_t found = filter_next(f, seq);

	if (found == 0)
		return (STORE_NONE);
	m->seq = found; /* also when its bytes are damaged: the caller goes on behind it */
	return (stream_load(f->stream, found, m, err));
}

enum store_result
stream_last(struct stream *s, struct str subject, uint64_t upto, struct store_message *m,
    struct err *err)
{
	struct subject_sum *sum = subjects_find(&s->subjects, subject);
	uint64_t seq;

	if (sum == NULL)
		return (STORE_NONE);
	subject_settle(s, sum);
	seq = sum->last <= upto ? sum->last : number_prev(s, sum->number, sum->first, upto);
	if (seq == 0)
		return (STORE_NONE);
	m->seq = seq;
	return (stream_load(s, seq, m, err));
}

static void
sum_add(struct filter_state *st, uint64_t count, uint64_t first, uint64_t last)
{
	if (st->messages == 0 || first < st->first_seq)
		st->first_seq = first;
	if (last > st->last_seq)
		st->last_seq = last;
	st->messages += count;
}

static void
filtered_from(struct stream_filter *f, uint64_t from, struct filter_state *st)
{
	for (uint64_t seq = filter_next(f, from); seq != 0; seq = filter_next(f, seq + 1))
		sum_add(st, 1, seq, seq);
}

void
stream_filtered(struct stream_filter *f, uint64_t seq, struct filter_state *st)
{
	struct stream *s = f->stream;

	*st = (struct filter_state){ .messages = 0 };
	if (s->messages == 0)
		return;
	if (seq > stream_first(s)) {
		filtered_from(f, seq, st);
		return;
	}
	known_renew(f);
	for (uint32_t i = 0; i < s->subjects.numbers; i++) {
		struct subject_sum *sum = s->subjects.by_number[i];

		if (sum == NULL || !matches(f, i))
			continue;
		subject_settle(s, sum);
		sum_add(st, sum->count, sum->first, sum->last);
	}
}

void
stream_subjects(struct stream_filter *f,
    void (*fn)(void *, struct str, const struct filter_state *), void *arg)
{
	struct stream *s = f->stream;
	struct filter_state st;

	known_renew(f);
	for (uint32_t i = 0; i < s->subjects.numbers; i++) {
		struct subject_sum *sum = s->subjects.by_number[i];

		if (sum == NULL || !matches(f, i))
			continue;
		subject_settle(s, sum);
		st = (struct filter_state){ .messages = sum->count, .first_seq = sum->first,
			.last_seq = sum->last };
		fn(arg, subject_text(sum), &st);
	}
}

enum store_result
stream_purge_filter(struct stream *s, struct str filter, uint64_t seq, uint64_t keep,
    uint64_t *purged, struct err *err)
{
	struct stream_filter *f = stream_filter_new(s, &filter, 1);
	uint64_t below = seq == 0 ? UINT64_MAX : seq, left = UINT64_MAX, from, to, next;
	struct filter_state st;
	enum store_result result = STORE_OK;

	*purged = 0;
	if (f == NULL) {
		err_set(err, "out of memory");
		return (STORE_ERROR);
	}
	stream_filtered(f, 0, &st);
	if (keep > 0)
		left = keep >= st.messages ? 0 : st.messages - keep;
	from = left == 0 ? 0 : filter_next(f, 0);
	while (from != 0 && from < below && result == STORE_OK) {
		/* A run of neighbours is one range of the journal. */
		for (to = from, next = filter_next(f, to + 1);
		     next == to + 1 && next < below && to - from + 1 < left;
		     next = filter_next(f, to + 1))
			to = next;
		result = stream_remove_range(s, from, to, err);
		if (result != STORE_OK)
			break;
		*purged += to - from + 1;
		left -= to - from + 1;
		from = left == 0 || next == 0 ? 0 : filter_next(f, to + 1);
	}
	stream_filter_free(f);
	return (result);
}
