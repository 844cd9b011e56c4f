/*
 * The state file of a stream (FORMAT, section 4).
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "common/cursor.h"
#include "natsd-js/store/store_priv.h"

#define STATE_MAX ((size_t)1 << 30)
#define COPIES 2u /* nothing else knows what is removed, and which sequence was the last */

struct state_out {
	struct stream *stream;
	struct buf buf;
	uint32_t records, link;
	int failed;
};

static void
put(struct state_out *o, struct record *r)
{
	size_t n = record_length(r);
	uint8_t *p = n == 0 || o->failed != 0 ? NULL : buf_room(&o->buf, n);

	if (p == NULL) {
		o->failed = -1;
		return;
	}
	r->link = o->link;
	record_encode(p, record_place(o->stream->uid, RECORD_IN_STATE, 0, o->buf.len), r);
	o->buf.len += n;
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
	uint8_t life[8];
	struct wr out;

	for (uint32_t i = 0; i < s->small_count; i++)
		put(o, &(struct record){ .type = RECORD_SMALL, .subject = s->smalls[i].key,
			.payload = s->smalls[i].value });
	for (uint32_t i = 0; i < s->mark_count; i++) {
		out = wr_of(life, sizeof(life));
		wr_u64(&out, s->marks[i].life);
		put(o, &(struct record){ .type = RECORD_MARK, .seq = s->marks[i].ring,
			.time = (int64_t)s->marks[i].at,
			.payload = { .p = (const char *)life, .n = sizeof(life) } });
	}
}

static void
put_end(struct state_out *o)
{
	uint8_t block[4];
	struct wr out = wr_of(block, sizeof(block));

	wr_u32(&out, o->stream->last_block);
	put(o, &(struct record){ .type = RECORD_LAST, .seq = o->stream->last_seq,
		.time = o->stream->last_time,
		.payload = { .p = (const char *)block, .n = sizeof(block) } });
	put(o, &(struct record){ .type = RECORD_END, .seq = o->records });
}

static void
put_copy(struct state_out *o)
{
	struct stream *s = o->stream;

	o->records = 0;
	put(o, &(struct record){ .type = RECORD_IDENTITY, .seq = s->uid, .time = s->created,
		.subject = s->account, .headers = s->name });
	put_ranges(o, &s->removed);
	put_smalls(o);
	put_end(o);
}

int
state_save(struct stream *s, int folder, struct err *err)
{
	struct state_out o = { .stream = s, .buf = BUF_INIT(STATE_MAX) };
	int result;

	for (unsigned i = 0; i < COPIES; i++)
		put_copy(&o);
	if (o.failed != 0)
		result = err_set(err, "state: out of memory");
	else
		result = disk_replace(s->store->disk, folder, "state", o.buf.data, o.buf.len, err);
	buf_free(&o.buf);
	return (result);
}

/* ---- reading ---- */

static int
apply(struct stream *s, const struct record *r, struct err *err)
{
	struct rd in = rd_of(r->payload.p, r->payload.n);
	uint64_t last = (uint64_t)r->time;
	int result = 0;

	switch (r->type) {
	case RECORD_REMOVED:
		if (r->seq <= last)
			result = seqset_add(&s->removed, r->seq, last);
		break;
	case RECORD_SMALL:
		if (r->subject.n > 0)
			result = small_set(s, r->subject, r->payload);
		break;
	case RECORD_MARK:
		result = mark_set(s, rd_u64(&in), r->seq, last);
		break;
	case RECORD_LAST:
		s->last_seq = s->files_last = r->seq;
		s->last_time = r->time;
		s->last_block = rd_u32(&in);
		break;
	default:
		break;
	}
	return (result == 0 ? 0 : err_set(err, "state: out of memory"));
}

/*
 * The file was written as one: what does not verify in it is damage.  Everything stands in it
 * twice, and saying it twice changes nothing: all that verifies counts.
 */
int
state_load(struct stream *s, int folder, struct err *err)
{
	size_t n, at, next = 0, gaps = 0;
	uint8_t *p = disk_load(s->store->disk, folder, "state", STATE_MAX, &n);
	struct record r;
	uint64_t records = 0;
	unsigned whole = 0;
	int result = 0;

	if (p == NULL)
		return (err_sys(err, "state"));
	for (at = record_find(p, n, 0, s->uid, RECORD_IN_STATE, 0, &r); at < n && result == 0;
	     at = record_find(p, n, next, s->uid, RECORD_IN_STATE, 0, &r)) {
		gaps += at != next;
		next = at + record_padded(r.bytes);
		whole += r.type == RECORD_END && r.seq == records;
		records = r.type == RECORD_END ? 0 : records + 1;
		result = apply(s, &r, err);
	}
	free(p);
	if (gaps > 0 || whole != COPIES) {
		s->dirty = true; /* the next checkpoint makes it whole again */
		store_report(s->store, true,
		    "stream %016" PRIx64 ": %u of %u copies in its state file are whole", s->uid,
		    whole, COPIES);
	}
	return (result);
}

int
state_identity(struct store *store, int folder, uint64_t uid, struct record *r, uint8_t **data)
{
	size_t n, at;

	*data = disk_load(store->disk, folder, "state", STATE_MAX, &n);
	if (*data == NULL)
		return (-1);
	for (at = record_find(*data, n, 0, uid, RECORD_IN_STATE, 0, r); at < n;
	     at = record_find(*data, n, at + record_padded(r->bytes), uid, RECORD_IN_STATE, 0, r))
		if (r->type == RECORD_IDENTITY && r->seq == uid)
			return (0);
	free(*data);
	*data = NULL;
	return (-1);
}
