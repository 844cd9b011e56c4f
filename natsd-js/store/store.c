/*
 * The store as a whole: opening, turns, streams.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/cursor.h"
#include "common/mono.h"
#include "natsd-js/store/store_priv.h"

#define WAIT_MS 100 /* a look at the journal's error, when nothing rings */
#define RESERVE_SEGMENTS 2u /* messages leave so many to removals and state */

struct store_options
store_options_default(void)
{
	return ((struct store_options){
	    .journal = { .segment_bytes = 16u << 20, .segments = 16,
		.policy = JOURNAL_DURABLE, .interval_ns = 2 * 60 * NS_PER_S },
	    .block_bytes = 8u << 20, .large_bytes = 64u << 10, .write_cache = 64u << 20, .write_age_ns = 2 * NS_PER_S,
	    .read_cache = 16u << 20, .subject_cache = 16u << 20, .care_rate = 8u << 20,
	    .thread = true,
	    .done = DOORBELL_NONE });
}

void
store_report(struct store *store, bool damage, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	if (store->options.report == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	store->options.report(store->options.arg, damage, text);
}

static void
journal_reports(void *arg, bool damage, const char *text)
{
	struct store *store = arg;

	store->journal_damaged |= damage;
	store_report(arg, damage, "%s", text);
}

/* ---- opening ---- */

static bool
is_theirs(void *arg, const char *name, bool is_dir)
{
	bool *theirs = arg;

	*theirs |= is_dir && strcmp(name, "jetstream") == 0;
	return (!*theirs);
}

static int
refuse_theirs(struct store *store, struct err *err)
{
	bool theirs = false;

	if (disk_list(store->disk, DISK_ROOT, is_theirs, &theirs) != 0)
		return (err_sys(err, "list the store directory"));
	if (theirs)
		return (err_set(err, "the store directory holds jetstream/, the store of a "
		    "nats-server: name another directory, or restore its streams from a backup "
		    "(`nats stream backup`, `nats stream restore`)"));
	return (0);
}

static int
lock_take(struct store *store, struct err *err)
{
	struct disk *disk = store->disk;
	char holder[64] = "";

	store->lock = disk_open(disk, store->top, "lock",
	    store->options.read_only ? DISK_READ : DISK_WRITE);
	if (store->lock < 0 && errno == ENOENT && !store->options.read_only)
		store->lock = disk_open(disk, store->top, "lock", DISK_CREATE);
	if (store->lock < 0)
		return (err_sys(err, "open the lock"));
	if (disk_lock(disk, store->lock) != 0) {
		if (errno != EWOULDBLOCK)
			return (err_sys(err, "lock the store"));
		(void)disk_read(disk, store->lock, holder, sizeof(holder) - 1, 0);
		return (err_set(err, "the store is in use by %.60s",
		    holder[0] == '\0' ? "another process" : holder));
	}
	if (store->options.read_only)
		return (0);
	snprintf(holder, sizeof(holder), "pid %ld", (long)getpid());
	(void)disk_truncate(disk, store->lock, 0);
	(void)disk_write_all(disk, store->lock, holder, strlen(holder), 0);
	return (0);
}

static int
directory_open(struct store *store, int dir, const char *name, struct err *err)
{
	int handle;

	if (!store->options.read_only)
		return (disk_open_dir(store->disk, dir, name, err));
	handle = disk_open(store->disk, dir, name, DISK_DIR);
	return (handle >= 0 ? handle : err_sys(err, "open directory %s", name));
}

static int
directories_open(struct store *store, struct err *err)
{
	store->top = directory_open(store, DISK_ROOT, "natsd", err);
	if (store->top < 0 || lock_take(store, err) != 0)
		return (-1);
	store->journal_dir = directory_open(store, store->top, "journal", err);
	if (store->journal_dir < 0)
		return (-1);
	store->streams_dir = directory_open(store, store->top, "streams", err);
	return (store->streams_dir < 0 ? -1 : 0);
}

/* A catalogue that is damaged is set aside, and made again from the folders. */
static int
catalogue_find(struct store *store, struct err *err)
{
	struct err why;
	char name[40];
	int quarantine;

	if (catalogue_load(store, &why) == 0)
		return (0);
	if (why.sys != 0 && why.sys != ENOENT) {
		if (err != NULL)
			*err = why;
		return (-1);
	}
	while (store->all != NULL)
		stream_free(store->all);
	store->id = 0;
	if (why.sys == 0)
		store_report(store, true, "%s", why.text);
	if (why.sys == 0 && !store->options.read_only) {
		quarantine = disk_open_dir(store->disk, store->top, "quarantine", err);
		if (quarantine < 0)
			return (-1);
		snprintf(name, sizeof(name), "catalogue.%" PRId64, wall_now().ns);
		if (disk_rename(store->disk, store->top, "catalogue", quarantine, name) != 0) {
			err_sys(err, "move the catalogue to quarantine");
			disk_close(store->disk, quarantine);
			return (-1);
		}
		disk_close(store->disk, quarantine);
	}
	return (catalogue_rebuild(store, why.sys == 0, err));
}

static int
journal_begin_life(struct store *store, struct err *err)
{
	struct journal_replay replay = { .apply = store_replay, .holds = large_holds,
		.report = journal_reports, .arg = store };
	struct journal_options options = store->options.journal;

	options.id = store->id;
	options.read_only = store->options.read_only;
	store->journal = journal_open(store->disk, store->journal_dir, &options, &replay, err);
	if (store->journal == NULL)
		return (-1);
	if (store->id == 0)
		store->catalogue_dirty = true;
	store->id = journal_id(store->journal);
	if (store->options.read_only)
		return (0);
	if (store->options.thread && store->options.done.ring < 0 &&
	    doorbell_make(&store->bell, err) != 0)
		return (-1);
	store->writer = journal_writer_new(store->journal,
	    store->options.done.ring >= 0 ? &store->options.done : &store->bell);
	store->larges = larges_new(store->disk, store->streams_dir);
	if (store->writer == NULL || store->larges == NULL)
		return (err_set(err, "out of memory"));
	journal_writer_ahead(store->writer, larges_write, store->larges);
	store->jobs = jobs_new(store->disk, store->top, store->streams_dir, store->sums);
	if (store->jobs == NULL)
		return (err_set(err, "out of memory"));
	if (!store->options.thread)
		return (0);
	return (journal_start(store->journal, err) != 0 || jobs_start(store->jobs,
	    store->options.done.ring >= 0 ? &store->options.done : &store->bell, err) != 0 ?
	    -1 : 0);
}

static int
store_start(struct store *store, struct err *err)
{
	struct err why;

	if (refuse_theirs(store, err) != 0 || directories_open(store, err) != 0 ||
	    catalogue_find(store, err) != 0)
		return (-1);
	if (store->options.index != NULL && !store->options.read_only) {
		store->sums = sums_open(store->options.index, &why);
		if (store->sums == NULL)
			store_report(store, false, "without an index: %s", why.text);
	}
	for (struct stream *s = store->all; s != NULL; s = s->next_all)
		if (!s->hidden && stream_recover(s, &why) != 0)
			store_report(store, true, "stream %016" PRIx64 ": %s", s->uid, s->fence);
	store->replaying = true;
	if (journal_begin_life(store, err) != 0)
		return (-1);
	store->replaying = false;
	store_forget_hidden(store);
	catalogue_settle(store);
	for (struct stream *s = store->all; s != NULL; s = s->next_all)
		stream_settle(s);
	store->cut_at = store->retry_at = mono_now();
	return (0);
}

struct store *
store_open(struct disk *disk, const struct store_options *options, struct err *err)
{
	struct store *store = calloc(1, sizeof(*store));

	if (store == NULL) {
		err_set(err, "out of memory");
		return (NULL);
	}
	store->disk = disk;
	store->options = *options;
	store->bell = DOORBELL_NONE;
	store->top = store->streams_dir = store->journal_dir = store->lock = -1;
	store->scratch = BUF_INIT(2 * (size_t)RECORD_MAX);
	for (unsigned i = 0; i < STORE_HANDLES; i++)
		store->open[i].handle = -1;
	if (store_start(store, err) != 0) {
		store_abandon(store);
		return (NULL);
	}
	return (store);
}

void
store_abandon(struct store *store)
{
	struct dead_stream *d;

	if (store == NULL)
		return;
	journal_free(store->journal);
	checkpoint_free(store);
	large_forget(store);
	larges_free(store->larges);
	sums_close(store->sums);
	while (store->all != NULL)
		stream_free(store->all);
	while ((d = store->dead) != NULL) {
		store->dead = d->next;
		free(d);
	}
	while ((d = store->twins) != NULL) {
		store->twins = d->next;
		free(d);
	}
	for (unsigned i = 0; i < STORE_HANDLES; i++)
		disk_close(store->disk, store->open[i].handle);
	doorbell_close(&store->bell);
	wheel_free(store->wheel);
	buf_free(&store->scratch);
	free(store->window.data);
	disk_close(store->disk, store->journal_dir);
	disk_close(store->disk, store->streams_dir);
	disk_close(store->disk, store->lock);
	disk_close(store->disk, store->top);
	free(store);
}

int
store_close(struct store *store, struct err *err)
{
	enum store_result result = store_checkpoint(store, err);

	/* Says what is released, and that the last commit is durable. */
	if (result == STORE_OK) {
		journal_want_mark(store->journal);
		if (!store->options.thread)
			(void)store_run(store);
	}
	store_abandon(store);
	return (result == STORE_OK ? 0 : -1);
}

/* ---- turns ---- */

uint64_t
store_submit(struct store *store)
{
	checkpoint_note(store);
	return (journal_submit(store->writer));
}

uint64_t
store_done(struct store *store)
{
	uint64_t done = journal_done(store->writer);

	large_done(store, done);
	return (done);
}

enum journal_ran
store_run(struct store *store)
{
	return (journal_run(store->journal));
}

/* Everything of the last ticket is done, and synced: with an interval that is not the same. */
static bool
settled(struct store *store)
{
	uint64_t ticket = journal_ticket(store->writer) - 1;

	if (store_done(store) < ticket)
		return (false);
	return (ticket == 0 ||
	    journal_synced(store->journal) >= journal_done_commit(store->writer, ticket));
}

void
store_sleep(struct store *store)
{
	const struct doorbell *bell =
	    store->options.done.ring >= 0 ? &store->options.done : &store->bell;
	struct pollfd fd = { .fd = bell->wait, .events = POLLIN };

	(void)poll(&fd, 1, fd.fd < 0 ? 1 : WAIT_MS);
	doorbell_clear(bell);
}

enum store_result
store_wait(struct store *store, struct err *err)
{
	enum store_result result = STORE_OK;

	store_submit(store);
	while (!settled(store)) {
		if (store->options.journal.policy == JOURNAL_INTERVAL)
			journal_want_mark(store->journal);
		if (!store->options.thread)
			(void)store_run(store);
		else
			store_sleep(store);
		if (journal_error(store->journal, err)) {
			result = err != NULL && err->sys == ENOSPC ? STORE_FULL : STORE_ERROR;
			break;
		}
	}
	/* The owner hears of what was done meanwhile. */
	if (store->options.done.ring >= 0)
		doorbell_ring(&store->options.done);
	return (result);
}

uint8_t *
store_begin(struct stream *s, size_t n, bool data, enum store_result *result, struct err *err)
{
	struct store *store = s->store;
	uint8_t *p;

	*result = STORE_ERROR;
	if (journal_error(store->journal, err))
		return (NULL);
	if (s->offline || (data && s->fence[0] != '\0')) {
		err_set(err, "%s", s->fence);
		*result = s->offline ? STORE_ERROR : STORE_FULL;
		return (NULL);
	}
	/* Removals and state go on while checkpoints fail; one that may succeed is waited for. */
	if (!data && !store->cut_failed && !store->hold &&
	    journal_free_segments(store->journal) < RESERVE_SEGMENTS) {
		err_set(err, "the journal waits for a checkpoint");
		*result = STORE_BUSY;
		return (NULL);
	}
	if (data && journal_free_segments(store->journal) < RESERVE_SEGMENTS) {
		*result = store->hold ? STORE_FULL : STORE_BUSY;
		err_set(err, store->hold ? "the journal is kept for a stream that is offline" :
		    "the journal waits for a checkpoint");
		return (NULL);
	}
	p = journal_begin(store->writer, n);
	if (p != NULL)
		return (p);
	if (errno == EAGAIN)
		*result = STORE_BUSY;
	else
		err_sys(err, "journal");
	return (NULL);
}

void
store_end(struct stream *s, enum store_journal type, size_t n)
{
	journal_end(s->store->writer, (uint16_t)type, s->uid, n);
	stream_touch(s);
}

void
stream_touch(struct stream *s)
{
	if (s->dirty)
		return;
	s->dirty = true;
	s->next_dirty = s->store->dirty;
	s->store->dirty = s;
}

void
stream_fence(struct stream *s, const struct err *err)
{
	if (!s->offline)
		snprintf(s->fence, sizeof(s->fence), "%.150s", err->text);
}

enum store_result
store_no_memory(struct err *err)
{
	err_set(err, "out of memory");
	return (STORE_ERROR);
}

/* ---- streams ---- */

uint64_t
store_uid_make(struct store *store)
{
	uint64_t uid = 0;

	while (uid == 0 || store_by_uid(store, uid) != NULL)
		if (getrandom(&uid, sizeof(uid), 0) != sizeof(uid))
			uid = 0;
	return (uid);
}

enum store_result
stream_create(struct store *store, const struct stream_config *c, struct stream **stream,
    struct err *err)
{
	size_t n = 8 + 8 + 2 + c->account.n + 2 + c->name.n;
	enum store_result result;
	struct stream *s;
	struct wr out;
	uint8_t *p;

	if (c->account.n > UINT16_MAX || c->name.n > UINT16_MAX || c->name.n == 0 ||
	    stream_find(store, c->account, c->name) != NULL) {
		err_set(err, "a stream of this name is there, or cannot be");
		return (STORE_ERROR);
	}
	s = stream_new(store, store_uid_make(store), c->created, c->account, c->name);
	if (s == NULL || (c->first_seq > 1 && stream_apply_advance(s, c->first_seq - 1) != 0)) {
		if (s != NULL)
			stream_free(s);
		err_set(err, "out of memory");
		return (STORE_ERROR);
	}
	p = store_begin(s, n, true, &result, err);
	if (p == NULL) {
		stream_free(s);
		return (result);
	}
	out = wr_of(p, n);
	wr_u64(&out, (uint64_t)c->created);
	wr_u64(&out, c->first_seq);
	wr_str16(&out, c->account);
	wr_str16(&out, c->name);
	store_end(s, STORE_J_CREATE, n);
	store->catalogue_dirty = true;
	*stream = s;
	return (STORE_OK);
}

enum store_result
stream_delete(struct stream *s, struct err *err)
{
	struct store *store = s->store;
	bool offline = s->offline;
	enum store_result result;
	uint8_t *p;

	s->offline = false; /* a committed delete is the one thing that may touch its files */
	p = store_begin(s, 0, false, &result, err);
	s->offline = offline;
	if (p == NULL)
		return (result);
	if (store_dead_add(store, s->uid, false) != 0) {
		err_set(err, "out of memory");
		return (STORE_ERROR);
	}
	store_end(s, STORE_J_DELETE, 0);
	store->catalogue_dirty = true;
	stream_free(s);
	return (STORE_OK);
}

void
stream_each(struct store *store, bool (*fn)(void *, struct stream *), void *arg)
{
	for (struct stream *s = store->all; s != NULL; s = s->next_all)
		if (!s->hidden && !fn(arg, s))
			return;
}

uint64_t
stream_uid(const struct stream *s)
{
	return (s->uid);
}

struct str
stream_account(const struct stream *s)
{
	return (s->account);
}

struct str
stream_name(const struct stream *s)
{
	return (s->name);
}

int64_t
stream_created(const struct stream *s)
{
	return (s->created);
}

const char *
stream_fenced(const struct stream *s)
{
	return (s->fence[0] == '\0' ? NULL : s->fence);
}

void
stream_state(const struct stream *s, struct stream_state *st)
{
	uint64_t first = stream_first(s);

	*st = (struct stream_state){ .messages = s->messages, .bytes = s->bytes,
		.first_seq = first, .last_seq = s->last_seq, .last_time = s->last_time,
		.deleted = s->last_seq + 1 - first - s->messages, .lost = s->lost.size,
		.subjects = s->subjects.count, .blocks = s->block_count };
}
