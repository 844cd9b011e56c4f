/*
 * Messages go: one, a range, all, what matches.  The journal hears of ranges; the effect in memory
 * is the same when it is read back.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cursor.h"
#include "natsd-js/store/store_priv.h"

#define RANGE_BYTES 16u
#define ALL_AT_ONCE 1000u

/* ---- the first one ---- */

uint64_t
stream_live_next(struct stream *s, uint64_t seq)
{
	for (uint32_t i = block_find_index(s, seq); i < s->block_count; i++) {
		struct block *b = s->blocks[i];
		uint32_t number = seq > b->first ? (uint32_t)(seq - b->first) : 0;

		if (b->live == 0 || block_know(b, NULL) != STORE_OK)
			continue;
		number = block_live_next(b, number < b->head ? b->head : number);
		if (number != INDEX_NONE)
			return (b->first + number);
	}
	return (0);
}

uint64_t
stream_first(const struct stream *s)
{
	for (uint32_t i = 0; i < s->block_count; i++) {
		struct block *b = s->blocks[i];
		uint32_t number;

		if (b->live == 0 || block_know(b, NULL) != STORE_OK || b->live == 0)
			continue;
		number = block_live_next(b, b->head);
		assert(number != INDEX_NONE);
		b->head = number;
		return (b->first + number);
	}
	return (s->last_seq + 1);
}

/* ---- the effect ---- */

int
stream_gone_add(struct stream *s, uint32_t number, bool keep)
{
	uint32_t room = s->gone_room == 0 ? 8 : s->gone_room * 2;
	struct gone_block *list;

	if (s->gone_count == s->gone_room) {
		list = reallocarray(s->gone, room, sizeof(*list));
		if (list == NULL)
			return (-1);
		s->gone = list;
		s->gone_room = room;
	}
	s->gone[s->gone_count++] = (struct gone_block){ .number = number, .keep = keep };
	return (0);
}

/* Room for the file of each block that may go, and for the spans of them. */
static int
reserve(struct stream *s)
{
	uint32_t need = s->gone_count + s->block_count;
	struct gone_block *list;

	if (need > s->gone_room) {
		list = reallocarray(s->gone, need * 2, sizeof(*list));
		if (list == NULL)
			return (-1);
		s->gone = list;
		s->gone_room = need * 2;
	}
	if (seqset_reserve(&s->removed, (size_t)s->block_count + 1) != 0 ||
	    seqset_reserve(&s->removed_fresh, (size_t)s->block_count + 1) != 0)
		return (-1);
	return (0);
}

static void
removed_add(struct stream *s, uint64_t first, uint64_t last)
{
	seqset_add(&s->removed, first, last);
	seqset_add(&s->removed_fresh, first, last);
}

static void
block_gone(struct stream *s, struct block *b)
{
	if (b->last >= b->first)
		removed_add(s, b->first, b->last);
	if (block_has_file(b))
		(void)stream_gone_add(s, b->number, false);
	block_free(s->store, b);
}

void
stream_forget_empty(struct stream *s)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < s->block_count; i++) {
		struct block *b = s->blocks[i];

		/* One that is being filled takes the next message. */
		if (b->live > 0 || !b->sealed)
			s->blocks[kept++] = b;
		else
			block_gone(s, b);
	}
	s->block_count = kept;
}

static void
drop_message(struct block *b, uint32_t number, const struct record *r)
{
	struct stream *s = b->stream;
	uint64_t bytes = r == NULL ? 0 : record_counts(r);
	struct subject_sum *sum = NULL;

	if (r != NULL && !s->sums_skip)
		sum = stream_sum(s, r->subject);
	if (s->told != NULL && !s->store->replaying)
		s->told(s->told_arg, b->first + number, b->first + number,
		    r == NULL ? STR_NONE : r->subject, r == NULL ? REMOVAL_LOST : s->why);
	if (sum != NULL)
		stream_sum_out(s, sum, b->first + number);
	s->sums_doubtful |= r == NULL;
	s->messages--;
	s->bytes -= bytes < s->bytes ? bytes : s->bytes;
	b->live--;
	b->bytes -= bytes < b->bytes ? bytes : b->bytes;
}

void
block_lost(struct block *b, uint64_t seq)
{
	uint32_t number = (uint32_t)(seq - b->first);

	/* Of one that is gone the reader finds out by himself. */
	if (b->ghost || block_kill_reserve(b, number, 0) != 0)
		return;
	block_kill(b, number, false);
	drop_message(b, number, NULL);
	seqset_add(&b->stream->lost, seq, seq);
}

void
block_void(struct block *b, uint64_t seq, const struct record *r)
{
	enum removal why = b->stream->why;

	/* Of one that is gone the reader finds out by himself. */
	if (b->ghost)
		return;
	stream_ids_failed(b->stream, seq);
	b->stream->why = REMOVAL_FAILED;
	drop_message(b, (uint32_t)(seq - b->first), r);
	block_kill(b, (uint32_t)(seq - b->first), true);
	b->stream->why = why;
}

static bool
is_empty(const struct block *b)
{
	return (b->sealed && b->live == 0);
}

/* Live ones of from..to of one block.  -1: one of them cannot be read; those below *done are gone. */
static int
drop_within(struct block *b, uint32_t from, uint32_t to, uint64_t *done, struct err *err)
{
	enum store_result result = block_know(b, err);
	struct record r;
	uint32_t n;

	if (result != STORE_OK)
		return (-1);
	if (block_kill_reserve(b, to, 1) != 0)
		return (err_set(err, "out of memory"));
	for (n = block_live_next(b, from); n <= to; n = block_live_next(b, n + 1)) {
		result = block_read(b, b->first + n, &r, err);
		if (result != STORE_OK && result != STORE_DAMAGED)
			break;
		drop_message(b, n, result == STORE_OK ? &r : NULL);
		block_kill(b, n, false);
	}
	*done = b->first + (n <= to ? n : to + 1);
	if (*done > b->first + from)
		seqset_add(&b->fresh, from, *done - 1 - b->first);
	return (n <= to ? -1 : 0);
}

static void
drop_all(struct stream *s)
{
	if (s->told != NULL && !s->store->replaying)
		s->told(s->told_arg, stream_first(s), s->last_seq, STR_NONE, s->why);
	if (!s->sums_skip) {
		subjects_clear(&s->subjects);
		s->sums_clear = true;
		s->sums_doubtful = false;
	}
	s->messages = s->bytes = 0;
	for (uint32_t i = 0; i < s->block_count; i++)
		block_gone(s, s->blocks[i]);
	s->block_count = 0;
}

/* All of it, at once; a single block that is being filled goes on being filled. */
static bool
is_all(struct stream *s, uint64_t first, uint64_t last)
{
	if (s->block_count < 2 && s->messages < ALL_AT_ONCE)
		return (false);
	return (last >= s->last_seq && first <= stream_first(s));
}

int
stream_apply_remove(struct stream *s, uint64_t first, uint64_t last, uint64_t *done,
    struct err *err)
{
	bool emptied = false;
	int result = 0;

	*done = first;
	if (reserve(s) != 0)
		return (err_set(err, "out of memory"));
	if (is_all(s, first, last)) {
		drop_all(s);
		stream_touch(s);
		return (0);
	}
	for (uint32_t i = block_find_index(s, first); i < s->block_count && result == 0; i++) {
		struct block *b = s->blocks[i];

		if (b->first > last)
			break;
		if (b->live > 0)
			result = drop_within(b, first > b->first ? (uint32_t)(first - b->first) : 0,
			    (uint32_t)((last < b->last ? last : b->last) - b->first), done, err);
		emptied |= is_empty(b);
	}
	if (emptied)
		stream_forget_empty(s);
	stream_touch(s);
	return (result);
}

int
stream_apply_advance(struct stream *s, uint64_t last)
{
	struct block *b = s->block_count == 0 ? NULL : s->blocks[s->block_count - 1];

	if (last <= s->last_seq)
		return (0);
	if (reserve(s) != 0)
		return (-1);
	/* A small gap becomes part of the block that goes on behind it. */
	if (b == NULL || b->sealed || last - b->last > BLOCK_GAP_MAX / 2) {
		if (b != NULL)
			b->sealed = b->changed = true;
		removed_add(s, s->last_seq + 1, last);
		s->last_seq = last;
		stream_forget_empty(s);
	} else {
		if (block_know(b, NULL) != STORE_OK ||
		    block_kill_reserve(b, (uint32_t)(last - b->first), 1) != 0)
			return (-1);
		for (uint64_t seq = b->last + 1; seq <= last; seq++)
			block_kill(b, (uint32_t)(seq - b->first), false);
		seqset_add(&b->fresh, b->last + 1 - b->first, last - b->first);
		b->last = s->last_seq = last;
	}
	stream_touch(s);
	return (0);
}

/* Everything above `last` goes, and its sequences will be used again. */
int
stream_apply_cut(struct stream *s, uint64_t last, uint64_t *done, struct err *err)
{
	struct block *b;

	*done = last + 1;
	if (last >= s->last_seq)
		return (0);
	if (s->ids != NULL && ids_reserve(s->ids) != 0)
		return (err_set(err, "out of memory"));
	if (s->last_seq > s->cut_seq)
		s->cut_seq = s->last_seq;
	if (stream_apply_remove(s, last + 1, s->last_seq, done, err) != 0 ||
	    stream_ids_truncate(s, last) != 0)
		return (-1);
	for (uint32_t i = 0; i < s->block_count; i++) {
		b = s->blocks[i];
		if (b->last <= last)
			continue;
		b->sealed = b->changed = true;
		b->last = b->first > last ? b->first - 1 : last;
	}
	stream_forget_empty(s);
	seqset_cut(&s->removed, last);
	seqset_cut(&s->removed_fresh, last);
	seqset_cut(&s->lost, last);
	s->last_seq = last;
	s->state_whole = true; /* ranges that it knows are void */
	return (0);
}

/* Notes where the message stands, behind those that count; no snapshot shows it any more. */
static int
erasure_note(struct block *b, uint64_t seq, struct err *err)
{
	struct stream *s = b->stream;
	uint32_t room = s->erasure_room == 0 ? 4 : s->erasure_room * 2, at;
	struct erasure *list;
	struct record r;

	if (block_place(b, seq, &at, &r, err) != STORE_OK)
		return (-1);
	if (s->erasure_count == s->erasure_room) {
		list = reallocarray(s->erasures, room, sizeof(*list));
		if (list == NULL)
			return (err_set(err, "out of memory"));
		s->erasures = list;
		s->erasure_room = room;
	}
	s->erasures[s->erasure_count] = (struct erasure){ .number = b->number, .at = at,
		.bytes = (uint32_t)record_padded(r.bytes), .link = r.link };
	if (b->pins == 0)
		return (0);
	if (block_kill_reserve(b, (uint32_t)(seq - b->first), 1) != 0)
		return (err_set(err, "out of memory"));
	snapshot_erased(b, seq);
	return (0);
}

/* Blocks that went, but for a snapshot, have it too. */
static int
erase_ghosts(struct stream *s, uint64_t seq, struct err *err)
{
	for (struct block *b = s->ghosts; b != NULL; b = b->next_ghost) {
		uint32_t number = (uint32_t)(seq - b->first);

		if (seq < b->first || seq > b->last)
			continue;
		if (block_know(b, err) != STORE_OK)
			return (-1);
		if (block_dead(b, number))
			continue;
		if (erasure_note(b, seq, err) != 0)
			return (-1);
		block_kill(b, number, false);
		/* What waits for a file in memory will have none. */
		s->erasure_count += s->erasures[s->erasure_count].at < b->cut;
	}
	return (0);
}

/* The bytes of the message are no longer to be read anywhere. */
int
stream_apply_erase(struct stream *s, uint64_t seq, struct err *err)
{
	struct block *b = block_find(s, seq);
	uint64_t done;

	if (b == NULL || block_know(b, err) != STORE_OK)
		return (b == NULL ? 0 : -1);
	if (block_dead(b, (uint32_t)(seq - b->first)))
		return (0);
	if (erase_ghosts(s, seq, err) != 0 || erasure_note(b, seq, err) != 0 ||
	    stream_apply_remove(s, seq, seq, &done, err) != 0)
		return (-1);
	s->erasure_count++;
	s->store->window.uid = 0;
	return (0);
}

/* ---- the API ---- */

/* The record of a removal: also of what goes in spite of an error. */
static void
put_range(struct stream *s, uint8_t *p, uint64_t first, uint64_t last)
{
	struct wr out = wr_of(p, RANGE_BYTES);

	if (last < first)
		return;
	wr_u64(&out, first);
	wr_u64(&out, last);
	store_end(s, STORE_J_REMOVE, RANGE_BYTES);
}

enum store_result
stream_remove_range(struct stream *s, uint64_t first, uint64_t last, struct err *err)
{
	enum store_result result;
	uint64_t done;
	uint8_t *p;

	assert(first <= last && last <= s->last_seq);
	p = store_begin(s, RANGE_BYTES, false, &result, err);
	if (p == NULL)
		return (result);
	if (stream_apply_remove(s, first, last, &done, err) != 0) {
		put_range(s, p, first, done - 1);
		return (STORE_ERROR);
	}
	put_range(s, p, first, last);
	return (STORE_OK);
}

enum store_result
stream_remove(struct stream *s, uint64_t seq, struct err *err)
{
	struct block *b = block_find(s, seq);
	enum store_result result = b == NULL ? STORE_NONE : block_know(b, err);

	if (result != STORE_OK)
		return (result);
	if (block_dead(b, (uint32_t)(seq - b->first)))
		return (STORE_NONE);
	return (stream_remove_range(s, seq, seq, err));
}

static int
apply_sequence(struct stream *s, enum store_journal type, uint64_t seq, uint64_t *done,
    struct err *err)
{
	if (type == STORE_J_CUT)
		return (stream_apply_cut(s, seq, done, err));
	if (type == STORE_J_ERASE)
		return (stream_apply_erase(s, seq, err));
	return (stream_apply_advance(s, seq) == 0 ? 0 : err_set(err, "out of memory"));
}

static enum store_result
put_sequence(struct stream *s, enum store_journal type, uint64_t seq, struct err *err)
{
	enum store_result result;
	uint8_t *p = store_begin(s, RANGE_BYTES, false, &result, err);
	uint64_t done = seq + 1;
	struct wr out;

	if (p == NULL)
		return (result);
	if (apply_sequence(s, type, seq, &done, err) != 0) {
		put_range(s, p, seq + 1, done - 1);
		return (STORE_ERROR);
	}
	out = wr_of(p, 8);
	wr_u64(&out, seq);
	store_end(s, type, 8);
	return (STORE_OK);
}

enum store_result
stream_advance(struct stream *s, uint64_t last, struct err *err)
{
	return (last <= s->last_seq ? STORE_OK : put_sequence(s, STORE_J_ADVANCE, last, err));
}

enum store_result
stream_erase(struct stream *s, uint64_t seq, uint64_t *cut, struct err *err)
{
	struct block *b = block_find(s, seq);
	enum store_result result = b == NULL ? STORE_NONE : block_know(b, err);

	if (result != STORE_OK)
		return (result);
	if (block_dead(b, (uint32_t)(seq - b->first)))
		return (STORE_NONE);
	result = put_sequence(s, STORE_J_ERASE, seq, err);
	s->store->cut_wanted = true;
	/* One on its way does not have it. */
	*cut = s->store->cuts + (s->store->cutting ? 2 : 1);
	return (result);
}

enum store_result
stream_truncate(struct stream *s, uint64_t last, struct err *err)
{
	return (last >= s->last_seq ? STORE_OK : put_sequence(s, STORE_J_CUT, last, err));
}

enum store_result
stream_purge_all(struct stream *s, uint64_t *purged, struct err *err)
{
	enum store_result result = STORE_OK;
	uint64_t first = stream_first(s), had = s->messages;

	*purged = 0;
	if (first <= s->last_seq)
		result = stream_remove_range(s, first, s->last_seq, err);
	if (result == STORE_OK)
		*purged = had;
	return (result);
}

enum store_result
stream_purge_below(struct stream *s, uint64_t seq, uint64_t *purged, struct err *err)
{
	uint64_t first = stream_first(s), had = s->messages;
	enum store_result result = STORE_OK;

	*purged = 0;
	if (seq <= 1)
		return (STORE_OK);
	if (seq > s->last_seq + 1) {
		result = stream_purge_all(s, purged, err);
		return (result != STORE_OK ? result : stream_advance(s, seq - 1, err));
	}
	if (first < seq)
		result = stream_remove_range(s, first, seq - 1, err);
	*purged = had - s->messages;
	return (result);
}

/* The sequence of the message that has n - 1 newer ones; n is at least 1. */
static uint64_t
nth_from_end(const struct stream *s, uint64_t n)
{
	for (uint32_t i = s->block_count; i > 0; i--) {
		struct block *b = s->blocks[i - 1];

		if (block_know(b, NULL) != STORE_OK)
			continue;
		if (b->live < n) {
			n -= b->live;
			continue;
		}
		for (uint32_t at = block_numbers(b) - 1;; at--) {
			at = block_live_prev(b, at);
			if (--n == 0)
				return (b->first + at);
		}
	}
	return (stream_first(s));
}

enum store_result
stream_purge_keep(struct stream *s, uint64_t keep, uint64_t *purged, struct err *err)
{
	*purged = 0;
	if (keep >= s->messages)
		return (STORE_OK);
	if (keep == 0)
		return (stream_purge_all(s, purged, err));
	return (stream_purge_below(s, nth_from_end(s, keep), purged, err));
}
