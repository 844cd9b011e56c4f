/*
 * What a power cut may leave of a disk in memory.
 */
#include "config.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/disk_memory_priv.h"

struct choice
choice_all(void)
{
	return ((struct choice){ .chance = false });
}

struct choice
choice_seed(uint64_t seed)
{
	return (
	    (struct choice){.chance = true, .seed = seed * 2 + 1, .kind = (unsigned)(seed % 5)});
}

static uint64_t
chance_next(struct choice *c)
{
	uint64_t z = c->seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (z ^ z >> 31);
}

/* One of 0..n-1: 0 is the durable state, n-1 the newest. */
static unsigned
choose(struct choice *c, size_t count)
{
	unsigned n = count > 255 ? 255 : (unsigned)count;
	uint64_t coin;

	if (n < 2)
		return (0);
	if (!c->chance) {
		assert(c->made < CHOICES_MAX);
		if (c->made == c->depth) {
			c->taken[c->depth] = 0;
			c->of[c->depth++] = (uint8_t)n;
		}
		return (c->taken[c->made++]);
	}
	coin = chance_next(c);
	switch (c->kind) {
	case 0:
		return (0);
	case 1:
		return (n - 1);
	case 2:
		return ((unsigned)(coin >> 8) % n);
	case 3:
		return (coin % 8 == 0 ? (unsigned)(coin >> 8) % n : n - 1);
	default:
		return (coin % 8 == 0 ? (unsigned)(coin >> 8) % n : 0);
	}
}

bool
choice_next(struct choice *c)
{
	if (c->chance)
		return (false);
	c->made = 0;
	while (c->depth > 0) {
		if (++c->taken[c->depth - 1] < c->of[c->depth - 1])
			return (true);
		c->depth--;
	}
	return (false);
}

/* The k-th change of the sector or the size; NULL for the durable state. */
static const struct change *
pick(const struct node *n, bool is_size, uint64_t number, struct choice *c)
{
	size_t count = 0;
	unsigned k;

	for (size_t i = 0; i < n->change_count; i++)
		if (n->changes[i].is_size == is_size &&
		    (is_size || n->changes[i].number == number))
			count++;
	k = choose(c, count + 1);
	for (size_t i = 0; k > 0; i++)
		if (n->changes[i].is_size == is_size &&
		    (is_size || n->changes[i].number == number) && --k == 0)
			return (&n->changes[i]);
	return (NULL);
}

static bool
first_change(const struct node *n, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (!n->changes[i].is_size && n->changes[i].number == n->changes[at].number)
			return (false);
	return (true);
}

/* Sets one sector, as far as the length reaches. */
static void
bytes_set_sector(struct bytes *b, uint64_t sector, const uint8_t *data)
{
	size_t at = (size_t)sector * SECTOR;

	if (at < b->len)
		memcpy(b->data + at, data, b->len - at < SECTOR ? b->len - at : SECTOR);
}

static void
image_file(struct node *to, const struct node *from, struct choice *c)
{
	const struct change *size = pick(from, true, 0, c), *sector;
	size_t len = size == NULL ? from->hard.len : (size_t)size->number;

	memory_bytes_resize(&to->now, from->hard.len);
	if (from->hard.len > 0)
		memcpy(to->now.data, from->hard.data, from->hard.len);
	memory_bytes_resize(&to->now, len);
	for (size_t i = 0; i < from->change_count; i++) {
		if (from->changes[i].is_size || !first_change(from, i))
			continue;
		if (from->changes[i].number * SECTOR >= len)
			continue;
		sector = pick(from, false, from->changes[i].number, c);
		if (sector != NULL)
			bytes_set_sector(&to->now, sector->number, sector->data);
	}
}

static void
harden(struct memory *m)
{
	for (unsigned i = 0; i < m->node_count; i++) {
		struct node *n = m->nodes[i];

		memory_bytes_resize(&n->hard, n->now.len);
		if (n->now.len > 0)
			memcpy(n->hard.data, n->now.data, n->now.len);
		n->change_count = 0;
		n->hard_names.count = 0;
		memory_names_copy(&n->hard_names, &n->names);
	}
	m->log_count = 0;
}

struct disk *
disk_memory_image(struct disk *disk, struct choice *c)
{
	struct memory *m = memory_of(disk), *image;

	pthread_mutex_lock(&m->lock);
	image = memory_make(m->capacity);
	c->made = 0;
	for (unsigned i = 0; i < m->node_count; i++) {
		memory_node_make(image, m->nodes[i]->is_dir);
		memory_names_copy(&image->nodes[i]->names, &m->nodes[i]->hard_names);
		image_file(image->nodes[i], m->nodes[i], c);
	}
	for (size_t i = 0; i < m->log_count; i++)
		if (choose(c, 2) == 1)
			memory_name_apply(image, &m->log[i], false);
	pthread_mutex_unlock(&m->lock);
	harden(image);
	return (&image->disk);
}

struct disk *
disk_memory_copy(struct disk *disk)
{
	struct memory *m = memory_of(disk), *copy;

	pthread_mutex_lock(&m->lock);
	copy = memory_make(m->capacity);
	for (unsigned i = 0; i < m->node_count; i++) {
		struct node *from = m->nodes[i];

		memory_node_make(copy, from->is_dir);
		memory_names_copy(&copy->nodes[i]->names, &from->names);
		memory_bytes_resize(&copy->nodes[i]->now, from->now.len);
		if (from->now.len > 0)
			memcpy(copy->nodes[i]->now.data, from->now.data, from->now.len);
	}
	pthread_mutex_unlock(&m->lock);
	harden(copy);
	return (&copy->disk);
}

static void
each_below(struct memory *m, unsigned dir, const char *prefix,
    void (*fn)(void *, const char *, uint8_t *, size_t), void *arg)
{
	struct entries *e = &m->nodes[dir]->names;
	char path[1024];

	for (size_t i = 0; i < e->count; i++) {
		struct node *n = m->nodes[e->list[i].node];

		snprintf(path, sizeof(path), "%s%s%s", prefix, *prefix == '\0' ? "" : "/",
		    e->list[i].name);
		if (n->is_dir)
			each_below(m, e->list[i].node, path, fn, arg);
		else
			fn(arg, path, n->now.data, n->now.len);
	}
}

void
disk_memory_each(struct disk *disk, void (*fn)(void *, const char *, uint8_t *, size_t), void *arg)
{
	struct memory *m = memory_of(disk);

	each_below(m, 0, "", fn, arg);
	harden(m);
}
