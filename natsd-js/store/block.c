/*
 * Blocks in memory: which messages they hold, and the bytes that wait for their file.
 */
#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/cursor.h"
#include "natsd-js/store/store_priv.h"

#define HEAD_PAYLOAD 36u
#define DEAD_PAIR 8u
#define DEAD_PAIRS_MAX 4096u /* of one record */

/* ---- making ---- */

/* The first record of the file says whose it is. */
static int
block_start(struct block *b)
{
	uint8_t payload[HEAD_PAYLOAD] = { 0 }, *p;
	struct wr out = wr_of(payload, sizeof(payload));
	struct record r = { .type = RECORD_BLOCK, .seq = b->first,
		.payload = { .p = (const char *)payload, .n = sizeof(payload) } };
	size_t n = record_length(&r);

	wr_u64(&out, b->stream->uid);
	wr_u32(&out, b->number);
	p = buf_room(&b->tail, n);
	if (p == NULL)
		return (-1);
	record_encode(p, record_place(b->stream->uid, RECORD_IN_BLOCK, b->number, 0), &r);
	b->tail.len = n;
	b->len = (uint32_t)n;
	b->link = (uint32_t)r.check;
	b->stream->store->tail_bytes += n;
	return (0);
}

struct block *
block_alone(struct stream *s, uint64_t first_seq)
{
	struct block *b;

	if (s->last_block == UINT32_MAX)
		return (NULL);
	b = calloc(1, sizeof(*b));
	if (b == NULL)
		return (NULL);
	b->stream = s;
	b->number = s->last_block + 1;
	b->is_new = b->known = b->changed = true;
	b->first = first_seq;
	b->last = first_seq - 1;
	b->tail = BUF_INIT(s->store->options.block_bytes + 2 * (size_t)RECORD_MAX);
	if (block_start(b) != 0) {
		free(b);
		return (NULL);
	}
	s->last_block++;
	return (b);
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
	struct block *b, *last;

	if (blocks_grow(s) != 0)
		return (NULL);
	b = block_alone(s, first_seq);
	if (b == NULL)
		return (NULL);
	if (s->block_count > 0) {
		last = s->blocks[s->block_count - 1];
		last->sealed = last->changed = true;
	}
	s->blocks[s->block_count++] = b;
	return (b);
}

void
block_free(struct store *store, struct block *b)
{
	if (snapshot_keeps(b))
		return;
	if (!b->ghost)
		store->tail_bytes -= b->tail.len + b->kept.len;
	block_index_drop(b);
	buf_free(&b->tail);
	buf_free(&b->kept);
	extent_free(b);
	seqset_free(&b->fresh);
	free(b->dead);
	free(b->steps);
	free(b);
}

bool
block_has_file(const struct block *b)
{
	return (!b->is_new || b->cut > b->synced || b->stale);
}

/* ---- finding ---- */

uint32_t
block_find_index(const struct stream *s, uint64_t seq)
{
	uint32_t low = 0, high = s->block_count, mid;

	if (high > 0 && s->blocks[high - 1]->first <= seq)
		return (s->blocks[high - 1]->last >= seq ? high - 1 : high);
	while (low < high) {
		mid = low + (high - low) / 2;
		if (s->blocks[mid]->last < seq)
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

	return (i < s->block_count && s->blocks[i]->first <= seq ? s->blocks[i] : NULL);
}

/* Bits of a word whose messages live; those behind the end do not. */
static uint64_t
live_word(const struct block *b, uint32_t w)
{
	uint64_t bits = w < b->dead_words ? ~b->dead[w] : UINT64_MAX;
	uint32_t n = block_numbers(b);

	if (w == n / 64)
		bits &= (UINT64_C(1) << n % 64) - 1;
	return (w > n / 64 ? 0 : bits);
}

uint32_t
block_live_next(const struct block *b, uint32_t number)
{
	uint32_t w = number / 64, words = block_numbers(b) / 64 + 1;
	uint64_t bits = UINT64_MAX << number % 64;

	for (; w < words; w++, bits = UINT64_MAX) {
		bits &= live_word(b, w);
		if (bits != 0)
			return (w * 64 + (uint32_t)__builtin_ctzll(bits));
	}
	return (INDEX_NONE);
}

uint32_t
block_live_prev(const struct block *b, uint32_t number)
{
	uint32_t w = number / 64;
	uint64_t bits = UINT64_MAX >> (63 - number % 64);

	for (;; w--, bits = UINT64_MAX) {
		bits &= live_word(b, w);
		if (bits != 0)
			return (w * 64 + 63 - (uint32_t)__builtin_clzll(bits));
		if (w == 0)
			return (INDEX_NONE);
	}
}

uint64_t
block_live_count(const struct block *b, uint32_t from)
{
	uint32_t w = from / 64, words = block_numbers(b) / 64 + 1;
	uint64_t bits = UINT64_MAX << from % 64, n = 0;

	if (from == 0)
		return (b->live);
	for (; w < words; w++, bits = UINT64_MAX)
		n += (uint64_t)__builtin_popcountll(bits & live_word(b, w));
	return (n);
}

/* ---- changing ---- */

static int
steps_reserve(struct block *b, uint32_t number)
{
	uint32_t need = number / BLOCK_STEP + 1, room = b->steps_room == 0 ? 8 : b->steps_room;
	uint32_t *steps;

	if (need <= b->steps_room)
		return (0);
	while (room < need)
		room *= 2;
	steps = reallocarray(b->steps, room, sizeof(*steps));
	if (steps == NULL)
		return (-1);
	memset(steps + b->steps_room, 0, (room - b->steps_room) * sizeof(*steps));
	b->steps = steps;
	b->steps_room = room;
	return (0);
}

static int
dead_reserve(struct block *b, uint32_t number)
{
	uint32_t need = number / 64 + 1, room = b->dead_words;
	uint64_t *dead;

	if (need <= room)
		return (0);
	room = room == 0 ? 4 : room;
	while (room < need)
		room *= 2;
	dead = reallocarray(b->dead, room, sizeof(*dead));
	if (dead == NULL)
		return (-1);
	memset(dead + b->dead_words, 0, (room - b->dead_words) * sizeof(*dead));
	b->dead = dead;
	b->dead_words = room;
	return (0);
}

int
block_reserve(struct block *b, uint32_t number)
{
	if (number >= BLOCK_NUMBERS_MAX || steps_reserve(b, number) != 0)
		return (-1);
	return (0);
}

void
block_put(struct block *b, uint32_t number, uint32_t offset)
{
	uint32_t *step = &b->steps[number / BLOCK_STEP];

	assert(number == block_numbers(b));
	if (*step == 0)
		*step = offset;
	b->last = b->first + number;
	b->live++;
	b->changed = true;
}

void
block_clip(struct block *b)
{
	uint32_t numbers = block_numbers(b);

	for (uint32_t w = numbers / 64; w < b->dead_words; w++)
		b->dead[w] &= w == numbers / 64 ? (UINT64_C(1) << (numbers % 64)) - 1 : 0;
}

int
block_kill_reserve(struct block *b, uint32_t number, size_t ranges)
{
	if (b->pins > 0 && snapshot_before_kill(b) != 0)
		return (-1);
	return (dead_reserve(b, number) != 0 || seqset_reserve(&b->fresh, ranges) != 0 ? -1 : 0);
}

void
block_kill(struct block *b, uint32_t number, bool fresh)
{
	b->dead[number / 64] |= UINT64_C(1) << number % 64;
	if (fresh)
		seqset_add(&b->fresh, number, number);
	b->changed = true;
}

void
block_kill_range(struct block *b, uint32_t from, uint32_t to)
{
	for (uint32_t w = from / 64; w <= to / 64; w++) {
		uint64_t bits = UINT64_MAX;

		if (w == from / 64)
			bits &= UINT64_MAX << from % 64;
		if (w == to / 64)
			bits &= UINT64_MAX >> (63 - to % 64);
		b->dead[w] |= bits;
	}
	seqset_add(&b->fresh, from, to);
	b->changed = true;
}

int
block_kill_pairs(struct block *b, struct rd *in)
{
	uint32_t first, count, numbers = block_numbers(b);

	while (rd_left(in) >= DEAD_PAIR) {
		first = rd_u32(in);
		count = rd_u32(in);
		if (first >= numbers || count == 0)
			continue;
		if (count > numbers - first)
			count = numbers - first; /* the stream was cut there */
		if (block_kill_reserve(b, first + count - 1, 0) != 0)
			return (-1);
		for (uint32_t i = first; i < first + count; i++)
			block_kill(b, i, false);
	}
	return (0);
}

int
block_room_write(struct block *b, size_t n)
{
	return (buf_room(&b->tail, n) == NULL ? -1 : 0);
}

void
block_write(struct block *b, const uint8_t *p, size_t n, uint32_t link)
{
	memcpy(b->tail.data + b->tail.len, p, n);
	b->tail.len += n;
	b->len += (uint32_t)n;
	b->link = link;
	b->stream->store->tail_bytes += n;
}

/* A record that is no message, to the tail. */
static int
write_own(struct block *b, struct record *r)
{
	size_t n = record_length(r);
	uint8_t *p = buf_room(&b->tail, n);

	if (p == NULL || b->len > UINT32_MAX - n)
		return (-1);
	r->link = b->link;
	record_encode(p, record_place(b->stream->uid, RECORD_IN_BLOCK, b->number, b->len), r);
	b->tail.len += n;
	b->len += (uint32_t)n;
	b->link = (uint32_t)r->check;
	b->stream->store->tail_bytes += n;
	return (0);
}

int
block_write_held(struct block *b)
{
	return (write_own(b, &(struct record){ .type = RECORD_HELD, .seq = b->last }));
}

/* One record of some of the pairs. */
static int
write_pairs(struct block *b, size_t from, size_t count)
{
	uint8_t payload[DEAD_PAIRS_MAX * DEAD_PAIR];
	struct wr out = wr_of(payload, sizeof(payload));
	struct record r = { .type = RECORD_WITHIN, .seq = b->first };

	for (size_t i = from; i < from + count; i++) {
		const struct seqrange *range = &b->fresh.ranges[i];

		wr_u32(&out, (uint32_t)range->first);
		wr_u32(&out, (uint32_t)(range->last - range->first + 1));
	}
	r.payload = (struct str){ .p = (const char *)payload, .n = count * DEAD_PAIR };
	return (write_own(b, &r));
}

int
block_write_dead(struct block *b)
{
	size_t count;

	for (size_t from = 0; from < b->fresh.count; from += count) {
		count = b->fresh.count - from;
		count = count < DEAD_PAIRS_MAX ? count : DEAD_PAIRS_MAX;
		/* Twice: one that is damaged must not bring a message back. */
		if (write_pairs(b, from, count) != 0 || write_pairs(b, from, count) != 0)
			return (-1);
	}
	seqset_free(&b->fresh);
	return (0);
}

/* ---- indexes, as long as there is room for them ---- */

static void
index_unlink(struct block *b)
{
	struct store *store = b->stream->store;

	if (b->newer != NULL)
		b->newer->older = b->older;
	else
		store->newest = b->older;
	if (b->older != NULL)
		b->older->newer = b->newer;
	else
		store->oldest = b->newer;
	b->newer = b->older = NULL;
}

void
block_index_drop(struct block *b)
{
	if (b->index == NULL && b->contents == NULL)
		return;
	index_unlink(b);
	index_free(b->index);
	contents_free(b->contents);
	b->index = NULL;
	b->contents = NULL;
}

void
block_index_use(struct block *b)
{
	struct store *store = b->stream->store;

	if (store->newest == b)
		return;
	if (b->newer != NULL || b->older != NULL || store->oldest == b)
		index_unlink(b);
	b->older = store->newest;
	if (store->newest != NULL)
		store->newest->newer = b;
	else
		store->oldest = b;
	store->newest = b;
}

void
store_index_trim(struct store *store, const struct block *keep)
{
	size_t sum = 0;
	struct block *b, *older;

	for (b = store->newest; b != NULL; b = older) {
		older = b->older;
		sum += (b->index == NULL ? 0 : index_bytes(b->index)) +
		    (b->contents == NULL ? 0 : b->contents->bytes);
		if (sum > store->options.read_cache && b != keep)
			block_index_drop(b);
	}
}
