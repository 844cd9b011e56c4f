/*
 * The state file of a stream (FORMAT, section 4).
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "common/cursor.h"
#include "common/log.h"
#include "natsd-js/store/store_priv.h"

#define STATE_MAX ((size_t)1 << 30)
#define STATE_VERSION 1u
#define STATE_SLACK (64u << 10) /* what may be dead in a small one */
#define COPIES 2u /* nothing else knows what is removed, and which sequence was the last */
#define ENTRY_BYTES 47u
#define ENTRY_PAIRS 32u
#define POINT_BYTES 24u

_Static_assert(COPIES == JOB_POINTS, "each copy ends with a point");

struct state_out {
	struct stream *stream;
	struct buf *buf;
	uint64_t base; /* where buf goes in the file */
	uint32_t records, link;
	bool whole;
	int failed;
};

static void
put(struct state_out *o, struct record *r)
{
	size_t n = record_length(r);
	uint8_t *p = n == 0 || o->failed != 0 ? NULL : buf_room(o->buf, n);

	if (p == NULL) {
		o->failed = -1;
		return;
	}
	r->link = o->link;
	record_encode(p, record_place(o->stream->uid, RECORD_IN_STATE, 0, o->base + o->buf->len),
	    r);
	o->buf->len += n;
	o->link = (uint32_t)r->check;
	o->records++;
}

static void
put_ranges(struct state_out *o, const struct seqset *set)
{
	for (size_t i = 0; i < set->count; i++)
		put(o, &(struct record){ .type = RECORD_REMOVED, .seq = set->ranges[i].first,
			.time = (int64_t)set->ranges[i].last });
}

static void
put_smalls(struct state_out *o)
{
	struct stream *s = o->stream;

	for (uint32_t i = 0; i < s->small_count; i++) {
		const struct small *m = &s->smalls[i];

		if (o->whole ? m->gone : !m->changed)
			continue;
		put(o, &(struct record){ .type = RECORD_SMALL, .subject = m->key,
			.payload = m->gone ? STR_NONE : m->value });
	}
}

static void
put_marks(struct state_out *o)
{
	struct stream *s = o->stream;
	uint8_t life[8];
	struct wr out;

	for (uint32_t i = 0; i < s->mark_count; i++) {
		out = wr_of(life, sizeof(life));
		wr_u64(&out, s->marks[i].life);
		put(o, &(struct record){ .type = RECORD_MARK, .seq = s->marks[i].ring,
			.time = (int64_t)s->marks[i].at,
			.payload = { .p = (const char *)life, .n = sizeof(life) } });
	}
}

/* What is dead in the block, if that is not much: for the case that its file is gone. */
static void
put_pairs(struct wr *out, const struct block *b)
{
	uint32_t numbers = b->known ? block_numbers(b) : 0, first, n, pairs = 0;
	struct wr all = *out;

	for (n = 0; n < b->dead_words * 64 && n < numbers; n++) {
		if (b->dead[n / 64] == 0) {
			n |= 63;
			continue;
		}
		if (!block_dead(b, n))
			continue;
		for (first = n; n < numbers && block_dead(b, n); n++)
			;
		if (pairs++ == ENTRY_PAIRS)
			return;
		wr_u32(&all, first);
		wr_u32(&all, n - first);
	}
	*out = all;
}

static void
put_entry(struct state_out *o, const struct block *b, uint32_t number, bool gone)
{
	static const struct block none;
	uint8_t payload[ENTRY_BYTES + ENTRY_PAIRS * 8];
	struct wr out = wr_of(payload, sizeof(payload));

	if (b == NULL)
		b = &none;
	wr_u32(&out, number);
	wr_u32(&out, b->len);
	wr_u32(&out, b->link);
	wr_u32(&out, b->live);
	wr_u64(&out, b->bytes);
	wr_u64(&out, (uint64_t)b->last_time);
	wr_u64(&out, (uint64_t)b->expires);
	wr_u8(&out, b->never);
	wr_u8(&out, b->sealed);
	wr_u8(&out, gone);
	wr_u32(&out, b->contents_at);
	put_pairs(&out, b);
	put(o, &(struct record){ .type = RECORD_ENTRY, .seq = b->first, .time = (int64_t)b->last,
		.payload = { .p = (const char *)payload, .n = wr_len(&out) } });
}

static void
put_point(struct state_out *o, uint64_t commit)
{
	struct stream *s = o->stream;
	uint8_t payload[POINT_BYTES];
	struct wr out = wr_of(payload, sizeof(payload));

	wr_u32(&out, s->last_block);
	wr_u32(&out, o->records);
	wr_u64(&out, commit);
	wr_u64(&out, s->lost.size);
	put(o, &(struct record){ .type = RECORD_POINT, .flags = s->state_serial,
		.seq = s->last_seq, .time = s->last_time,
		.payload = { .p = (const char *)payload, .n = sizeof(payload) } });
}

static void
put_ids(struct state_out *o)
{
	uint8_t payload[IDS_STATE_MAX];
	uint32_t first;
	size_t n = stream_ids_state(o->stream, payload, &first);

	put(o, &(struct record){ .type = RECORD_IDS, .seq = first,
		.payload = { .p = (const char *)payload, .n = n } });
}

static void
put_copy(struct state_out *o)
{
	struct stream *s = o->stream;

	o->records = o->link = 0;
	if (o->whole)
		put(o, &(struct record){ .type = RECORD_IDENTITY, .flags = STATE_VERSION,
			.seq = s->uid, .time = s->created, .subject = s->account,
			.headers = s->name, .payload = s->hidden ? STR("h") : STR_NONE });
	put_ranges(o, o->whole ? &s->removed : &s->removed_fresh);
	put_smalls(o);
	if (o->whole || s->marks_changed)
		put_marks(o);
	if (s->ids != NULL && (o->whole || s->ids->changed))
		put_ids(o);
	for (uint32_t i = 0; i < s->gone_count; i++)
		if (o->whole || !s->gone[i].said)
			put_entry(o, NULL, s->gone[i].number, true);
	for (uint32_t i = 0; i < s->block_count; i++)
		if (o->whole || s->blocks[i]->changed)
			put_entry(o, s->blocks[i], s->blocks[i]->number, false);
}

int
state_encode(struct stream *s, struct job *j)
{
	bool whole = s->state_whole || s->state_bytes == 0 ||
	    s->state_bytes > 2 * s->state_live + STATE_SLACK;
	struct state_out o = { .stream = s, .buf = &j->state, .whole = whole,
		.base = whole ? 0 : s->state_bytes };

	s->state_serial++; /* another one than that of the batch before */
	j->state_whole = whole;
	j->state_at = o.base;
	for (unsigned i = 0; i < COPIES; i++) {
		put_copy(&o);
		j->points[i] = j->state.len;
		put_point(&o, 0);
	}
	return (o.failed);
}

/* The commit is known when the batch is durable in the journal. */
void
state_seal(struct job *j, uint64_t commit)
{
	struct record r;
	struct wr out;

	for (unsigned i = 0; i < JOB_POINTS; i++) {
		uint8_t payload[POINT_BYTES], *p = j->state.data + j->points[i];
		uint64_t place = record_place(j->uid, RECORD_IN_STATE, 0,
		    j->state_at + j->points[i]);

		if (record_decode(p, j->state.len - j->points[i], place, &r) != 0)
			bug("store: no such point of the state file");
		memcpy(payload, r.payload.p, sizeof(payload));
		out = wr_of(payload + 8, 8);
		wr_u64(&out, commit);
		r.payload.p = (const char *)payload;
		record_encode(p, place, &r);
	}
}

/* ---- reading ---- */

struct entries { /* blocks that were read, by number */
	struct stream *stream;
	bool point; /* there is one */
};

static struct block *
entry_find(struct stream *s, uint32_t number)
{
	for (uint32_t i = s->block_count; i > 0; i--)
		if (s->blocks[i - 1]->number == number)
			return (s->blocks[i - 1]);
	return (NULL);
}

static void
entry_gone(struct stream *s, uint32_t number)
{
	struct block *b = entry_find(s, number);
	uint32_t at = 0;

	if (b == NULL)
		return;
	while (s->blocks[at] != b)
		at++;
	for (; at + 1 < s->block_count; at++)
		s->blocks[at] = s->blocks[at + 1];
	s->block_count--;
	block_free(s->store, b);
}

static struct block *
entry_make(struct stream *s, uint32_t number)
{
	uint32_t room = s->block_room == 0 ? 4 : s->block_room * 2;
	struct block **blocks, *b;

	if (s->block_count == s->block_room) {
		blocks = reallocarray(s->blocks, room, sizeof(struct block *));
		if (blocks == NULL)
			return (NULL);
		s->blocks = blocks;
		s->block_room = room;
	}
	b = calloc(1, sizeof(*b));
	if (b == NULL)
		return (NULL);
	b->number = number;
	b->stream = s;
	b->tail = BUF_INIT(s->store->options.block_bytes + 2 * (size_t)RECORD_MAX);
	s->blocks[s->block_count++] = b;
	return (b);
}

static int
apply_entry(struct stream *s, const struct record *r)
{
	struct rd in = rd_of(r->payload.p, r->payload.n);
	uint32_t number = rd_u32(&in);
	uint64_t last = (uint64_t)r->time;
	struct block read = { .number = number };
	struct block *b;
	bool gone;

	read.len = rd_u32(&in);
	read.link = rd_u32(&in);
	read.live = rd_u32(&in);
	read.bytes = rd_u64(&in);
	read.last_time = (int64_t)rd_u64(&in);
	read.expires = (int64_t)rd_u64(&in);
	read.never = rd_u8(&in) != 0;
	read.sealed = rd_u8(&in) != 0;
	gone = rd_u8(&in) != 0;
	read.contents_at = rd_u32(&in);
	if (in.short_ || number == 0)
		return (0);
	if (gone) {
		entry_gone(s, number);
		return (stream_gone_add(s, number, false)); /* its file may still be there */
	}
	/* Lengths and spans that no block has are as good as none. */
	if (r->seq == 0 || last + 1 < r->seq || last - r->seq + 1 >= BLOCK_NUMBERS_MAX ||
	    last == UINT64_MAX || read.live > last + 1 - r->seq)
		return (0);
	b = entry_find(s, number);
	if (b == NULL)
		b = entry_make(s, number);
	if (b == NULL)
		return (-1);
	b->first = r->seq;
	b->last = last;
	b->synced = b->cut = b->len = read.len;
	b->link = read.link;
	b->live = read.live;
	b->bytes = read.bytes;
	b->last_time = read.last_time;
	b->expires = read.expires;
	b->never = read.never;
	b->sealed = read.sealed;
	b->contents_at = read.contents_at < read.len ? read.contents_at : 0;
	return (block_kill_pairs(b, &in));
}

static void
apply_point(struct entries *e, const struct record *r)
{
	struct stream *s = e->stream;
	struct rd in = rd_of(r->payload.p, r->payload.n);

	s->last_seq = r->seq;
	s->last_time = r->time;
	s->last_block = rd_u32(&in);
	(void)rd_u32(&in);
	s->point_commit = rd_u64(&in);
	s->state_serial = r->flags;
	e->point = true;
}

static int
apply(struct entries *e, const struct record *r, struct err *err)
{
	struct stream *s = e->stream;
	struct rd in = rd_of(r->payload.p, r->payload.n);
	uint64_t last = (uint64_t)r->time;
	int result = 0;

	if (r->type == RECORD_POINT) {
		apply_point(e, r);
		return (0);
	}
	switch (r->type) {
	case RECORD_REMOVED:
		if (r->seq <= last)
			result = seqset_add(&s->removed, r->seq, last);
		break;
	case RECORD_SMALL:
		if (r->subject.n > 0 && r->payload.n > 0)
			result = small_set(s, r->subject, r->payload);
		else if (r->subject.n > 0)
			small_unset(s, r->subject);
		break;
	case RECORD_MARK:
		result = mark_set(s, rd_u64(&in), r->seq, last);
		break;
	case RECORD_ENTRY:
		result = apply_entry(s, r);
		break;
	case RECORD_IDS:
		result = stream_ids_load(s, r->payload);
		break;
	default:
		break;
	}
	return (result == 0 ? 0 : err_set(err, "state: out of memory"));
}

struct points {
	size_t end, last_end; /* of what counts; of the batch before the last */
	uint8_t serial;
	unsigned copies, whole; /* of the last batch */
	unsigned damaged;	/* copies of those before it */
};

static void
point_add(struct points *x, const struct record *r, size_t end, int64_t before)
{
	struct rd in = rd_of(r->payload.p, r->payload.n);
	uint32_t records;

	(void)rd_u32(&in);
	records = rd_u32(&in);
	if (x->copies == 0 || r->flags != x->serial) {
		x->damaged += x->copies == 0 || x->whole >= COPIES ? 0 : COPIES - x->whole;
		x->last_end = x->end;
		x->serial = r->flags;
		x->copies = x->whole = 0;
	}
	x->copies++;
	x->whole += before == records;
	x->end = end;
}

/*
 * Which batches count.  Of the last one nothing does when no copy of it is whole: it was on its way
 * when the process ended, and the journal has all of it.
 */
static struct points
points_find(const struct record_bytes *p)
{
	struct points x = { .end = 0 };
	size_t at, next = 0;
	int64_t before = -1; /* records of its copy in a chain; -1: it is broken */
	uint32_t check = 0;
	struct record r;

	for (at = record_find(p, 0, &r); at < p->n; at = record_find(p, next, &r)) {
		/* What an earlier try left at the same place verifies too: the links tell. */
		if (r.link == 0)
			before = 0;
		else
			before = at == next && before >= 0 && r.link == check ? before + 1 : -1;
		check = (uint32_t)r.check;
		next = at + record_padded(r.bytes);
		if (r.type == RECORD_POINT)
			point_add(&x, &r, next, before);
	}
	if (x.copies > 0 && x.whole == 0 && x.last_end > 0)
		x.end = x.last_end;
	return (x);
}

static int
by_first(const void *a, const void *b)
{
	const struct block *const *x = a, *const *y = b;

	if ((*x)->first != (*y)->first)
		return ((*x)->first < (*y)->first ? -1 : 1);
	return (((*x)->number > (*y)->number) - ((*x)->number < (*y)->number));
}

/* In order of sequence, none reaching into the next. */
static void
blocks_order(struct stream *s)
{
	if (s->block_count > 1)
		qsort(s->blocks, s->block_count, sizeof(struct block *), by_first);
	for (uint32_t i = 0; i < s->block_count; i++) {
		struct block *b = s->blocks[i];
		uint64_t bound = i + 1 < s->block_count ? s->blocks[i + 1]->first - 1 :
		    s->last_seq;

		if (b->last > bound || i + 1 < s->block_count)
			b->sealed = true;
		if (b->last > bound)
			b->last = bound + 1 >= b->first ? bound : b->first - 1;
		if (b->live > block_numbers(b))
			b->live = block_numbers(b);
		block_clip(b);
	}
}

/*
 * Everything stands in it twice, and saying it twice changes nothing: of a batch with damage all
 * that verifies counts.
 */
int
state_load(struct stream *s, int folder, struct err *err)
{
	struct record_bytes p = { .uid = s->uid, .file = RECORD_IN_STATE };
	struct entries e = { .stream = s };
	size_t at, next = 0;
	struct points points;
	struct record r;
	int result = 0;
	uint8_t *data = disk_load(s->store->disk, folder, "state", STATE_MAX, &p.n);

	if (data == NULL)
		return (err_sys(err, "state"));
	p.data = data;
	points = points_find(&p);
	p.n = points.end;
	for (at = record_find(&p, 0, &r); at < p.n && result == 0; at = record_find(&p, next, &r)) {
		next = at + record_padded(r.bytes);
		result = apply(&e, &r, err);
	}
	free(data);
	if (result == 0 && !e.point)
		return (err_set(err, "state: no point of it stands"));
	s->state_bytes = s->state_live = points.end;
	small_forget_gone(s);
	for (uint32_t i = 0; i < s->small_count; i++)
		s->smalls[i].changed = false;
	s->marks_changed = false;
	blocks_order(s);
	if (points.damaged > 0 || points.whole != COPIES) {
		stream_touch(s); /* the next checkpoint makes it whole again */
		s->state_whole = true;
		store_report(s->store, points.damaged > 0, "stream %016" PRIx64 ": %u batches of its "
		    "state file are damaged, %u copies of the last one are whole", s->uid,
		    points.damaged, points.whole);
	}
	return (result);
}

int
state_identity(struct store *store, int folder, uint64_t uid, struct record *r, uint8_t **data)
{
	struct record_bytes p = { .uid = uid, .file = RECORD_IN_STATE };
	size_t at;

	*data = disk_load(store->disk, folder, "state", STATE_MAX, &p.n);
	if (*data == NULL)
		return (-1);
	p.data = *data;
	for (at = record_find(&p, 0, r); at < p.n;
	     at = record_find(&p, at + record_padded(r->bytes), r))
		if (r->type == RECORD_IDENTITY && r->seq == uid)
			return (0);
	free(*data);
	*data = NULL;
	return (-1);
}
