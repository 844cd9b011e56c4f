/*
 * The ids of a stream's messages, between its journal, its table and its log.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cursor.h"
#include "natsd-js/store/store_priv.h"

#define FILE_BYTES (4u << 20)	   /* before another one is begun, */
#define FILE_BYTES_MAX (256u << 20) /* also when it is not old enough */
#define FILES_OF_WINDOW 8
#define STATE_FILE 28u
#define UNLINK_MAX 4096u
#define PIECE (4u << 20) /* of a file, at once; some records at least */

/* ---- there are some ---- */

static struct ids *
ids_of(struct stream *s)
{
	if (s->ids == NULL) {
		s->ids = calloc(1, sizeof(*s->ids));
		if (s->ids == NULL)
			return (NULL);
		s->ids->window = IDS_NOT_SAID;
		s->ids->known = true; /* there is nothing to be read */
		s->ids->unlink_from = 1;
	}
	return (s->ids);
}

static void
add(struct stream *s, const struct id_entry *e)
{
	ids_add(s->ids, e);
	s->store->tail_bytes += IDS_ENTRY_BYTES;
}

int
stream_ids_apply(struct stream *s, const struct id_entry *e)
{
	struct ids *ids = ids_of(s);

	if (ids == NULL || ids_reserve(ids) != 0)
		return (-1);
	add(s, e);
	stream_touch(s);
	return (0);
}

int
stream_ids_truncate(struct stream *s, uint64_t last)
{
	const struct id_entry e = { .seq = last };

	return (s->ids == NULL ? 0 : stream_ids_apply(s, &e));
}

void
stream_ids_free(struct stream *s)
{
	if (s->ids == NULL)
		return;
	s->store->tail_bytes -= IDS_ENTRY_BYTES * ((uint64_t)s->ids->fresh.count +
	    s->ids->flight.count);
	ids_free(s->ids);
	free(s->ids);
	s->ids = NULL;
}

/* ---- what the files say ---- */

struct reading { /* of one file */
	struct stream *stream;
	int handle;
	const struct id_file *file;
	struct record_bytes piece;
	uint8_t *data;
	size_t lost;
};

/* The record that begins at the end of a piece that is not the last goes on in the next one. */
static bool
goes_on(const struct reading *x, size_t at)
{
	const struct record_bytes *p = &x->piece;
	struct record r;

	if (p->base + p->n >= x->file->bytes)
		return (false);
	if (p->n - at < RECORD_HEAD)
		return (true);
	record_peek(p->data + at, &r);
	return (r.bytes >= RECORD_HEAD && r.bytes <= PIECE / 2 && r.bytes > p->n - at);
}

static enum store_result
record_take(struct stream *s, const struct record *r, struct err *err)
{
	struct rd in = rd_of(r->payload.p, r->payload.n);

	while (r->type == RECORD_IDS && rd_left(&in) >= IDS_ENTRY_BYTES) {
		struct id_entry e = ids_entry_get(&in);

		if (ids_apply(s->ids, &e) != 0)
			return (store_no_memory(err));
	}
	return (STORE_OK);
}

/* *used: how much of it was read. */
static enum store_result
piece_take(struct reading *x, size_t *used, struct err *err)
{
	struct record_bytes *p = &x->piece;
	enum store_result result = STORE_OK;
	size_t at = 0, next = 0;
	struct record r;

	while (result == STORE_OK && next < p->n && !goes_on(x, next)) {
		at = record_find(p, next, &r);
		x->lost += at - next;
		next = at;
		if (at < p->n) {
			result = record_take(x->stream, &r, err);
			next += record_padded(r.bytes);
		}
	}
	*used = next < p->n ? next : p->n;
	return (result);
}

static enum store_result
pieces_take(struct reading *x, struct err *err)
{
	const struct id_file *f = x->file;
	enum store_result result = STORE_OK;
	uint64_t from = 0;
	size_t used;
	ssize_t got;

	while (from < f->bytes && result == STORE_OK) {
		got = disk_read(x->stream->store->disk, x->handle, x->data,
		    f->bytes - from < PIECE ? f->bytes - (size_t)from : PIECE, from);
		if (got < 0) {
			err_sys(err, "read %08x.ids", f->number);
			return (STORE_ERROR);
		}
		if (got == 0) { /* it is cut */
			x->lost += f->bytes - from;
			break;
		}
		x->piece.base = from;
		x->piece.n = (size_t)got;
		result = piece_take(x, &used, err);
		if (used == 0) { /* it begins a record that is not all there */
			x->lost += (size_t)got;
			used = (size_t)got;
		}
		from += used;
	}
	return (result);
}

static enum store_result
file_read(struct stream *s, int folder, const struct id_file *f, struct err *err)
{
	struct reading x = { .stream = s, .file = f, .data = malloc(PIECE) };
	enum store_result result;
	char name[BLOCK_NAME_BYTES];

	if (x.data == NULL)
		return (store_no_memory(err));
	ids_file_name(name, f->number);
	x.piece = (struct record_bytes){ .data = x.data, .uid = s->uid, .file = RECORD_IN_IDS,
		.number = f->number };
	x.handle = disk_open(s->store->disk, folder, name, DISK_READ);
	if (x.handle < 0 && errno != ENOENT) {
		err_sys(err, "open %s", name);
		free(x.data);
		return (STORE_ERROR);
	}
	if (x.handle < 0)
		x.lost = f->bytes;
	result = x.handle < 0 ? STORE_OK : pieces_take(&x, err);
	if (result == STORE_OK && x.lost > 0)
		store_report(s->store, true, "stream %016" PRIx64 ": %s has %zu bytes that do not "
		    "verify: up to %zu messages may be stored again", s->uid, name, x.lost,
		    x.lost / IDS_ENTRY_BYTES);
	disk_close(s->store->disk, x.handle);
	free(x.data);
	return (result);
}

static bool
file_is_over(const struct ids *ids, const struct id_file *f)
{
	return (ids->window != IDS_NOT_SAID && f->last_time <= ids->now - ids->window);
}

static enum store_result
list_take(struct ids *ids, const struct id_list *l, struct err *err)
{
	for (uint32_t i = 0; i < l->count; i++)
		if (ids_apply(ids, &l->list[i]) != 0)
			return (store_no_memory(err));
	return (STORE_OK);
}

/* All of the log that is not over, from its beginning. */
enum store_result
stream_ids_know(struct stream *s, struct err *err)
{
	struct ids *ids = s->ids;
	enum store_result result = STORE_OK;
	int folder;

	if (ids == NULL || ids->known)
		return (STORE_OK);
	folder = stream_folder(s, err);
	if (folder < 0)
		return (STORE_ERROR);
	ids_forget(ids);
	for (uint32_t i = 0; i < ids->file_count && result == STORE_OK; i++)
		if (!file_is_over(ids, &ids->files[i]))
			result = file_read(s, folder, &ids->files[i], err);
	disk_close(s->store->disk, folder);
	if (result == STORE_OK)
		result = list_take(ids, &ids->flight, err);
	if (result == STORE_OK)
		result = list_take(ids, &ids->fresh, err);
	ids->known = result == STORE_OK;
	return (result);
}

/* ---- to the files ---- */

static void
files_drop(struct ids *ids)
{
	uint32_t over = 0;

	while (over < ids->file_count && file_is_over(ids, &ids->files[over]))
		over++;
	if (over == 0)
		return;
	ids->file_count -= over;
	memmove(ids->files, ids->files + over, ids->file_count * sizeof(*ids->files));
	ids->changed = true;
}

static bool
wants_new_file(const struct ids *ids)
{
	const struct id_file *f;

	if (ids->file_count == 0)
		return (true);
	f = &ids->files[ids->file_count - 1];
	if (ids->file_count == IDS_FILES)
		return (false);
	return (f->bytes > FILE_BYTES_MAX || (f->bytes > FILE_BYTES &&
	    ids->window != IDS_NOT_SAID &&
	    ids->now - f->first_time > ids->window / FILES_OF_WINDOW));
}

/* Everything that is in no file, as one list. */
static int
gather(struct ids *ids)
{
	struct id_list *to = &ids->flight, *from = &ids->fresh;
	struct id_entry *list;

	if (from->count == 0)
		return (0);
	if (to->count + from->count > to->room) {
		list = reallocarray(to->list, to->count + from->count, sizeof(*list));
		if (list == NULL)
			return (-1);
		to->list = list;
		to->room = to->count + from->count;
	}
	memcpy(to->list + to->count, from->list, from->count * sizeof(*from->list));
	to->count += from->count;
	free(from->list);
	*from = (struct id_list){ .count = 0 };
	return (0);
}

static int
put_record(struct stream *s, struct job *j, struct id_file *f, const struct id_entry *list,
    uint32_t count)
{
	struct record r = { .type = RECORD_IDS, .link = f->link, .seq = count };
	struct buf payload = BUF_INIT(RECORD_MAX);
	struct wr out;
	uint8_t *p = buf_room(&payload, (size_t)count * IDS_ENTRY_BYTES);
	size_t n;

	if (p == NULL)
		return (-1);
	out = wr_of(p, (size_t)count * IDS_ENTRY_BYTES);
	for (uint32_t i = 0; i < count; i++) {
		ids_entry_put(&out, &list[i]);
		if (f->last_time < list[i].time)
			f->last_time = list[i].time;
	}
	r.payload = (struct str){ .p = (const char *)p, .n = (size_t)count * IDS_ENTRY_BYTES };
	n = record_length(&r);
	p = buf_room(&j->ids, n);
	if (p != NULL) {
		record_encode(p, record_place(s->uid, RECORD_IN_IDS, f->number, f->bytes), &r);
		j->ids.len += n;
		f->bytes += (uint32_t)n;
		f->link = (uint32_t)r.check;
	}
	buf_free(&payload);
	return (p == NULL ? -1 : 0);
}

static int
put_records(struct stream *s, struct job *j, const struct id_list *l)
{
	uint32_t count;

	for (uint32_t i = 0; i < l->count; i += count) {
		count = l->count - i;
		count = count < IDS_RECORD_MAX ? count : IDS_RECORD_MAX;
		if (put_record(s, j, &s->ids->writing, l->list + i, count) != 0)
			return (-1);
	}
	return (0);
}

/* A file failed: all that is known goes to a new one, which is the only one then. */
static int
put_all(struct stream *s, struct job *j)
{
	struct id_list all = { .count = 0 };
	int result = ids_list(s->ids, &all);

	if (result == 0)
		result = put_records(s, j, &all);
	free(all.list);
	j->ids_unlink_to = s->ids->writing.number;
	s->ids->alone = true;
	return (result);
}

/* How many numbers are looked at: those of files that failed are skipped. */
static void
cut_unlink(const struct ids *ids, struct job *j)
{
	j->ids_unlink_from = ids->unlink_from;
	j->ids_unlink_to = ids->file_count > 0 ? ids->files[0].number : ids->last_file + 1;
	if (j->ids_unlink_to - j->ids_unlink_from > UNLINK_MAX)
		j->ids_unlink_from = j->ids_unlink_to - UNLINK_MAX;
}

int
stream_ids_cut(struct stream *s, struct job *j)
{
	struct ids *ids = s->ids;
	bool all;

	if (ids == NULL)
		return (0);
	files_drop(ids);
	cut_unlink(ids, j);
	ids->is_writing = ids->alone = false;
	if (ids->fresh.count + ids->flight.count == 0 && !ids->renew)
		return (0);
	if (gather(ids) != 0)
		return (-1);
	/* One that cannot be read is left as it is. */
	all = ids->renew && stream_ids_know(s, NULL) == STORE_OK;
	j->ids_new = ids->renew || wants_new_file(ids);
	if (j->ids_new)
		ids->writing = (struct id_file){ .number = ++ids->last_file,
			.first_time = ids->now, .last_time = INT64_MIN };
	else
		ids->writing = ids->files[ids->file_count - 1];
	j->ids_number = ids->writing.number;
	j->ids_at = ids->writing.bytes;
	if ((all ? put_all(s, j) : put_records(s, j, &ids->flight)) != 0)
		return (-1);
	j->with_ids = ids->is_writing = ids->changed = true;
	return (0);
}

void
stream_ids_landed(struct stream *s, const struct job *j)
{
	struct ids *ids = s->ids;

	if (ids == NULL)
		return;
	if (j->failed) {
		/* A file that failed is never written again; what it should hold is still here. */
		ids->renew |= j->with_ids;
		ids->is_writing = ids->alone = false;
		ids->changed = true;
		return;
	}
	ids->unlink_from = j->ids_unlink_to;
	if (!j->with_ids)
		return;
	ids->renew = false;
	if (ids->alone)
		ids->file_count = 0;
	if (j->ids_new && ids->file_count < IDS_FILES)
		ids->file_count++;
	ids->files[ids->file_count - 1] = ids->writing;
	ids->is_writing = ids->alone = false;
	s->store->tail_bytes -= IDS_ENTRY_BYTES * (uint64_t)ids->flight.count;
	free(ids->flight.list);
	ids->flight = (struct id_list){ .count = 0 };
	ids_trim(ids);
	if (ids->window == 0)
		stream_touch(s); /* and they go again */
}

/* ---- the state file's record of it ---- */

size_t
stream_ids_state(const struct stream *s, uint8_t *to, uint32_t *first)
{
	const struct ids *ids = s->ids;
	struct wr out = wr_of(to, IDS_STATE_MAX);
	uint32_t count = ids->alone ? 0 : ids->file_count;
	struct id_file files[IDS_FILES + 1];

	memcpy(files, ids->files, sizeof(ids->files));
	if (ids->is_writing && count > 0 && files[count - 1].number == ids->writing.number)
		files[count - 1] = ids->writing;
	else if (ids->is_writing && count < IDS_FILES)
		files[count++] = ids->writing;
	*first = count > 0 ? files[0].number : ids->last_file + 1;
	wr_u32(&out, ids->last_file);
	wr_u32(&out, count);
	for (uint32_t i = 0; i < count; i++) {
		wr_u32(&out, files[i].number);
		wr_u32(&out, files[i].bytes);
		wr_u32(&out, files[i].link);
		wr_u64(&out, (uint64_t)files[i].first_time);
		wr_u64(&out, (uint64_t)files[i].last_time);
	}
	return (wr_len(&out));
}

int
stream_ids_load(struct stream *s, struct str payload)
{
	struct rd in = rd_of(payload.p, payload.n);
	uint32_t last = rd_u32(&in), count = rd_u32(&in);
	struct ids *ids = ids_of(s);

	if (ids == NULL)
		return (-1);
	if (in.short_ || count > IDS_FILES || last > UINT32_MAX / 2 ||
	    rd_left(&in) != (size_t)count * STATE_FILE)
		return (0);
	ids->last_file = last;
	ids->file_count = count;
	ids->known = count == 0;
	for (uint32_t i = 0; i < count; i++) {
		struct id_file *f = &ids->files[i];

		f->number = rd_u32(&in);
		f->bytes = rd_u32(&in);
		f->link = rd_u32(&in);
		f->first_time = (int64_t)rd_u64(&in);
		f->last_time = (int64_t)rd_u64(&in);
		if (f->number > last || f->bytes > 2 * FILE_BYTES_MAX)
			ids->file_count = i < ids->file_count ? i : ids->file_count;
	}
	count = ids->file_count;
	last = count > 0 ? ids->files[0].number : last + 1;
	ids->unlink_from = last > IDS_FILES ? last - IDS_FILES : 1;
	return (0);
}

/* ---- the API ---- */

void
stream_ids(struct stream *s, int64_t window, int64_t now)
{
	struct ids *ids = window > 0 || s->ids != NULL ? ids_of(s) : NULL;

	if (ids == NULL)
		return;
	ids->window = window > 0 ? window : 0;
	if (now > ids->now)
		ids->now = now;
	if (window > 0) {
		ids_trim(ids);
		return;
	}
	ids_forget(ids);
	s->store->tail_bytes -= IDS_ENTRY_BYTES * (uint64_t)ids->fresh.count;
	ids->fresh.count = 0;
	ids->known = true;
	ids->changed |= ids->file_count > 0;
	if (ids->changed)
		stream_touch(s);
}

enum store_result
stream_id(struct stream *s, struct str id, int64_t now, uint64_t *seq, struct err *err)
{
	struct id_entry e = ids_entry(id, 0, 0);
	enum store_result result;
	const struct id_entry *found;

	if (s->ids == NULL || s->ids->window == 0)
		return (STORE_NONE);
	if (now > s->ids->now)
		s->ids->now = now;
	result = stream_ids_know(s, err);
	if (result != STORE_OK)
		return (result);
	found = ids_find(s->ids, &e);
	if (found == NULL)
		return (STORE_NONE);
	*seq = found->seq;
	return (STORE_OK);
}

/* With room for it in the journal, and memory. */
static void
put(struct stream *s, uint8_t *p, const struct id_entry *e)
{
	struct wr out = wr_of(p, IDS_ENTRY_BYTES);

	ids_entry_put(&out, e);
	add(s, e);
	store_end(s, STORE_J_ID, IDS_ENTRY_BYTES);
}

int
stream_ids_prepare(struct stream *s)
{
	struct ids *ids = ids_of(s);

	return (ids == NULL || ids_reserve(ids) != 0 ? -1 : 0);
}

void
stream_ids_put(struct stream *s, struct str id, uint64_t seq, int64_t time)
{
	struct id_entry e = ids_entry(id, seq, time);
	uint8_t *p = journal_begin(s->store->writer, IDS_ENTRY_BYTES);

	assert(p != NULL); /* room for it was begun with the message's */
	put(s, p, &e);
}

/* Also when the journal cannot take it: the next checkpoint says it. */
void
stream_ids_failed(struct stream *s, uint64_t seq)
{
	enum store_result result;
	struct id_entry e;
	uint8_t *p;

	while (s->ids != NULL && ids_fail(s->ids, seq, &e) && ids_reserve(s->ids) == 0) {
		p = store_begin(s, IDS_ENTRY_BYTES, false, &result, NULL);
		if (p != NULL) {
			put(s, p, &e);
		} else {
			add(s, &e);
			stream_touch(s);
		}
	}
}

enum store_result
stream_id_put(struct stream *s, struct str id, uint64_t seq, int64_t time, struct err *err)
{
	struct id_entry e = ids_entry(id, seq, time);
	enum store_result result;
	uint8_t *p;

	if (!stream_ids_wanted(s, id))
		return (STORE_OK);
	if (stream_ids_prepare(s) != 0)
		return (store_no_memory(err));
	p = store_begin(s, IDS_ENTRY_BYTES, true, &result, err);
	if (p == NULL)
		return (result);
	put(s, p, &e);
	return (STORE_OK);
}
