/*
 * Snapshots: what a stream held at one moment, while it goes on.
 *
 * A snapshot pins the blocks of its moment.  One that goes is kept as a ghost, in no list of the
 * stream, its file too; of one from which something is removed the bits of what was dead are copied
 * first.  Both end when the snapshot has passed the block.
 */
#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/cursor.h"
#include "natsd-js/store/snapshot.h"
#include "natsd-js/store/snapshot_priv.h"

enum step { STEP_HEAD, STEP_SMALL, STEP_MARKS, STEP_IDS, STEP_MESSAGES, STEP_END, STEP_DONE };

struct pinned {
	struct block *block; /* NULL: passed */
	uint64_t first, last; /* of the moment */
	uint64_t *dead; /* of the moment; NULL: those of the block still are */
};

struct snapshot {
	struct snapshot *next;
	struct stream *stream; /* NULL: it is gone */
	uint64_t id;
	struct snapshot_info info;
	enum step step;
	struct pinned *blocks;
	uint32_t block_count, block_at;
	struct small *smalls;
	uint32_t small_count, small_at;
	struct mark *marks;
	uint32_t mark_count, mark_at;
	struct id_list ids;
	uint32_t id_at;
	uint64_t seq; /* the next one to be said */
	uint64_t messages, bytes, lost, records; /* said so far */
	uint64_t offset;
	uint32_t link;
	struct buf part; /* a record that did not fit */
	size_t part_at;
	uint8_t *out; /* of the caller, while it reads */
	size_t room;
};

/* ---- blocks that stay ---- */

/* Its file goes when nobody holds it; it was among the last that were said to go. */
static void
hold_file(struct stream *s, uint32_t number, bool held)
{
	for (uint32_t i = s->gone_count; i > 0; i--)
		if (s->gone[i - 1].number == number) {
			s->gone[i - 1].held = held;
			return;
		}
}

bool
snapshot_keeps(struct block *b)
{
	struct stream *s = b->stream;

	if (b->pins == 0)
		return (false);
	if (!b->ghost) {
		b->ghost = true;
		b->next_ghost = s->ghosts;
		s->ghosts = b;
		s->store->tail_bytes -= b->tail.len + b->kept.len;
		hold_file(s, b->number, true);
	}
	return (true);
}

struct block *
snapshot_ghost(const struct stream *s, uint32_t number)
{
	struct block *b = s->ghosts;

	while (b != NULL && b->number != number)
		b = b->next_ghost;
	return (b);
}

static void
unpin(struct snapshot *x, struct pinned *p)
{
	struct stream *s = x->stream;
	struct block *b = p->block, **at;

	if (b == NULL)
		return;
	p->block = NULL;
	b->pins--;
	b->copies -= p->dead != NULL;
	free(p->dead);
	p->dead = NULL;
	if (!b->ghost || b->pins > 0)
		return;
	for (at = &s->ghosts; *at != b; at = &(*at)->next_ghost)
		;
	*at = b->next_ghost;
	hold_file(s, b->number, false);
	block_free(s->store, b);
	stream_touch(s); /* its file goes with the next checkpoint */
}

/* Of a snapshot: where it has the block; NULL: it has not, or has passed it. */
static struct pinned *
pinned_find(struct snapshot *x, const struct block *b)
{
	uint32_t low = x->block_at, high = x->block_count, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (x->blocks[mid].first < b->first)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < x->block_count && x->blocks[low].first == b->first; low++)
		if (x->blocks[low].block == b)
			return (&x->blocks[low]);
	return (NULL);
}

static uint32_t
pinned_words(const struct pinned *p)
{
	return ((uint32_t)((p->last - p->first) / 64 + 1));
}

static int
dead_copy(struct pinned *p)
{
	struct block *b = p->block;
	uint32_t words = pinned_words(p);

	p->dead = calloc(words, sizeof(*p->dead));
	if (p->dead == NULL)
		return (-1);
	if (b->dead != NULL)
		memcpy(p->dead, b->dead,
		    (words < b->dead_words ? words : b->dead_words) * sizeof(*p->dead));
	b->copies++;
	return (0);
}

int
snapshot_before_kill(struct block *b)
{
	struct pinned *p;

	if (b->copies == b->pins || !b->known)
		return (0);
	for (struct snapshot *x = b->stream->snapshots; x != NULL; x = x->next) {
		p = pinned_find(x, b);
		if (p != NULL && p->dead == NULL && dead_copy(p) != 0)
			return (-1);
	}
	return (0);
}

void
snapshot_erased(struct block *b, uint64_t seq)
{
	struct pinned *p;

	for (struct snapshot *x = b->stream->snapshots; x != NULL; x = x->next) {
		p = pinned_find(x, b);
		if (p != NULL && p->dead != NULL && seq >= p->first && seq <= p->last)
			p->dead[(seq - p->first) / 64] |= UINT64_C(1) << (seq - p->first) % 64;
	}
}

void
snapshots_end(struct stream *s)
{
	struct snapshot *x;

	while ((x = s->snapshots) != NULL) {
		s->snapshots = x->next;
		for (uint32_t i = 0; i < x->block_count; i++)
			unpin(x, &x->blocks[i]);
		x->stream = NULL;
	}
}

/* ---- its beginning and end ---- */

static int
pin_blocks(struct snapshot *x, struct stream *s)
{
	x->blocks = calloc((size_t)s->block_count + 1, sizeof(*x->blocks));
	if (x->blocks == NULL)
		return (-1);
	for (uint32_t i = 0; i < s->block_count; i++) {
		struct block *b = s->blocks[i];

		if (b->live == 0)
			continue;
		b->pins++;
		x->blocks[x->block_count++] = (struct pinned){ .block = b, .first = b->first,
			.last = b->last };
	}
	return (0);
}

static int
hold_state(struct snapshot *x, struct stream *s)
{
	x->smalls = calloc((size_t)s->small_count + 1, sizeof(*x->smalls));
	x->marks = calloc((size_t)s->mark_count + 1, sizeof(*x->marks));
	if (x->smalls == NULL || x->marks == NULL)
		return (-1);
	for (uint32_t i = 0; i < s->small_count; i++)
		if (!s->smalls[i].gone)
			x->smalls[x->small_count++] = small_hold(&s->smalls[i]);
	for (uint32_t i = 0; i < s->mark_count; i++)
		x->marks[x->mark_count++] = s->marks[i];
	return (0);
}

enum store_result
snapshot_begin(struct stream *s, struct snapshot **snapshot, struct err *err)
{
	enum store_result result;
	struct snapshot *x;

	if (s->offline) {
		err_set(err, "%s", s->fence);
		return (STORE_ERROR);
	}
	x = calloc(1, sizeof(*x));
	if (x == NULL)
		return (store_no_memory(err));
	x->part = BUF_INIT(2 * (size_t)RECORD_MAX);
	x->info = (struct snapshot_info){ .messages = s->messages, .bytes = s->bytes,
		.last_seq = s->last_seq, .last_time = s->last_time };
	x->seq = 1;
	while (x->id == 0)
		if (getrandom(&x->id, sizeof(x->id), 0) != sizeof(x->id))
			x->id = 0;
	result = s->ids == NULL ? STORE_OK : stream_ids_know(s, err);
	if (result != STORE_OK) {
		snapshot_end(x);
		return (result);
	}
	if ((s->ids != NULL && ids_list(s->ids, &x->ids) != 0) || hold_state(x, s) != 0 ||
	    pin_blocks(x, s) != 0) {
		snapshot_end(x);
		return (store_no_memory(err));
	}
	x->stream = s;
	x->next = s->snapshots;
	s->snapshots = x;
	*snapshot = x;
	return (STORE_OK);
}

void
snapshot_info(const struct snapshot *x, struct snapshot_info *info)
{
	*info = x->info;
}

void
snapshot_end(struct snapshot *x)
{
	struct snapshot **at;

	if (x == NULL)
		return;
	if (x->stream != NULL) {
		for (uint32_t i = 0; i < x->block_count; i++)
			unpin(x, &x->blocks[i]);
		for (at = &x->stream->snapshots; *at != x; at = &(*at)->next)
			;
		*at = x->next;
	}
	for (; x->small_at < x->small_count; x->small_at++)
		small_drop(&x->smalls[x->small_at]);
	free(x->blocks);
	free(x->smalls);
	free(x->marks);
	free(x->ids.list);
	buf_free(&x->part);
	free(x);
}

/* ---- its records ---- */

/* To the caller's bytes when it fits there. */
static enum store_result
put(struct snapshot *x, struct record *r, struct err *err)
{
	size_t n = record_length(r);
	uint8_t *p = n <= x->room ? x->out : buf_room(&x->part, n);

	if (n == 0 || p == NULL)
		return (store_no_memory(err));
	r->link = x->link;
	record_encode(p, snapshot_place(x->id, x->offset), r);
	x->link = (uint32_t)r->check;
	x->offset += n;
	x->records++;
	if (p == x->out) {
		x->out += n;
		x->room -= n;
	} else {
		x->part.len = n;
	}
	return (STORE_OK);
}

static struct str
payload_of(const uint8_t *p, size_t n)
{
	return ((struct str){ .p = (const char *)p, .n = n });
}

static enum store_result
put_head(struct snapshot *x, struct err *err)
{
	struct stream *s = x->stream;
	uint8_t payload[SNAPSHOT_HEAD_PAYLOAD];
	struct wr out = wr_of(payload, sizeof(payload));
	struct record r = { .type = RECORD_IDENTITY, .flags = SNAPSHOT_VERSION, .seq = x->id,
		.time = s->created, .subject = s->account, .headers = s->name,
		.payload = payload_of(payload, sizeof(payload)) };

	wr_u64(&out, x->info.last_seq);
	wr_u64(&out, (uint64_t)x->info.last_time);
	wr_u64(&out, x->info.messages);
	wr_u64(&out, x->info.bytes);
	return (put(x, &r, err));
}

static enum store_result
put_small(struct snapshot *x, struct err *err)
{
	struct small *m = &x->smalls[x->small_at];
	struct record r = { .type = RECORD_SMALL, .subject = m->key, .payload = m->value };
	enum store_result result = put(x, &r, err);

	if (result != STORE_OK)
		return (result);
	small_drop(m);
	x->small_at++;
	return (STORE_OK);
}

static enum store_result
put_mark(struct snapshot *x, struct err *err)
{
	const struct mark *m = &x->marks[x->mark_at];
	uint8_t life[8];
	struct wr out = wr_of(life, sizeof(life));
	struct record r = { .type = RECORD_MARK, .seq = m->ring, .time = (int64_t)m->at,
		.payload = payload_of(life, sizeof(life)) };
	enum store_result result;

	wr_u64(&out, m->life);
	result = put(x, &r, err);
	x->mark_at += result == STORE_OK;
	return (result);
}

static enum store_result
put_ids(struct snapshot *x, struct err *err)
{
	uint8_t payload[SNAPSHOT_IDS * IDS_ENTRY_BYTES];
	struct wr out = wr_of(payload, sizeof(payload));
	struct record r = { .type = RECORD_IDS };
	uint32_t at = x->id_at;
	enum store_result result;

	for (; at < x->ids.count && r.seq < SNAPSHOT_IDS; at++, r.seq++)
		ids_entry_put(&out, &x->ids.list[at]);
	r.payload = payload_of(payload, wr_len(&out));
	result = put(x, &r, err);
	x->id_at = result == STORE_OK ? at : x->id_at;
	return (result);
}

static enum store_result
put_range(struct snapshot *x, uint64_t last, bool lost, struct err *err)
{
	struct record r = { .type = RECORD_REMOVED, .flags = lost ? SNAPSHOT_LOST : 0,
		.seq = x->seq, .time = (int64_t)last };
	enum store_result result = put(x, &r, err);

	if (result != STORE_OK)
		return (result);
	x->lost += lost ? last - x->seq + 1 : 0;
	x->seq = last + 1;
	return (STORE_OK);
}

/* From the next sequence on nothing is there up to `last`: as far as it is all lost, or all removed. */
static enum store_result
put_gap(struct snapshot *x, uint64_t last, struct err *err)
{
	const struct seqset *lost = &x->stream->lost;

	for (size_t i = 0; i < lost->count; i++) {
		const struct seqrange *range = &lost->ranges[i];

		if (range->last < x->seq)
			continue;
		if (range->first <= x->seq)
			return (put_range(x, range->last < last ? range->last : last, true, err));
		if (range->first <= last)
			last = range->first - 1;
		break;
	}
	return (put_range(x, last, false, err));
}

static enum store_result
put_message(struct snapshot *x, struct block *b, struct err *err)
{
	struct record r;
	enum store_result result = block_read(b, x->seq, &r, err);

	if (result == STORE_DAMAGED)
		return (put_range(x, x->seq, true, err));
	if (result != STORE_OK)
		return (result);
	r.flags = 0; /* where it came from does not matter */
	result = put(x, &r, err);
	if (result != STORE_OK)
		return (result);
	x->seq++;
	x->messages++;
	x->bytes += record_counts(&r);
	return (STORE_OK);
}

/* The next sequence of the block that was there at the moment; 0: none. */
static uint64_t
pinned_next(const struct snapshot *x, const struct pinned *p)
{
	struct block view = { .first = p->first, .last = p->last, .dead = p->block->dead,
		.dead_words = p->block->dead_words };
	uint32_t number;

	if (p->dead != NULL) {
		view.dead = p->dead;
		view.dead_words = pinned_words(p);
	}
	if (x->seq > p->last)
		return (0);
	number = block_live_next(&view, x->seq > p->first ? (uint32_t)(x->seq - p->first) : 0);
	return (number == INDEX_NONE ? 0 : p->first + number);
}

static enum store_result
put_next(struct snapshot *x, struct err *err)
{
	for (; x->block_at < x->block_count; x->block_at++) {
		struct pinned *p = &x->blocks[x->block_at];
		enum store_result result = block_know(p->block, err);
		uint64_t seq = result != STORE_OK ? 0 : pinned_next(x, p);

		if (result != STORE_OK)
			return (result);
		if (seq > x->seq)
			return (put_gap(x, seq - 1, err));
		if (seq != 0)
			return (put_message(x, p->block, err));
		unpin(x, p);
	}
	return (put_gap(x, x->info.last_seq, err));
}

static enum store_result
put_end(struct snapshot *x, struct err *err)
{
	uint8_t payload[SNAPSHOT_END_PAYLOAD];
	struct wr out = wr_of(payload, sizeof(payload));
	struct record r = { .type = RECORD_POINT, .seq = x->info.last_seq,
		.time = x->info.last_time, .payload = payload_of(payload, sizeof(payload)) };

	for (; x->block_at < x->block_count; x->block_at++)
		unpin(x, &x->blocks[x->block_at]);
	wr_u64(&out, x->messages);
	wr_u64(&out, x->bytes);
	wr_u64(&out, x->lost);
	wr_u64(&out, x->records);
	return (put(x, &r, err));
}

static bool
step_is_over(const struct snapshot *x)
{
	switch (x->step) {
	case STEP_SMALL:
		return (x->small_at == x->small_count);
	case STEP_MARKS:
		return (x->mark_at == x->mark_count);
	case STEP_IDS:
		return (x->id_at == x->ids.count);
	case STEP_MESSAGES:
		return (x->seq > x->info.last_seq);
	case STEP_HEAD:
	case STEP_END:
		return (false); /* one record each */
	case STEP_DONE:
		break;
	}
	return (false);
}

static enum store_result
step_put(struct snapshot *x, struct err *err)
{
	enum store_result result;

	switch (x->step) {
	case STEP_SMALL:
		return (put_small(x, err));
	case STEP_MARKS:
		return (put_mark(x, err));
	case STEP_IDS:
		return (put_ids(x, err));
	case STEP_MESSAGES:
		return (put_next(x, err));
	case STEP_HEAD:
	case STEP_END:
		result = x->step == STEP_HEAD ? put_head(x, err) : put_end(x, err);
		x->step += result == STORE_OK;
		return (result);
	case STEP_DONE:
		break;
	}
	return (STORE_OK);
}

static void
part_take(struct snapshot *x)
{
	size_t n = x->part.len - x->part_at;

	n = n < x->room ? n : x->room;
	memcpy(x->out, x->part.data + x->part_at, n);
	x->out += n;
	x->room -= n;
	x->part_at += n;
	if (x->part_at == x->part.len)
		x->part.len = x->part_at = 0;
}

enum store_result
snapshot_read(struct snapshot *x, void *buf, size_t room, size_t *n, struct err *err)
{
	enum store_result result = STORE_OK;

	assert(room > 0);
	x->out = buf;
	x->room = room;
	*n = 0;
	if (x->stream == NULL) {
		err_set(err, "the stream was deleted, or its store closed");
		return (STORE_NONE);
	}
	while (x->room > 0 && result == STORE_OK) {
		if (x->part.len > 0) {
			part_take(x);
			continue;
		}
		while (step_is_over(x))
			x->step++;
		if (x->step == STEP_DONE)
			break;
		result = step_put(x, err);
	}
	*n = room - x->room;
	/* What went wrong behind what is given out is said the next time. */
	return (*n > 0 ? STORE_OK : result);
}
