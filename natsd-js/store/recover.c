/*
 * What the files of a stream hold, and what the journal has on top of it.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cursor.h"
#include "natsd-js/store/store_priv.h"

#define LOST_LINES 16u

struct found_block {
	uint32_t number;
	uint64_t first; /* sequence it begins with; 0: it does not say */
	uint64_t last;	/* of one that belongs to no finished checkpoint */
};

struct found_blocks {
	struct found_block *list;
	uint32_t count, room;
	bool no_memory;
};

static bool
number_parse(const char *name, uint32_t *number)
{
	*number = 0;
	for (unsigned i = 0; i < 8; i++) {
		if (name[i] >= '0' && name[i] <= '9')
			*number = *number << 4 | (uint32_t)(name[i] - '0');
		else if (name[i] >= 'a' && name[i] <= 'f')
			*number = *number << 4 | (uint32_t)(name[i] - 'a' + 10);
		else
			return (false);
	}
	return (strcmp(name + 8, ".blk") == 0 && *number != 0);
}

static bool
file_found(void *arg, const char *name, bool is_dir)
{
	struct found_blocks *f = arg;
	struct found_block *list;
	uint32_t number;

	if (is_dir || !number_parse(name, &number))
		return (true);
	if (f->count == f->room) {
		f->room = f->room * 2 + 16;
		list = reallocarray(f->list, f->room, sizeof(*list));
		if (list == NULL) {
			f->no_memory = true;
			return (false);
		}
		f->list = list;
	}
	f->list[f->count++] = (struct found_block){ .number = number };
	return (true);
}

/* By sequence: a block that was split has its second half in one with a higher number. */
static int
by_first(const void *a, const void *b)
{
	const struct found_block *x = a, *y = b;

	if (x->first != y->first)
		return (x->first < y->first ? -1 : 1);
	return ((x->number > y->number) - (x->number < y->number));
}

static uint8_t *
load(struct stream *s, int folder, uint32_t number, size_t *n, struct err *err)
{
	char name[BLOCK_NAME_BYTES];
	uint8_t *p;

	block_name(name, number);
	p = disk_load(s->store->disk, folder, name, (size_t)UINT32_MAX, n);
	if (p == NULL)
		err_sys(err, "read block %s", name);
	return (p);
}

/* The first sequence of the block: of its header, or of the first message that is left.  And the
 * last. */
static int
learn_span(struct stream *s, int folder, struct found_block *f, struct err *err)
{
	struct record r;
	size_t n, at;
	uint8_t *p = load(s, folder, f->number, &n, err);

	if (p == NULL)
		return (-1);
	at = record_find(p, n, 0, s->uid, RECORD_IN_BLOCK, f->number, &r);
	if (at < n)
		f->first = r.seq;
	while (at < n && f->number > s->last_block) {
		f->last = r.seq;
		at = record_find(p, n, at + record_padded(r.bytes), s->uid, RECORD_IN_BLOCK,
		    f->number, &r);
	}
	free(p);
	return (0);
}

/* ---- one block ---- */

static int
add_slot(struct stream *s, struct block *b, const struct record *r, size_t at)
{
	struct store_message m = { .subject = r->subject, .headers = r->headers,
		.payload = r->payload };
	struct subject_sum *sum = subjects_get(&s->subjects, r->subject);
	struct slot slot = { .offset = (uint32_t)at, .bytes = (uint32_t)store_message_bytes(&m) };

	if (sum == NULL)
		return (-1);
	if (b->count == 0)
		b->first_seq = r->seq;
	if (block_grow(b, r->seq) != 0) {
		subjects_drop_empty(&s->subjects, sum);
		return (-1);
	}
	slot.subject = sum->number;
	block_put(b, r->seq, &slot);
	subjects_count_in(sum, r->seq);
	s->messages++;
	s->bytes += slot.bytes;
	return (0);
}

/* Messages that count: of a finished checkpoint, not removed, not those of the next block. */
static int
scan(struct stream *s, struct block *b, const uint8_t *p, size_t n, uint64_t bound)
{
	size_t at, next = 0;
	struct record r;
	unsigned gaps = 0;

	for (at = record_find(p, n, 0, s->uid, RECORD_IN_BLOCK, b->number, &r); at < n;
	     at = record_find(p, n, next, s->uid, RECORD_IN_BLOCK, b->number, &r)) {
		gaps += at != next;
		next = at + record_padded(r.bytes);
		if (r.type != RECORD_MESSAGE || r.seq > s->files_last || r.seq >= bound ||
		    seqset_has(&s->removed, r.seq) ||
		    (b->count > 0 && r.seq <= block_last(b)))
			continue;
		if (b->count > 0 && (r.seq - b->first_seq) / (BLOCK_GAP_MAX + 1) > n / RECORD_HEAD) {
			store_report(s->store, true, "stream %016" PRIx64 ": block %08x cannot hold "
			    "sequence %" PRIu64, s->uid, b->number, r.seq);
			continue;
		}
		if (add_slot(s, b, &r, at) != 0)
			return (-1);
	}
	if (gaps > 0)
		store_report(s->store, false,
		    "stream %016" PRIx64 ": block %08x has %u runs of bytes that do not verify",
		    s->uid, b->number, gaps);
	b->len = b->synced = (uint32_t)n;
	return (0);
}

static int
recover_block(struct stream *s, int folder, const struct found_block *f, uint64_t bound,
    struct err *err)
{
	struct block *b = calloc(1, sizeof(*b));
	size_t n = 0;
	uint8_t *p = b == NULL ? NULL : load(s, folder, f->number, &n, err);
	int result = 0;

	if (b == NULL)
		return (err_set(err, "out of memory"));
	if (p == NULL) {
		free(b);
		return (-1);
	}
	b->number = f->number;
	b->closed = true;
	if (scan(s, b, p, n, bound) != 0)
		result = err_set(err, "out of memory");
	free(p);
	/* Nothing in it counts any more; but a file that does not say whose it is is left alone. */
	if (result != 0 || b->live == 0) {
		if (result == 0 && f->first != 0)
			s->dead_blocks[s->dead_count++] = b->number;
		block_free(s->store, b);
		return (result);
	}
	s->blocks[s->block_count++] = b;
	return (0);
}

static int
rooms_make(struct stream *s, uint32_t n)
{
	s->blocks = calloc(n, sizeof(struct block *));
	s->dead_blocks = calloc(n, sizeof(*s->dead_blocks));
	s->unfinished = calloc(n, sizeof(*s->unfinished));
	if (s->blocks == NULL || s->dead_blocks == NULL || s->unfinished == NULL)
		return (-1);
	s->block_room = s->dead_room = n;
	return (0);
}

/* Blocks of a checkpoint that was not finished: what they hold is in the journal, too. */
static uint32_t
unfinished_part(struct stream *s, struct found_blocks *f)
{
	uint32_t kept = 0, highest = s->last_block;

	for (uint32_t i = 0; i < f->count; i++) {
		if (f->list[i].number > highest)
			highest = f->list[i].number;
		if (f->list[i].number > s->last_block)
			s->unfinished[s->unfinished_count++] = (struct unfinished){
				.number = f->list[i].number, .last = f->list[i].last };
		else
			f->list[kept++] = f->list[i];
	}
	f->count = kept;
	return (highest);
}

static int
recover_blocks(struct stream *s, int folder, struct found_blocks *f, struct err *err)
{
	uint32_t highest;
	uint64_t bound;

	if (f->count == 0)
		return (0);
	if (rooms_make(s, f->count) != 0)
		return (err_set(err, "out of memory"));
	for (uint32_t i = 0; i < f->count; i++)
		if (learn_span(s, folder, &f->list[i], err) != 0)
			return (-1);
	highest = unfinished_part(s, f);
	qsort(f->list, f->count, sizeof(*f->list), by_first);
	for (uint32_t i = 0; i < f->count; i++) {
		bound = i + 1 == f->count ? UINT64_MAX : f->list[i + 1].first;
		if (recover_block(s, folder, &f->list[i], bound, err) != 0)
			return (-1);
	}
	s->last_block = highest;
	return (0);
}

static void
forget_what_was_read(struct stream *s)
{
	for (uint32_t i = 0; i < s->block_count; i++)
		block_free(s->store, s->blocks[i]);
	s->block_count = s->dead_count = s->unfinished_count = 0;
	subjects_clear(&s->subjects);
	seqset_clear(&s->removed);
	s->messages = s->bytes = 0;
}

int
stream_recover(struct stream *s, struct err *err)
{
	struct disk *disk = s->store->disk;
	struct found_blocks f = { .count = 0 };
	int folder = stream_folder(s, err), result = folder < 0 ? -1 : 0;

	if (result == 0)
		result = state_load(s, folder, err);
	if (result == 0 && disk_list(disk, folder, file_found, &f) != 0)
		result = err_sys(err, "list its folder");
	if (result == 0 && f.no_memory)
		result = err_set(err, "out of memory");
	if (result == 0)
		result = recover_blocks(s, folder, &f, err);
	free(f.list);
	disk_close(disk, folder);
	if (result != 0) {
		forget_what_was_read(s);
		s->offline = true;
		snprintf(s->fence, sizeof(s->fence), "offline: %.140s", err->text);
	}
	return (result);
}

/* ---- what is missing ---- */

static int
add_present(const struct stream *s, struct seqset *set)
{
	for (uint32_t i = 0; i < s->block_count; i++) {
		const struct block *b = s->blocks[i];

		for (uint64_t seq = b->first_seq; b->count > 0 && seq <= block_last(b); seq++)
			if (block_slot(b, seq) != NULL && seqset_add(set, seq, seq) != 0)
				return (-1);
	}
	return (0);
}

void
stream_find_lost(struct stream *s)
{
	struct seqset known = { .count = 0 };
	uint64_t seq, next;
	unsigned lines = 0;

	if (s->offline || s->messages + s->removed.size == s->last_seq)
		return;
	for (size_t i = 0; i < s->removed.count; i++)
		if (seqset_add(&known, s->removed.ranges[i].first, s->removed.ranges[i].last) != 0)
			goto out;
	if (add_present(s, &known) != 0)
		goto out;
	for (size_t i = 0; i <= known.count; i++) {
		seq = i == 0 ? 1 : known.ranges[i - 1].last + 1;
		next = i == known.count ? s->last_seq + 1 : known.ranges[i].first;
		if (seq >= next || seqset_add(&s->lost, seq, next - 1) != 0)
			continue;
		if (lines++ < LOST_LINES)
			store_report(s->store, true,
			    "stream %016" PRIx64 ": sequences %" PRIu64 " to %" PRIu64 " are lost",
			    s->uid, seq, next - 1);
	}
out:
	seqset_free(&known);
}

/* ---- the journal ---- */

static int
replay_create(struct store *store, const struct journal_entry *e, struct err *err)
{
	struct rd in = rd_of(e->payload.p, e->payload.n);
	int64_t created = (int64_t)rd_u64(&in);
	uint64_t first = rd_u64(&in);
	struct str account = rd_str16(&in), name = rd_str16(&in);
	struct stream *s;

	/* The catalogue that knows it already may be in the page cache only: it is written again. */
	store->catalogue_dirty = true;
	if (rd_end(&in) != 0 || store_by_uid(store, e->owner) != NULL)
		return (0);
	for (struct dead *d = store->dead; d != NULL; d = d->next)
		if (d->uid == e->owner)
			return (0);
	s = stream_new(store, e->owner, created, account, name);
	if (s == NULL || (first > 1 && stream_apply_advance(s, first - 1) != 0))
		return (err_set(err, "out of memory"));
	s->dirty = true;
	return (0);
}

static int
replay_delete(struct store *store, struct stream *s, struct err *err)
{
	if (store_dead_add(store, s->uid, true) != 0)
		return (err_set(err, "out of memory"));
	stream_free(s);
	store->catalogue_dirty = true;
	return (0);
}

static int
replay_message(struct stream *s, const struct journal_entry *e, struct err *err)
{
	struct rd in = rd_of(e->payload.p, e->payload.n);
	uint32_t block = rd_u32(&in), offset = rd_u32(&in);
	struct record r;

	if (record_decode(in.at, rd_left(&in),
		record_place(s->uid, RECORD_IN_BLOCK, block, offset), &r) != 0) {
		store_report(s->store, true, "stream %016" PRIx64 ": a message does not verify",
		    s->uid);
		return (0);
	}
	if (r.seq <= s->last_seq)
		return (0);
	return (stream_apply_message(s, &r, err));
}

static int
replay_remove(struct stream *s, struct rd *in)
{
	uint64_t first = rd_u64(in), last = rd_u64(in);

	if (last > s->last_seq)
		last = s->last_seq;
	if (rd_end(in) != 0 || first == 0 || first > last)
		return (0);
	return (stream_apply_remove(s, first, last));
}

static int
replay_small(struct stream *s, struct rd *in)
{
	struct str key = rd_str16(in), value = rd_bytes(in, rd_left(in));

	if (key.n == 0)
		return (0);
	if (value.n > 0)
		return (small_set(s, key, value));
	small_unset(s, key);
	return (0);
}

static int
replay_mark(struct stream *s, struct rd *in)
{
	uint64_t life = rd_u64(in), ring = rd_u64(in), at = rd_u64(in);

	return (rd_end(in) != 0 ? 0 : mark_set(s, life, ring, at));
}

int
store_replay(void *arg, const struct journal_entry *e, struct err *err)
{
	struct store *store = arg;
	struct stream *s = store_by_uid(store, e->owner);
	struct rd in = rd_of(e->payload.p, e->payload.n);
	int result = 0;

	if (e->type == STORE_J_CREATE)
		return (replay_create(store, e, err));
	if (s == NULL) { /* deleted, which the catalogue knows already */
		store->catalogue_dirty = true;
		return (0);
	}
	/* What its files hold of this may be in the page cache only: they are written again. */
	s->dirty = true;
	if (e->type == STORE_J_DELETE)
		return (replay_delete(store, s, err));
	if (s->offline) {
		store->hold = true;
		return (0);
	}
	switch (e->type) {
	case STORE_J_MESSAGE:
		return (replay_message(s, e, err));
	case STORE_J_REMOVE:
		result = replay_remove(s, &in);
		break;
	case STORE_J_ADVANCE:
		result = stream_apply_advance(s, rd_u64(&in));
		break;
	case STORE_J_MARK:
		result = replay_mark(s, &in);
		break;
	case STORE_J_SMALL:
		result = replay_small(s, &in);
		break;
	default:
		store_report(store, true, "the journal has a record of type %u", e->type);
		break;
	}
	return (result == 0 ? 0 : err_set(err, "out of memory"));
}
