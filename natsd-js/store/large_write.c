/*
 * Large records on the sync thread: written and synced file by file.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cursor.h"
#include "natsd-js/store/large.h"
#include "natsd-js/store/store_priv.h"

#define FAILED_KEPT 16u

struct large_file {
	uint64_t uid;
	uint32_t number;
	bool is_new; /* its name is not durable */
};

struct larges {
	struct disk *disk;
	int streams;
	struct large_file failed[FAILED_KEPT]; /* the last ones: never written again */
	unsigned failed_next;
	struct large_file *unsynced; /* with an interval */
	size_t unsynced_count, unsynced_room;
};

struct large *
large_new(uint32_t bytes)
{
	struct large *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return (NULL);
	l->bytes = bytes;
	l->data = malloc(bytes);
	if (l->data == NULL) {
		free(l);
		return (NULL);
	}
	return (l);
}

void
large_free(struct large *l)
{
	if (l == NULL)
		return;
	free(l->data);
	free(l);
}

struct larges *
larges_new(struct disk *disk, int streams)
{
	struct larges *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return (NULL);
	w->disk = disk;
	w->streams = streams;
	return (w);
}

void
larges_free(struct larges *w)
{
	if (w == NULL)
		return;
	free(w->unsynced);
	free(w);
}

static bool
same_file(const struct large_file *f, const struct large *l)
{
	return (f->uid == l->uid && f->number == l->number);
}

/* ---- one file ---- */

static int
folder_of(struct larges *w, uint64_t uid, struct err *err)
{
	char name[20];
	int folder;

	snprintf(name, sizeof(name), "%016" PRIx64, uid);
	folder = disk_open(w->disk, w->streams, name, DISK_DIR);
	return (folder >= 0 ? folder : err_sys(err, "open folder %s", name));
}

/* A file of that number that is there already belongs to nothing: nobody has named it yet. */
static int
file_open(struct larges *w, int folder, const struct large_file *f, struct err *err)
{
	char name[BLOCK_NAME_BYTES];
	bool there = !f->is_new;
	int handle = -1;

	block_name(name, f->number);
	if (!there) {
		handle = disk_open(w->disk, folder, name, DISK_CREATE);
		there = handle < 0 && errno == EEXIST;
	}
	if (there)
		handle = disk_open(w->disk, folder, name, DISK_WRITE);
	if (handle < 0)
		return (err_sys(err, "open block %s", name));
	if (f->is_new && there && disk_truncate(w->disk, handle, 0) != 0) {
		err_sys(err, "empty block %s", name);
		disk_close(w->disk, handle);
		return (-1);
	}
	return (handle);
}

static int
file_sync(struct larges *w, int folder, int handle, const struct large_file *f, struct err *err)
{
	if (disk_sync(w->disk, handle) != 0)
		return (err_sys(err, "sync block %08" PRIx32, f->number));
	if (f->is_new && disk_sync(w->disk, folder) != 0)
		return (err_sys(err, "sync the folder"));
	return (0);
}

static int
unsynced_add(struct larges *w, const struct large_file *f)
{
	struct large_file *list;

	for (size_t i = 0; i < w->unsynced_count; i++)
		if (w->unsynced[i].uid == f->uid && w->unsynced[i].number == f->number) {
			w->unsynced[i].is_new |= f->is_new;
			return (0);
		}
	if (w->unsynced_count == w->unsynced_room) {
		list = reallocarray(w->unsynced, w->unsynced_room * 2 + 8, sizeof(*list));
		if (list == NULL)
			return (-1);
		w->unsynced = list;
		w->unsynced_room = w->unsynced_room * 2 + 8;
	}
	w->unsynced[w->unsynced_count++] = *f;
	return (0);
}

/* ---- a list ---- */

static bool
has_failed(const struct larges *w, const struct large *l)
{
	for (unsigned i = 0; i < FAILED_KEPT; i++)
		if (same_file(&w->failed[i], l))
			return (true);
	return (false);
}

/* The sequence is used up; the head in the journal says no more than that. */
static void
fail(struct large *l, const struct err *err)
{
	struct wr out = wr_of(l->ahead.payload, l->ahead.n);

	l->failed = true;
	l->err = *err;
	memset(l->ahead.payload, 0, l->ahead.n);
	wr_u64(&out, l->seq);
	l->ahead.type = STORE_J_ADVANCE;
}

/* Those of the list that go to the same file as `first`, up to the first that cannot be written. */
static int
file_write(struct larges *w, int handle, struct large *first, struct err *err)
{
	for (struct large *l = first; l != NULL; l = (struct large *)l->ahead.next)
		if (l->uid == first->uid && l->number == first->number &&
		    disk_write_all(w->disk, handle, l->data, l->bytes, l->at) != 0)
			return (err_sys(err, "write block %08" PRIx32, l->number));
	return (0);
}

static void
file_do(struct larges *w, struct large *first, bool sync)
{
	struct large_file f = { .uid = first->uid, .number = first->number,
		.is_new = first->is_new };
	struct err err = { .sys = 0 };
	int folder = -1, handle = -1, result = -1;

	if (has_failed(w, first))
		err_set(&err, "block %08" PRIx32 " could not be written before", f.number);
	else
		folder = folder_of(w, f.uid, &err);
	if (folder >= 0)
		handle = file_open(w, folder, &f, &err);
	if (handle >= 0)
		result = file_write(w, handle, first, &err);
	if (result == 0 && (sync || unsynced_add(w, &f) != 0))
		result = file_sync(w, folder, handle, &f, &err);
	disk_close(w->disk, handle);
	disk_close(w->disk, folder);
	for (struct large *l = first; l != NULL; l = (struct large *)l->ahead.next) {
		if (!same_file(&f, l))
			continue;
		l->seen = true;
		if (result != 0)
			fail(l, &err);
	}
	if (result != 0)
		w->failed[w->failed_next++ % FAILED_KEPT] = f;
}

static int
interval_sync_one(struct larges *w, const struct large_file *f, struct err *err)
{
	struct large_file there = { .uid = f->uid, .number = f->number };
	int folder = folder_of(w, f->uid, err), handle, result = -1;

	if (folder < 0)
		return (-1);
	handle = file_open(w, folder, &there, err);
	if (handle >= 0)
		result = file_sync(w, folder, handle, f, err);
	disk_close(w->disk, handle);
	disk_close(w->disk, folder);
	return (result);
}

/* One that is not there any more was removed because something newer is durable. */
static int
interval_sync(struct larges *w, struct err *err)
{
	for (size_t i = 0; i < w->unsynced_count; i++)
		if (interval_sync_one(w, &w->unsynced[i], err) != 0 && err->sys != ENOENT)
			return (-1);
	w->unsynced_count = 0;
	return (0);
}

int
larges_write(void *arg, struct journal_ahead *list, bool sync, struct err *err)
{
	struct larges *w = arg;

	if (list == NULL)
		return (interval_sync(w, err));
	for (struct large *l = (struct large *)list; l != NULL; l = (struct large *)l->ahead.next)
		if (!l->seen)
			file_do(w, l, sync);
	return (0);
}
