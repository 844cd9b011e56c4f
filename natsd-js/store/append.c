/*
 * Messages go into the journal and, the same bytes, to the tail of the last block.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "common/cursor.h"
#include "natsd-js/store/store_priv.h"

#define PLACE_BYTES 8u /* block and offset, in front of the record */

/* nats-server's record: 22 bytes of head, 8 of checksum, 4 for the length of headers. */
uint64_t
store_message_bytes(const struct store_message *m)
{
	return (30 + m->subject.n + (m->headers.n > 0 ? 4 + m->headers.n : 0) + m->payload.n);
}

/* The block that takes a record of n bytes with this sequence. */
static struct block *
block_for(struct stream *s, uint64_t seq, size_t n)
{
	struct block *b = s->block_count == 0 ? NULL : s->blocks[s->block_count - 1];

	if (b != NULL && !b->closed && seq - block_last(b) - 1 <= BLOCK_GAP_MAX &&
	    (b->live == 0 || b->len + n <= s->store->options.block_bytes) &&
	    b->len + (uint64_t)n <= UINT32_MAX)
		return (b);
	return (block_new(s, seq));
}

/* The record of the message is at p, with its place in the block: everything but the journal. */
static void
take(struct stream *s, struct block *b, struct subject_sum *sum, const struct record *r,
    const uint8_t *p, size_t n)
{
	struct store_message m = { .subject = r->subject, .headers = r->headers,
		.payload = r->payload };
	struct slot slot = { .offset = b->len, .subject = sum->number,
		.bytes = (uint32_t)store_message_bytes(&m) };

	memcpy(b->tail.data + b->tail.len, p, n);
	b->tail.len += n;
	b->len += (uint32_t)n;
	b->link = (uint32_t)r->check;
	block_put(b, r->seq, &slot);
	subjects_count_in(sum, r->seq);
	s->store->tail_bytes += n;
	s->messages++;
	s->bytes += slot.bytes;
	s->last_seq = r->seq;
	s->last_time = r->time;
	s->dirty = true;
}

static enum store_result
prepare(struct stream *s, const struct record *r, size_t n, struct block **b,
    struct subject_sum **sum, struct err *err)
{
	*sum = NULL;
	*b = block_for(s, r->seq, n);
	if (*b == NULL || block_grow(*b, r->seq) != 0 || buf_room(&(*b)->tail, n) == NULL ||
	    (*sum = subjects_get(&s->subjects, r->subject)) == NULL) {
		err_set(err, "out of memory");
		return (STORE_ERROR);
	}
	return (STORE_OK);
}

enum store_result
stream_append(struct stream *s, struct store_message *m, struct err *err)
{
	struct record r = { .type = RECORD_MESSAGE, .seq = s->last_seq + 1,
		.time = m->time < s->last_time ? s->last_time : m->time, .subject = m->subject,
		.headers = m->headers, .payload = m->payload };
	size_t n = record_length(&r);
	struct subject_sum *sum;
	enum store_result result;
	struct block *b;
	struct wr out;
	uint8_t *p;

	if (n == 0 || s->last_seq == UINT64_MAX) {
		err_set(err, n == 0 ? "message too large" : "no sequence is left");
		return (STORE_ERROR);
	}
	result = prepare(s, &r, n, &b, &sum, err);
	if (result != STORE_OK)
		return (result);
	p = store_begin(s, PLACE_BYTES + n, true, &result, err);
	if (p == NULL) {
		subjects_drop_empty(&s->subjects, sum);
		return (result);
	}
	out = wr_of(p, PLACE_BYTES);
	wr_u32(&out, b->number);
	wr_u32(&out, b->len);
	r.link = b->link;
	record_encode(p + PLACE_BYTES,
	    record_place(s->uid, RECORD_IN_BLOCK, b->number, b->len), &r);
	take(s, b, sum, &r, p + PLACE_BYTES, n);
	store_end(s, STORE_J_MESSAGE, PLACE_BYTES + n);
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
	if (p == NULL) {
		subjects_drop_empty(&s->subjects, sum);
		return (err_set(err, "out of memory"));
	}
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
		result = block_read(s, b, seq, &r, err);
	if (result == STORE_NONE && seqset_has(&s->lost, seq)) {
		err_set(err, "the medium lost this sequence");
		return (STORE_DAMAGED);
	}
	if (result == STORE_OK)
		*m = (struct store_message){ .seq = r.seq, .time = r.time, .subject = r.subject,
			.headers = r.headers, .payload = r.payload };
	return (result);
}
