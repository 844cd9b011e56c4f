/*
 * Messages go into the journal and, the same bytes, to the tail of the last block.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "common/cursor.h"
#include "natsd-js/store/store_priv.h"

#define SUMS_DIRTY 2048u
#define SUMS_DIRTY_MAX 6144u
#define PLACE_BYTES 8u /* block and offset, in front of the record */

/* nats-server's record: 22 bytes of head, 8 of checksum, 4 for the length of headers. */
uint64_t
store_message_bytes(const struct store_message *m)
{
	return (30 + m->subject.n + (m->headers.n > 0 ? 4 + m->headers.n : 0) + m->payload.n);
}

uint64_t
record_counts(const struct record *r)
{
	struct store_message m = { .subject = r->subject, .headers = r->headers,
		.payload = r->payload };

	return (store_message_bytes(&m));
}

/* The sequences that are dead between the last one of the block and seq; -1: no memory. */
static int
gap_kill(struct block *b, uint64_t seq)
{
	uint32_t from = block_numbers(b), to = (uint32_t)(seq - b->first);

	if (from == to)
		return (0);
	if (block_kill_reserve(b, to, 1) != 0)
		return (-1);
	for (uint32_t i = from; i < to; i++)
		block_kill(b, i, false);
	seqset_add(&b->fresh, from, to - 1);
	b->last = seq - 1;
	return (0);
}

/*
 * The block that takes a record of n bytes with this sequence, the one behind the stream's last.
 * Sequences that were passed over are in `removed` of the stream while no block spans them.
 */
static struct block *
block_for(struct stream *s, uint64_t seq, size_t n)
{
	struct block *b = s->block_count == 0 ? NULL : s->blocks[s->block_count - 1];

	if (b != NULL && !b->sealed && !b->broken && block_know(b, NULL) == STORE_OK &&
	    (b->live == 0 || b->len + n <= s->store->options.block_bytes) &&
	    b->len + (uint64_t)n + 4096 <= UINT32_MAX && seq - b->last - 1 <= BLOCK_GAP_MAX &&
	    seq - b->first < BLOCK_NUMBERS_MAX / 2)
		return (b);
	return (block_new(s, seq));
}

/* Everything but the journal; the record of the message is at p, with its place in the block. */
static void
take(struct stream *s, struct block *b, struct subject_sum *sum, const struct record *r,
    const uint8_t *p, size_t n)
{
	uint32_t number = (uint32_t)(r->seq - b->first), offset = b->len;
	uint64_t bytes = record_counts(r);

	block_write(b, p, n, (uint32_t)r->check);
	block_put(b, number, offset);
	b->bytes += bytes;
	b->last_time = r->time;
	if (r->expires != 0)
		block_expires(b, r->expires);
	if (s->messages == 0 && s->max_age > 0)
		stream_expires(s, r->time + s->max_age);
	if (b->index != NULL && index_add(b->index, number, offset, r->subject) != 0)
		block_index_drop(b);
	if (sum != NULL)
		subjects_count_in(&s->subjects, sum, r->seq);
	if (sum != NULL && sum->count == 1 && s->filters != NULL)
		stream_filters_see(s, r->subject);
	s->messages++;
	s->bytes += bytes;
	s->last_seq = r->seq;
	s->last_time = r->time;
}

static enum store_result
prepare(struct stream *s, const struct record *r, size_t n, struct block **b,
    struct subject_sum **sum, struct err *err)
{
	*sum = NULL;
	*b = block_for(s, r->seq, n);
	if (*b == NULL || block_reserve(*b, (uint32_t)(r->seq - (*b)->first)) != 0 ||
	    block_room_write(*b, n) != 0 || gap_kill(*b, r->seq) != 0)
		return (store_no_memory(err));
	if (!s->sums_skip && (*sum = stream_sum_get(s, r->subject)) == NULL)
		return (store_no_memory(err));
	return (STORE_OK);
}

bool
stream_sums_wait(struct stream *s)
{
	if (s->store->sums == NULL || s->subjects.dirty < SUMS_DIRTY)
		return (false);
	s->store->sums_full = true;
	return (s->subjects.dirty >= SUMS_DIRTY_MAX);
}

enum store_result
stream_append(struct stream *s, struct store_message *m, struct err *err)
{
	struct record r = { .type = RECORD_MESSAGE, .seq = s->last_seq + 1,
		.time = m->time < s->last_time ? s->last_time : m->time, .subject = m->subject,
		.expires = m->expires, .headers = m->headers, .payload = m->payload };
	size_t n = record_length(&r);
	bool id = stream_ids_wanted(s, m->id);
	struct subject_sum *sum;
	enum store_result result;
	struct block *b;
	struct wr out;
	uint8_t *p;

	if (n == 0 || s->last_seq == UINT64_MAX) {
		err_set(err, n == 0 ? "message too large" : "no sequence is left");
		return (STORE_ERROR);
	}
	if (stream_sums_wait(s)) {
		err_set(err, "the index waits for a checkpoint");
		return (STORE_BUSY);
	}
	/* First the journal: what it refuses must not leave a trace. */
	p = store_begin(s, PLACE_BYTES + n + (id ? STREAM_IDS_ROOM : 0), true, &result, err);
	if (p == NULL)
		return (result);
	if (id && stream_ids_prepare(s) != 0)
		return (store_no_memory(err));
	result = prepare(s, &r, n, &b, &sum, err);
	if (result != STORE_OK)
		return (result);
	out = wr_of(p, PLACE_BYTES);
	wr_u32(&out, b->number);
	wr_u32(&out, b->len);
	r.link = b->link;
	record_encode(p + PLACE_BYTES,
	    record_place(s->uid, RECORD_IN_BLOCK, b->number, b->len), &r);
	take(s, b, sum, &r, p + PLACE_BYTES, n);
	store_end(s, STORE_J_MESSAGE, PLACE_BYTES + n);
	if (id)
		stream_ids_put(s, m->id, r.seq, r.time);
	m->seq = r.seq;
	m->time = r.time;
	return (STORE_OK);
}

int
stream_apply_message(struct stream *s, const struct record *found, struct err *err)
{
	struct record r = *found;
	size_t n = record_length(&r);
	struct subject_sum *sum;
	struct block *b;
	uint8_t *p;

	if (prepare(s, &r, n, &b, &sum, err) != STORE_OK)
		return (-1);
	p = buf_room(&s->store->scratch, n);
	if (p == NULL)
		return (err_set(err, "out of memory"));
	r.link = b->link;
	record_encode(p, record_place(s->uid, RECORD_IN_BLOCK, b->number, b->len), &r);
	take(s, b, sum, &r, p, n);
	return (0);
}

enum store_result
stream_load(struct stream *s, uint64_t seq, struct store_message *m, struct err *err)
{
	struct block *b = block_find(s, seq);
	enum store_result result = STORE_NONE;
	struct record r;

	if (b != NULL)
		result = block_know(b, err);
	if (b != NULL && result == STORE_OK && block_dead(b, (uint32_t)(seq - b->first)))
		result = STORE_NONE;
	else if (b != NULL && result == STORE_OK)
		result = block_read(b, seq, &r, err);
	if (result == STORE_NONE && seqset_has(&s->lost, seq)) {
		err_set(err, "the medium lost this sequence");
		return (STORE_DAMAGED);
	}
	if (result == STORE_OK)
		*m = (struct store_message){ .seq = r.seq, .time = r.time,
			.expires = r.expires, .subject = r.subject, .headers = r.headers, .payload = r.payload };
	return (result);
}
