/*
 * Messages go into the journal and, the same bytes, to the tail of the last block; of a large one
 * only the head goes into the journal, and its bytes to the file (large.h).
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
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

/* A large record goes to the file of the block at once: not to one that a job is about to make.  (A
 * block whose file is coded takes none either: there it is a file of its own.) */
static bool
takes_large(const struct block *b)
{
	return (!b->is_new || b->flight == NULL);
}

/*
 * The block that takes a record of n bytes with this sequence, the one behind the stream's last.
 * Sequences that were passed over are in `removed` of the stream while no block spans them.
 */
static struct block *
block_for(struct stream *s, uint64_t seq, size_t n, bool large)
{
	struct block *b = s->block_count == 0 ? NULL : s->blocks[s->block_count - 1];

	if (b != NULL && large && !takes_large(b))
		return (block_new(s, seq));
	if (b != NULL && !b->sealed && !b->broken && block_know(b, NULL) == STORE_OK &&
	    (b->live == 0 || b->len + n <= s->store->options.block_bytes) &&
	    b->len + (uint64_t)n + 4096 <= UINT32_MAX && seq - b->last - 1 <= BLOCK_GAP_MAX &&
	    seq - b->first < BLOCK_NUMBERS_MAX / 2)
		return (b);
	return (block_new(s, seq));
}

/* Everything but the journal and the bytes, which are at that offset of the block. */
static void
take(struct stream *s, struct block *b, struct subject_sum *sum, const struct record *r,
    uint32_t offset)
{
	uint32_t number = (uint32_t)(r->seq - b->first);
	uint64_t bytes = record_counts(r);

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
prepare(struct stream *s, const struct record *r, size_t n, bool large, struct block **b,
    struct subject_sum **sum, struct err *err)
{
	*sum = NULL;
	*b = block_for(s, r->seq, n, large);
	if (*b == NULL || block_reserve(*b, (uint32_t)(r->seq - (*b)->first)) != 0 ||
	    (large ? extent_reserve(*b) : block_room_write(*b, n)) != 0 ||
	    gap_kill(*b, r->seq) != 0)
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

/* The journal's part of it: the place, and the fixed part. */
static void
large_head_put(uint8_t *p, const struct large *l)
{
	struct wr out = wr_of(p, LARGE_PAYLOAD);

	wr_u32(&out, l->number);
	wr_u32(&out, l->at);
	wr_bytes(&out, l->data, RECORD_HEAD);
}

static enum store_result
append_large(struct stream *s, struct record *r, size_t n, bool id, struct err *err)
{
	struct subject_sum *sum;
	enum store_result result;
	struct block *b;
	struct large *l;
	uint8_t *p;

	if (large_waits(s->store, n)) {
		err_set(err, "large records are on their way");
		return (STORE_BUSY);
	}
	p = store_begin(s, LARGE_PAYLOAD + (id ? STREAM_IDS_ROOM : 0), true, &result, err);
	if (p == NULL)
		return (result);
	l = large_new((uint32_t)n);
	result = l == NULL ? store_no_memory(err) : prepare(s, r, n, true, &b, &sum, err);
	/* It may turn out that it cannot be written. */
	if (result == STORE_OK && block_kill_reserve(b, (uint32_t)(r->seq - b->first), 1) != 0)
		result = store_no_memory(err);
	if (result != STORE_OK) {
		large_free(l);
		return (result);
	}
	l->uid = s->uid;
	l->seq = r->seq;
	l->number = b->number;
	l->at = b->len;
	l->is_new = b->is_new;
	r->link = b->link;
	r->flags = RECORD_EARLY;
	record_encode(l->data, record_place(s->uid, RECORD_IN_BLOCK, b->number, b->len), r);
	large_head_put(p, l);
	b->is_new = false; /* the job that comes finds it */
	b->link = (uint32_t)r->check;
	extent_add(b, l);
	take(s, b, sum, r, l->at);
	large_send(s->store, l, s->uid);
	stream_touch(s);
	return (STORE_OK);
}

/* A new stream has nowhere to put it yet. */
static enum store_result
wait_for_folder(struct stream *s, struct err *err)
{
	if (s->has_folder) {
		err_set(err, "message too large for the journal");
		return (STORE_ERROR);
	}
	s->store->cut_wanted = true;
	stream_touch(s);
	err_set(err, "the stream waits for its first checkpoint");
	return (STORE_BUSY);
}

static enum store_result
append_whole(struct stream *s, struct record *r, size_t n, bool id, struct err *err)
{
	struct subject_sum *sum;
	enum store_result result;
	struct block *b;
	uint32_t offset;
	struct wr out;
	uint8_t *p;

	/* First the journal: what it refuses must not leave a trace. */
	p = store_begin(s, PLACE_BYTES + n + (id ? STREAM_IDS_ROOM : 0), true, &result, err);
	if (p == NULL)
		return (result);
	result = prepare(s, r, n, false, &b, &sum, err);
	if (result != STORE_OK)
		return (result);
	offset = b->len;
	out = wr_of(p, PLACE_BYTES);
	wr_u32(&out, b->number);
	wr_u32(&out, offset);
	r->link = b->link;
	record_encode(p + PLACE_BYTES, record_place(s->uid, RECORD_IN_BLOCK, b->number, offset), r);
	block_write(b, p + PLACE_BYTES, n, (uint32_t)r->check);
	take(s, b, sum, r, offset);
	store_end(s, STORE_J_MESSAGE, PLACE_BYTES + n);
	return (STORE_OK);
}

enum store_result
stream_append(struct stream *s, struct store_message *m, struct err *err)
{
	struct record r = { .type = RECORD_MESSAGE, .seq = s->last_seq + 1,
		.time = m->time < s->last_time ? s->last_time : m->time, .subject = m->subject,
		.expires = m->expires, .headers = m->headers, .payload = m->payload };
	size_t n = record_length(&r);
	bool id = stream_ids_wanted(s, m->id);
	enum store_result result;

	if (n == 0 || s->last_seq == UINT64_MAX) {
		err_set(err, n == 0 ? "message too large" : "no sequence is left");
		return (STORE_ERROR);
	}
	if (stream_sums_wait(s)) {
		err_set(err, "the index waits for a checkpoint");
		return (STORE_BUSY);
	}
	if (id && stream_ids_prepare(s) != 0)
		return (store_no_memory(err));
	if (n > s->store->options.large_bytes && s->has_folder)
		result = append_large(s, &r, n, id, err);
	else if (n > s->store->options.journal.segment_bytes / 2)
		result = wait_for_folder(s, err);
	else
		result = append_whole(s, &r, n, id, err);
	if (result != STORE_OK)
		return (result);
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
	uint32_t offset;
	uint8_t *p;

	if (prepare(s, &r, n, false, &b, &sum, err) != STORE_OK)
		return (-1);
	p = buf_room(&s->store->scratch, n);
	if (p == NULL)
		return (err_set(err, "out of memory"));
	offset = b->len;
	r.link = b->link;
	r.flags = 0;
	record_encode(p, record_place(s->uid, RECORD_IN_BLOCK, b->number, offset), &r);
	block_write(b, p, n, (uint32_t)r.check);
	take(s, b, sum, &r, offset);
	return (0);
}

/* What cannot be read any more counts as lost from then on. */
static enum store_result
read_live(struct block *b, uint64_t seq, struct record *r, struct err *err)
{
	enum store_result result = block_read(b, seq, r, err);

	if (result != STORE_DAMAGED)
		return (result);
	store_report(b->stream->store, true, "stream %016" PRIx64 ": sequence %" PRIu64 " is lost",
	    b->stream->uid, seq);
	block_lost(b, seq);
	return (result);
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
		result = read_live(b, seq, &r, err);
	if (result == STORE_NONE && seqset_has(&s->lost, seq)) {
		err_set(err, "the medium lost this sequence");
		return (STORE_DAMAGED);
	}
	if (result == STORE_OK)
		*m = (struct store_message){ .seq = r.seq, .time = r.time,
			.expires = r.expires, .subject = r.subject, .headers = r.headers, .payload = r.payload };
	return (result);
}
