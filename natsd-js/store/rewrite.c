/*
 * Blocks are written anew: what lives in one, or in neighbours, at other places, in one file of
 * another number.
 */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>

#include "natsd-js/store/store_priv.h"

struct moving {
	struct block *from, *to;
};

/* Numbers behind its last one, up to seq, are dead. */
static int
pass_over(struct block *to, uint64_t seq)
{
	uint64_t numbers = seq - to->first;

	if (seq == to->last + 1)
		return (0);
	if (numbers >= BLOCK_NUMBERS_MAX || block_kill_reserve(to, (uint32_t)numbers, 1) != 0)
		return (-1);
	block_kill_range(to, block_numbers(to), (uint32_t)numbers - 1);
	to->last = seq - 1;
	return (0);
}

static int
move_record(void *arg, const struct record *found, uint32_t offset)
{
	struct moving *m = arg;
	struct block *to = m->to;
	struct record r = *found;
	uint32_t number;
	uint8_t *p;
	size_t n;

	(void)offset;
	if (r.type != RECORD_MESSAGE || r.seq < m->from->first || r.seq > m->from->last)
		return (0);
	if (block_dead(m->from, (uint32_t)(r.seq - m->from->first)) ||
	    (to->last >= to->first && r.seq <= to->last))
		return (0);
	number = (uint32_t)(r.seq - to->first);
	if (pass_over(to, r.seq) != 0 || block_reserve(to, number) != 0)
		return (-1);
	r.link = to->link;
	r.flags = 0; /* it is durable, wherever it came from */
	n = record_length(&r);
	p = buf_room(&to->tail, n);
	if (p == NULL)
		return (-1);
	record_encode(p, record_place(to->stream->uid, RECORD_IN_BLOCK, to->number, to->len), &r);
	offset = to->len;
	to->tail.len += n;
	to->len += (uint32_t)n;
	to->link = (uint32_t)r.check;
	to->stream->store->tail_bytes += n;
	block_put(to, number, offset);
	to->bytes += record_counts(&r);
	to->last_time = r.time;
	if (r.expires != 0)
		block_expires(to, r.expires);
	return (0);
}

static int
move_block(struct moving *m, struct block *b, struct err *err)
{
	enum store_result result = block_know(b, err);

	if (result != STORE_OK)
		return (-1);
	if (extent_on_way(b))
		return (err_set(err, "large records of block %08" PRIx32 " are on their way",
		    b->number));
	m->from = b;
	if (block_scan(b, move_record, m, NULL, err) != STORE_OK)
		return (-1);
	/* Those behind the last one that lives. */
	if (b->last >= b->first && pass_over(m->to, b->last + 1) != 0)
		return (err_set(err, "out of memory"));
	return (0);
}

/* What lived in the block and is not in the one that takes its place. */
static void
report_lost(struct block *b, const struct block *to)
{
	struct stream *s = b->stream;

	for (uint32_t n = block_live_next(b, 0); n != INDEX_NONE; n = block_live_next(b, n + 1)) {
		if (!block_dead(to, (uint32_t)(b->first + n - to->first)))
			continue;
		store_report(s->store, true, "stream %016" PRIx64 ": sequence %" PRIu64 " is lost",
		    s->uid, b->first + n);
		block_lost(b, b->first + n);
	}
}

/* In the place of count blocks from `at` on stands `to`. */
static void
take_place(struct stream *s, uint32_t at, uint32_t count, struct block *to)
{
	for (uint32_t i = at; i < at + count; i++) {
		store_handles_drop(s->store, s->uid, s->blocks[i]->number);
		block_free(s->store, s->blocks[i]);
	}
	s->blocks[at] = to;
	for (uint32_t i = at + count; i < s->block_count; i++)
		s->blocks[i - count + 1] = s->blocks[i];
	s->block_count -= count - 1;
}

int
blocks_rewrite(struct stream *s, uint32_t at, uint32_t count, struct err *err)
{
	struct moving m = { .to = block_alone(s, s->blocks[at]->first) };
	uint32_t gone = s->gone_count, live = 0;
	int result = m.to == NULL ? err_set(err, "out of memory") : 0;
	bool damaged;

	for (uint32_t i = at; i < at + count && result == 0; i++) {
		uint32_t before = m.to->live, had;

		result = move_block(&m, s->blocks[i], err);
		had = s->blocks[i]->live; /* known by now */
		live += had;
		damaged = m.to->live - before < had;
		if (result == 0 && block_has_file(s->blocks[i]) &&
		    stream_gone_add(s, s->blocks[i]->number, damaged) != 0)
			result = err_set(err, "out of memory");
	}
	if (result != 0) {
		s->gone_count = gone;
		if (m.to != NULL)
			block_free(s->store, m.to);
		return (-1);
	}
	for (uint32_t i = at; i < at + count && m.to->live < live; i++)
		report_lost(s->blocks[i], m.to);
	m.to->sealed = s->blocks[at + count - 1]->sealed;
	take_place(s, at, count, m.to);
	return (0);
}

int
block_rewrite(struct block *b, struct err *err)
{
	uint32_t at = 0;

	/* By itself, not by its first sequence: after damage two blocks may claim the same. */
	while (b->stream->blocks[at] != b)
		at++;
	return (blocks_rewrite(b->stream, at, 1, err));
}
