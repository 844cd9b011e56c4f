/*
 * A stream is made of the bytes of a snapshot: hidden, until it is whole.
 *
 * What comes goes to the tail of its blocks, without the journal, and to its files with the next
 * checkpoints.  The journal knows that it began (a stream whose folder is not to be kept), and, when
 * the files are durable, that it is there.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cursor.h"
#include "natsd-js/store/restore.h"
#include "natsd-js/store/snapshot_priv.h"

#define SHOW_BYTES 8u

struct restore {
	struct stream *stream;
	bool keep_created; /* the config said it */
	uint64_t id;	   /* of the snapshot */
	uint64_t offset, records;
	uint32_t link;
	uint64_t last_seq; /* as its head says */
	uint64_t bytes;	   /* of messages, so far */
	bool whole;	   /* its end was read */
	struct buf part;   /* of a record that is not all there */
	struct err why;	   /* what is wrong, when it is */
	bool wrong;
};

/* ---- its beginning ---- */

static struct stream *
hidden_new(struct store *store, uint64_t uid, int64_t created, struct str account, struct str name)
{
	struct stream *s = stream_new(store, uid, created, account, name);

	if (s != NULL)
		s->hidden = true;
	return (s);
}

static enum store_result
journal_begun(struct stream *s, struct err *err)
{
	size_t n = 8 + 8 + 2 + s->account.n + 2 + s->name.n;
	enum store_result result;
	uint8_t *p = store_begin(s, n, true, &result, err);
	struct wr out = wr_of(p, p == NULL ? 0 : n);

	if (p == NULL)
		return (result);
	wr_u64(&out, (uint64_t)s->created);
	wr_u64(&out, 0);
	wr_str16(&out, s->account);
	wr_str16(&out, s->name);
	store_end(s, STORE_J_RESTORE, n);
	return (STORE_OK);
}

enum store_result
restore_begin(struct store *store, const struct stream_config *c, struct restore **restore,
    struct err *err)
{
	struct restore *r;
	enum store_result result;

	if (c->account.n > UINT16_MAX || c->name.n > UINT16_MAX || c->name.n == 0 ||
	    stream_find(store, c->account, c->name) != NULL) {
		err_set(err, "a stream of this name is there, or cannot be");
		return (STORE_ERROR);
	}
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return (store_no_memory(err));
	r->part = BUF_INIT(2 * (size_t)RECORD_MAX);
	r->keep_created = c->created != 0;
	r->stream = hidden_new(store, store_uid_make(store), c->created, c->account, c->name);
	result = r->stream == NULL ? store_no_memory(err) : journal_begun(r->stream, err);
	if (result != STORE_OK) {
		if (r->stream != NULL)
			stream_free(r->stream);
		free(r);
		return (result);
	}
	store->catalogue_dirty = true;
	*restore = r;
	return (STORE_OK);
}

static void
restore_free(struct restore *r)
{
	buf_free(&r->part);
	free(r);
}

void
restore_abandon(struct restore *r)
{
	struct store *store;

	if (r == NULL)
		return;
	store = r->stream->store;
	/* Without memory for it the next life finds it. */
	if (store_dead_add(store, r->stream->uid, false) == 0) {
		stream_free(r->stream);
		store->catalogue_dirty = true;
	}
	restore_free(r);
}

/* ---- its records ---- */

static enum store_result
wrong(struct restore *r, struct err *err, const char *what)
{
	err_set(&r->why, "snapshot: %s at byte %" PRIu64, what, r->offset);
	r->wrong = true;
	if (err != NULL)
		*err = r->why;
	return (STORE_ERROR);
}

static enum store_result
take_head(struct restore *r, const struct record *rec, struct err *err)
{
	struct rd in = rd_of(rec->payload.p, rec->payload.n);

	if (rec->type != RECORD_IDENTITY || rec->seq == 0)
		return (wrong(r, err, "no snapshot begins"));
	if (rec->flags != SNAPSHOT_VERSION)
		return (wrong(r, err, "a version that is not known"));
	r->id = rec->seq;
	r->last_seq = rd_u64(&in);
	if (in.short_ || r->last_seq == UINT64_MAX)
		return (wrong(r, err, "a head that makes no sense"));
	if (!r->keep_created)
		r->stream->created = rec->time;
	return (STORE_OK);
}

static enum store_result
take_small(struct restore *r, const struct record *rec, struct err *err)
{
	if (rec->subject.n == 0 || rec->subject.n > SMALL_KEY_MAX || rec->payload.n == 0 ||
	    rec->payload.n > SMALL_VALUE_MAX)
		return (wrong(r, err, "small state of no such size"));
	return (small_set(r->stream, rec->subject, rec->payload) == 0 ? STORE_OK :
	    store_no_memory(err));
}

static enum store_result
take_mark(struct restore *r, const struct record *rec, struct err *err)
{
	struct rd in = rd_of(rec->payload.p, rec->payload.n);
	uint64_t life = rd_u64(&in);

	if (rd_end(&in) != 0)
		return (wrong(r, err, "a mark that makes no sense"));
	return (mark_set(r->stream, life, rec->seq, (uint64_t)rec->time) == 0 ? STORE_OK :
	    store_no_memory(err));
}

static enum store_result
take_ids(struct restore *r, const struct record *rec, struct err *err)
{
	struct rd in = rd_of(rec->payload.p, rec->payload.n);

	while (rd_left(&in) >= IDS_ENTRY_BYTES) {
		struct id_entry e = ids_entry_get(&in);

		if ((e.hash[0] | e.hash[1]) == 0 || e.seq > r->last_seq)
			return (wrong(r, err, "an id that makes no sense"));
		if (stream_ids_apply(r->stream, &e) != 0)
			return (store_no_memory(err));
	}
	return (rd_end(&in) == 0 ? STORE_OK : wrong(r, err, "ids that make no sense"));
}

static enum store_result
take_range(struct restore *r, const struct record *rec, struct err *err)
{
	struct stream *s = r->stream;
	uint64_t last = (uint64_t)rec->time;

	if (rec->seq != s->last_seq + 1 || last < rec->seq || last > r->last_seq)
		return (wrong(r, err, "sequences that do not follow"));
	if ((rec->flags & SNAPSHOT_LOST) != 0 && seqset_add(&s->lost, rec->seq, last) != 0)
		return (store_no_memory(err));
	return (stream_apply_advance(s, last) == 0 ? STORE_OK : store_no_memory(err));
}

static enum store_result
take_message(struct restore *r, const struct record *rec, struct err *err)
{
	struct stream *s = r->stream;
	struct record copy = *rec;

	if (rec->seq != s->last_seq + 1 || rec->seq > r->last_seq)
		return (wrong(r, err, "a sequence that does not follow"));
	if (copy.time < s->last_time)
		copy.time = s->last_time;
	copy.flags = 0;
	if (stream_apply_message(s, &copy, err) != 0)
		return (STORE_ERROR);
	r->bytes += record_counts(&copy);
	return (STORE_OK);
}

static enum store_result
take_end(struct restore *r, const struct record *rec, struct err *err)
{
	struct stream *s = r->stream;
	struct rd in = rd_of(rec->payload.p, rec->payload.n);
	uint64_t messages = rd_u64(&in), bytes = rd_u64(&in), lost = rd_u64(&in),
	    records = rd_u64(&in);

	if (rd_end(&in) != 0 || rec->seq != s->last_seq || rec->seq != r->last_seq ||
	    messages != s->messages || bytes != r->bytes || lost != s->lost.size ||
	    records != r->records)
		return (wrong(r, err, "an end that does not fit"));
	if (rec->time > s->last_time)
		s->last_time = rec->time;
	r->whole = true;
	return (STORE_OK);
}

static enum store_result
take_record(struct restore *r, const struct record *rec, struct err *err)
{
	if (r->records == 0)
		return (take_head(r, rec, err));
	switch (rec->type) {
	case RECORD_SMALL:
		return (take_small(r, rec, err));
	case RECORD_MARK:
		return (take_mark(r, rec, err));
	case RECORD_IDS:
		return (take_ids(r, rec, err));
	case RECORD_REMOVED:
		return (take_range(r, rec, err));
	case RECORD_MESSAGE:
		return (take_message(r, rec, err));
	case RECORD_POINT:
		return (take_end(r, rec, err));
	default:
		return (wrong(r, err, "a record of no such type"));
	}
}

/* ---- its bytes ---- */

/* Bytes of the record that begins here, with the zeros behind it; 0: that cannot be told yet. */
static enum store_result
next_bytes(struct restore *r, const uint8_t *p, size_t n, size_t *need, struct err *err)
{
	struct record rec;

	*need = RECORD_HEAD;
	if (n < RECORD_HEAD)
		return (STORE_OK);
	record_peek(p, &rec);
	if (rec.bytes < RECORD_HEAD || rec.bytes > RECORD_MAX)
		return (wrong(r, err, "a record of no such length"));
	*need = record_padded(rec.bytes);
	return (STORE_OK);
}

static enum store_result
take_bytes(struct restore *r, const uint8_t *p, size_t n, struct err *err)
{
	enum store_result result;
	struct record rec;

	if (r->whole)
		return (wrong(r, err, "bytes behind the end"));
	if (record_decode(p, n, snapshot_place(r->id, r->offset), &rec) != 0)
		return (wrong(r, err, "a record that does not verify"));
	for (size_t i = rec.bytes; i < n; i++)
		if (p[i] != 0)
			return (wrong(r, err, "no zeros behind a record"));
	if (rec.link != r->link)
		return (wrong(r, err, "a record that belongs elsewhere"));
	result = take_record(r, &rec, err);
	if (result != STORE_OK)
		return (result);
	r->link = (uint32_t)rec.check;
	r->offset += n;
	r->records++;
	stream_touch(r->stream);
	return (STORE_OK);
}

/* Room for more, or not before a checkpoint. */
static enum store_result
may_go_on(struct restore *r, struct err *err)
{
	struct stream *s = r->stream;

	if (r->wrong) {
		if (err != NULL)
			*err = r->why;
		return (STORE_ERROR);
	}
	if (s->fence[0] != '\0') {
		err_set(err, "%s", s->fence);
		return (STORE_FULL);
	}
	if (s->store->tail_bytes <= s->store->options.write_cache && !stream_sums_wait(s))
		return (STORE_OK);
	s->store->cut_wanted = true;
	err_set(err, "the store waits for a checkpoint");
	return (STORE_BUSY);
}

/* What of p belongs to the record of which a part is here; then it is taken, too. */
static enum store_result
gather(struct restore *r, const uint8_t *p, size_t n, size_t *taken, struct err *err)
{
	enum store_result result;
	size_t need, more;

	do {
		result = next_bytes(r, r->part.data, r->part.len, &need, err);
		if (result != STORE_OK)
			return (result);
		more = need - r->part.len;
		more = more < n - *taken ? more : n - *taken;
		if (buf_add(&r->part, p + *taken, more) != 0)
			return (store_no_memory(err));
		*taken += more;
	} while (more > 0 && (r->part.len < RECORD_HEAD || r->part.len < need));
	result = next_bytes(r, r->part.data, r->part.len, &need, err);
	if (result != STORE_OK || r->part.len < need)
		return (result);
	result = take_bytes(r, r->part.data, r->part.len, err);
	if (result == STORE_OK)
		r->part.len = 0;
	return (result);
}

enum store_result
restore_write(struct restore *r, const void *bytes, size_t n, size_t *taken, struct err *err)
{
	const uint8_t *p = bytes;
	enum store_result result;
	size_t need;

	*taken = 0;
	while ((result = may_go_on(r, err)) == STORE_OK && *taken < n) {
		if (r->part.len > 0) {
			result = gather(r, p, n, taken, err);
		} else {
			result = next_bytes(r, p + *taken, n - *taken, &need, err);
			if (result == STORE_OK && need <= n - *taken && n - *taken >= RECORD_HEAD) {
				result = take_bytes(r, p + *taken, need, err);
				*taken += result == STORE_OK ? need : 0;
			} else if (result == STORE_OK) {
				result = gather(r, p, n, taken, err);
			}
		}
		if (result != STORE_OK)
			return (result);
	}
	return (*taken == n && result == STORE_BUSY ? STORE_OK : result);
}

/* ---- its end ---- */

static enum store_result
is_complete(struct restore *r, struct err *err)
{
	struct stream *s = r->stream;

	if (r->wrong) {
		if (err != NULL)
			*err = r->why;
		return (STORE_ERROR);
	}
	if (!r->whole) {
		err_set(err, "snapshot: it has no end, after byte %" PRIu64,
		    r->offset + r->part.len);
		return (STORE_ERROR);
	}
	if (stream_find(s->store, s->account, s->name) != NULL) {
		err_set(err, "a stream of this name is there");
		return (STORE_ERROR);
	}
	return (STORE_OK);
}

/* All of it stands in its files, durable. */
static enum store_result
is_written(struct stream *s, struct err *err)
{
	if (s->fence[0] != '\0') {
		err_set(err, "%s", s->fence);
		return (STORE_FULL);
	}
	if (!s->dirty && s->job == NULL && s->has_folder)
		return (STORE_OK);
	s->store->cut_wanted = true;
	err_set(err, "the stream waits for a checkpoint");
	return (STORE_BUSY);
}

/* From now on it is a stream as any other. */
static void
show(struct stream *s)
{
	int64_t expires = s->expires;

	s->hidden = false;
	s->state_whole = true; /* which says that it is hidden */
	s->store->catalogue_dirty = true;
	s->expires = 0;
	if (expires != 0)
		stream_expires(s, expires);
}

enum store_result
restore_end(struct restore **restore, struct stream **stream, struct err *err)
{
	struct restore *r = *restore;
	struct stream *s = r->stream;
	enum store_result result = is_complete(r, err);
	struct wr out;
	uint8_t *p;

	if (result == STORE_OK)
		result = is_written(s, err);
	if (result != STORE_OK)
		return (result);
	p = store_begin(s, SHOW_BYTES, true, &result, err);
	if (p == NULL)
		return (result);
	out = wr_of(p, SHOW_BYTES);
	wr_u64(&out, (uint64_t)s->created);
	show(s);
	store_end(s, STORE_J_SHOW, SHOW_BYTES);
	restore_free(r);
	*restore = NULL;
	*stream = s;
	return (STORE_OK);
}

/* ---- in the next life ---- */

static int
replay_begun(struct store *store, const struct journal_entry *e, struct err *err)
{
	struct rd in = rd_of(e->payload.p, e->payload.n);
	int64_t created = (int64_t)rd_u64(&in);
	struct str account, name;

	(void)rd_u64(&in);
	account = rd_str16(&in);
	name = rd_str16(&in);
	store->catalogue_dirty = true;
	if (rd_end(&in) != 0)
		return (0);
	for (struct dead_stream *d = store->dead; d != NULL; d = d->next)
		if (d->uid == e->owner)
			return (0);
	return (hidden_new(store, e->owner, created, account, name) != NULL ? 0 :
	    err_set(err, "out of memory"));
}

int
restore_replay(struct store *store, struct stream *s, const struct journal_entry *e,
    struct err *err)
{
	struct rd in = rd_of(e->payload.p, e->payload.n);
	int64_t created = (int64_t)rd_u64(&in);
	struct err why = { .sys = 0 };

	if (s == NULL)
		return (replay_begun(store, e, err));
	if (e->type != STORE_J_SHOW || rd_end(&in) != 0)
		return (0);
	if (stream_find(store, s->account, s->name) != NULL) {
		store_report(store, true, "stream %016" PRIx64 ": another has its name", s->uid);
		return (0);
	}
	s->created = created;
	s->has_folder = true;
	if (stream_recover(s, &why) != 0 && why.sys == ENOENT)
		return (0); /* it was deleted later, which the journal then says, too */
	if (s->offline)
		store_report(store, true, "stream %016" PRIx64 ": %s", s->uid, s->fence);
	show(s);
	s->resync = !s->offline;
	if (!s->offline)
		stream_touch(s);
	return (0);
}

/* Damage of the journal may have swallowed that it was whole: nothing is deleted then. */
static void
hidden_set_aside(struct stream *s)
{
	struct store *store = s->store;
	char name[20], aside[32];
	int quarantine = disk_open_dir(store->disk, store->top, "quarantine", NULL);

	snprintf(name, sizeof(name), "%016" PRIx64, s->uid);
	snprintf(aside, sizeof(aside), "%s.restore", name);
	if (quarantine >= 0 && disk_rename(store->disk, store->streams_dir, name, quarantine,
		aside) == 0)
		store_report(store, true, "stream %s was being restored: it is in quarantine", name);
	disk_close(store->disk, quarantine);
}

void
store_forget_hidden(struct store *store)
{
	struct stream *s, *next;

	for (s = store->all; s != NULL; s = next) {
		next = s->next_all;
		if (!s->hidden)
			continue;
		if (s->offline)
			store_report(store, true, "stream %016" PRIx64 ": %s", s->uid, s->fence);
		if (!store->options.read_only) {
			store->catalogue_dirty = true;
			if (store->journal_damaged)
				hidden_set_aside(s);
			else
				(void)store_dead_add(store, s->uid, true);
		}
		stream_free(s);
	}
}
