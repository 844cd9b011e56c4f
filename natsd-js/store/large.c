/*
 * Large records on the owner's side: where they lie in their block, what becomes of those that could
 * not be written, and reading them back.
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

/* ---- where they lie ---- */

int
extent_reserve(struct block *b)
{
	uint32_t room = b->extent_room == 0 ? 8 : b->extent_room * 2;
	struct extent *list;

	if (b->extent_count < b->extent_room)
		return (0);
	list = reallocarray(b->extents, room, sizeof(*list));
	if (list == NULL)
		return (-1);
	b->extents = list;
	b->extent_room = room;
	return (0);
}

void
extent_add(struct block *b, struct large *l)
{
	assert(l->at == b->len);
	b->extents[b->extent_count++] = (struct extent){ .at = l->at, .bytes = l->bytes,
		.on_way = l };
	l->block = b;
	b->len += l->bytes;
}

const struct extent *
extent_from(const struct block *b, uint32_t offset)
{
	for (uint32_t i = 0; i < b->extent_count; i++)
		if (b->extents[i].at + b->extents[i].bytes > offset)
			return (&b->extents[i]);
	return (NULL);
}

uint32_t
extent_bytes(const struct block *b, uint32_t from, uint32_t to)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < b->extent_count; i++)
		if (b->extents[i].at >= from && b->extents[i].at < to)
			sum += b->extents[i].bytes;
	return (sum);
}

bool
extent_on_way(const struct block *b)
{
	for (uint32_t i = 0; i < b->extent_count; i++)
		if (b->extents[i].on_way != NULL)
			return (true);
	return (false);
}

void
extent_landed(struct block *b)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < b->extent_count; i++)
		if (b->extents[i].at >= b->synced)
			b->extents[kept++] = b->extents[i];
	b->extent_count = kept;
}

void
extent_free(struct block *b)
{
	for (uint32_t i = 0; i < b->extent_count; i++)
		if (b->extents[i].on_way != NULL)
			b->extents[i].on_way->block = NULL;
	free(b->extents);
}

/* It is in its file, or never will be. */
static void
extent_clear(struct large *l)
{
	struct block *b = l->block;

	for (uint32_t i = 0; b != NULL && i < b->extent_count; i++)
		if (b->extents[i].on_way == l)
			b->extents[i].on_way = NULL;
}

/* ---- the end of their way ---- */

bool
large_waits(const struct store *store, size_t n)
{
	return (store->large_bytes > 0 && store->large_bytes + n > store->options.write_cache / 2);
}

void
large_send(struct store *store, struct large *l, uint64_t uid)
{
	l->ticket = journal_ticket(store->writer);
	store->large_bytes += l->bytes;
	store->large_heads += l->bytes;
	l->next = NULL;
	if (store->large_last != NULL)
		store->large_last->next = l;
	else
		store->large_first = l;
	store->large_last = l;
	journal_end_ahead(store->writer, STORE_J_LARGE, uid, LARGE_PAYLOAD, &l->ahead);
}

/* Its block is never written again: what lives in it moves, with the next checkpoint. */
static void
large_void(struct large *l)
{
	struct block *b = l->block;
	struct record r;

	b->broken = b->changed = true;
	for (uint32_t i = 0; i < b->extent_count; i++)
		b->extents[i].is_void |= b->extents[i].on_way == l;
	store_handles_drop(b->stream->store, l->uid, b->number);
	if (block_dead(b, (uint32_t)(l->seq - b->first)) ||
	    record_decode(l->data, l->bytes, record_place(l->uid, RECORD_IN_BLOCK, l->number,
		l->at), &r) != 0)
		return;
	block_void(b, l->seq, &r);
}

static void
large_failed(struct store *store, struct large *l)
{
	struct stream *s = store_by_uid(store, l->uid);

	if (s == NULL)
		return;
	store_report(store, false, "stream %016" PRIx64 ": sequence %" PRIu64 " was not stored: %s",
	    l->uid, l->seq, l->err.text);
	stream_fence(s, &l->err);
	/* The checkpoint that has it as stored must not be. */
	if (s->job != NULL && !store->cut_sent) {
		s->job->failed = true;
		s->job->err = l->err;
	}
	store->cut_wanted = true;
	stream_touch(s);
	if (l->block != NULL)
		large_void(l);
}

void
large_done(struct store *store, uint64_t ticket)
{
	struct large *l;

	while ((l = store->large_first) != NULL && l->ticket <= ticket) {
		store->large_first = l->next;
		if (l->next == NULL)
			store->large_last = NULL;
		store->large_bytes -= l->bytes;
		if (l->failed)
			large_failed(store, l);
		extent_clear(l);
		large_free(l);
	}
}

void
large_forget(struct store *store)
{
	struct large *l;

	while ((l = store->large_first) != NULL) {
		store->large_first = l->next;
		extent_clear(l);
		large_free(l);
	}
	store->large_last = NULL;
}

/* ---- read back ---- */

static uint8_t *
bytes_load(struct store *store, uint64_t uid, uint32_t number, uint32_t at, uint32_t bytes,
    struct err *err)
{
	char folder_name[20], name[BLOCK_NAME_BYTES];
	struct disk *disk = store->disk;
	int folder, handle = -1;
	uint8_t *data = NULL;
	uint64_t size = 0;

	snprintf(folder_name, sizeof(folder_name), "%016" PRIx64, uid);
	block_name(name, number);
	folder = disk_open(disk, store->streams_dir, folder_name, DISK_DIR);
	if (folder >= 0)
		handle = disk_open(disk, folder, name, DISK_READ);
	/* No more than there is, whatever the head says. */
	if (handle >= 0 && disk_size(disk, handle, &size) == 0) {
		errno = ENODATA;
		if (size >= (uint64_t)at + bytes)
			data = malloc(bytes);
	}
	if (data == NULL || disk_read_all(disk, handle, data, bytes, at) != 0) {
		err_sys(err, "read block %s", name);
		free(data);
		data = NULL;
	}
	disk_close(disk, handle);
	disk_close(disk, folder);
	return (data);
}

bool
large_parse(const struct journal_entry *e, struct large_head *h)
{
	struct rd in = rd_of(e->payload.p, e->payload.n);
	struct record r;

	h->number = rd_u32(&in);
	h->at = rd_u32(&in);
	if (rd_left(&in) != RECORD_HEAD)
		return (false);
	h->fixed = in.at;
	record_peek(in.at, &r);
	h->seq = r.seq;
	h->bytes = r.bytes;
	return (h->number != 0 && r.type == RECORD_MESSAGE && r.bytes >= RECORD_HEAD &&
	    r.bytes <= RECORD_MAX && h->at <= UINT32_MAX - r.bytes);
}

uint8_t *
large_load(struct store *store, uint64_t uid, const struct large_head *h, struct record *r,
    struct err *err)
{
	uint8_t *data;

	/* A second read decides: the first may have been unlucky on its way (S5). */
	for (unsigned i = 0; i < 2; i++) {
		data = bytes_load(store, uid, h->number, h->at, h->bytes, err);
		if (data == NULL)
			return (NULL);
		if (memcmp(data, h->fixed, RECORD_HEAD) == 0 &&
		    record_decode(data, h->bytes, record_place(uid, RECORD_IN_BLOCK, h->number,
			h->at), r) == 0)
			return (data);
		free(data);
	}
	errno = ENODATA;
	err_sys(err, "sequence %" PRIu64 " in block %08" PRIx32, h->seq, h->number);
	return (NULL);
}

bool
large_holds(void *arg, const struct journal_entry *e)
{
	struct store *store = arg;
	struct stream *s = store_by_uid(store, e->owner);
	struct large_head h;
	struct record r;
	struct err err;
	uint8_t *data;

	/* What is in the files of a stream by now, or was in those of one that has gone, is not
	 * where it was. */
	if (e->type != STORE_J_LARGE || s == NULL || s->offline || e->commit <= s->point_commit ||
	    !large_parse(e, &h))
		return (true);
	data = large_load(store, e->owner, &h, &r, &err);
	free(data);
	return (data != NULL || !large_is_absent(&err));
}

bool
large_is_absent(const struct err *err)
{
	return (err->sys == ENODATA || err->sys == ENOENT);
}
