/*
 * The bytes of a block, wherever they are.
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

void
block_name(char name[BLOCK_NAME_BYTES], uint32_t number)
{
	snprintf(name, BLOCK_NAME_BYTES, "%08x.blk", number);
}

int
stream_folder(struct stream *s, struct err *err)
{
	char name[20];
	int folder;

	snprintf(name, sizeof(name), "%016" PRIx64, s->uid);
	folder = disk_open(s->store->disk, s->store->streams_dir, name, DISK_DIR);
	return (folder >= 0 ? folder : err_sys(err, "open the folder of stream %s", name));
}

/* ---- files open for reading ---- */

void
store_handles_drop(struct store *store, uint64_t uid, uint32_t number)
{
	for (unsigned i = 0; i < STORE_HANDLES; i++) {
		struct open_block *o = &store->open[i];

		if (o->handle >= 0 && o->uid == uid && (number == 0 || o->number == number)) {
			disk_close(store->disk, o->handle);
			o->handle = -1;
		}
	}
	if (store->window.uid == uid && (number == 0 || store->window.number == number))
		store->window.uid = 0;
}

static int
handle_open(struct stream *s, const char *name, struct err *err)
{
	struct disk *disk = s->store->disk;
	int folder = stream_folder(s, err), handle;

	if (folder < 0)
		return (-1);
	handle = disk_open(disk, folder, name, DISK_READ);
	if (handle < 0)
		err_sys(err, "open block %s", name);
	disk_close(disk, folder);
	return (handle);
}

static int
handle_get(struct stream *s, uint32_t number, struct err *err)
{
	struct store *store = s->store;
	struct open_block *o = &store->open[(s->uid + number) % STORE_HANDLES];
	char name[BLOCK_NAME_BYTES];
	int handle;

	if (o->handle >= 0 && o->number == number && o->uid == s->uid)
		return (o->handle);
	block_name(name, number);
	handle = handle_open(s, name, err);
	/* These here are the first that can be done without. */
	if (handle < 0 && (errno == EMFILE || errno == ENFILE)) {
		for (unsigned i = 0; i < STORE_HANDLES; i++) {
			disk_close(store->disk, store->open[i].handle);
			store->open[i].handle = -1;
		}
		handle = handle_open(s, name, err);
	}
	if (handle < 0)
		return (-1);
	disk_close(store->disk, o->handle);
	*o = (struct open_block){ .uid = s->uid, .number = number, .handle = handle };
	return (handle);
}

/* ---- scanning all of it ---- */

static struct record_bytes
piece(const struct block *b, const uint8_t *data, size_t n, uint64_t base)
{
	return ((struct record_bytes){ .data = data, .n = n, .base = base, .uid = b->stream->uid,
		.file = RECORD_IN_BLOCK, .number = b->number });
}

struct scan {
	int (*fn)(void *, const struct record *, uint32_t);
	void *arg;
	unsigned gaps;
};

static int
scan_piece(struct scan *x, const struct record_bytes *p)
{
	struct record r;
	size_t next = 0, at;

	for (at = record_find(p, 0, &r); at < p->n; at = record_find(p, next, &r)) {
		x->gaps += at != next;
		next = at + record_padded(r.bytes);
		if (x->fn(x->arg, &r, (uint32_t)(p->base + at)) != 0)
			return (-1);
	}
	x->gaps += next < p->n;
	return (0);
}

/* The part in the file, in a block of memory to be freed; NULL: why.  What a damaged entry says of its
 * length is believed no further than the file goes. */
static uint8_t *
file_load(struct block *b, size_t *n, enum store_result *result, struct err *err)
{
	struct disk *disk = b->stream->store->disk;
	int handle = handle_get(b->stream, b->number, err);
	uint64_t there, want;
	uint8_t *p;
	ssize_t got;

	if (handle < 0) {
		*result = errno == ENOENT ? STORE_DAMAGED : STORE_ERROR;
		return (NULL);
	}
	*result = STORE_ERROR;
	if (disk_size(disk, handle, &there) != 0) {
		err_sys(err, "size of block %08x", b->number);
		return (NULL);
	}
	want = there < b->synced ? there : b->synced;
	if ((p = malloc(want == 0 ? 1 : (size_t)want)) == NULL) {
		err_set(err, "out of memory");
		return (NULL);
	}
	if ((got = disk_read(disk, handle, p, (size_t)want, 0)) < 0) {
		err_sys(err, "read block %08x", b->number);
		free(p);
		return (NULL);
	}
	*n = (size_t)got;
	return (p);
}

/* Behind the part in the file: in memory, on its way, and waiting. */
static const uint8_t *
memory_at(const struct block *b, uint32_t offset)
{
	uint32_t from = offset < b->cut ? b->synced : b->cut;
	const uint8_t *data = offset < b->cut ? b->flight : b->tail.data;

	return (data + (offset - from - extent_bytes(b, from, offset)));
}

static enum store_result
scan_extent(struct block *b, const struct extent *e, struct scan *x, int *bad, struct err *err)
{
	struct record_bytes p = piece(b, e->on_way == NULL ? NULL : e->on_way->data, e->bytes,
	    e->at);
	int handle = e->on_way != NULL ? -1 : handle_get(b->stream, b->number, err);
	uint8_t *data;
	ssize_t got;

	if (e->on_way != NULL) {
		*bad = scan_piece(x, &p);
		return (STORE_OK);
	}
	if (handle < 0)
		return (errno == ENOENT ? STORE_OK : STORE_ERROR);
	data = malloc(e->bytes);
	if (data == NULL)
		return (store_no_memory(err));
	got = disk_read(b->stream->store->disk, handle, data, e->bytes, e->at);
	p.data = data;
	p.n = got < 0 ? 0 : (size_t)got;
	if (got < 0)
		err_sys(err, "read block %08x", b->number);
	else
		*bad = scan_piece(x, &p);
	free(data);
	return (got < 0 ? STORE_ERROR : STORE_OK);
}

/* What is not known to be in the file: records in memory, and between them large ones. */
static enum store_result
scan_rest(struct block *b, struct scan *x, int *bad, struct err *err)
{
	enum store_result result = STORE_OK;
	const struct extent *e;
	struct record_bytes p;
	uint32_t at, end;

	for (at = b->synced; at < b->len && *bad == 0 && result == STORE_OK; at = end) {
		e = extent_from(b, at);
		if (e != NULL && e->at == at) {
			end = at + e->bytes;
			if (!e->is_void)
				result = scan_extent(b, e, x, bad, err);
			continue;
		}
		end = at < b->cut ? b->cut : b->len;
		if (e != NULL && e->at < end)
			end = e->at;
		p = piece(b, memory_at(b, at), end - at, at);
		*bad = scan_piece(x, &p);
	}
	return (result);
}

enum store_result
block_scan(struct block *b, int (*fn)(void *, const struct record *, uint32_t), void *arg,
    unsigned *gaps, struct err *err)
{
	struct scan x = { .fn = fn, .arg = arg };
	enum store_result result = STORE_OK, rest = STORE_OK;
	struct record_bytes p;
	uint8_t *file = NULL;
	size_t n = 0;
	int bad = 0;

	if (b->synced > 0)
		file = file_load(b, &n, &result, err);
	if (b->synced > 0 && file == NULL && result != STORE_DAMAGED)
		return (result);
	p = piece(b, file, n, 0);
	if (n > 0)
		bad = scan_piece(&x, &p);
	x.gaps += n < b->synced;
	free(file);
	if (bad == 0)
		rest = scan_rest(b, &x, &bad, err);
	if (gaps != NULL)
		*gaps = x.gaps;
	if (bad != 0)
		err_set(err, "out of memory");
	return (bad != 0 ? STORE_ERROR : rest);
}

/* ---- what a block that was found holds ---- */

struct knowing {
	struct block *b;
	struct block fresh; /* its dead and steps, until they are complete */
	uint64_t *there;    /* a bit a number: a message verifies */
	uint64_t bytes;
};

static int
know_record(void *arg, const struct record *r, uint32_t offset)
{
	struct knowing *k = arg;
	struct block *b = k->b;
	uint32_t number;

	if (r->type == RECORD_WITHIN)
		return (block_kill_pairs(&k->fresh,
		    &(struct rd){ .at = (const uint8_t *)r->payload.p,
			.end = (const uint8_t *)r->payload.p + r->payload.n }));
	if (r->type != RECORD_MESSAGE || r->seq < b->first || r->seq > b->last)
		return (0);
	number = (uint32_t)(r->seq - b->first);
	if (block_reserve(&k->fresh, number) != 0)
		return (-1);
	if (k->fresh.steps[number / BLOCK_STEP] == 0)
		k->fresh.steps[number / BLOCK_STEP] = offset;
	k->there[number / 64] |= UINT64_C(1) << number % 64;
	return (0);
}

/* What neither lives nor was removed is lost. */
static void
know_lost(struct knowing *k)
{
	struct block *b = k->b;
	uint32_t numbers = block_numbers(b);
	uint64_t from = 0;

	for (uint32_t i = 0; i <= numbers; i++) {
		bool lost = i < numbers && !block_dead(b, i) &&
		    (k->there[i / 64] >> i % 64 & 1) == 0;

		if (lost && from == 0)
			from = b->first + i;
		if (lost)
			block_lost(b, b->first + i);
		if (!lost && from != 0) {
			store_report(b->stream->store, true, "stream %016" PRIx64
			    ": sequences %" PRIu64 " to %" PRIu64 " are lost", b->stream->uid,
			    from, b->first + i - 1);
			from = 0;
		}
	}
}

static void
know_take(struct knowing *k, unsigned gaps, bool all)
{
	struct block *b = k->b;
	uint64_t live;

	free(b->dead);
	b->dead = k->fresh.dead;
	b->dead_words = k->fresh.dead_words;
	b->steps = k->fresh.steps;
	b->steps_room = k->fresh.steps_room;
	b->known = true;
	block_clip(b);
	if (gaps > 0)
		store_report(b->stream->store, false,
		    "stream %016" PRIx64 ": block %08x has %u runs of bytes that do not verify",
		    b->stream->uid, b->number, gaps);
	live = block_numbers(b);
	for (uint32_t w = 0; w < b->dead_words; w++)
		live -= (uint64_t)__builtin_popcountll(b->dead[w]);
	/* The summary counts what its point knew: removals are in the file before it says so. */
	if (!b->ghost)
		b->stream->messages += live - b->live;
	b->live = (uint32_t)live;
	if (all) /* of it was looked at */
		know_lost(k);
}

/* ---- what it says of itself ---- */

struct saying {
	struct block *b;
	struct block fresh; /* dead and steps */
	struct contents *contents;
};

static int
say_record(struct saying *x, const struct record *r)
{
	struct rd in;

	if (r->type == RECORD_INDEX && x->contents == NULL) {
		x->contents = contents_read(r->payload);
		if (x->contents == NULL || r->seq != x->b->first)
			return (-1);
		in = rd_of(x->contents->pair, 8 * (size_t)x->contents->pairs);
	} else if (r->type == RECORD_WITHIN) {
		in = rd_of(r->payload.p, r->payload.n);
	} else {
		return (0);
	}
	return (block_kill_pairs(&x->fresh, &in));
}

/* Its contents and what was removed since; -1: not to be used. */
static int
say_load(struct saying *x)
{
	struct block *b = x->b;
	struct record_bytes p = { .uid = b->stream->uid, .file = RECORD_IN_BLOCK,
		.number = b->number, .base = b->contents_at, .n = b->synced - b->contents_at };
	int handle = handle_get(b->stream, b->number, NULL), bad = -1;
	uint8_t *data = handle < 0 ? NULL : malloc(p.n);
	size_t at, next = 0;
	struct record r;

	p.data = data;
	if (data != NULL && disk_read_all(b->stream->store->disk, handle, data, p.n,
		b->contents_at) == 0)
		bad = 0;
	for (at = bad == 0 ? record_find(&p, 0, &r) : p.n; at < p.n && bad == 0;
	     at = record_find(&p, next, &r)) {
		bad = at != next ? -1 : say_record(x, &r);
		next = at + record_padded(r.bytes);
	}
	free(data);
	return (bad == 0 && next >= p.n && x->contents != NULL ? 0 : -1);
}

static int
say_steps(struct saying *x)
{
	uint32_t numbers = block_numbers(x->b);

	if (block_kill_reserve(&x->fresh, numbers, 0) != 0 ||
	    block_reserve(&x->fresh, numbers) != 0)
		return (-1);
	for (uint32_t i = 0; i <= numbers / BLOCK_STEP; i++)
		x->fresh.steps[i] = contents_step(x->contents, i);
	return (0);
}

const struct contents *
block_contents(struct block *b)
{
	struct saying x = { .b = b };

	if (b->contents != NULL) {
		block_index_use(b);
		return (b->contents);
	}
	if (b->contents_at == 0 || b->contents_at >= b->synced || block_numbers(b) == 0)
		return (NULL);
	x.fresh = (struct block){ .stream = b->stream, .first = b->first, .last = b->last };
	if (say_load(&x) != 0 || say_steps(&x) != 0) {
		contents_free(x.contents);
		free(x.fresh.dead);
		free(x.fresh.steps);
		b->contents_at = 0; /* as good as none */
		b->changed = true;
		return (NULL);
	}
	b->contents = x.contents;
	if (!b->known) {
		struct knowing k = { .b = b, .fresh = x.fresh };

		know_take(&k, 0, false);
	} else {
		free(x.fresh.dead);
		free(x.fresh.steps);
	}
	block_index_use(b);
	store_index_trim(b->stream->store, b);
	return (b->contents);
}

enum store_result
block_know(struct block *b, struct err *err)
{
	struct knowing k = { .b = b };
	enum store_result result;
	unsigned gaps;

	if (b->known || block_contents(b) != NULL)
		return (STORE_OK);
	k.fresh = (struct block){ .stream = b->stream, .first = b->first, .last = b->last };
	k.there = calloc(block_numbers(b) / 64 + 1, sizeof(*k.there));
	if (k.there == NULL || block_kill_reserve(&k.fresh, block_numbers(b), 0) != 0 ||
	    block_reserve(&k.fresh, block_numbers(b)) != 0) {
		result = store_no_memory(err);
		gaps = 0;
	} else {
		for (uint32_t w = 0; w < b->dead_words && w < k.fresh.dead_words; w++)
			k.fresh.dead[w] = b->dead[w];
		result = block_scan(b, know_record, &k, &gaps, err);
	}
	if (result == STORE_OK) {
		know_take(&k, gaps, true);
	} else {
		free(k.fresh.dead);
		free(k.fresh.steps);
	}
	free(k.there);
	return (result);
}

struct indexing {
	struct block *b;
	struct index *index;
};

static int
index_record(void *arg, const struct record *r, uint32_t offset)
{
	struct indexing *x = arg;
	uint32_t number;

	if (r->type != RECORD_MESSAGE || r->seq < x->b->first || r->seq > x->b->last)
		return (0);
	number = (uint32_t)(r->seq - x->b->first);
	if (block_dead(x->b, number) || number < x->index->count)
		return (0);
	return (index_add(x->index, number, offset, r->subject));
}

enum store_result
block_index(struct block *b, struct err *err)
{
	struct indexing x = { .b = b };
	enum store_result result;

	if (b->index != NULL) {
		block_index_use(b);
		return (STORE_OK);
	}
	result = block_know(b, err);
	if (result != STORE_OK)
		return (result);
	x.index = index_new();
	if (x.index == NULL)
		return (store_no_memory(err));
	result = block_scan(b, index_record, &x, NULL, err);
	if (result != STORE_OK) {
		index_free(x.index);
		return (result);
	}
	b->index = x.index;
	block_index_use(b);
	store_index_trim(b->stream->store, b);
	return (STORE_OK);
}

/* ---- one message ---- */

/*
 * What is not in the part that is known to be in the file: where it lies in memory, and where that
 * ends; NULL: in the file up to *end, or, when that is offset, nowhere.
 */
static const uint8_t *
bytes_behind(const struct block *b, uint32_t offset, uint32_t *end)
{
	const struct extent *e = extent_from(b, offset);

	*end = offset < b->cut ? b->cut : b->len;
	if (e == NULL || e->at > offset) {
		if (e != NULL && e->at < *end)
			*end = e->at;
		return (memory_at(b, offset));
	}
	*end = e->is_void ? offset : e->at + e->bytes;
	if (e->is_void || e->on_way == NULL)
		return (NULL);
	return (e->on_way->data + (offset - e->at));
}

static const uint8_t *
not_there(const struct block *b, uint32_t offset, struct err *err)
{
	errno = ENODATA;
	err_sys(err, "block %08x ends at %" PRIu32, b->number, offset);
	return (NULL);
}

/* What a large record took is given back with the next small one. */
static int
window_room(struct window *w, size_t want, struct err *err)
{
	if (want <= w->room && (w->room <= WINDOW_LARGE || want > WINDOW_LARGE))
		return (0);
	free(w->data);
	w->room = want < WINDOW_BYTES ? WINDOW_BYTES : want;
	w->data = malloc(w->room);
	if (w->data != NULL)
		return (0);
	w->room = 0;
	return (err_set(err, "out of memory"));
}

/*
 * Bytes of the block from offset on: at least n, more when they are at hand; NULL: why.  Borrowed
 * until the next call.
 */
static const uint8_t *
bytes_at(struct block *b, uint32_t offset, size_t n, bool goes_on, size_t *have, struct err *err)
{
	struct window *w = &b->stream->store->window;
	size_t want = goes_on ? WINDOW_BYTES : WINDOW_FIRST;
	uint32_t end = b->synced; /* of what is in the file */
	const uint8_t *memory;
	ssize_t got;
	int handle;

	if (offset >= b->synced) {
		memory = bytes_behind(b, offset, &end);
		*have = end - offset;
		if (memory != NULL || end == offset)
			return (memory != NULL ? memory : not_there(b, offset, err));
	}
	if (w->uid == b->stream->uid && w->number == b->number && offset >= w->from &&
	    offset - w->from < w->len && n <= w->len - (offset - w->from)) {
		*have = w->len - (offset - w->from);
		return (w->data + (offset - w->from));
	}
	w->uid = 0;
	if (want < n)
		want = n;
	if (want > end - offset)
		want = end - offset;
	if (want < n)
		return (not_there(b, end, err));
	if (window_room(w, want, err) != 0)
		return (NULL);
	handle = handle_get(b->stream, b->number, err);
	got = handle < 0 ? -1 : disk_read(b->stream->store->disk, handle, w->data, want, offset);
	if (got < 0) {
		if (handle >= 0)
			err_sys(err, "read block %08x at %" PRIu32, b->number, offset);
		return (NULL);
	}
	if ((size_t)got < n) {
		errno = ENODATA;
		err_sys(err, "block %08x is cut to %" PRIu32, b->number, offset + (uint32_t)got);
		return (NULL);
	}
	w->uid = b->stream->uid;
	w->number = b->number;
	w->from = offset;
	w->len = (uint32_t)got;
	*have = (size_t)got;
	return (w->data);
}

/* Does not verify, or is not there: that is damage, if nothing else is wrong. */
static enum store_result
unreadable(const struct err *err)
{
	return (err->sys == ENODATA || err->sys == ENOENT ? STORE_DAMAGED : STORE_ERROR);
}

/* From offset on, by the lengths that the heads say, to the message; then it is checked. */
static enum store_result
walk(struct block *b, uint32_t offset, bool goes_on, uint64_t seq, struct record *r,
    struct err *err)
{
	const uint8_t *p;
	size_t have;

	for (;;) {
		if (offset >= b->len)
			return (STORE_DAMAGED);
		p = bytes_at(b, offset, RECORD_HEAD, goes_on, &have, err);
		if (p == NULL)
			return (unreadable(err));
		record_peek(p, r);
		if (r->bytes < RECORD_HEAD || r->bytes > b->len - offset)
			return (STORE_DAMAGED);
		if (r->type == RECORD_MESSAGE && r->seq >= seq)
			break;
		offset += (uint32_t)record_padded(r->bytes);
	}
	if (r->seq != seq)
		return (STORE_DAMAGED);
	if (have < r->bytes)
		p = bytes_at(b, offset, r->bytes, goes_on, &have, err);
	if (p == NULL)
		return (unreadable(err));
	if (record_decode(p, have, record_place(b->stream->uid, RECORD_IN_BLOCK, b->number,
		offset), r) != 0)
		return (STORE_DAMAGED);
	b->stream->store->window.next = offset + (uint32_t)record_padded(r->bytes);
	return (STORE_OK);
}

struct seeking {
	uint64_t seq;
	uint32_t offset;
};

static int
seek_record(void *arg, const struct record *r, uint32_t offset)
{
	struct seeking *k = arg;

	if (r->type == RECORD_MESSAGE && r->seq == k->seq)
		k->offset = offset;
	return (0);
}

static enum store_result
read_once(struct block *b, uint64_t seq, struct record *r, struct err *err)
{
	struct window *w = &b->stream->store->window;
	uint32_t number = (uint32_t)(seq - b->first);
	bool goes_on = w->next_seq == seq && w->uid == b->stream->uid && w->number == b->number;

	if (goes_on && w->next < b->len && walk(b, w->next, true, seq, r, err) == STORE_OK)
		return (STORE_OK);
	if (b->index != NULL && number < b->index->count && b->index->slots[number].offset != 0)
		return (walk(b, b->index->slots[number].offset, false, seq, r, err));
	if (number / BLOCK_STEP >= b->steps_room || b->steps[number / BLOCK_STEP] == 0)
		return (STORE_DAMAGED);
	return (walk(b, b->steps[number / BLOCK_STEP], false, seq, r, err));
}

/* The heads on the way may be damaged: the whole block is looked through. */
static enum store_result
read_slowly(struct block *b, uint64_t seq, struct record *r, struct err *err)
{
	struct seeking k = { .seq = seq };
	enum store_result result = block_scan(b, seek_record, &k, NULL, err);

	if (result != STORE_OK)
		return (result);
	return (k.offset == 0 ? STORE_DAMAGED : walk(b, k.offset, false, seq, r, err));
}

enum store_result
block_place(struct block *b, uint64_t seq, uint32_t *offset, struct record *r, struct err *err)
{
	enum store_result result = block_read(b, seq, r, err);

	if (result == STORE_OK)
		*offset = b->stream->store->window.next - (uint32_t)record_padded(r->bytes);
	return (result);
}

enum store_result
block_read(struct block *b, uint64_t seq, struct record *r, struct err *err)
{
	struct store *store = b->stream->store;
	struct err why = { .sys = 0 };
	enum store_result result = read_once(b, seq, r, &why);

	/* A second read decides: the first may have been unlucky on its way (S5). */
	if (result == STORE_DAMAGED) {
		store_handles_drop(store, b->stream->uid, b->number);
		result = read_slowly(b, seq, r, &why);
	}
	if (result == STORE_OK) {
		if (store->window.uid == 0 || store->window.uid != b->stream->uid ||
		    store->window.number != b->number) {
			store->window.uid = b->stream->uid;
			store->window.number = b->number;
			store->window.len = 0;
		}
		store->window.next_seq = seq + 1;
	}
	if (result == STORE_DAMAGED)
		err_set(err, "sequence %" PRIu64 " in block %08x is damaged", seq, b->number);
	else if (result != STORE_OK && err != NULL)
		*err = why;
	return (result);
}

/* ---- is it all there ---- */

static int
verify_record(void *arg, const struct record *r, uint32_t offset)
{
	struct knowing *k = arg;
	struct block *b = k->b;

	(void)offset;
	if (r->type == RECORD_MESSAGE && r->seq >= b->first && r->seq <= b->last)
		k->there[(r->seq - b->first) / 64] |= UINT64_C(1) << (r->seq - b->first) % 64;
	return (0);
}

enum store_result
block_verify(struct block *b, struct err *err)
{
	struct knowing k = { .b = b };
	enum store_result result = block_know(b, err);

	if (result != STORE_OK)
		return (result);
	k.there = calloc(block_numbers(b) / 64 + 1, sizeof(*k.there));
	if (k.there == NULL)
		return (store_no_memory(err));
	result = block_scan(b, verify_record, &k, NULL, err);
	if (result == STORE_OK)
		know_lost(&k);
	free(k.there);
	return (result);
}
