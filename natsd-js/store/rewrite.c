/*
 * A block is written anew: what lives in it, at other places, in a file of another number.
 */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>

#include "natsd-js/store/store_priv.h"

struct moving {
	struct block *from, *to;
};

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
	number = (uint32_t)(r.seq - m->from->first);
	if (block_dead(m->from, number) || (to->last >= to->first && r.seq <= to->last))
		return (0);
	if (block_kill_reserve(to, number, 1) != 0 || block_reserve(to, number) != 0)
		return (-1);
	for (uint32_t i = block_numbers(to); i < number; i++)
		block_kill(to, i, true);
	to->last = r.seq - 1;
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

/* Those behind the last one that lives. */
static int
end_kill(struct block *to, const struct block *from)
{
	uint32_t numbers = block_numbers(from);

	if (numbers == 0 || block_numbers(to) == numbers)
		return (0);
	if (block_kill_reserve(to, numbers - 1, 1) != 0)
		return (-1);
	for (uint32_t i = block_numbers(to); i < numbers; i++)
		block_kill(to, i, true);
	to->last = from->last;
	return (0);
}

int
block_rewrite(struct block *b, struct err *err)
{
	struct stream *s = b->stream;
	struct moving m = { .from = b };
	uint32_t at = 0, live = b->live;
	enum store_result result = block_know(b, err);

	if (result != STORE_OK)
		return (-1);
	if (extent_on_way(b))
		return (err_set(err, "large records of block %08" PRIx32 " are on their way",
		    b->number));
	/* By itself, not by its first sequence: after damage two blocks may claim the same. */
	while (s->blocks[at] != b)
		at++;
	m.to = block_alone(s, b->first);
	if (m.to == NULL)
		return (err_set(err, "out of memory"));
	result = block_scan(b, move_record, &m, NULL, err);
	if (result == STORE_OK && end_kill(m.to, b) != 0)
		result = store_no_memory(err);
	if (result == STORE_OK && block_has_file(b) &&
	    stream_gone_add(s, b->number, m.to->live < live) != 0)
		result = store_no_memory(err);
	if (result != STORE_OK) {
		block_free(s->store, m.to);
		return (-1);
	}
	for (uint32_t n = 0; m.to->live < live && n < block_numbers(b); n++)
		if (!block_dead(b, n) && block_dead(m.to, n)) {
			store_report(s->store, true, "stream %016" PRIx64 ": sequence %" PRIu64
			    " is lost", s->uid, b->first + n);
			block_lost(b, b->first + n);
		}
	m.to->sealed = b->sealed;
	s->blocks[at] = m.to;
	store_handles_drop(s->store, s->uid, b->number);
	block_free(s->store, b);
	return (0);
}
