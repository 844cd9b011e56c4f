/*
 * Blocks: where the messages of a stream are, in memory and in their files.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cursor.h"
#include "common/log.h"
#include "natsd-js/store/store_priv.h"

#define HEAD_PAYLOAD 12u

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

/* ---- in memory ---- */

/* The first record of the file says whose it is. */
static int
block_start(struct stream *s, struct block *b)
{
	uint8_t payload[HEAD_PAYLOAD], *p;
	struct wr out = wr_of(payload, sizeof(payload));
	struct record r = { .type = RECORD_BLOCK, .seq = b->first_seq,
		.payload = { .p = (const char *)payload, .n = sizeof(payload) } };
	size_t n = record_length(&r);

	wr_u64(&out, s->uid);
	wr_u32(&out, b->number);
	p = buf_room(&b->tail, n);
	if (p == NULL)
		return (-1);
	record_encode(p, record_place(s->uid, RECORD_IN_BLOCK, b->number, 0), &r);
	b->tail.len = n;
	b->len = (uint32_t)n;
	b->link = (uint32_t)r.check;
	s->store->tail_bytes += n;
	return (0);
}

static int
blocks_grow(struct stream *s)
{
	uint32_t room = s->block_room == 0 ? 4 : s->block_room * 2;
	struct block **blocks;

	if (s->block_count < s->block_room)
		return (0);
	blocks = reallocarray(s->blocks, room, sizeof(struct block *));
	if (blocks == NULL)
		return (-1);
	s->blocks = blocks;
	s->block_room = room;
	return (0);
}

struct block *
block_new(struct stream *s, uint64_t first_seq)
{
	struct block *b;

	if (s->last_block == UINT32_MAX || blocks_grow(s) != 0)
		return (NULL);
	b = calloc(1, sizeof(*b));
	if (b == NULL)
		return (NULL);
	b->number = s->last_block + 1;
	b->is_new = true;
	b->first_seq = first_seq;
	b->tail = BUF_INIT(s->store->options.block_bytes + 2 * (size_t)RECORD_MAX);
	if (block_start(s, b) != 0) {
		free(b);
		return (NULL);
	}
	if (s->block_count > 0)
		s->blocks[s->block_count - 1]->closed = true;
	s->last_block++;
	s->blocks[s->block_count++] = b;
	return (b);
}

void
block_free(struct store *store, struct block *b)
{
	store->tail_bytes -= b->tail.len;
	buf_free(&b->tail);
	free(b->slots);
	free(b);
}

uint32_t
block_find_index(const struct stream *s, uint64_t seq)
{
	uint32_t low = 0, high = s->block_count, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (s->blocks[mid]->first_seq + s->blocks[mid]->count <= seq)
			low = mid + 1;
		else
			high = mid;
	}
	return (low);
}

struct block *
block_find(const struct stream *s, uint64_t seq)
{
	uint32_t i = block_find_index(s, seq);

	return (i < s->block_count && s->blocks[i]->first_seq <= seq ? s->blocks[i] : NULL);
}

struct slot *
block_slot(const struct block *b, uint64_t seq)
{
	struct slot *slot;

	if (seq < b->first_seq || seq - b->first_seq >= b->count)
		return (NULL);
	slot = &b->slots[seq - b->first_seq];
	return (slot->offset == 0 ? NULL : slot);
}

int
block_grow(struct block *b, uint64_t seq)
{
	uint64_t need = seq - b->first_seq + 1;
	uint32_t room = b->room == 0 ? 16 : b->room;
	struct slot *slots;

	assert(seq >= b->first_seq + b->count);
	if (need <= b->room)
		return (0);
	if (need > UINT32_MAX / 2)
		return (-1);
	while (room < need)
		room *= 2;
	slots = reallocarray(b->slots, room, sizeof(*slots));
	if (slots == NULL)
		return (-1);
	b->slots = slots;
	b->room = room;
	return (0);
}

void
block_put(struct block *b, uint64_t seq, const struct slot *slot)
{
	uint32_t at = (uint32_t)(seq - b->first_seq);

	assert(at >= b->count && at < b->room);
	memset(&b->slots[b->count], 0, (at - b->count) * sizeof(*b->slots));
	b->slots[at] = *slot;
	b->count = at + 1;
	b->live++;
	bloom_add(b, slot->subject);
}

/* ---- reading ---- */

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
}

static int
handle_get(struct stream *s, uint32_t number, struct err *err)
{
	struct store *store = s->store;
	char name[BLOCK_NAME_BYTES];
	struct open_block *o;
	int folder, handle;

	for (unsigned i = 0; i < STORE_HANDLES; i++) {
		o = &store->open[i];
		if (o->handle >= 0 && o->number == number && o->uid == s->uid)
			return (o->handle);
	}
	folder = stream_folder(s, err);
	if (folder < 0)
		return (-1);
	block_name(name, number);
	handle = disk_open(store->disk, folder, name, DISK_READ);
	if (handle < 0)
		err_sys(err, "open block %s", name);
	disk_close(store->disk, folder);
	if (handle < 0)
		return (-1);
	o = &store->open[store->open_next++ % STORE_HANDLES];
	disk_close(store->disk, o->handle);
	*o = (struct open_block){ .uid = s->uid, .number = number, .handle = handle };
	return (handle);
}

/* Bytes of the record, from what nats-server counts for it: never less. */
static size_t
record_bytes_at_most(const struct slot *slot)
{
	return ((size_t)slot->bytes - 30 + RECORD_HEAD);
}

/*
 * The bytes of the record in the window, which is moved there when the reader goes on where it was;
 * NULL: not in it.
 */
static const uint8_t *
window_read(struct stream *s, const struct block *b, uint32_t offset, size_t n, size_t *have)
{
	struct window *w = &s->store->window;
	bool ours = w->uid == s->uid && w->number == b->number, goes_on = ours && w->next == offset;
	ssize_t got;
	int handle;

	if (ours && offset >= w->from && offset - w->from < w->len &&
	    (n <= w->len - (offset - w->from) || w->from + w->len == b->synced)) {
		*have = w->len - (offset - w->from);
		return (w->data + (offset - w->from));
	}
	w->uid = s->uid;
	w->number = b->number;
	w->len = 0;
	if (!goes_on || n > WINDOW_BYTES)
		return (NULL);
	handle = handle_get(s, b->number, NULL);
	if (w->data == NULL)
		w->data = malloc(WINDOW_BYTES);
	if (w->data == NULL || handle < 0)
		return (NULL);
	*have = b->synced - offset < WINDOW_BYTES ? b->synced - offset : WINDOW_BYTES;
	got = disk_read(s->store->disk, handle, w->data, *have, offset);
	if (got < 0 || (size_t)got != *have)
		return (NULL);
	w->from = offset;
	w->len = (uint32_t)*have;
	return (w->data);
}

static enum store_result
read_once(struct stream *s, struct block *b, const struct slot *slot, struct record *r,
    struct err *err)
{
	struct store *store = s->store;
	size_t n = record_bytes_at_most(slot), have;
	const uint8_t *ahead = window_read(s, b, slot->offset, n, &have);
	uint64_t place = record_place(s->uid, RECORD_IN_BLOCK, b->number, slot->offset);
	int handle;
	uint8_t *p;
	ssize_t got;

	if (ahead != NULL && record_decode(ahead, have, place, r) == 0)
		return (STORE_OK);
	handle = handle_get(s, b->number, err);
	p = buf_room(&store->scratch, n);
	if (p == NULL) {
		err_set(err, "out of memory");
		return (STORE_ERROR);
	}
	if (handle < 0)
		return (err != NULL && err->sys == ENOENT ? STORE_DAMAGED : STORE_ERROR);
	got = disk_read(store->disk, handle, p, n, slot->offset);
	if (got < 0) {
		err_sys(err, "read block %08x at %" PRIu32, b->number, slot->offset);
		return (STORE_ERROR);
	}
	return (record_decode(p, (size_t)got, place, r) == 0 ? STORE_OK : STORE_DAMAGED);
}

enum store_result
block_read(struct stream *s, struct block *b, uint64_t seq, struct record *r, struct err *err)
{
	struct slot *slot = block_slot(b, seq);
	enum store_result result = STORE_DAMAGED;
	struct err why = { .sys = 0 };

	if (slot == NULL)
		return (STORE_NONE);
	if (slot->offset >= b->synced) {
		result = record_decode(b->tail.data + (slot->offset - b->synced),
		    b->len - slot->offset,
		    record_place(s->uid, RECORD_IN_BLOCK, b->number, slot->offset), r) == 0 ?
		    STORE_OK : STORE_DAMAGED;
	} else {
		/* A second read decides: the first may have been unlucky on its way (S5). */
		for (unsigned i = 0; i < 2 && result == STORE_DAMAGED; i++) {
			if (i > 0) {
				store_handles_drop(s->store, s->uid, b->number);
				s->store->window.uid = 0;
			}
			result = read_once(s, b, slot, r, &why);
		}
		if (result == STORE_OK)
			s->store->window.next =
			    (uint32_t)(slot->offset + record_padded(r->bytes));
	}
	if (result == STORE_OK && (r->seq != seq || r->type != RECORD_MESSAGE))
		result = STORE_DAMAGED;
	if (result == STORE_DAMAGED)
		err_set(err, "sequence %" PRIu64 " in block %08x at %" PRIu32 " is damaged", seq,
		    b->number, slot->offset);
	else if (result == STORE_ERROR && err != NULL)
		*err = why;
	return (result);
}

/* ---- writing ---- */

static int
write_tail(struct stream *s, struct block *b, int folder, struct err *err)
{
	struct disk *disk = s->store->disk;
	char name[BLOCK_NAME_BYTES];
	int handle = -1, result = 0;

	block_name(name, b->number);
	if (b->is_new)
		handle = disk_open(disk, folder, name, DISK_CREATE);
	if (handle < 0 && (!b->is_new || errno == EEXIST))
		handle = disk_open(disk, folder, name, DISK_WRITE);
	if (handle < 0)
		return (err_sys(err, "open block %s", name));
	s->names_dirty |= b->is_new;
	/* A checkpoint that was not finished left it: the journal has all that was in it. */
	if (b->is_new && disk_truncate(disk, handle, 0) != 0)
		result = err_sys(err, "empty block %s", name);
	else if (disk_write_all(disk, handle, b->tail.data, b->tail.len, b->synced) != 0)
		result = err_sys(err, "write block %s", name);
	else if (disk_sync(disk, handle) != 0)
		result = err_sys(err, "sync block %s", name);
	disk_close(disk, handle);
	return (result);
}

/* The records of the tail, one by one, at their places in another block. */
static int
tail_move(struct stream *s, struct block *from, uint64_t seq, struct block *to)
{
	for (; seq <= block_last(from); seq++) {
		struct slot *slot = block_slot(from, seq), moved;
		struct record r;
		uint8_t *p;

		if (slot == NULL)
			continue;
		moved = *slot;
		moved.offset = to->len;
		if (record_decode(from->tail.data + (slot->offset - from->synced),
			from->len - slot->offset,
			record_place(s->uid, RECORD_IN_BLOCK, from->number, slot->offset),
			&r) != 0)
			bug("store: a record in memory does not verify");
		r.link = to->link;
		p = buf_room(&to->tail, record_length(&r));
		if (p == NULL || block_grow(to, seq) != 0)
			return (-1);
		record_encode(p, record_place(s->uid, RECORD_IN_BLOCK, to->number, to->len), &r);
		to->tail.len += record_length(&r);
		to->len += (uint32_t)record_length(&r);
		to->link = (uint32_t)r.check;
		s->store->tail_bytes += record_length(&r);
		block_put(to, seq, &moved);
	}
	return (0);
}

static void
block_insert_behind(struct stream *s, struct block *b, struct block *after)
{
	uint32_t at = s->block_count - 1; /* where block_new put it */

	while (at > 0 && s->blocks[at - 1] != after) {
		s->blocks[at] = s->blocks[at - 1];
		at--;
	}
	s->blocks[at] = b;
}

/* The first sequence whose record is not in the file. */
static uint64_t
tail_first(const struct block *b)
{
	uint64_t seq = b->first_seq + b->count;

	while (seq > b->first_seq && (block_slot(b, seq - 1) == NULL ||
	    block_slot(b, seq - 1)->offset >= b->synced))
		seq--;
	return (seq);
}

/*
 * After a failed write or sync the file is finished: what it holds durably stays, the rest goes to
 * a file of its own (faults.md S13, S14).
 */
static struct block *
block_split(struct stream *s, struct block *b)
{
	uint64_t seq = tail_first(b);
	bool was_last = !b->closed;
	struct block *to = block_new(s, seq);

	if (to == NULL)
		return (NULL);
	if (tail_move(s, b, seq, to) != 0) {
		s->block_count--;
		block_free(s->store, to);
		return (NULL);
	}
	for (uint32_t i = (uint32_t)(seq - b->first_seq); i < b->count; i++)
		b->live -= b->slots[i].offset != 0;
	b->count = (uint32_t)(seq - b->first_seq);
	b->len = b->synced;
	s->store->tail_bytes -= b->tail.len;
	buf_free(&b->tail);
	b->closed = true;
	to->closed = !was_last;
	block_insert_behind(s, to, b);
	return (to);
}

static void
tail_written(struct stream *s, struct block *b)
{
	b->is_new = false;
	b->synced = b->len;
	s->store->tail_bytes -= b->tail.len;
	buf_free(&b->tail);
}

int
block_flush(struct stream *s, struct block *b, int folder, struct err *err)
{
	struct block *other;

	if (b->tail.len == 0)
		return (0);
	if (write_tail(s, b, folder, err) != 0) {
		store_handles_drop(s->store, s->uid, b->number);
		other = block_split(s, b);
		if (other == NULL)
			return (err_wrap(err, "out of memory after"));
		b = other;
		if (write_tail(s, b, folder, err) != 0) {
			b->is_new = true;
			return (-1);
		}
	}
	tail_written(s, b);
	return (0);
}
