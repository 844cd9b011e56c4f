#include "config.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "natsd-js/store/job.h"
#include "natsd-js/store/store_priv.h"

#define JOBS_AT_ONCE 64u /* with one sync of the index for all of them */

struct jobs {
	struct disk *disk;
	int top, streams;
	struct sums *sums;
	struct doorbell bell;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t more;
	struct job *waiting, **waiting_end;
	struct job *done, **done_end;
	bool stop, running;
	pthread_t thread;
};

struct job *
job_new(uint64_t uid)
{
	struct job *j = calloc(1, sizeof(*j));

	if (j == NULL)
		return (NULL);
	j->uid = uid;
	j->state = BUF_INIT((size_t)1 << 30);
	j->sums = j->catalogue = j->ids = j->state;
	return (j);
}

void
job_free(struct job *j)
{
	if (j == NULL)
		return;
	for (uint32_t i = 0; i < j->block_count; i++) {
		buf_free(&j->blocks[i].bytes);
		free(j->blocks[i].holes);
	}
	free(j->blocks);
	free(j->gone);
	free(j->erasures);
	free(j->remove);
	buf_free(&j->state);
	buf_free(&j->sums);
	buf_free(&j->ids);
	buf_free(&j->catalogue);
	free(j);
}

struct job_block *
job_block(struct job *j)
{
	uint32_t room = j->block_room == 0 ? 2 : j->block_room * 2;
	struct job_block *blocks;

	if (j->block_count == j->block_room) {
		blocks = reallocarray(j->blocks, room, sizeof(*blocks));
		if (blocks == NULL)
			return (NULL);
		j->blocks = blocks;
		j->block_room = room;
	}
	memset(&j->blocks[j->block_count], 0, sizeof(*j->blocks));
	return (&j->blocks[j->block_count++]);
}

/* ---- one stream ---- */

static int
folder_open(struct jobs *js, const struct job *j, struct err *err)
{
	char name[20];
	int folder;

	snprintf(name, sizeof(name), "%016" PRIx64, j->uid);
	if (j->make_folder && disk_mkdir(js->disk, js->streams, name) != 0 && errno != EEXIST)
		return (err_sys(err, "make folder %s", name));
	if (j->make_folder && disk_sync(js->disk, js->streams) != 0)
		return (err_sys(err, "sync the folder of streams"));
	folder = disk_open(js->disk, js->streams, name, DISK_DIR);
	return (folder >= 0 ? folder : err_sys(err, "open folder %s", name));
}

/* What is in the file tells what it holds; without it the block is looked through when needed. */
static int
contents_do(struct jobs *js, int handle, uint64_t uid, struct job_block *b, struct err *err)
{
	struct record_bytes p = { .uid = uid, .file = RECORD_IN_BLOCK, .number = b->number,
		.n = b->end };
	struct buf payload = BUF_INIT(RECORD_MAX - 64), record = BUF_INIT(RECORD_MAX);
	struct record r = { .type = RECORD_INDEX, .link = b->link, .seq = b->first,
		.time = (int64_t)b->last };
	uint8_t *data = malloc(p.n), *to;
	int result = 0;

	p.data = data;
	if (data != NULL && disk_read_all(js->disk, handle, data, p.n, 0) == 0 &&
	    contents_make(&p, b->first, b->last, &payload) == 0) {
		r.payload = buf_str(&payload);
		to = record_length(&r) == 0 ? NULL : buf_room(&record, record_length(&r));
		if (to != NULL) {
			record_encode(to, record_place(uid, RECORD_IN_BLOCK, b->number, p.n), &r);
			b->contents_bytes = (uint32_t)record_length(&r);
			b->link = (uint32_t)r.check;
			result = disk_write_all(js->disk, handle, to, b->contents_bytes, p.n);
		}
	}
	free(data);
	buf_free(&payload);
	buf_free(&record);
	return (result == 0 ? 0 : err_sys(err, "write the contents of block %08x", b->number));
}

/* The bytes go around the holes. */
static int
pieces_write(struct disk *disk, int handle, const struct job_block *b)
{
	uint32_t at = b->at, to;
	size_t from = 0;

	for (uint32_t i = 0; i <= b->hole_count; i++) {
		to = i < b->hole_count ? b->holes[i].at : b->end;
		if (to > at && disk_write_all(disk, handle, b->bytes.data + from, to - at, at) != 0)
			return (-1);
		from += to - at;
		at = i < b->hole_count ? to + b->holes[i].bytes : to;
	}
	return (0);
}

static int
block_do(struct jobs *js, int folder, uint64_t uid, struct job_block *b, struct err *err)
{
	struct disk *disk = js->disk;
	char name[BLOCK_NAME_BYTES];
	int handle = -1, result = 0;

	block_name(name, b->number);
	if (b->is_new)
		handle = disk_open(disk, folder, name, DISK_CREATE);
	if (handle < 0 && (!b->is_new || errno == EEXIST))
		handle = disk_open(disk, folder, name, DISK_WRITE);
	if (handle < 0)
		return (err_sys(err, "open block %s", name));
	/* A checkpoint that was not finished left it: the journal has all that was in it. */
	if (b->is_new && disk_truncate(disk, handle, 0) != 0)
		result = err_sys(err, "empty block %s", name);
	else if (pieces_write(disk, handle, b) != 0)
		result = err_sys(err, "write block %s", name);
	else if (b->with_contents && contents_do(js, handle, uid, b, err) != 0)
		result = -1;
	else if (disk_sync(disk, handle) != 0)
		result = err_sys(err, "sync block %s", name);
	disk_close(disk, handle);
	return (result);
}

static int
blocks_do(struct jobs *js, int folder, struct job *j)
{
	struct err err;
	int result = 0;

	for (uint32_t i = 0; i < j->block_count; i++) {
		struct job_block *b = &j->blocks[i];

		b->done = block_do(js, folder, j->uid, b, &err) == 0;
		if (!b->done && result == 0) {
			j->err = err;
			result = -1;
		}
	}
	if (result == 0 && j->sync_folder && disk_sync(js->disk, folder) != 0)
		result = err_sys(&j->err, "sync the folder");
	return (result);
}

/* A record of the same length, of which nothing is to be known. */
static int
erase_one(struct jobs *js, int folder, const struct job *j, const struct job_erasure *e,
    struct err *err)
{
	char name[BLOCK_NAME_BYTES];
	uint8_t *p = malloc(e->bytes);
	int handle, result;

	if (p == NULL || record_erase(p, record_place(j->uid, RECORD_IN_BLOCK, e->number, e->at),
		e->bytes, e->link) != 0) {
		free(p);
		return (err_set(err, "erase: out of memory, or of chance"));
	}
	block_name(name, e->number);
	handle = disk_open(js->disk, folder, name, DISK_WRITE);
	if (handle < 0) {
		free(p);
		return (errno == ENOENT ? 0 : err_sys(err, "open block %s", name));
	}
	result = disk_write_all(js->disk, handle, p, e->bytes, e->at);
	if (result == 0)
		result = disk_sync(js->disk, handle);
	if (result != 0)
		err_sys(err, "erase in block %s", name);
	disk_close(js->disk, handle);
	free(p);
	return (result);
}

static int
erasures_do(struct jobs *js, int folder, struct job *j)
{
	for (uint32_t i = 0; i < j->erasure_count; i++)
		if (erase_one(js, folder, j, &j->erasures[i], &j->err) != 0)
			return (-1);
	return (0);
}

static int
state_append(struct jobs *js, int folder, struct job *j)
{
	int handle = disk_open(js->disk, folder, "state", DISK_WRITE), result = 0;

	if (handle < 0)
		return (err_sys(&j->err, "open state"));
	if (disk_write_all(js->disk, handle, j->state.data, j->state.len, j->state_at) != 0)
		result = err_sys(&j->err, "write state");
	else if (disk_sync(js->disk, handle) != 0)
		result = err_sys(&j->err, "sync state");
	disk_close(js->disk, handle);
	return (result);
}

static int
gone_do(struct jobs *js, int folder, struct job *j)
{
	char name[BLOCK_NAME_BYTES], aside[BLOCK_NAME_BYTES + 16];
	int result;

	for (uint32_t i = 0; i < j->gone_count; i++) {
		block_name(name, j->gone[i].number);
		snprintf(aside, sizeof(aside), "%s.set-aside", name);
		if (j->gone[i].keep)
			result = disk_rename(js->disk, folder, name, folder, aside);
		else
			result = disk_unlink(js->disk, folder, name);
		if (result != 0 && errno != ENOENT)
			return (err_sys(&j->err, "remove block %s", name));
	}
	return (0);
}

/* First part: the blocks are durable. */
static void
stream_begin(struct jobs *js, struct job *j)
{
	j->folder = -1;
	if (j->failed)
		return;
	j->folder = folder_open(js, j, &j->err);
	j->failed = j->folder < 0 || blocks_do(js, j->folder, j) != 0 ||
	    job_ids_write(js->disk, j->folder, j, &j->err) != 0;
}

/* Last part: the state says so, and then what it replaces goes. */
static void
stream_end(struct jobs *js, struct job *j)
{
	int result = j->failed ? -1 : 0;

	if (result == 0 && j->state_whole)
		result = disk_replace(js->disk, j->folder, "state", j->state.data, j->state.len,
		    &j->err);
	else if (result == 0 && j->state.len > 0)
		result = state_append(js, j->folder, j);
	if (result == 0)
		result = erasures_do(js, j->folder, j);
	if (result == 0)
		result = gone_do(js, j->folder, j);
	if (result == 0)
		result = job_ids_unlink(js->disk, j->folder, j, &j->err);
	disk_close(js->disk, j->folder);
	j->failed = result != 0;
}

/* Between them: the index may know more than the state, never less. */
static void
sums_do(struct jobs *js, struct job *list)
{
	struct sums_batch batches[JOBS_AT_ONCE];
	unsigned n = 0;
	bool failed;

	for (struct job *j = list; j != NULL; j = j->next)
		if (j->with_sums && !j->failed)
			batches[n++] = (struct sums_batch){ .uid = j->uid, .sums = &j->sums,
				.clear = j->sums_clear, .point = j->sums_point };
	failed = n > 0 && sums_write(js->sums, batches, n, NULL) != 0;
	for (struct job *j = list; j != NULL; j = j->next)
		j->sums_failed = failed;
}

/* ---- the store itself ---- */

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
folder_remove(struct jobs *js, uint64_t uid, struct err *err)
{
	struct names names = { .count = 0 };
	struct disk *disk = js->disk;
	char name[20];
	int folder, result = 0;

	snprintf(name, sizeof(name), "%016" PRIx64, uid);
	folder = disk_open(disk, js->streams, name, DISK_DIR);
	if (folder < 0)
		return (errno == ENOENT ? 0 : err_sys(err, "open folder %s", name));
	if (disk_unlink(disk, folder, "state") != 0 && errno != ENOENT)
		result = err_sys(err, "remove the state of %s", name);
	if (result == 0 && disk_sync(disk, folder) != 0)
		result = err_sys(err, "sync folder %s", name);
	if (result == 0 && disk_list(disk, folder, name_found, &names) != 0)
		result = err_sys(err, "list folder %s", name);
	for (size_t i = 0; i < names.count && result == 0; i++)
		if (disk_unlink(disk, folder, names.list[i]) != 0)
			result = err_sys(err, "remove %s", names.list[i]);
	free(names.list);
	disk_close(disk, folder);
	if (result == 0 && disk_rmdir(disk, js->streams, name) != 0)
		result = err_sys(err, "remove folder %s", name);
	if (result == 0 && disk_sync(disk, js->streams) != 0)
		result = err_sys(err, "sync the folder of streams");
	return (result);
}

/* The catalogue that says that they are deleted goes first. */
static int
store_do(struct jobs *js, struct job *j)
{
	if (j->catalogue.len > 0 && disk_replace(js->disk, js->top, "catalogue",
		j->catalogue.data, j->catalogue.len, &j->err) != 0)
		return (-1);
	for (uint32_t i = 0; i < j->remove_count; i++) {
		while (js->sums != NULL && sums_remove(js->sums, j->remove[i]) == SUMS_OK)
			;
		if (folder_remove(js, j->remove[i], &j->err) != 0)
			return (-1);
	}
	return (0);
}

static void
jobs_do(struct jobs *js, struct job *list)
{
	for (struct job *j = list; j != NULL; j = j->next)
		if (j->uid != 0)
			stream_begin(js, j);
	sums_do(js, list);
	for (struct job *j = list; j != NULL; j = j->next)
		if (j->uid != 0)
			stream_end(js, j);
		else
			j->failed = store_do(js, j) != 0;
}

/* ---- the two sides ---- */

struct jobs *
jobs_new(struct disk *disk, int top, int streams, struct sums *sums)
{
	struct jobs *js = calloc(1, sizeof(*js));

	if (js == NULL)
		return (NULL);
	js->disk = disk;
	js->top = top;
	js->streams = streams;
	js->sums = sums;
	js->bell = DOORBELL_NONE;
	js->waiting_end = &js->waiting;
	js->done_end = &js->done;
	pthread_mutex_init(&js->lock, NULL);
	pthread_cond_init(&js->more, NULL);
	return (js);
}

/* The next ones to be done, taken out; NULL: none.  That of the store is done by itself, last. */
static struct job *
next_take(struct jobs *js)
{
	struct job *first = js->waiting, *last = first;

	if (first == NULL)
		return (NULL);
	for (unsigned n = 1; n < JOBS_AT_ONCE && last->next != NULL && last->next->uid != 0 &&
	    first->uid != 0; n++)
		last = last->next;
	js->waiting = last->next;
	if (js->waiting == NULL)
		js->waiting_end = &js->waiting;
	last->next = NULL;
	return (first);
}

static void
done_put(struct jobs *js, struct job *list)
{
	*js->done_end = list;
	while (*js->done_end != NULL)
		js->done_end = &(*js->done_end)->next;
}

static void *
run(void *arg)
{
	struct jobs *js = arg;
	struct job *j;

	pthread_mutex_lock(&js->lock);
	while (!js->stop) {
		j = next_take(js);
		if (j == NULL) {
			pthread_cond_wait(&js->more, &js->lock);
			continue;
		}
		pthread_mutex_unlock(&js->lock);
		jobs_do(js, j);
		pthread_mutex_lock(&js->lock);
		done_put(js, j);
		if (js->waiting == NULL)
			doorbell_ring(&js->bell);
	}
	pthread_mutex_unlock(&js->lock);
	return (NULL);
}

int
jobs_start(struct jobs *js, const struct doorbell *bell, struct err *err)
{
	int error;

	js->bell = *bell;
	error = pthread_create(&js->thread, NULL, run, js);
	if (error != 0) {
		errno = error;
		return (err_sys(err, "start the checkpoint's thread"));
	}
	js->running = true;
	return (0);
}

static void
list_free(struct job *j)
{
	struct job *next;

	for (; j != NULL; j = next) {
		next = j->next;
		job_free(j);
	}
}

void
jobs_free(struct jobs *js)
{
	if (js == NULL)
		return;
	if (js->running) {
		pthread_mutex_lock(&js->lock);
		js->stop = true;
		pthread_cond_signal(&js->more);
		pthread_mutex_unlock(&js->lock);
		pthread_join(js->thread, NULL);
	}
	list_free(js->waiting);
	list_free(js->done);
	pthread_cond_destroy(&js->more);
	pthread_mutex_destroy(&js->lock);
	free(js);
}

void
jobs_put(struct jobs *js, struct job *list)
{
	pthread_mutex_lock(&js->lock);
	*js->waiting_end = list;
	while (*js->waiting_end != NULL)
		js->waiting_end = &(*js->waiting_end)->next;
	pthread_cond_signal(&js->more);
	pthread_mutex_unlock(&js->lock);
}

struct job *
jobs_take(struct jobs *js)
{
	struct job *list;

	pthread_mutex_lock(&js->lock);
	list = js->done;
	js->done = NULL;
	js->done_end = &js->done;
	pthread_mutex_unlock(&js->lock);
	return (list);
}

void
jobs_run(struct jobs *js)
{
	struct job *j;

	assert(!js->running);
	while ((j = next_take(js)) != NULL) {
		jobs_do(js, j);
		done_put(js, j);
	}
}
