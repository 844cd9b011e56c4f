/*
 * Looking up by subject: blocks that cannot hold it are passed over, the others have an index.
 */
#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/subject.h"
#include "natsd-js/store/find_priv.h"

enum known { KNOWN_NOT_YET, KNOWN_NO, KNOWN_YES };

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
	f->literals = n > 0;
	for (unsigned i = 0; i < n; i++)
		f->literals &= !subject_has_wildcard(subjects[i]);
	f->literal = n == 1 && f->literals;
	f->subjects = (struct str *)(f + 1);
	text = (char *)(f->subjects + n);
	for (unsigned i = 0; i < n; i++) {
		if (subjects[i].n > 0)
			memcpy(text, subjects[i].p, subjects[i].n);
		f->subjects[i] = (struct str){ .p = text, .n = subjects[i].n };
		text += subjects[i].n;
		f->all |= str_eq(subjects[i], STR(">"));
	}
	f->next = s->filters;
	s->filters = f;
	return (f);
}

void
stream_filter_free(struct stream_filter *f)
{
	struct stream_filter **at;

	if (f == NULL)
		return;
	for (at = &f->stream->filters; *at != f; at = &(*at)->next)
		;
	*at = f->next;
	filter_unlist(f);
	free(f->list);
	free(f->found);
	free(f->known);
	free(f);
}

bool
filter_matches(const struct stream_filter *f, struct str subject)
{
	for (unsigned i = 0; i < f->count; i++)
		if (subject_matches(subject, f->subjects[i]))
			return (true);
	return (f->all);
}

/* ---- within one block ---- */

/* Without memory for what it remembers it compares each time. */
static void
known_renew(struct stream_filter *f, const struct index *x)
{
	uint8_t *known;

	if (f->serial != x->serial)
		f->known_count = 0;
	f->serial = x->serial;
	if (x->subject_count > f->known_room) {
		known = realloc(f->known, x->subject_room);
		if (known == NULL)
			return;
		f->known = known;
		f->known_room = x->subject_room;
	}
	if (x->subject_count > f->known_count) {
		memset(f->known + f->known_count, KNOWN_NOT_YET,
		    x->subject_count - f->known_count);
		f->known_count = x->subject_count;
	}
}

static bool
known_match(struct stream_filter *f, const struct index *x, uint32_t subject)
{
	bool yes;

	if (subject < f->known_count && f->known[subject] != KNOWN_NOT_YET)
		return (f->known[subject] == KNOWN_YES);
	yes = filter_matches(f, index_text(x, subject));
	if (subject < f->known_count)
		f->known[subject] = yes ? KNOWN_YES : KNOWN_NO;
	return (yes);
}

/* The first live message of the subject in from..; INDEX_NONE. */
static uint32_t
within_next(const struct block *b, uint32_t subject, uint32_t from)
{
	uint32_t at = index_next(b->index, subject, from);

	while (at != INDEX_NONE && block_dead(b, at))
		at = b->index->slots[at].next;
	return (at);
}

static uint32_t
within_prev(const struct block *b, uint32_t subject, uint32_t upto)
{
	uint32_t at = index_prev(b->index, subject, upto);

	while (at != INDEX_NONE && block_dead(b, at))
		at = at == 0 ? INDEX_NONE : index_prev(b->index, subject, at - 1);
	return (at);
}

static uint32_t
within_match(struct stream_filter *f, const struct block *b, uint32_t from)
{
	const struct index *x = b->index;

	known_renew(f, x);
	for (uint32_t at = from; at < x->count; at++)
		if (x->slots[at].offset != 0 && !block_dead(b, at) &&
		    known_match(f, x, x->slots[at].subject))
			return (at);
	return (INDEX_NONE);
}

/* ---- by subject ---- */

static uint32_t
number_from(const struct block *b, uint64_t seq)
{
	return (seq > b->first ? (uint32_t)(seq - b->first) : 0);
}

/* Only a hash was compared: does the message have the subject? */
static bool
is_of(struct block *b, uint32_t number, struct str subject)
{
	struct record r;
	enum store_result result = block_read(b, b->first + number, &r, NULL);

	/* One that cannot be read is for the caller to find out. */
	return (result != STORE_OK || str_eq(r.subject, subject));
}

static uint32_t
said_next(struct block *b, const struct contents *c, struct str subject, uint32_t from)
{
	uint32_t count, at = contents_find(c, subject, &count), low = 0, high = count, mid, n;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (contents_number(c, at + mid) < from)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < count; low++) {
		n = contents_number(c, at + low);
		if (n < block_numbers(b) && !block_dead(b, n) && is_of(b, n, subject))
			return (n);
	}
	return (INDEX_NONE);
}

static uint32_t
said_prev(struct block *b, const struct contents *c, struct str subject, uint32_t upto)
{
	uint32_t count, at = contents_find(c, subject, &count), n;

	for (; count > 0; count--) {
		n = contents_number(c, at + count - 1);
		if (n <= upto && !block_dead(b, n) && is_of(b, n, subject))
			return (n);
	}
	return (INDEX_NONE);
}

/* In one block: the first in from.. with the subject; or, prev, the last in ..from.  INDEX_NONE. */
static enum store_result
seek_within(struct block *b, struct str subject, uint32_t from, bool prev, uint32_t *number,
    struct err *err)
{
	enum store_result result = block_know(b, err);
	const struct contents *c;

	*number = INDEX_NONE;
	if (result != STORE_OK)
		return (result);
	c = b->index == NULL ? block_contents(b) : NULL;
	if (c != NULL) {
		*number = prev ? said_prev(b, c, subject, from) : said_next(b, c, subject, from);
		return (STORE_OK);
	}
	result = block_index(b, err);
	if (result != STORE_OK)
		return (result);
	*number = index_find(b->index, subject);
	if (*number != INDEX_NONE)
		*number = prev ? within_prev(b, *number, from) : within_next(b, *number, from);
	return (STORE_OK);
}

/* The first sequence in from..upto with this subject in *seq; 0: none. */
static enum store_result
seek_next(struct stream *s, struct str subject, uint64_t from, uint64_t upto, uint64_t *seq,
    struct err *err)
{
	*seq = 0;
	for (uint32_t i = block_find_index(s, from); i < s->block_count; i++) {
		struct block *b = s->blocks[i];
		enum store_result result;
		uint32_t n;

		if (b->first > upto)
			break;
		if (b->live == 0)
			continue;
		result = seek_within(b, subject, number_from(b, from), false, &n, err);
		if (result != STORE_OK)
			return (result);
		if (n == INDEX_NONE)
			continue;
		*seq = b->first + n <= upto ? b->first + n : 0;
		return (STORE_OK);
	}
	return (STORE_OK);
}

/* The last sequence in from..upto with this subject in *seq; 0: none. */
static enum store_result
seek_prev(struct stream *s, struct str subject, uint64_t from, uint64_t upto, uint64_t *seq,
    struct err *err)
{
	*seq = 0;
	for (uint32_t i = s->block_count; i > 0; i--) {
		struct block *b = s->blocks[i - 1];
		enum store_result result;
		uint32_t n;

		if (b->first > upto || b->live == 0)
			continue;
		if (b->last < from)
			break;
		result = seek_within(b, subject, upto < b->last ? (uint32_t)(upto - b->first) :
		    block_numbers(b) - 1, true, &n, err);
		if (result != STORE_OK)
			return (result);
		if (n == INDEX_NONE)
			continue;
		*seq = b->first + n >= from ? b->first + n : 0;
		return (STORE_OK);
	}
	return (STORE_OK);
}

static enum store_result
settle(struct stream *s, struct str subject, struct sum *sum, struct err *err)
{
	enum store_result result = STORE_OK;
	uint64_t seq;

	if (sum->first_old) {
		result = seek_next(s, subject, sum->first, UINT64_MAX, &seq, err);
		if (result != STORE_OK)
			return (result);
		sum->first = seq != 0 ? seq : sum->first;
		sum->first_old = false;
	}
	if (sum->last_old) {
		result = seek_prev(s, subject, sum->first, sum->last, &seq, err);
		if (result != STORE_OK)
			return (result);
		sum->last = seq != 0 ? seq : sum->first;
		sum->last_old = false;
	}
	return (STORE_OK);
}

enum store_result
subject_settle(struct stream *s, struct subject_sum *at, struct err *err)
{
	struct sum sum = { .first = at->first, .last = at->last, .count = at->count,
		.first_old = at->first_old, .last_old = at->last_old };
	enum store_result result;

	if (!at->first_old && !at->last_old)
		return (STORE_OK);
	result = settle(s, subject_text(at), &sum, err);
	if (result != STORE_OK)
		return (result);
	at->first = sum.first;
	at->last = sum.last;
	at->first_old = at->last_old = false;
	subjects_changed(&s->subjects, at);
	return (STORE_OK);
}

/* ---- the API ---- */

static enum store_result
next_literal(struct stream_filter *f, uint64_t from, uint64_t *seq, struct err *err)
{
	struct stream *s = f->stream;
	struct subject_sum *sum = stream_sum(s, f->subjects[0]);

	*seq = 0;
	if (sum == NULL || from > sum->last)
		return (STORE_OK);
	if (!sum->first_old && from <= sum->first) {
		*seq = sum->first;
		return (STORE_OK);
	}
	/* Of two the other one is the last. */
	if (sum->count == 2 && !sum->first_old && !sum->last_old) {
		*seq = sum->last;
		return (STORE_OK);
	}
	return (seek_next(s, f->subjects[0], from > sum->first ? from : sum->first, sum->last,
	    seq, err));
}

static enum store_result
next_match(struct stream_filter *f, uint64_t from, uint64_t *seq, struct err *err)
{
	struct stream *s = f->stream;

	*seq = 0;
	for (uint32_t i = block_find_index(s, from); i < s->block_count; i++) {
		struct block *b = s->blocks[i];
		enum store_result result;
		uint32_t n;

		if (b->live == 0)
			continue;
		result = filter_listed_next(f, b, number_from(b, from), &n, err);
		if (result == STORE_BUSY) {
			result = block_index(b, err);
			n = result != STORE_OK ? INDEX_NONE :
			    within_match(f, b, number_from(b, from));
		}
		if (result != STORE_OK)
			return (result);
		if (n == INDEX_NONE)
			continue;
		*seq = b->first + n;
		return (STORE_OK);
	}
	return (STORE_OK);
}

static enum store_result
filter_next(struct stream_filter *f, uint64_t from, uint64_t *seq, struct err *err)
{
	if (f->all) {
		*seq = stream_live_next(f->stream, from);
		return (STORE_OK);
	}
	return (f->literal ? next_literal(f, from, seq, err) : next_match(f, from, seq, err));
}

enum store_result
stream_next(struct stream_filter *f, uint64_t seq, struct store_message *m, struct err *err)
{
	uint64_t found;
	enum store_result result = filter_next(f, seq, &found, err);

	if (result != STORE_OK)
		return (result);
	if (found == 0)
		return (STORE_NONE);
	m->seq = found; /* also when its bytes are damaged: the caller goes on behind it */
	return (stream_load(f->stream, found, m, err));
}

/* What the sum says, or the truth when the sum is found wrong. */
static enum store_result
last_of(struct stream *s, struct str subject, uint64_t upto, uint64_t *seq, struct err *err)
{
	struct subject_sum *sum = stream_sum(s, subject);
	enum store_result result;

	*seq = 0;
	if (sum == NULL)
		return (STORE_OK);
	result = subject_settle(s, sum, err);
	if (result != STORE_OK)
		return (result);
	if (sum->last <= upto)
		*seq = sum->last;
	else if (sum->first <= upto)
		result = seek_prev(s, subject, sum->first, upto, seq, err);
	return (result);
}

enum store_result
stream_last(struct stream *s, struct str subject, uint64_t upto, struct store_message *m,
    struct err *err)
{
	enum store_result result = STORE_OK;

	for (unsigned i = 0; i < 2; i++) {
		result = last_of(s, subject, upto, &m->seq, err);
		if (result != STORE_OK)
			return (result);
		if (m->seq == 0)
			return (STORE_NONE);
		result = stream_load(s, m->seq, m, err);
		if (result == STORE_DAMAGED || (result == STORE_OK && str_eq(m->subject, subject)))
			return (result);
		/* An index that leads elsewhere is made again. */
		s->sums_doubtful = true;
	}
	return (result == STORE_OK ? STORE_NONE : result);
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

static enum store_result
filtered_all(struct stream *s, uint64_t from, struct filter_state *st)
{
	for (uint32_t i = block_find_index(s, from); i < s->block_count; i++) {
		struct block *b = s->blocks[i];
		uint64_t n;

		if (b->live == 0 || block_know(b, NULL) != STORE_OK)
			continue;
		n = block_live_count(b, number_from(b, from));
		if (n == 0)
			continue;
		sum_add(st, n, b->first + block_live_next(b, number_from(b, from)),
		    b->first + block_live_prev(b, block_numbers(b) - 1));
	}
	return (STORE_OK);
}

static enum store_result
filtered_from(struct stream_filter *f, uint64_t from, struct filter_state *st, struct err *err)
{
	enum store_result result;
	uint64_t seq = from;

	for (;; seq++) {
		result = filter_next(f, seq, &seq, err);
		if (result != STORE_OK || seq == 0)
			return (result);
		sum_add(st, 1, seq, seq);
	}
}

struct summing {
	struct stream_filter *filter;
	struct filter_state *sum;
	void (*fn)(void *, struct str, const struct filter_state *);
	void *arg;
	enum store_result result;
	struct err *err;
};

static bool
sum_one(void *arg, struct str subject, struct sum *at)
{
	struct summing *x = arg;
	struct filter_state one = { .messages = 0 };

	if (!filter_matches(x->filter, subject))
		return (true);
	x->result = settle(x->filter->stream, subject, at, x->err);
	if (x->result != STORE_OK)
		return (false);
	sum_add(x->sum != NULL ? x->sum : &one, at->count, at->first, at->last);
	if (x->fn != NULL)
		x->fn(x->arg, subject, &one);
	return (true);
}

struct str
filter_prefix(const struct stream_filter *f)
{
	struct str s = f->count == 1 ? f->subjects[0] : STR_NONE;

	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '*' || s.p[i] == '>')
			s.n = i;
	return (s);
}

/* Each of the subjects that match, with its sum; it may be of others, too. */
static enum store_result
each_match(struct stream_filter *f, bool (*fn)(void *, struct str, struct sum *), void *arg,
    struct err *err)
{
	enum store_result result = STORE_OK;
	bool go_on = true;

	if (!filter_list(f))
		return (stream_sums_each(f->stream, filter_prefix(f), fn, arg, err));
	for (uint32_t i = 0; i < f->list_count && go_on && result == STORE_OK; i++) {
		struct str text = listed_text(f->list[i]);
		struct subject_sum *at = stream_sum(f->stream, text);
		struct sum sum;

		if (at == NULL)
			continue;
		result = subject_settle(f->stream, at, err);
		sum = (struct sum){ .first = at->first, .last = at->last, .count = at->count };
		go_on = result == STORE_OK && fn(arg, text, &sum);
	}
	return (result);
}

static enum store_result
sums_each_match(struct summing *x)
{
	enum store_result result = each_match(x->filter, sum_one, x, x->err);

	return (result != STORE_OK ? result : x->result);
}

enum store_result
stream_filtered(struct stream_filter *f, uint64_t seq, struct filter_state *st, struct err *err)
{
	struct summing x = { .filter = f, .sum = st, .err = err, .result = STORE_OK };
	struct stream *s = f->stream;

	*st = (struct filter_state){ .messages = 0 };
	if (s->messages == 0)
		return (STORE_OK);
	if (f->all)
		return (filtered_all(s, seq, st));
	if (seq > stream_first(s))
		return (filtered_from(f, seq, st, err));
	if (f->literal) {
		struct subject_sum *sum = stream_sum(s, f->subjects[0]);
		enum store_result result = sum == NULL ? STORE_OK : subject_settle(s, sum, err);

		if (sum != NULL && result == STORE_OK)
			sum_add(st, sum->count, sum->first, sum->last);
		return (result);
	}
	return (sums_each_match(&x));
}

enum store_result
stream_subjects(struct stream_filter *f,
    void (*fn)(void *, struct str, const struct filter_state *), void *arg, struct err *err)
{
	struct summing x = { .filter = f, .fn = fn, .arg = arg, .err = err, .result = STORE_OK };

	return (sums_each_match(&x));
}

struct lasts {
	struct stream_filter *filter;
	uint64_t upto, *seqs;
	unsigned max, n;
	enum store_result result;
	struct err *err;
};

static bool
last_one(void *arg, struct str subject, struct sum *at)
{
	struct lasts *x = arg;
	uint64_t seq;

	if (!filter_matches(x->filter, subject))
		return (true);
	x->result = settle(x->filter->stream, subject, at, x->err);
	if (x->result != STORE_OK || at->first > x->upto)
		return (x->result == STORE_OK);
	seq = at->last;
	if (seq > x->upto)
		x->result = seek_prev(x->filter->stream, subject, at->first, x->upto, &seq, x->err);
	if (x->result != STORE_OK || seq == 0)
		return (x->result == STORE_OK);
	if (x->n < x->max)
		x->seqs[x->n] = seq;
	return (x->n++ < x->max);
}

static int
by_sequence(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return ((*x > *y) - (*x < *y));
}

enum store_result
stream_lasts(struct stream_filter *f, uint64_t upto, uint64_t *seqs, unsigned max, unsigned *n,
    struct err *err)
{
	struct lasts x = { .filter = f, .upto = upto, .seqs = seqs, .max = max, .err = err,
		.result = STORE_OK };
	enum store_result result = each_match(f, last_one, &x, err);

	*n = x.n;
	if (result == STORE_OK && x.n > 0 && x.n <= max)
		qsort(seqs, x.n, sizeof(*seqs), by_sequence);
	return (result != STORE_OK ? result : x.result);
}

/* The live message of the block in the middle of low..high, or one before it; INDEX_NONE. */
static uint32_t
middle(const struct block *b, uint32_t low, uint32_t high)
{
	uint32_t at = block_live_prev(b, low + (high - low) / 2);

	return (at == INDEX_NONE || at < low ? INDEX_NONE : at);
}

/* Times of a stream never fall: the first number of the block that is not older. */
static enum store_result
within_at_time(struct block *b, int64_t time, uint32_t *number, struct err *err)
{
	uint32_t low = 0, high = block_numbers(b), at;
	struct record r;

	while (low < high) {
		enum store_result result;

		at = middle(b, low, high - 1);
		if (at == INDEX_NONE) { /* the lower half is dead */
			low = low + (high - 1 - low) / 2 + 1;
			continue;
		}
		result = block_read(b, b->first + at, &r, err);
		if (result == STORE_DAMAGED)
			block_lost(b, b->first + at);
		else if (result != STORE_OK)
			return (result);
		else if (r.time < time)
			low = low + (high - 1 - low) / 2 + 1;
		else
			high = at;
	}
	*number = block_live_next(b, low);
	return (STORE_OK);
}

enum store_result
stream_at_time(struct stream *s, int64_t time, uint64_t *seq, struct err *err)
{
	*seq = s->last_seq + 1;
	for (uint32_t i = 0; i < s->block_count; i++) {
		struct block *b = s->blocks[i];
		enum store_result result;
		uint32_t number;

		if (b->live == 0 || b->last_time < time)
			continue;
		result = block_know(b, err);
		if (result == STORE_OK)
			result = within_at_time(b, time, &number, err);
		if (result != STORE_OK)
			return (result);
		if (number == INDEX_NONE)
			continue;
		*seq = b->first + number;
		return (STORE_OK);
	}
	return (STORE_OK);
}

enum store_result
stream_purge_filter(struct stream *s, struct str filter, uint64_t seq, uint64_t keep,
    uint64_t *purged, struct err *err)
{
	struct stream_filter *f = stream_filter_new(s, &filter, 1);
	uint64_t below = seq == 0 ? UINT64_MAX : seq, left = UINT64_MAX, from = 0, to, next;
	enum store_result result = STORE_OK;
	struct filter_state st;

	*purged = 0;
	if (f == NULL)
		return (store_no_memory(err));
	if (keep > 0) {
		result = stream_filtered(f, 0, &st, err);
		left = keep >= st.messages ? 0 : st.messages - keep;
	}
	if (result == STORE_OK && left > 0)
		result = filter_next(f, 0, &from, err);
	while (result == STORE_OK && from != 0 && from < below) {
		/* A run of neighbours is one range of the journal. */
		to = from;
		do {
			result = filter_next(f, to + 1, &next, err);
		} while (result == STORE_OK && next == to + 1 && next < below &&
		    to - from + 1 < left && (to = next) != 0);
		if (result != STORE_OK)
			break;
		result = stream_remove_range(s, from, to, err);
		if (result != STORE_OK)
			break;
		*purged += to - from + 1;
		left -= to - from + 1;
		from = left == 0 ? 0 : next;
	}
	stream_filter_free(f);
	return (result);
}
