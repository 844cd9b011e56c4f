#include "config.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/disk_memory_priv.h"

/* A test that runs out of memory here has nothing to learn. */
static void *
must(void *p)
{
	if (p == NULL)
		abort();
	return (p);
}

static int
fail(int error)
{
	errno = error;
	return (-1);
}

static void
tell(struct memory *m)
{
	if (m->on_change != NULL)
		m->on_change(m->on_change_arg, &m->disk);
}

/* ---- bytes and names ---- */

void
memory_bytes_resize(struct bytes *b, size_t len)
{
	size_t room = b->room;

	if (len > room) {
		room = (len * 2 + SECTOR) / SECTOR * SECTOR;
		b->data = must(realloc(b->data, room));
		memset(b->data + b->room, 0, room - b->room);
		b->room = room;
	}
	if (len < b->len)
		memset(b->data + len, 0, b->len - len);
	b->len = len;
}

static struct entry *
names_find(const struct entries *e, const char *name)
{
	for (size_t i = 0; i < e->count; i++)
		if (strcmp(e->list[i].name, name) == 0)
			return (&e->list[i]);
	return (NULL);
}

static void
names_set(struct entries *e, const char *name, unsigned node)
{
	struct entry *at = names_find(e, name);

	if (at == NULL) {
		if (e->count == e->room) {
			e->room = e->room * 2 + 8;
			e->list = must(realloc(e->list, e->room * sizeof(*e->list)));
		}
		at = &e->list[e->count++];
		snprintf(at->name, sizeof(at->name), "%s", name);
	}
	at->node = node;
}

static void
names_remove(struct entries *e, const char *name, unsigned node)
{
	struct entry *at = names_find(e, name);

	if (at != NULL && at->node == node)
		*at = e->list[--e->count];
}

void
memory_names_copy(struct entries *to, const struct entries *from)
{
	for (size_t i = 0; i < from->count; i++)
		names_set(to, from->list[i].name, from->list[i].node);
}

/* One change of names on one layer. */
void
memory_name_apply(struct memory *m, const struct name_change *c, bool hard)
{
	struct node *dir = m->nodes[c->dir], *dir2 = m->nodes[c->dir2];
	struct entries *e = hard ? &dir->hard_names : &dir->names;

	switch (c->op) {
	case NAME_LINK:
		names_set(e, c->name, c->node);
		break;
	case NAME_UNLINK:
		names_remove(e, c->name, c->node);
		break;
	case NAME_RENAME:
		names_remove(e, c->name, c->node);
		names_set(hard ? &dir2->hard_names : &dir2->names, c->name2, c->node);
		break;
	}
}

static void
name_log(struct memory *m, enum name_op op, unsigned dir, const char *name, unsigned dir2,
    const char *name2, unsigned node)
{
	struct name_change *c;

	if (m->log_count == m->log_room) {
		m->log_room = m->log_room * 2 + 16;
		m->log = must(realloc(m->log, m->log_room * sizeof(*m->log)));
	}
	c = &m->log[m->log_count++];
	*c = (struct name_change){ .op = op, .dir = dir, .dir2 = dir2, .node = node };
	snprintf(c->name, sizeof(c->name), "%s", name);
	snprintf(c->name2, sizeof(c->name2), "%s", name2);
	memory_name_apply(m, c, false);
}

/* ---- nodes and handles ---- */

unsigned
memory_node_make(struct memory *m, bool is_dir)
{
	struct node *n = must(calloc(1, sizeof(*n)));

	assert(m->node_count < NODES_MAX);
	n->is_dir = is_dir;
	m->nodes[m->node_count] = n;
	return (m->node_count++);
}

static void
node_free(struct node *n)
{
	free(n->now.data);
	free(n->hard.data);
	free(n->changes);
	free(n->names.list);
	free(n->hard_names.list);
	free(n);
}

static unsigned
number_of(struct memory *m, int handle)
{
	assert(handle >= 0 && handle < HANDLES_MAX && m->handles[handle] != 0);
	return (m->handles[handle] - 1);
}

static struct node *
node_of(struct memory *m, int handle)
{
	return (m->nodes[number_of(m, handle)]);
}

static int
handle_make(struct memory *m, unsigned node)
{
	for (int h = 1; h < HANDLES_MAX; h++)
		if (m->handles[h] == 0) {
			m->handles[h] = node + 1;
			return (h);
		}
	return (fail(EMFILE));
}

static struct change *
change_add(struct node *n, bool is_size, uint64_t number)
{
	struct change *c;

	if (n->change_count == n->change_room) {
		n->change_room = n->change_room * 2 + 16;
		n->changes = must(realloc(n->changes, n->change_room * sizeof(*n->changes)));
	}
	c = &n->changes[n->change_count++];
	memset(c, 0, sizeof(*c));
	c->is_size = is_size;
	c->number = number;
	return (c);
}

/* What the sector held before, as a cut would show it. */
static void
sector_before(const struct node *n, uint64_t sector, uint8_t *data)
{
	size_t at = (size_t)sector * SECTOR, have;

	for (size_t i = n->change_count; i > 0; i--)
		if (!n->changes[i - 1].is_size && n->changes[i - 1].number == sector) {
			memcpy(data, n->changes[i - 1].data, SECTOR);
			return;
		}
	memset(data, 0, SECTOR);
	have = at < n->hard.len ? n->hard.len - at : 0;
	if (have > 0)
		memcpy(data, n->hard.data + at, have < SECTOR ? have : SECTOR);
}

/* Same bytes again are no change: zeros over what was never written. */
static void
note_sectors(struct node *n, uint64_t from, uint64_t to)
{
	uint8_t data[SECTOR], before[SECTOR];
	size_t at, have;

	for (uint64_t s = from / SECTOR; s * SECTOR < to; s++) {
		memset(data, 0, SECTOR);
		at = (size_t)s * SECTOR;
		have = at < n->now.len ? n->now.len - at : 0;
		if (have > 0)
			memcpy(data, n->now.data + at, have < SECTOR ? have : SECTOR);
		sector_before(n, s, before);
		if (memcmp(data, before, SECTOR) != 0)
			memcpy(change_add(n, false, s)->data, data, SECTOR);
	}
}

static uint64_t
used(struct memory *m)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < m->node_count; i++)
		sum += m->nodes[i]->now.len;
	return (sum);
}

/* ---- the table ---- */

static int
open_locked(struct memory *m, int dir, const char *name, enum disk_open how)
{
	struct node *d = node_of(m, dir);
	struct entry *e = names_find(&d->names, name);
	unsigned node;

	if (how == DISK_CREATE) {
		if (e != NULL)
			return (fail(EEXIST));
		node = memory_node_make(m, false);
		name_log(m, NAME_LINK, number_of(m, dir), name, 0, "", node);
		return (handle_make(m, node));
	}
	if (e == NULL)
		return (fail(ENOENT));
	if (m->nodes[e->node]->is_dir != (how == DISK_DIR))
		return (fail(how == DISK_DIR ? ENOTDIR : EISDIR));
	return (handle_make(m, e->node));
}

static int
memory_open(struct disk *disk, int dir, const char *name, enum disk_open how)
{
	struct memory *m = memory_of(disk);
	int handle;

	if (how == DISK_CREATE)
		tell(m);
	pthread_mutex_lock(&m->lock);
	handle = open_locked(m, dir, name, how);
	pthread_mutex_unlock(&m->lock);
	return (handle);
}

static int
memory_close(struct disk *disk, int handle)
{
	struct memory *m = memory_of(disk);

	pthread_mutex_lock(&m->lock);
	if (node_of(m, handle)->locked_by == (unsigned)handle + 1)
		node_of(m, handle)->locked_by = 0;
	m->handles[handle] = 0;
	pthread_mutex_unlock(&m->lock);
	return (0);
}

static ssize_t
memory_pread(struct disk *disk, int handle, void *to, size_t n, uint64_t at)
{
	struct memory *m = memory_of(disk);
	struct node *node;
	size_t have = 0;

	pthread_mutex_lock(&m->lock);
	node = node_of(m, handle);
	if (at < node->now.len) {
		have = node->now.len - (size_t)at;
		have = have < n ? have : n;
		memcpy(to, node->now.data + at, have);
	}
	pthread_mutex_unlock(&m->lock);
	return ((ssize_t)have);
}

static ssize_t
pwritev_locked(struct memory *m, struct node *node, const struct iovec *iov, int n, uint64_t at)
{
	size_t total = 0, done = 0;

	for (int i = 0; i < n; i++)
		total += iov[i].iov_len;
	if (at + total > node->now.len) {
		if (used(m) + (at + total - node->now.len) > m->capacity)
			return (fail(ENOSPC));
		memory_bytes_resize(&node->now, (size_t)at + total);
		change_add(node, true, node->now.len);
	}
	for (int i = 0; i < n; i++) {
		memcpy(node->now.data + at + done, iov[i].iov_base, iov[i].iov_len);
		done += iov[i].iov_len;
	}
	note_sectors(node, at, at + total);
	return ((ssize_t)total);
}

static ssize_t
memory_pwritev(struct disk *disk, int handle, const struct iovec *iov, int n, uint64_t at)
{
	struct memory *m = memory_of(disk);
	ssize_t put;

	tell(m);
	pthread_mutex_lock(&m->lock);
	put = pwritev_locked(m, node_of(m, handle), iov, n, at);
	pthread_mutex_unlock(&m->lock);
	return (put);
}

static void
sync_dir(struct memory *m, unsigned dir)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->log_count; i++) {
		struct name_change *c = &m->log[i];

		if (c->dir == dir || (c->op == NAME_RENAME && c->dir2 == dir))
			memory_name_apply(m, c, true);
		else
			m->log[kept++] = *c;
	}
	m->log_count = kept;
}

static int
memory_sync(struct disk *disk, int handle)
{
	struct memory *m = memory_of(disk);
	struct node *node;

	tell(m);
	pthread_mutex_lock(&m->lock);
	node = node_of(m, handle);
	if (node->is_dir) {
		sync_dir(m, number_of(m, handle));
	} else {
		memory_bytes_resize(&node->hard, node->now.len);
		if (node->now.len > 0)
			memcpy(node->hard.data, node->now.data, node->now.len);
		node->change_count = 0;
	}
	pthread_mutex_unlock(&m->lock);
	return (0);
}

static int
memory_truncate(struct disk *disk, int handle, uint64_t bytes)
{
	struct memory *m = memory_of(disk);
	struct node *node;
	size_t old;

	tell(m);
	pthread_mutex_lock(&m->lock);
	node = node_of(m, handle);
	old = node->now.len;
	if (bytes > old && used(m) + (bytes - old) > m->capacity) {
		pthread_mutex_unlock(&m->lock);
		return (fail(ENOSPC));
	}
	memory_bytes_resize(&node->now, (size_t)bytes);
	change_add(node, true, bytes);
	if (bytes < old)
		note_sectors(node, bytes, old);
	pthread_mutex_unlock(&m->lock);
	return (0);
}

static int
memory_size(struct disk *disk, int handle, uint64_t *bytes)
{
	struct memory *m = memory_of(disk);

	pthread_mutex_lock(&m->lock);
	*bytes = node_of(m, handle)->now.len;
	pthread_mutex_unlock(&m->lock);
	return (0);
}

static int
memory_rename(struct disk *disk, int from_dir, const char *from, int to_dir, const char *to)
{
	struct memory *m = memory_of(disk);
	struct entry *e;

	tell(m);
	pthread_mutex_lock(&m->lock);
	e = names_find(&node_of(m, from_dir)->names, from);
	if (e != NULL)
		name_log(m, NAME_RENAME, number_of(m, from_dir), from, number_of(m, to_dir), to,
		    e->node);
	pthread_mutex_unlock(&m->lock);
	return (e == NULL ? fail(ENOENT) : 0);
}

static int
unlink_locked(struct memory *m, int dir, const char *name, bool is_dir)
{
	struct entry *e = names_find(&node_of(m, dir)->names, name);
	struct node *n;

	if (e == NULL)
		return (fail(ENOENT));
	n = m->nodes[e->node];
	if (n->is_dir != is_dir)
		return (fail(is_dir ? ENOTDIR : EISDIR));
	if (is_dir && n->names.count > 0)
		return (fail(ENOTEMPTY));
	name_log(m, NAME_UNLINK, number_of(m, dir), name, 0, "", e->node);
	return (0);
}

static int
memory_unlink(struct disk *disk, int dir, const char *name, bool is_dir)
{
	struct memory *m = memory_of(disk);
	int result;

	tell(m);
	pthread_mutex_lock(&m->lock);
	result = unlink_locked(m, dir, name, is_dir);
	pthread_mutex_unlock(&m->lock);
	return (result);
}

static int
memory_mkdir(struct disk *disk, int dir, const char *name)
{
	struct memory *m = memory_of(disk);
	bool there;

	tell(m);
	pthread_mutex_lock(&m->lock);
	there = names_find(&node_of(m, dir)->names, name) != NULL;
	if (!there)
		name_log(m, NAME_LINK, number_of(m, dir), name, 0, "", memory_node_make(m, true));
	pthread_mutex_unlock(&m->lock);
	return (there ? fail(EEXIST) : 0);
}

/* The callback may use the disk: it is told from a copy. */
static int
memory_list(struct disk *disk, int dir, disk_list_fn *fn, void *arg)
{
	struct memory *m = memory_of(disk);
	struct entries copy = { .count = 0 };
	bool is_dir;

	pthread_mutex_lock(&m->lock);
	memory_names_copy(&copy, &node_of(m, dir)->names);
	pthread_mutex_unlock(&m->lock);
	for (size_t i = 0; i < copy.count; i++) {
		is_dir = m->nodes[copy.list[i].node]->is_dir;
		if (!fn(arg, copy.list[i].name, is_dir))
			break;
	}
	free(copy.list);
	return (0);
}

static int
memory_lock(struct disk *disk, int handle)
{
	struct memory *m = memory_of(disk);
	struct node *n;
	int result = 0;

	pthread_mutex_lock(&m->lock);
	n = node_of(m, handle);
	if (n->locked_by != 0 && n->locked_by != (unsigned)handle + 1)
		result = fail(EWOULDBLOCK);
	else
		n->locked_by = (unsigned)handle + 1;
	pthread_mutex_unlock(&m->lock);
	return (result);
}

static int
memory_space(struct disk *disk, int dir, uint64_t *bytes)
{
	struct memory *m = memory_of(disk);
	uint64_t have;

	(void)dir;
	pthread_mutex_lock(&m->lock);
	have = used(m);
	*bytes = have < m->capacity ? m->capacity - have : 0;
	pthread_mutex_unlock(&m->lock);
	return (0);
}

static void
memory_free(struct disk *disk)
{
	struct memory *m = memory_of(disk);

	for (unsigned i = 0; i < m->node_count; i++)
		node_free(m->nodes[i]);
	free(m->log);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

static const struct disk_ops memory_ops = {
	.open = memory_open,
	.close = memory_close,
	.pread = memory_pread,
	.pwritev = memory_pwritev,
	.sync = memory_sync,
	.truncate = memory_truncate,
	.size = memory_size,
	.rename = memory_rename,
	.unlink = memory_unlink,
	.mkdir = memory_mkdir,
	.list = memory_list,
	.lock = memory_lock,
	.space = memory_space,
	.free = memory_free,
};

struct memory *
memory_make(uint64_t capacity)
{
	struct memory *m = must(calloc(1, sizeof(*m)));

	m->disk.ops = &memory_ops;
	m->capacity = capacity;
	pthread_mutex_init(&m->lock, NULL);
	m->handles[DISK_ROOT] = 1;
	return (m);
}

struct disk *
disk_memory(uint64_t capacity)
{
	struct memory *m = memory_make(capacity);

	memory_node_make(m, true);
	return (&m->disk);
}

void
disk_memory_set_capacity(struct disk *disk, uint64_t bytes)
{
	struct memory *m = memory_of(disk);

	pthread_mutex_lock(&m->lock);
	m->capacity = bytes;
	pthread_mutex_unlock(&m->lock);
}

void
disk_memory_on_change(struct disk *disk, void (*fn)(void *, struct disk *), void *arg)
{
	struct memory *m = memory_of(disk);

	m->on_change = fn;
	m->on_change_arg = arg;
}
