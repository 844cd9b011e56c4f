#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "natsd-js/store/ids.h"

#define SLOTS_LEAST 64u

struct id_entry
ids_entry(struct str id, uint64_t seq, int64_t time)
{
	XXH128_hash_t h = XXH3_128bits(id.p, id.n);
	struct id_entry e = { .hash = { h.low64, h.high64 }, .seq = seq, .time = time };

	if (h.low64 == 0 && h.high64 == 0)
		e.hash[0] = 1;
	return (e);
}

static bool
is_void(const struct id_entry *e)
{
	return (e->hash[0] == 0 && e->hash[1] == 0);
}

static bool
is_over(const struct ids *ids, const struct id_entry *e)
{
	return (ids->window != IDS_NOT_SAID && e->time <= ids->now - ids->window);
}

/* Where it is, or would go. */
static struct id_entry *
slot_of(struct id_entry *slots, size_t size, const struct id_entry *e)
{
	size_t at = (size_t)e->hash[0] & (size - 1);

	while (!is_void(&slots[at]) &&
	    (slots[at].hash[0] != e->hash[0] || slots[at].hash[1] != e->hash[1]))
		at = (at + 1) & (size - 1);
	return (&slots[at]);
}

/* A table of the size for what is not over, and not above `last`.  -1: no memory. */
static int
rebuild(struct ids *ids, uint64_t last, size_t more)
{
	size_t live = more, size = SLOTS_LEAST;
	struct id_entry *slots;

	for (size_t i = 0; i < ids->size; i++)
		live += !is_void(&ids->slots[i]) && !is_over(ids, &ids->slots[i]) &&
		    ids->slots[i].seq <= last;
	while (size < live * 2)
		size *= 2;
	slots = calloc(size, sizeof(*slots));
	if (slots == NULL)
		return (-1);
	ids->used = 0;
	for (size_t i = 0; i < ids->size; i++) {
		const struct id_entry *e = &ids->slots[i];

		if (is_void(e) || is_over(ids, e) || e->seq > last)
			continue;
		*slot_of(slots, size, e) = *e;
		ids->used++;
	}
	free(ids->slots);
	ids->slots = slots;
	ids->size = size;
	return (0);
}

static int
table_reserve(struct ids *ids)
{
	return ((ids->used + 1) * 4 <= ids->size * 3 ? 0 : rebuild(ids, UINT64_MAX, 1));
}

static int
list_reserve(struct id_list *l)
{
	uint32_t room = l->room == 0 ? 16 : l->room * 2;
	struct id_entry *list;

	if (l->count < l->room)
		return (0);
	list = reallocarray(l->list, room, sizeof(*list));
	if (list == NULL)
		return (-1);
	l->list = list;
	l->room = room;
	return (0);
}

int
ids_reserve(struct ids *ids)
{
	return (table_reserve(ids) != 0 || list_reserve(&ids->fresh) != 0 ? -1 : 0);
}

/* Without memory for a smaller table they go one by one, and their places with them. */
static void
forget_above(struct ids *ids, uint64_t last)
{
	if (ids->used == 0 || rebuild(ids, last, 0) == 0)
		return;
	for (size_t i = 0; i < ids->size; i++)
		if (!is_void(&ids->slots[i]) && ids->slots[i].seq > last)
			ids->slots[i].time = IDS_UNKNOWN;
}

static void
take(struct ids *ids, const struct id_entry *e)
{
	struct id_entry *slot;

	if (is_void(e)) {
		forget_above(ids, e->seq);
		return;
	}
	if (e->time > ids->now)
		ids->now = e->time;
	slot = slot_of(ids->slots, ids->size, e);
	ids->used += is_void(slot);
	*slot = *e;
}

void
ids_add(struct ids *ids, const struct id_entry *e)
{
	assert(ids->fresh.count < ids->fresh.room);
	ids->fresh.list[ids->fresh.count++] = *e;
	take(ids, e);
}

int
ids_apply(struct ids *ids, const struct id_entry *e)
{
	if (!is_void(e) && is_over(ids, e) && e->time != IDS_UNKNOWN)
		return (0);
	if (table_reserve(ids) != 0)
		return (-1);
	take(ids, e);
	return (0);
}

bool
ids_fail(const struct ids *ids, uint64_t seq, struct id_entry *e)
{
	for (size_t i = 0; i < ids->size; i++)
		if (!is_void(&ids->slots[i]) && ids->slots[i].seq == seq &&
		    ids->slots[i].time != IDS_UNKNOWN) {
			*e = ids->slots[i];
			e->time = IDS_UNKNOWN;
			return (true);
		}
	return (false);
}

const struct id_entry *
ids_find(const struct ids *ids, const struct id_entry *e)
{
	const struct id_entry *slot;

	if (ids->size == 0)
		return (NULL);
	slot = slot_of(ids->slots, ids->size, e);
	return (is_void(slot) || is_over(ids, slot) || slot->time == IDS_UNKNOWN ? NULL : slot);
}

int
ids_list(const struct ids *ids, struct id_list *l)
{
	l->list = calloc(ids->used + 1, sizeof(*l->list));
	if (l->list == NULL)
		return (-1);
	for (size_t i = 0; i < ids->size; i++) {
		const struct id_entry *e = &ids->slots[i];

		if (!is_void(e) && !is_over(ids, e) && e->time != IDS_UNKNOWN)
			l->list[l->count++] = *e;
	}
	return (0);
}

void
ids_trim(struct ids *ids)
{
	size_t over = 0;

	for (size_t i = 0; i < ids->size; i++)
		over += !is_void(&ids->slots[i]) && is_over(ids, &ids->slots[i]);
	if (over * 2 < ids->used || ids->used == 0)
		return;
	if (over == ids->used)
		ids_forget(ids);
	else
		(void)rebuild(ids, UINT64_MAX, 0);
}

void
ids_forget(struct ids *ids)
{
	free(ids->slots);
	ids->slots = NULL;
	ids->size = ids->used = 0;
}

void
ids_free(struct ids *ids)
{
	ids_forget(ids);
	free(ids->fresh.list);
	free(ids->flight.list);
	ids->fresh = ids->flight = (struct id_list){ .count = 0 };
}

void
ids_entry_put(struct wr *out, const struct id_entry *e)
{
	wr_u64(out, e->hash[0]);
	wr_u64(out, e->hash[1]);
	wr_u64(out, e->seq);
	wr_u64(out, (uint64_t)e->time);
}

struct id_entry
ids_entry_get(struct rd *in)
{
	struct id_entry e;

	e.hash[0] = rd_u64(in);
	e.hash[1] = rd_u64(in);
	e.seq = rd_u64(in);
	e.time = (int64_t)rd_u64(in);
	return (e);
}
