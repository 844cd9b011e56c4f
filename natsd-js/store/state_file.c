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
#define STATE_DEAD_MIN 65536u /* bytes that may be dead without a new file */

struct state_out {
	struct stream *stream;
	struct buf buf;
	uint64_t base; /* where buf goes in the file */
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
	record_encode(p,
	    record_place(o->stream->uid, RECORD_IN_STATE, 0, o->base + o->buf.len), r);
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
put_smalls(struct state_out *o, bool all)
{
	struct stream *s = o->stream;
	uint8_t life[8];
	struct wr out;

	for (uint32_t i = 0; i < s->small_count; i++)
		if (all || s->smalls[i].dirty)
			put(o, &(struct record){ .type = RECORD_SMALL,
				.subject = s->smalls[i].key, .payload = s->smalls[i].value });
	for (uint32_t i = 0; i < s->mark_count; i++) {
		if (!all && !s->marks[i].dirty)
			continue;
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

static int
save_whole(struct stream *s, int folder, struct state_out *o, struct err *err)
{
	put(o, &(struct record){ .type = RECORD_IDENTITY, .seq = s->uid, .time = s->created,
		.subject = s->account, .headers = s->name });
	put_ranges(o, &s->removed);
	put_smalls(o, true);
	put_end(o);
	if (o->failed != 0)
		return (err_set(err, "state: out of memory"));
	if (disk_replace(s->store->disk, folder, "state", o->buf.data, o->buf.len, err) != 0)
		return (-1);
	s->state_bytes = s->state_whole = o->buf.len;
	return (0);
}

/* What changed goes behind the rest. */
static int
save_more(struct stream *s, int folder, struct state_out *o, struct err *err)
{
	struct disk *disk = s->store->disk;
	int handle, result = 0;

	o->base = s->state_bytes;
	for (uint32_t i = 0; i < s->gone_count; i++)
		put(o, &(struct record){ .type = RECORD_SMALL, .flags = RECORD_FLAG_GONE,
			.subject = s->gone[i] });
	put_ranges(o, &s->removed_dirty);
	put_smalls(o, false);
	put_end(o);
	if (o->failed != 0)
		return (err_set(err, "state: out of memory"));
	handle = disk_open(disk, folder, "state", DISK_WRITE);
	if (handle < 0)
		return (err_sys(err, "open state"));
	if (disk_write_all(disk, handle, o->buf.data, o->buf.len, o->base) != 0)
		result = err_sys(err, "write state");
	else if (disk_sync(disk, handle) != 0)
		result = err_sys(err, "sync state");
	disk_close(disk, handle);
	if (result == 0)
		s->state_bytes += o->buf.len;
	return (result);
}

int
state_save(struct stream *s, int folder, struct err *err)
{
	struct state_out o = { .stream = s, .buf = BUF_INIT(STATE_MAX) };
	int result;

	if (s->state_bytes > 2 * s->state_whole + STATE_DEAD_MIN)
		s->state_fresh = true;
	if (s->state_fresh)
		result = save_whole(s, folder, &o, err);
	else
		result = save_more(s, folder, &o, err);
	buf_free(&o.buf);
	/* After a failure that file is finished: the next try makes a new one. */
	s->state_fresh = result != 0;
	if (result == 0) {
		seqset_clear(&s->removed_dirty);
		small_clean(s);
	}
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
			result = (r->flags & RECORD_FLAG_GONE) != 0 ?
			    small_unset(s, r->subject, false) :
			    small_set(s, r->subject, r->payload, false);
		break;
	case RECORD_MARK:
		result = mark_set(s, rd_u64(&in), r->seq, last, false);
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

/* The end of the last record that finishes a checkpoint; what follows never happened. */
static size_t
finished(struct stream *s, const uint8_t *p, size_t n)
{
	size_t at, end = 0, next = 0, gaps = 0, gaps_then = 0;
	struct record r;

	for (at = record_find(p, n, 0, s->uid, RECORD_IN_STATE, 0, &r); at < n;
	     at = record_find(p, n, next, s->uid, RECORD_IN_STATE, 0, &r)) {
		gaps += at != next;
		next = at + record_padded(r.bytes);
		if (r.type == RECORD_END) {
			end = next;
			gaps_then = gaps;
		}
	}
	if (gaps_then > 0 || end == 0)
		store_report(s->store, true,
		    "stream %016" PRIx64 ": its state file is damaged in %zu places", s->uid,
		    gaps_then + (end == 0));
	return (end);
}

int
state_load(struct stream *s, int folder, struct err *err)
{
	size_t n, end, at;
	uint8_t *p = disk_load(s->store->disk, folder, "state", STATE_MAX, &n);
	struct record r;
	int result = 0;

	if (p == NULL)
		return (err_sys(err, "state"));
	end = finished(s, p, n);
	for (at = record_find(p, end, 0, s->uid, RECORD_IN_STATE, 0, &r); at < end && result == 0;
	     at = record_find(p, end, at + record_padded(r.bytes), s->uid, RECORD_IN_STATE, 0, &r))
		result = apply(s, &r, err);
	free(p);
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
