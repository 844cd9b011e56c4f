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

uint64_t
stream_first(const struct stream *s)
{
	return (seqset_next_absent(&s->removed, 1));
}

/* ---- the effect ---- */

static int
reserve_dead(struct stream *s)
{
	uint32_t room = s->dead_room == 0 ? 8 : s->dead_room, *list;

	if (s->dead_count + s->block_count <= s->dead_room)
		return (0);
	while (room < s->dead_count + s->block_count)
		room *= 2;
	list = reallocarray(s->dead_blocks, room, sizeof(*list));
	if (list == NULL)
		return (-1);
	s->dead_blocks = list;
	s->dead_room = room;
	return (0);
}

int
stream_reserve_remove(struct stream *s)
{
	if (seqset_reserve(&s->removed, 1) != 0 || reserve_dead(s) != 0)
		return (-1);
	return (0);
}

static void
drop_slot(struct stream *s, struct block *b, struct slot *slot, uint64_t seq)
{
	s->messages--;
	s->bytes -= slot->bytes;
	b->live--;
	subjects_count_out(&s->subjects, subjects_at(&s->subjects, slot->subject), seq);
	slot->offset = 0;
}

/* Is there a block that holds nothing now? */
static bool
drop_range(struct stream *s, uint64_t first, uint64_t last)
{
	struct slot *slot;
	uint64_t from, to;
	bool emptied = false;

	for (uint32_t i = block_find_index(s, first); i < s->block_count; i++) {
		struct block *b = s->blocks[i];

		if (b->first_seq > last)
			break;
		from = b->first_seq > first ? b->first_seq : first;
		to = block_last(b) < last ? block_last(b) : last;
		for (uint64_t seq = from; seq <= to && b->live > 0; seq++) {
			slot = block_slot(b, seq);
			if (slot != NULL)
				drop_slot(s, b, slot, seq);
		}
		emptied |= b->live == 0;
	}
	return (emptied);
}

static void
drop_all(struct stream *s)
{
	subjects_clear(&s->subjects);
	s->messages = s->bytes = 0;
	for (uint32_t i = 0; i < s->block_count; i++) {
		struct block *b = s->blocks[i];

		b->live = 0;
		for (uint32_t k = 0; k < b->count; k++)
			b->slots[k].offset = 0;
	}
}

void
block_forget_empty(struct stream *s)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < s->block_count; i++) {
		struct block *b = s->blocks[i];

		/* One that is being filled takes the next message. */
		if (b->live > 0 || !b->closed) {
			s->blocks[kept++] = b;
			continue;
		}
		if (!b->is_new)
			s->dead_blocks[s->dead_count++] = b->number;
		block_free(s->store, b);
	}
	s->block_count = kept;
}

int
stream_apply_remove(struct stream *s, uint64_t first, uint64_t last)
{
	bool emptied = true;

	if (stream_reserve_remove(s) != 0)
		return (-1);
	if (first <= stream_first(s) && last >= s->last_seq)
		drop_all(s);
	else
		emptied = drop_range(s, first, last);
	seqset_add(&s->removed, first, last);
	if (emptied)
		block_forget_empty(s);
	s->dirty = true;
	return (0);
}

int
stream_apply_advance(struct stream *s, uint64_t last)
{
	if (last <= s->last_seq)
		return (0);
	if (stream_reserve_remove(s) != 0)
		return (-1);
	seqset_add(&s->removed, s->last_seq + 1, last);
	s->last_seq = last;
	s->dirty = true;
	return (0);
}

/* ---- the API ---- */

static enum store_result
no_memory(struct err *err)
{
	err_set(err, "out of memory");
	return (STORE_ERROR);
}

enum store_result
stream_remove_range(struct stream *s, uint64_t first, uint64_t last, struct err *err)
{
	enum store_result result;
	struct wr out;
	uint8_t *p;

	assert(first <= last && last <= s->last_seq);
	if (stream_reserve_remove(s) != 0)
		return (no_memory(err));
	p = store_begin(s, RANGE_BYTES, false, &result, err);
	if (p == NULL)
		return (result);
	out = wr_of(p, RANGE_BYTES);
	wr_u64(&out, first);
	wr_u64(&out, last);
	store_end(s, STORE_J_REMOVE, RANGE_BYTES);
	stream_apply_remove(s, first, last);
	return (STORE_OK);
}

enum store_result
stream_remove(struct stream *s, uint64_t seq, struct err *err)
{
	struct block *b = block_find(s, seq);

	if (b == NULL || block_slot(b, seq) == NULL)
		return (STORE_NONE);
	return (stream_remove_range(s, seq, seq, err));
}

enum store_result
stream_advance(struct stream *s, uint64_t last, struct err *err)
{
	enum store_result result;
	struct wr out;
	uint8_t *p;

	if (last <= s->last_seq)
		return (STORE_OK);
	if (stream_reserve_remove(s) != 0)
		return (no_memory(err));
	p = store_begin(s, 8, false, &result, err);
	if (p == NULL)
		return (result);
	out = wr_of(p, 8);
	wr_u64(&out, last);
	store_end(s, STORE_J_ADVANCE, 8);
	stream_apply_advance(s, last);
	return (STORE_OK);
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
		const struct block *b = s->blocks[i - 1];

		if (b->live < n) {
			n -= b->live;
			continue;
		}
		for (uint64_t seq = block_last(b);; seq--)
			if (block_slot(b, seq) != NULL && --n == 0)
				return (seq);
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
