/*
 * What is durable in the journal goes to the files of the streams; then the journal forgets it.
 *
 * The order (faults.md rule 5): blocks, state, catalogue, and only then what they replace: files of
 * blocks without messages, folders of deleted streams, segments of the journal.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "natsd-js/store/store_priv.h"

static int
folder_make(struct stream *s, struct err *err)
{
	struct store *store = s->store;
	char name[20];

	snprintf(name, sizeof(name), "%016" PRIx64, s->uid);
	if (disk_mkdir(store->disk, store->streams_dir, name) != 0 && errno != EEXIST)
		return (err_sys(err, "make folder %s", name));
	if (disk_sync(store->disk, store->streams_dir) != 0)
		return (err_sys(err, "sync the folder of streams"));
	s->has_folder = true;
	return (0);
}

static int
stream_write(struct stream *s, int folder, struct err *err)
{
	/* A block that cannot be written is split: the list grows while it is walked. */
	for (uint32_t i = 0; i < s->block_count; i++)
		if (block_flush(s, s->blocks[i], folder, err) != 0)
			return (-1);
	if (s->names_dirty && disk_sync(s->store->disk, folder) != 0)
		return (err_sys(err, "sync the folder"));
	s->names_dirty = false;
	return (state_save(s, folder, err));
}

/*
 * Before anything new is written: else a cut could leave both.  What the journal did not bring back
 * is not ours to remove; it gets a name that is read by nobody.
 */
static int
unfinished_remove(struct stream *s, int folder, struct err *err)
{
	struct disk *disk = s->store->disk;
	char name[BLOCK_NAME_BYTES], aside[BLOCK_NAME_BYTES + 16];
	int result;

	if (s->unfinished_count == 0)
		return (0);
	for (uint32_t i = 0; i < s->unfinished_count; i++) {
		block_name(name, s->unfinished[i].number);
		if (s->unfinished[i].last <= s->last_seq) {
			result = disk_unlink(disk, folder, name);
		} else {
			store_report(s->store, false,
			    "stream %016" PRIx64 ": block %s is set aside, its messages up to %"
			    PRIu64 " were never acknowledged", s->uid, name, s->unfinished[i].last);
			snprintf(aside, sizeof(aside), "%s.set-aside", name);
			result = disk_rename(disk, folder, name, folder, aside);
		}
		if (result != 0 && errno != ENOENT)
			return (err_sys(err, "remove block %s", name));
	}
	if (disk_sync(disk, folder) != 0)
		return (err_sys(err, "sync the folder"));
	s->unfinished_count = 0;
	return (0);
}

static void
dead_blocks_remove(struct stream *s, int folder)
{
	char name[BLOCK_NAME_BYTES];

	for (uint32_t i = 0; i < s->dead_count; i++) {
		store_handles_drop(s->store, s->uid, s->dead_blocks[i]);
		block_name(name, s->dead_blocks[i]);
		/* One that stays holds nothing that counts, and is found so at the next start. */
		disk_unlink(s->store->disk, folder, name);
	}
	s->dead_count = 0;
}

static int
stream_checkpoint(struct stream *s, struct err *err)
{
	int folder, result;

	if (s->offline || !s->dirty)
		return (0);
	if (!s->has_folder && folder_make(s, err) != 0)
		return (-1);
	folder = stream_folder(s, err);
	if (folder < 0)
		return (-1);
	result = unfinished_remove(s, folder, err);
	if (result == 0)
		result = stream_write(s, folder, err);
	if (result == 0) {
		dead_blocks_remove(s, folder);
		s->dirty = false;
	}
	disk_close(s->store->disk, folder);
	return (result);
}

/* ---- deleted streams ---- */

struct names {
	char (*list)[DISK_NAME_MAX + 1];
	size_t count, room;
};

static bool
name_found(void *arg, const char *name, bool is_dir)
{
	struct names *n = arg;
	char(*list)[DISK_NAME_MAX + 1];

	if (is_dir || strlen(name) > DISK_NAME_MAX)
		return (true);
	if (n->count == n->room) {
		list = reallocarray(n->list, n->room * 2 + 16, sizeof(*list));
		if (list == NULL)
			return (false);
		n->list = list;
		n->room = n->room * 2 + 16;
	}
	snprintf(n->list[n->count++], sizeof(*n->list), "%s", name);
	return (true);
}

/* The state goes first: a folder without it is no stream, whatever happens next. */
static int
folder_remove(struct store *store, uint64_t uid, struct err *err)
{
	struct names names = { .count = 0 };
	char name[20];
	int folder, result = 0;

	snprintf(name, sizeof(name), "%016" PRIx64, uid);
	folder = disk_open(store->disk, store->streams_dir, name, DISK_DIR);
	if (folder < 0)
		return (errno == ENOENT ? 0 : err_sys(err, "open folder %s", name));
	if (disk_unlink(store->disk, folder, "state") != 0 && errno != ENOENT)
		result = err_sys(err, "remove the state of %s", name);
	if (result == 0 && disk_sync(store->disk, folder) != 0)
		result = err_sys(err, "sync folder %s", name);
	if (result == 0 && disk_list(store->disk, folder, name_found, &names) != 0)
		result = err_sys(err, "list folder %s", name);
	for (size_t i = 0; i < names.count && result == 0; i++)
		if (disk_unlink(store->disk, folder, names.list[i]) != 0)
			result = err_sys(err, "remove %s", names.list[i]);
	free(names.list);
	disk_close(store->disk, folder);
	if (result == 0 && disk_rmdir(store->disk, store->streams_dir, name) != 0)
		result = err_sys(err, "remove folder %s", name);
	if (result == 0 && disk_sync(store->disk, store->streams_dir) != 0)
		result = err_sys(err, "sync the folder of streams");
	return (result);
}

/* The catalogue on the disk says already that they are deleted. */
static int
dead_remove(struct store *store, struct err *err)
{
	struct dead *d;

	while ((d = store->dead) != NULL) {
		if (folder_remove(store, d->uid, err) != 0)
			return (-1);
		store->dead = d->next;
		store->catalogue_dirty = true; /* the next one does without it */
		free(d);
	}
	return (0);
}

/* ---- all of it ---- */

static void
fence(struct stream *s, const struct err *err)
{
	snprintf(s->fence, sizeof(s->fence), "%.150s", err->text);
}

enum store_result
checkpoint_run(struct store *store, struct err *err)
{
	uint64_t commit = journal_synced(store->journal);
	struct err why = { .sys = 0 };
	bool failed = false;

	for (struct stream *s = store->all; s != NULL; s = s->next_all) {
		if (stream_checkpoint(s, &why) != 0) {
			fence(s, &why);
			failed = true;
			if (err != NULL)
				*err = why;
		} else if (!s->offline) {
			s->fence[0] = '\0';
		}
	}
	if (!failed && store->catalogue_dirty && catalogue_save(store, err) != 0)
		failed = true;
	if (!failed && dead_remove(store, err) != 0)
		failed = true;
	if (failed)
		return (err != NULL && (err->sys == ENOSPC || err->sys == EDQUOT) ? STORE_FULL :
		    STORE_ERROR);
	if (!store->hold)
		journal_release(store->journal, commit);
	return (STORE_OK);
}
