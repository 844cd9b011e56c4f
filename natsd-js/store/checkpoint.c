/*
 * What is durable in the journal goes to the files of the streams; then the journal forgets it.
 *
 * A cut is a moment between two changes: for each stream that changed since the last one its bytes
 * that wait are set apart in a job.  When everything up to the cut is durable in the journal the
 * jobs are done, on a thread of their own; the owner goes on meanwhile.  The journal forgets what
 * lies before the cut when all of them succeeded.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "natsd-js/store/store_priv.h"

#define RETRY_MS 200 /* after a checkpoint that failed */
#define SUMS_FETCHED_MAX 4096u

/* ---- the cut ---- */

static struct block *
block_numbered(struct stream *s, uint32_t number)
{
	for (uint32_t i = s->block_count; i > 0; i--)
		if (s->blocks[i - 1]->number == number)
			return (s->blocks[i - 1]);
	return (snapshot_ghost(s, number));
}

/* The places of large records behind the last cut. */
static int
cut_holes(const struct block *b, struct job_block *jb)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < b->extent_count; i++)
		n += b->extents[i].at >= b->cut;
	if (n == 0)
		return (0);
	jb->holes = calloc(n, sizeof(*jb->holes));
	if (jb->holes == NULL)
		return (-1);
	for (uint32_t i = 0; i < b->extent_count; i++)
		if (b->extents[i].at >= b->cut)
			jb->holes[jb->hole_count++] = (struct job_hole){
				.at = b->extents[i].at, .bytes = b->extents[i].bytes };
	return (0);
}

/* What a large record at its end cannot say: that it is durable. */
static bool
ends_large(const struct block *b)
{
	const struct extent *last = b->extent_count == 0 ? NULL : &b->extents[b->extent_count - 1];

	return (last != NULL && last->at >= b->cut && last->at + last->bytes == b->len);
}

static int
cut_block(struct block *b, struct job *j)
{
	bool contents = b->sealed && b->contents_at == 0 && b->live > 0 && !b->broken &&
	    b->len >= BLOCK_CONTENTS_LEAST;
	struct job_block *jb;

	if (ends_large(b) && block_write_held(b) != 0)
		return (-1);
	if (b->fresh.count > 0 && block_write_dead(b) != 0)
		return (-1);
	if (b->tail.len == 0 && !contents && !(b->stream->resync && !b->is_new))
		return (0);
	jb = job_block(j);
	if (jb == NULL)
		return (-1);
	if (cut_holes(b, jb) != 0) {
		j->block_count--;
		return (-1);
	}
	jb->number = b->number;
	jb->is_new = b->is_new;
	jb->at = b->cut;
	jb->bytes = b->tail;
	jb->end = b->len;
	jb->with_contents = contents;
	jb->first = b->first;
	jb->last = b->last;
	jb->link = b->link;
	j->sync_folder |= b->is_new;
	b->flight = b->tail.data;
	b->cut = b->len;
	b->tail = BUF_INIT(b->tail.max);
	return (0);
}

static int
cut_erasures(struct stream *s, struct job *j)
{
	if (s->erasure_count == 0)
		return (0);
	j->erasures = calloc(s->erasure_count, sizeof(*j->erasures));
	if (j->erasures == NULL)
		return (-1);
	for (uint32_t i = 0; i < s->erasure_count; i++)
		j->erasures[i] = (struct job_erasure){ .number = s->erasures[i].number,
			.at = s->erasures[i].at, .bytes = s->erasures[i].bytes,
			.link = s->erasures[i].link };
	j->erasure_count = s->erasure_count;
	s->store->erasing = true;
	return (0);
}

static int
cut_gone(struct stream *s, struct job *j)
{
	if (s->gone_count == 0)
		return (0);
	j->gone = calloc(s->gone_count, sizeof(*j->gone));
	if (j->gone == NULL)
		return (-1);
	for (uint32_t i = 0; i < s->gone_count; i++) {
		if (s->gone[i].held)
			continue; /* the state says it, the file stays as long as a snapshot needs it */
		j->gone[j->gone_count++] = (struct job_gone){ .number = s->gone[i].number,
			.keep = s->gone[i].keep };
		store_handles_drop(s->store, s->uid, s->gone[i].number);
	}
	return (0);
}

/* Blocks that could not be written stand in others now, or this stream has to wait. */
static int
cut_mend(struct stream *s, struct err *err)
{
	for (uint32_t i = 0; i < s->block_count; i++)
		if (s->blocks[i]->broken && block_rewrite(s->blocks[i], err) != 0)
			return (-1);
	return (0);
}

static void
cut_done(struct stream *s)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < s->block_count; i++)
		s->blocks[i]->changed = false;
	small_forget_gone(s);
	for (uint32_t i = 0; i < s->small_count; i++)
		s->smalls[i].changed = false;
	seqset_clear(&s->removed_fresh);
	s->marks_changed = s->state_whole = false;
	s->erasure_count = 0;
	if (s->ids != NULL)
		s->ids->changed = false;
	for (uint32_t i = 0; i < s->gone_count; i++)
		if (s->gone[i].held) {
			s->gone[kept] = s->gone[i];
			s->gone[kept++].said = true;
		}
	s->gone_count = kept;
}

/* The job of the stream; NULL: why.  Bytes of blocks that were set apart go back. */
static struct job *
cut_stream(struct stream *s, struct err *err)
{
	struct job *j = job_new(s->uid);
	int bad = j == NULL ? -1 : 0;

	if (bad == 0 && cut_mend(s, err) != 0) {
		job_free(j);
		return (NULL);
	}
	for (uint32_t i = 0; i < s->block_count && bad == 0; i++)
		bad = cut_block(s->blocks[i], j);
	if (bad == 0)
		bad = cut_gone(s, j);
	if (bad == 0)
		bad = cut_erasures(s, j);
	if (bad == 0)
		bad = stream_ids_cut(s, j);
	if (bad == 0)
		bad = state_encode(s, j);
	if (bad == 0)
		bad = stream_sums_cut(s, j);
	if (bad != 0) {
		for (uint32_t i = 0; j != NULL && i < j->block_count; i++) {
			struct block *b = block_numbered(s, j->blocks[i].number);

			b->flight = NULL;
			b->cut = b->synced;
			b->tail = j->blocks[i].bytes;
			j->blocks[i].bytes = BUF_INIT(0);
		}
		s->sums_doubtful = s->state_whole = true;
		job_free(j);
		err_set(err, "out of memory");
		return (NULL);
	}
	j->make_folder = !s->has_folder;
	/* What was unlinked stays away from now on: a state that is written anew does not know it. */
	j->sync_folder |= s->resync || (j->state_whole && s->state_bytes > 0);
	j->stream = s;
	if (j->state_whole)
		s->state_live = j->state.len;
	s->state_bytes = j->state_at + j->state.len;
	s->resync = false;
	s->job = j;
	cut_done(s);
	return (j);
}

static struct job *
cut_store(struct store *store)
{
	struct job *j;
	uint32_t count = 0;

	for (struct dead_stream *d = store->dead; d != NULL; d = d->next)
		count++;
	if (!store->catalogue_dirty && count == 0)
		return (NULL);
	j = job_new(0);
	if (j != NULL && count > 0)
		j->remove = calloc(count, sizeof(*j->remove));
	if (j == NULL || (count > 0 && j->remove == NULL) ||
	    catalogue_encode(store, &j->catalogue) != 0) {
		job_free(j);
		store->cut_failed = true;
		return (NULL);
	}
	for (struct dead_stream *d = store->dead; d != NULL; d = d->next)
		j->remove[j->remove_count++] = d->uid;
	store->catalogue_dirty = false;
	return (j);
}

static void
cut_error(struct store *store, const struct err *err)
{
	if (!store->cut_failed)
		store->cut_err = *err;
	store->cut_failed = true;
}

/* Which commit the cut is; asked before each submit, so that the writer still knows. */
void
checkpoint_note(struct store *store)
{
	if (!store->cutting || store->cut_known || store_done(store) < store->cut_ticket)
		return;
	store->cut_commit = journal_done_commit(store->writer, store->cut_ticket);
	store->cut_known = true;
}

static void
cut_begin(struct store *store, struct mono now)
{
	struct stream *list = store->dirty, *s;
	struct job *first = NULL, **end = &first;
	struct err err = { .sys = 0 };

	store_submit(store);
	journal_barrier(store->writer);
	store->cutting = true;
	store->sums_full = store->cut_wanted = false;
	store->loose_bytes = 0;
	store->large_heads = 0;
	store->cut_sent = store->cut_failed = false;
	store->cut_at = now;
	store->cut_ticket = journal_ticket(store->writer) - 1;
	store->cut_known = store->cut_ticket == 0; /* then nothing was written in this life */
	store->cut_commit = journal_synced(store->journal);
	checkpoint_note(store);
	store->dirty = NULL;
	while ((s = list) != NULL) {
		list = s->next_dirty;
		s->dirty = false;
		if (s->offline)
			continue;
		*end = cut_stream(s, &err);
		if (*end != NULL) {
			end = &(*end)->next;
			continue;
		}
		stream_fence(s, &err);
		cut_error(store, &err);
		stream_touch(s);
	}
	*end = cut_store(store);
	store->cut_list = first;
}

/* ---- its end ---- */

/* The next batch of the state says where it is; until then it is not there. */
static void
contents_landed(struct block *b, const struct job_block *jb)
{
	b->contents_at = b->len;
	b->len += jb->contents_bytes;
	b->cut = b->synced = b->len;
	b->link = jb->link;
	b->changed = true;
	stream_touch(b->stream);
}

static void
block_landed(struct stream *s, struct job_block *jb)
{
	struct block *b = block_numbered(s, jb->number);

	if (b == NULL || jb->done) {
		s->store->tail_bytes -= jb->bytes.len;
		if (b == NULL)
			return;
		b->flight = NULL;
		b->synced = b->cut;
		b->is_new = false;
		extent_landed(b);
		if (jb->contents_bytes > 0 && b->tail.len == 0 && b->sealed)
			contents_landed(b, jb);
		return;
	}
	/* A file that failed is never written again: what is in it and in memory moves. */
	if (b->ghost)
		s->store->tail_bytes -= jb->bytes.len;
	b->broken = b->changed = true;
	b->kept = jb->bytes;
	jb->bytes = BUF_INIT(0);
	store_handles_drop(s->store, s->uid, b->number);
}

/* The room for them is still there. */
static void
erasures_again(struct stream *s, const struct job *j)
{
	for (uint32_t i = 0; i < j->erasure_count && s->erasure_count < s->erasure_room; i++)
		s->erasures[s->erasure_count++] = (struct erasure){
			.number = j->erasures[i].number, .at = j->erasures[i].at,
			.bytes = j->erasures[i].bytes, .link = j->erasures[i].link };
}

static void
stream_landed(struct store *store, struct job *j)
{
	struct stream *s = j->stream;

	if (s == NULL) {
		for (uint32_t i = 0; i < j->block_count; i++)
			store->tail_bytes -= j->blocks[i].bytes.len;
		return;
	}
	s->job = NULL;
	if (j->with_sums)
		stream_sums_landed(s, j, j->failed || j->sums_failed);
	stream_ids_landed(s, j);
	for (uint32_t i = 0; i < j->block_count; i++)
		block_landed(s, &j->blocks[i]);
	if (!j->failed) {
		s->has_folder = true;
		s->failures = 0;
		s->point_commit = store->cut_commit;
		if (!s->offline)
			s->fence[0] = '\0';
		return;
	}
	/* What the state file holds is not known: it is written anew. */
	s->state_whole = s->resync = true;
	erasures_again(s, j);
	for (uint32_t i = 0; i < j->gone_count; i++)
		(void)stream_gone_add(s, j->gone[i].number, j->gone[i].keep);
	stream_touch(s);
	if (s->failures++ > 0)
		stream_fence(s, &j->err);
	cut_error(store, &j->err);
}

static void
store_landed(struct store *store, struct job *j)
{
	struct dead_stream **at = &store->dead, *d;

	if (j->failed) {
		store->catalogue_dirty = true;
		cut_error(store, &j->err);
		return;
	}
	while ((d = *at) != NULL) {
		uint32_t i = 0;

		while (i < j->remove_count && j->remove[i] != d->uid)
			i++;
		if (i == j->remove_count) {
			at = &d->next;
			continue;
		}
		*at = d->next;
		free(d);
		store->catalogue_dirty = true; /* the next one does without it */
	}
}

static void
cut_take(struct store *store)
{
	struct job *j = jobs_take(store->jobs), *next;

	for (; j != NULL; j = next) {
		next = j->next;
		store->cut_jobs--;
		if (j->uid == 0)
			store_landed(store, j);
		else
			stream_landed(store, j);
		job_free(j);
	}
}

/* Everything of the cut's ticket is synced: with an interval that is more than done. */
static bool
cut_is_durable(struct store *store)
{
	if (store_done(store) < store->cut_ticket)
		return (false);
	checkpoint_note(store);
	if (journal_synced(store->journal) >= store->cut_commit)
		return (true);
	if (store->options.journal.policy == JOURNAL_INTERVAL)
		journal_want_mark(store->journal);
	return (false);
}

static void
cut_send(struct store *store)
{
	struct job *j;

	for (j = store->cut_list; j != NULL; j = j->next) {
		store->cut_jobs++;
		if (j->uid != 0)
			state_seal(j, store->cut_commit);
		if (j->sums_whole)
			j->sums_point.commit = store->cut_commit;
	}
	if (store->cut_list != NULL)
		jobs_put(store->jobs, store->cut_list);
	store->cut_list = NULL;
	store->cut_sent = true;
	if (!store->options.thread)
		jobs_run(store->jobs);
}

static void
cut_end(struct store *store, struct mono now)
{
	store->cutting = false;
	store_sums_trim(store);
	if (store->cut_failed) {
		store->retry_at = mono_add_ms(now, RETRY_MS);
		return;
	}
	store->retry_at = now;
	store->cuts++;
	if (store->sums != NULL)
		sums_good(store->sums);
	if (store->hold)
		return;
	journal_release(store->journal, store->cut_commit);
	if (store->erasing)
		journal_wipe(store->journal);
	store->erasing = false;
	/* Whoever waits for room writes nothing that could say what is released. */
	if (journal_free_segments(store->journal) < store->options.journal.segments / 2)
		journal_want_mark(store->journal);
	if (!store->options.thread)
		(void)store_run(store);
}

static void
cut_go_on(struct store *store, struct mono now)
{
	if (!store->cut_sent && cut_is_durable(store))
		cut_send(store);
	if (store->cut_sent)
		cut_take(store);
	if (store->cut_sent && store->cut_jobs == 0)
		cut_end(store, now);
}

/* ---- the API ---- */

static bool
wants(const struct store *store, struct mono now)
{
	unsigned segments = store->options.journal.segments;

	if (store->dirty == NULL && !store->catalogue_dirty && store->dead == NULL)
		return (false);
	if (mono_diff_ns(now, store->retry_at) < 0)
		return (false);
	if (store->tail_bytes + store->loose_bytes + store->large_heads >
	    store->options.write_cache || store->sums_full || store->cut_wanted)
		return (true);
	if (!store->hold && journal_free_segments(store->journal) < segments / 2 + 1)
		return (true);
	return (mono_diff_ns(now, store->cut_at) >= store->options.write_age_ns);
}

uint64_t
store_cuts(const struct store *store)
{
	return (store->cuts);
}

bool
store_wants_checkpoint(const struct store *store)
{
	return (!store->cutting && wants(store, mono_now()));
}

void
store_turn(struct store *store, struct mono now)
{
	if (store->cutting)
		cut_go_on(store, now);
	if (store->sums_fetched > SUMS_FETCHED_MAX)
		store_sums_trim(store);
	store_known_trim(store);
	store_care(store, now);
	if (!store->cutting && wants(store, now) && !journal_error(store->journal, NULL)) {
		cut_begin(store, now);
		cut_go_on(store, now);
	}
}

/* Until the one on its way has ended. */
static enum store_result
cut_wait(struct store *store, struct err *err)
{
	enum store_result result;

	while (store->cutting) {
		if (!store->cut_sent) {
			result = store_wait(store, err);
			if (result != STORE_OK)
				return (result);
		}
		cut_go_on(store, mono_now());
		if (store->cutting)
			store_sleep(store);
	}
	return (STORE_OK);
}

enum store_result
store_checkpoint(struct store *store, struct err *err)
{
	enum store_result result = cut_wait(store, err);

	/* What failed was wanted before: the second and third try go to other files. */
	for (unsigned i = 0; i < 3 && result == STORE_OK; i++) {
		cut_begin(store, mono_now());
		result = cut_wait(store, err);
		if (!store->cut_failed)
			break;
	}
	if (result != STORE_OK || !store->cut_failed)
		return (result);
	if (err != NULL)
		*err = store->cut_err;
	return (store->cut_err.sys == ENOSPC || store->cut_err.sys == EDQUOT ? STORE_FULL :
	    STORE_ERROR);
}

void
checkpoint_free(struct store *store)
{
	struct job *j, *next;

	for (struct stream *s = store->all; s != NULL; s = s->next_all)
		s->job = NULL;
	jobs_free(store->jobs);
	for (j = store->cut_list; j != NULL; j = next) {
		next = j->next;
		job_free(j);
	}
	store->jobs = NULL;
	store->cut_list = NULL;
}
