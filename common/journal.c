/*
 * Writers and commits.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/journal_priv.h"
#include "common/mono.h"

static const uint8_t zeros[JOURNAL_SECTOR];

/* ---- writers ---- */

struct journal_writer *
journal_writer_new(struct journal *j, const struct doorbell *done)
{
	struct journal_writer *w = calloc(1, sizeof(*w));

	assert(!j->options.read_only);
	if (w == NULL)
		return (NULL);
	w->j = j;
	w->bell = *done;
	w->next = j->writers;
	j->writers = w;
	return (w);
}

static void
writer_free(struct journal_writer *w)
{
	for (unsigned i = 0; i < JOURNAL_STAGES; i++)
		free(w->stages[i].data);
	free(w);
}

/* Records of one commit, at most: it must fit into a segment of its own. */
static uint32_t
stage_max(const struct journal *j)
{
	return (j->options.segment_bytes - 2 * JOURNAL_SECTOR - JOURNAL_COMMIT_HEAD);
}

/* The stage being filled; NULL: all are on their way. */
static struct stage *
stage_filling(struct journal_writer *w)
{
	uint64_t ticket = journal_ticket(w);

	if (ticket - atomic_load_explicit(&w->done, memory_order_acquire) > JOURNAL_STAGES)
		return (NULL);
	return (&w->stages[ticket % JOURNAL_STAGES]);
}

static int
stage_grow(struct stage *s, uint32_t need, uint32_t max)
{
	uint32_t room = s->room == 0 ? 4096 : s->room;
	uint8_t *data;

	while (room < need)
		room = room > max / 2 ? max : room * 2;
	data = realloc(s->data, room);
	if (data == NULL)
		return (-1);
	s->data = data;
	s->room = room;
	return (0);
}

uint8_t *
journal_begin(struct journal_writer *w, size_t n)
{
	struct stage *s = stage_filling(w);
	uint32_t max = stage_max(w->j), need;

	if (n > max - JOURNAL_RECORD_HEAD - 8) {
		errno = EMSGSIZE;
		return (NULL);
	}
	need = (uint32_t)journal_pad(JOURNAL_RECORD_HEAD + n, 8);
	if (s == NULL || need > max - s->len) {
		errno = EAGAIN;
		return (NULL);
	}
	if (need > s->room - s->len && stage_grow(s, s->len + need, max) != 0)
		return (NULL);
	return (s->data + s->len + JOURNAL_RECORD_HEAD);
}

void
journal_end(struct journal_writer *w, uint16_t type, uint64_t owner, size_t n)
{
	struct stage *s = &w->stages[journal_ticket(w) % JOURNAL_STAGES];
	uint32_t bytes = (uint32_t)(JOURNAL_RECORD_HEAD + n);

	assert(type != 0 && journal_pad(bytes, 8) <= s->room - s->len);
	journal_record_encode(s->data + s->len, bytes, type, owner);
	s->len += (uint32_t)journal_pad(bytes, 8);
	s->records++;
}

void
journal_writer_ahead(struct journal_writer *w, journal_ahead_fn *fn, void *arg)
{
	w->ahead = fn;
	w->ahead_arg = arg;
}

void
journal_end_ahead(struct journal_writer *w, uint16_t type, uint64_t owner, size_t n,
    struct journal_ahead *a)
{
	struct stage *s = &w->stages[journal_ticket(w) % JOURNAL_STAGES];

	assert(w->ahead != NULL);
	*a = (struct journal_ahead){ .at = s->len, .n = n, .owner = owner };
	if (s->ahead == NULL)
		s->ahead_end = &s->ahead;
	*s->ahead_end = a;
	s->ahead_end = &a->next;
	journal_end(w, type, owner, n);
}

size_t
journal_room(struct journal_writer *w)
{
	struct stage *s = stage_filling(w);
	uint32_t max = stage_max(w->j);

	if (s == NULL || max - s->len < JOURNAL_RECORD_HEAD + 8)
		return (0);
	return (max - s->len - JOURNAL_RECORD_HEAD - 8);
}

uint64_t
journal_ticket(const struct journal_writer *w)
{
	return (atomic_load_explicit(&w->submitted, memory_order_relaxed) + 1);
}

uint64_t
journal_submit(struct journal_writer *w)
{
	uint64_t ticket = journal_ticket(w);
	struct stage *s = stage_filling(w);

	if (s == NULL || s->records == 0)
		return (ticket - 1);
	atomic_store(&w->submitted, ticket);
	journal_wake(w->j);
	return (ticket);
}

void
journal_barrier(struct journal_writer *w)
{
	atomic_store(&w->barrier, journal_ticket(w) - 1);
}

uint64_t
journal_done(const struct journal_writer *w)
{
	return (atomic_load_explicit(&w->done, memory_order_acquire));
}

uint64_t
journal_done_commit(const struct journal_writer *w, uint64_t ticket)
{
	uint64_t done = journal_done(w);

	assert(ticket <= done && done - ticket < JOURNAL_STAGES);
	(void)done;
	return (w->stages[ticket % JOURNAL_STAGES].commit);
}

/* ---- one commit ---- */

/* Stages in the order of their tickets, writer by writer, as many as one commit takes. */
static void
batch_collect(struct journal *j)
{
	for (struct journal_writer *w = j->writers; w != NULL; w = w->next) {
		uint64_t submitted = atomic_load_explicit(&w->submitted, memory_order_acquire);
		unsigned parts = j->batch_parts;

		while (w->taken < submitted && j->batch_parts < BATCH_PARTS) {
			struct stage *s = &w->stages[(w->taken + 1) % JOURNAL_STAGES];

			if (s->len > stage_max(j) - j->batch_bytes)
				return;
			if (parts < j->batch_parts && w->taken == atomic_load(&w->barrier))
				break;
			w->taken++;
			j->batch_bytes += s->len;
			j->batch[j->batch_parts++] = (struct batch_part){ .writer = w, .stage = s,
				.ticket = w->taken };
		}
	}
}

/* What has to be durable ahead of the batch: all of a writer at once, and only once. */
static void
ahead_do(struct journal *j, struct journal_writer *w, struct journal_ahead *list)
{
	(void)w->ahead(w->ahead_arg, list, j->options.policy == JOURNAL_DURABLE, NULL);
	for (struct journal_ahead *a = list; a != NULL; a = a->next)
		if (a->type != 0)
			journal_record_encode(a->payload - JOURNAL_RECORD_HEAD,
			    (uint32_t)(JOURNAL_RECORD_HEAD + a->n), a->type, a->owner);
}

static void
batch_ahead(struct journal *j)
{
	struct journal_ahead *list = NULL, **end = &list;

	for (unsigned i = 0; i < j->batch_parts; i++) {
		struct stage *s = j->batch[i].stage;
		struct journal_writer *w = j->batch[i].writer;

		for (struct journal_ahead *a = s->ahead; a != NULL; a = a->next)
			a->payload = s->data + a->at + JOURNAL_RECORD_HEAD;
		if (s->ahead != NULL) {
			*end = s->ahead;
			end = s->ahead_end;
			s->ahead = NULL;
		}
		if (list == NULL || (i + 1 < j->batch_parts && j->batch[i + 1].writer == w))
			continue;
		ahead_do(j, w, list);
		list = NULL;
		end = &list;
	}
}

/* With an interval: what records that were written speak of becomes durable before them. */
static int
ahead_sync(struct journal *j, struct err *err)
{
	for (struct journal_writer *w = j->writers; w != NULL; w = w->next)
		if (w->ahead != NULL && w->ahead(w->ahead_arg, NULL, true, err) != 0)
			return (-1);
	return (0);
}

/* The checks and links of the stage for the place where it goes; the place behind it. */
static uint64_t
stage_seal(struct journal *j, struct stage *s, uint64_t at, uint64_t *link)
{
	uint64_t from, to;

	for (uint32_t i = 0; i < s->len;
	     i += (uint32_t)journal_pad(journal_record_bytes(s->data + i), 8)) {
		from = s->sealed ? journal_place(j->id, s->serial, s->at + i) : 0;
		to = journal_place(j->id, j->active->serial, at + i);
		*link = journal_record_move(s->data + i, from, to, *link);
	}
	s->sealed = true;
	s->serial = j->active->serial;
	s->at = at;
	return (at + s->len);
}

static uint32_t
batch_records(const struct journal *j)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < j->batch_parts; i++)
		n += j->batch[i].stage->records;
	return (n);
}

/* Writes the batch as commit `head` at j->at.  The link of its last record is in *link. */
static int
commit_write(struct journal *j, struct commit_head *head, uint64_t *link)
{
	uint8_t first[JOURNAL_SECTOR], bytes[JOURNAL_COMMIT_HEAD];
	struct iovec iov[BATCH_PARTS + 3];
	struct segment *s = j->active;
	struct segment_head sh = { .id = j->id, .serial = s->serial, .first = s->first,
		.released = s->released, .bytes = s->bytes };
	uint64_t at = j->at + JOURNAL_COMMIT_HEAD;
	size_t pad = (size_t)journal_pad(head->bytes, JOURNAL_SECTOR) - head->bytes;
	int n = 0;

	if (s->head_due) {
		segment_head_encode(first, &sh);
		iov[n++] = (struct iovec){ .iov_base = first, .iov_len = sizeof(first) };
	}
	commit_head_encode(bytes, journal_place(j->id, s->serial, j->at), head);
	iov[n++] = (struct iovec){ .iov_base = bytes, .iov_len = sizeof(bytes) };
	for (unsigned i = 0; i < j->batch_parts; i++) {
		struct stage *stage = j->batch[i].stage;

		at = stage_seal(j, stage, at, link);
		iov[n++] = (struct iovec){ .iov_base = stage->data, .iov_len = stage->len };
	}
	if (pad > 0) {
		iov[n].iov_len = pad;
		memcpy(&iov[n++].iov_base, &(const uint8_t *){ zeros }, sizeof(void *));
	}
	return (disk_writev_all(j->disk, s->handle, iov, n,
	    s->head_due ? j->at - JOURNAL_SECTOR : j->at));
}

static int
broken(struct journal *j, const char *what, struct err *err)
{
	err_sys(err, "%s journal segment %08x", what, j->active->slot);
	segment_broken(j);
	return (-1);
}

/* Interval policy: what was written so far becomes durable. */
static int
interval_sync(struct journal *j, struct err *err)
{
	if (j->active == NULL || atomic_load(&j->synced) == j->number)
		return (0);
	if (ahead_sync(j, err) != 0) {
		j->fatal = true;
		return (-1);
	}
	if (disk_sync(j->disk, j->active->handle) != 0) {
		j->fatal = true;
		return (broken(j, "sync", err));
	}
	atomic_store(&j->synced, j->number);
	j->synced_ns = mono_now().ns;
	segment_recycle(j, j->released_said);
	return (0);
}

/* Makes the active segment one that takes n bytes more. */
static int
make_room(struct journal *j, uint64_t n, struct err *err)
{
	struct segment *s = j->active;

	if (s != NULL && s->state == SEGMENT_ACTIVE && s->bytes - j->at >= n)
		return (0);
	/* A segment is durable before the next one begins, so that survivors are a prefix. */
	if (j->options.policy == JOURNAL_INTERVAL && interval_sync(j, err) != 0)
		return (-1);
	return (segment_next(j, j->number + 1, err));
}

static int
batch_commit(struct journal *j, struct err *err)
{
	struct commit_head head = { .bytes = JOURNAL_COMMIT_HEAD + j->batch_bytes,
		.records = batch_records(j), .number = j->number + 1,
		.durable = atomic_load(&j->synced), .link = j->commit_link };
	uint64_t n = journal_pad(head.bytes, JOURNAL_SECTOR), link;

	if (make_room(j, n, err) != 0)
		return (-1);
	head.released = atomic_load(&j->released);
	link = j->record_link;
	if (commit_write(j, &head, &link) != 0)
		return (broken(j, "write", err));
	if (j->options.policy == JOURNAL_DURABLE && disk_sync(j->disk, j->active->handle) != 0)
		return (broken(j, "sync", err));
	j->active->head_due = false;
	j->active->last = j->number = head.number;
	j->at += n;
	j->record_link = link;
	j->commit_link = head.check;
	j->released_said = head.released;
	j->plain_end = head.records > 0;
	if (j->options.policy != JOURNAL_INTERVAL) {
		atomic_store(&j->synced, j->number);
		segment_recycle(j, head.released);
	}
	return (0);
}

static void
batch_complete(struct journal *j)
{
	for (unsigned i = 0; i < j->batch_parts; i++) {
		struct batch_part *part = &j->batch[i];

		part->stage->commit = j->number;
		part->stage->len = part->stage->records = 0;
		part->stage->sealed = false;
		atomic_store_explicit(&part->writer->done, part->ticket, memory_order_release);
		if (i + 1 == j->batch_parts || j->batch[i + 1].writer != part->writer)
			doorbell_ring(&part->writer->bell);
	}
	j->batch_parts = 0;
	j->batch_bytes = 0;
}

static enum journal_ran
failed(struct journal *j, const struct err *err)
{
	pthread_mutex_lock(&j->error_lock);
	j->error = *err;
	pthread_mutex_unlock(&j->error_lock);
	atomic_store(&j->failed, true);
	return (JOURNAL_FAILED);
}

static bool
interval_is_over(const struct journal *j)
{
	return (j->options.policy == JOURNAL_INTERVAL &&
	    mono_now().ns - j->synced_ns >= j->options.interval_ns);
}

enum journal_ran
journal_run(struct journal *j)
{
	bool says = j->plain_end || atomic_load(&j->wipe) ||
	    atomic_load(&j->released) > j->released_said;
	bool mark = atomic_exchange(&j->mark, false) && says;
	struct err err;

	if (j->fatal)
		return (JOURNAL_FAILED);
	if (atomic_exchange(&j->wipe, false))
		segment_wipe_all(j);
	if (j->batch_parts == 0) {
		batch_collect(j);
		batch_ahead(j);
	}
	if (j->batch_parts == 0 && !mark) {
		if (interval_is_over(j) && interval_sync(j, &err) != 0)
			return (failed(j, &err));
		return (segment_prepare(j) ? JOURNAL_RAN : JOURNAL_IDLE);
	}
	/* The one try more, on another segment, that hides a single fault. */
	if (batch_commit(j, &err) != 0 && (j->fatal || batch_commit(j, &err) != 0))
		return (failed(j, &err));
	if ((mark || interval_is_over(j)) && j->options.policy == JOURNAL_INTERVAL &&
	    interval_sync(j, &err) != 0)
		return (failed(j, &err));
	batch_complete(j);
	atomic_store(&j->failed, false);
	return (JOURNAL_RAN);
}

/* ---- any thread ---- */

void
journal_release(struct journal *j, uint64_t commit)
{
	assert(commit <= journal_synced(j));
	if (commit > atomic_load(&j->released))
		atomic_store(&j->released, commit);
}

uint64_t
journal_synced(const struct journal *j)
{
	return (atomic_load_explicit(&j->synced, memory_order_acquire));
}

unsigned
journal_free_segments(const struct journal *j)
{
	return (atomic_load_explicit(&j->free_segments, memory_order_relaxed));
}

void
journal_wipe(struct journal *j)
{
	atomic_store(&j->wipe, true);
	journal_want_mark(j);
}

void
journal_want_mark(struct journal *j)
{
	atomic_store(&j->mark, true);
	journal_wake(j);
}

bool
journal_error(struct journal *j, struct err *err)
{
	if (!atomic_load_explicit(&j->failed, memory_order_relaxed))
		return (false);
	pthread_mutex_lock(&j->error_lock);
	if (err != NULL)
		*err = j->error;
	pthread_mutex_unlock(&j->error_lock);
	return (true);
}

uint64_t
journal_id(const struct journal *j)
{
	return (j->id);
}

/* ---- opening ---- */

static bool
options_good(const struct journal_options *o)
{
	return (o->segment_bytes >= JOURNAL_SEGMENT_MIN &&
	    o->segment_bytes <= JOURNAL_SEGMENT_MAX &&
	    o->segment_bytes % JOURNAL_SECTOR == 0 && o->segments >= JOURNAL_SEGMENTS_MIN &&
	    o->segments <= JOURNAL_SEGMENTS_MAX);
}

struct journal *
journal_open(struct disk *disk, int dir, const struct journal_options *options,
    const struct journal_replay *replay, struct err *err)
{
	struct journal *j;

	if (!options_good(options)) {
		err_set(err, "journal: options out of range");
		return (NULL);
	}
	j = calloc(1, sizeof(*j));
	if (j == NULL) {
		err_set(err, "journal: out of memory");
		return (NULL);
	}
	j->disk = disk;
	j->dir = dir;
	j->options = *options;
	j->id = options->id;
	j->bell = DOORBELL_NONE;
	pthread_mutex_init(&j->error_lock, NULL);
	if (journal_scan(j, replay, err) != 0) {
		journal_free(j);
		return (NULL);
	}
	while (j->id == 0 && !options->read_only)
		if (getrandom(&j->id, sizeof(j->id), 0) != sizeof(j->id))
			j->id = 0;
	segment_count_free(j);
	return (j);
}

void
journal_free(struct journal *j)
{
	struct journal_writer *w, *next;

	if (j == NULL)
		return;
	journal_thread_stop(j);
	for (w = j->writers; w != NULL; w = next) {
		next = w->next;
		writer_free(w);
	}
	for (unsigned i = 0; i < j->segment_count; i++)
		if (j->segments[i].state != SEGMENT_NONE)
			disk_close(j->disk, j->segments[i].handle);
	free(j->segments);
	pthread_mutex_destroy(&j->error_lock);
	free(j);
}
