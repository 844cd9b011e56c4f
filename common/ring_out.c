#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/ring_out.h"

/* The list is a chain of blocks; a record never spans two. */
#define BLOCK_BYTES 65536u

struct entry {
	uint32_t len;
	uint16_t type;
	uint16_t flags;
	/* len bytes, then up to the next multiple of 8 */
};

struct block {
	struct block *next;
	uint32_t size;
	uint32_t from; /* first entry not yet drained */
	uint32_t to;   /* behind the last entry */
	_Alignas(8) uint8_t bytes[];
};

struct ring_out {
	struct ring *ring;
	struct block *first, *last;
	struct block *spare; /* one empty block, so that a list that comes and goes costs no malloc */
	size_t listed;	     /* bytes of entries */
	size_t max;
	bool listing; /* the reservation stands in the list */
};

struct ring_out *
ring_out_new(struct ring *ring, size_t max_bytes)
{
	struct ring_out *out;

	if ((out = calloc(1, sizeof(*out))) == NULL)
		return (NULL);
	out->ring = ring;
	out->max = max_bytes;
	return (out);
}

static void
list_drop(struct ring_out *out)
{
	struct block *next;

	for (; out->first != NULL; out->first = next) {
		next = out->first->next;
		free(out->first);
	}
	out->last = NULL;
	out->listed = 0;
}

void
ring_out_free(struct ring_out *out)
{
	if (out == NULL)
		return;
	list_drop(out);
	free(out->spare);
	ring_detach(out->ring);
	free(out);
}

struct ring *
ring_out_ring(struct ring_out *out)
{
	return (out->ring);
}

static uint32_t
entry_bytes(uint32_t len)
{
	return ((uint32_t)sizeof(struct entry) + ((len + 7u) & ~7u));
}

static struct block *
block_get(struct ring_out *out, uint32_t need)
{
	struct block *block = out->spare;
	uint32_t size = need > BLOCK_BYTES ? need : BLOCK_BYTES;

	if (block != NULL && size == BLOCK_BYTES) {
		out->spare = NULL;
	} else {
		if ((block = malloc(sizeof(*block) + size)) == NULL)
			return (NULL);
		block->size = size;
	}
	block->next = NULL;
	block->from = block->to = 0;
	return (block);
}

static void
block_put(struct ring_out *out, struct block *block)
{
	if (out->spare == NULL && block->size == BLOCK_BYTES)
		out->spare = block;
	else
		free(block);
}

/* Adds an entry to a block that has room for it; where its bytes go. */
static uint8_t *
entry_add(struct block *block, uint16_t type, uint16_t flags, uint32_t len)
{
	struct entry entry = { .len = len, .type = type, .flags = flags };
	uint8_t *at = block->bytes + block->to;

	assert(entry_bytes(len) <= block->size - block->to);
	memcpy(at, &entry, sizeof(entry));
	block->to += entry_bytes(len);
	return (at + sizeof(entry));
}

static void
block_append(struct ring_out *out, struct block *block)
{
	if (out->last == NULL)
		out->first = block;
	else
		out->last->next = block;
	out->last = block;
}

static uint8_t *
list_reserve(struct ring_out *out, uint32_t len)
{
	uint32_t need = entry_bytes(len);
	struct block *block = out->last;

	if (need > out->max || out->listed > out->max - need)
		return (NULL);
	if (block == NULL || need > block->size - block->to) {
		if ((block = block_get(out, need)) == NULL)
			return (NULL);
		block_append(out, block);
	}
	out->listing = true;
	return (block->bytes + block->to + sizeof(struct entry));
}

uint8_t *
ring_out_reserve(struct ring_out *out, uint32_t len)
{
	uint8_t *p;

	assert(!out->listing);
	if (out->listed == 0 && (p = ring_reserve(out->ring, len)) != NULL)
		return (p);
	if (ring_dead(out->ring) || len > ring_record_max(out->ring))
		return (NULL);
	return (list_reserve(out, len));
}

void
ring_out_commit(struct ring_out *out, uint16_t type, uint16_t flags, uint32_t len, uint64_t *at)
{
	uint64_t position;

	if (!out->listing) {
		position = ring_commit(out->ring, type, flags, len);
		if (at != NULL)
			*at = position;
		return;
	}
	entry_add(out->last, type, flags, len);
	out->listed += entry_bytes(len);
	out->listing = false;
	if (at != NULL)
		*at = UINT64_MAX;
}

int
ring_out_put_parts(struct ring_out *out, uint16_t type, const uint8_t *p, size_t n)
{
	const uint32_t most = ring_record_max(out->ring);
	const size_t records = (n + most - 1) / most;
	struct block *block;
	size_t need;

	assert(!out->listing && n > 0);
	if (ring_dead(out->ring) || n > ring_size(out->ring) ||
	    n + records * (RING_RECORD_HEAD + 8) > ring_size(out->ring))
		return (-1);
	need = n + records * (sizeof(struct entry) + 8);
	if (need > out->max || out->listed > out->max - need)
		return (-1);
	if ((block = block_get(out, (uint32_t)need)) == NULL)
		return (-1);
	block_append(out, block);
	while (n > 0) {
		uint32_t part = n > most ? most : (uint32_t)n;

		memcpy(entry_add(block, type, n > part ? RING_FLAG_FRAGMENT : 0, part), p, part);
		p += part;
		n -= part;
	}
	out->listed += block->to;
	return (0);
}

/* Moves the first listed record into the ring; false: no room for it yet. */
static bool
drain_one(struct ring_out *out)
{
	struct block *block = out->first;
	struct entry entry;
	uint8_t *to;

	assert(block->from < block->to);
	memcpy(&entry, block->bytes + block->from, sizeof(entry));
	if ((to = ring_reserve(out->ring, entry.len)) == NULL)
		return (false);
	memcpy(to, block->bytes + block->from + sizeof(entry), entry.len);
	ring_commit(out->ring, entry.type, entry.flags, entry.len);
	block->from += entry_bytes(entry.len);
	out->listed -= entry_bytes(entry.len);
	if (block->from == block->to) {
		out->first = block->next;
		if (out->first == NULL)
			out->last = NULL;
		block_put(out, block);
	}
	return (true);
}

static bool
drain(struct ring_out *out)
{
	while (out->listed > 0)
		if (!drain_one(out))
			break;
	ring_publish(out->ring);
	return (out->listed == 0);
}

bool
ring_out_flush(struct ring_out *out)
{
	assert(!out->listing);
	if (drain(out))
		return (true);
	if (ring_dead(out->ring)) {
		list_drop(out);
		return (true);
	}
	ring_want_room(out->ring);
	return (drain(out));
}

size_t
ring_out_listed_bytes(const struct ring_out *out)
{
	return (out->listed);
}
