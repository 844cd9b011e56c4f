/*
 * journal - what makes changes durable: one file after the other, one sync for everything that
 * arrived since the last.
 *
 * Writers (one per thread) put records into stages in memory and submit them.  One sync thread
 * takes all stages submitted, writes them as one commit, syncs once, and tells the writers which of
 * their stages are done.  What arrives meanwhile is the next commit: the window follows the disk.
 *
 *	p = journal_begin(w, n);		fill p[0..n)
 *	journal_end(w, type, owner, n);		...more records, which stay together with it
 *	ticket = journal_submit(w);
 *	...						the bell rings
 *	journal_done(w) >= ticket			it is durable; nobody may hear of it before
 *
 * The bytes are drawn in natsd-js/store/FORMAT, section 2.  What the owners of the records hold
 * durably elsewhere is released, and its segments are used again.
 *
 * Faults (faults.md S1-S3, S13-S15).  After a failed write or sync the segment is finished: the
 * same commit is written to the next one, which also voids the first copy.  While that fails too
 * the stages stay pending and journal_error() has the reason: nothing is acknowledged, nothing is
 * given up, and a run of the sync thread tries again at least each JOURNAL_RETRY_MS.  A process
 * that ends in that state leaves open whether the pending commit happened.
 *
 * What a record speaks of may lie in another file: then that is written, and synced, before the
 * commit that holds the record is (journal_end_ahead).
 *
 * Reading back tells torn from damaged: a commit that a later header calls durable is damaged, its
 * other records are used and the damage is reported; else it is the torn end, which nobody was
 * told of.  Nothing is shortened or written during it; new commits go to a new segment.
 */
#ifndef COMMON_JOURNAL_H
#define COMMON_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/disk.h"
#include "common/doorbell.h"
#include "common/err.h"
#include "common/str.h"

#define JOURNAL_SEGMENT_MIN (16u << 10)
#define JOURNAL_SEGMENT_MAX (256u << 20)
#define JOURNAL_SEGMENTS_MIN 3u
#define JOURNAL_SEGMENTS_MAX 4096u
#define JOURNAL_STAGES 8u /* of one writer, filling or on their way */
#define JOURNAL_RETRY_MS 100
#define JOURNAL_RECORD_HEAD 32u

enum journal_policy {
	JOURNAL_DURABLE,  /* done when synced */
	JOURNAL_INTERVAL, /* done when written; synced each interval: survivors are a prefix */
	JOURNAL_NONE,	  /* done when written, never synced: a directory in memory */
};

struct journal_options {
	uint32_t segment_bytes; /* of new segments; a multiple of 512 */
	uint32_t segments;	/* at most so many files */
	enum journal_policy policy;
	int64_t interval_ns; /* of JOURNAL_INTERVAL */
	uint64_t id;	     /* 0: that of the segments found, or a random one */
	bool read_only;	     /* nothing is changed, and nothing can be written: for tools */
};

struct journal_entry { /* borrowed, for the length of the call */
	uint64_t commit;
	uint64_t owner;
	uint16_t type;
	struct str payload;
};

struct journal_replay {
	/* apply - one record, in the order written; -1 ends the opening with that reason. */
	int (*apply)(void *arg, const struct journal_entry *, struct err *);
	/* holds - of a whole commit that nobody may have been told of: does what the record speaks
	 * of in another file stand?  false: the commit never happened.  NULL: always. */
	bool (*holds)(void *arg, const struct journal_entry *);
	/* report - damage (true), or what was dropped as torn and what is not ours. */
	void (*report)(void *arg, bool damage, const char *text);
	void *arg;
};

struct journal;
struct journal_writer;

/*
 * journal_open - reads what is there, then is ready for writers.  dir stays the caller's, and open.
 * What was read has been synced (unless JOURNAL_NONE).  NULL with a reason.
 * journal_free - what is not done is lost; the thread, if any, is ended first.  NULL is fine.
 * journal_start - the sync thread.  Without it the owner calls journal_run() (tests, tools).
 */
struct journal *journal_open(struct disk *, int dir, const struct journal_options *,
    const struct journal_replay *, struct err *);
int journal_start(struct journal *, struct err *);
void journal_free(struct journal *);
uint64_t journal_id(const struct journal *);

enum journal_ran { JOURNAL_IDLE, JOURNAL_RAN, JOURNAL_FAILED };

/* journal_run - one commit of all that is submitted; the sync thread's step. */
enum journal_ran journal_run(struct journal *);

/* ---- one writer: its own thread only; made before journal_start ---- */

/* journal_writer_new - `done` is rung when stages are done (DOORBELL_NONE: never); it stays the
 * caller's and open.  Freed with the journal.  NULL: no memory. */
struct journal_writer *journal_writer_new(struct journal *, const struct doorbell *done);

/*
 * journal_begin - room for a payload of n bytes; NULL with errno: EAGAIN all stages are on their
 *	way or this one is full (submit, wait for one), EMSGSIZE larger than a commit can be,
 *	ENOMEM.
 * journal_end - the record counts; n at most that of journal_begin.
 * journal_room - payload bytes of one more record that still fit beside those begun: what must be
 *	one commit together is put only when there is room for all of it.
 * journal_submit - hands the stage over, if there is anything in it; its ticket (or the last
 * one's).
 * journal_ticket - the ticket that records put now will have.
 */
uint8_t *journal_begin(struct journal_writer *, size_t n);
void journal_end(struct journal_writer *, uint16_t type, uint64_t owner, size_t n);
size_t journal_room(struct journal_writer *);
uint64_t journal_submit(struct journal_writer *);
uint64_t journal_ticket(const struct journal_writer *);

/*
 * What has to be durable in another file ahead of a record.  The sync thread has the writer's
 * function see to it before the commit that holds the record: with JOURNAL_DURABLE it writes and
 * syncs, with JOURNAL_INTERVAL it is told of the sync (an empty list) before the journal's own, with
 * JOURNAL_NONE never.  What fails does not fail the commit: its record becomes another one, of the
 * same length, that says so.
 */
struct journal_ahead {
	struct journal_ahead *next; /* of one call */
	uint8_t *payload;	    /* of the record, which the function may change */
	size_t n;
	uint16_t type;	/* out, when it failed: what the record becomes; 0: it stays */
	uint64_t owner; /* the journal's, as `at` */
	uint32_t at;
};

/* On the sync thread; the list is never empty but for JOURNAL_INTERVAL's sync, which alone may answer -1
 * with a reason: then the journal stays failed. */
typedef int journal_ahead_fn(void *arg, struct journal_ahead *, bool sync, struct err *);

/* journal_writer_ahead - the writer's function; before its first record.
 * journal_end_ahead - as journal_end; the ahead is the journal's until its ticket is done, or the
 *	journal is freed. */
void journal_writer_ahead(struct journal_writer *, journal_ahead_fn *, void *arg);
void journal_end_ahead(struct journal_writer *, uint16_t type, uint64_t owner, size_t n,
    struct journal_ahead *);

/* journal_barrier - what is submitted from now on is of a later commit than the last ticket: whoever
 * notes up to which commit it has everything asks for it. */
void journal_barrier(struct journal_writer *);

/* journal_done - all tickets up to this one are done.  journal_done_commit - in which commit: for
 * a done ticket not older than JOURNAL_STAGES. */
uint64_t journal_done(const struct journal_writer *);
uint64_t journal_done_commit(const struct journal_writer *, uint64_t ticket);

/* ---- any thread ---- */

/*
 * journal_release - commits up to this one are not needed any more; never goes back.
 * journal_synced - commits up to this one are synced (JOURNAL_NONE: written).
 * journal_free_segments - how many more segments can be filled before something must be released.
 * journal_wipe - whatever is in the segments now is overwritten with zeros when they are used again
 *	or have nothing better to do: something in them must not be read any more.
 * journal_want_mark - the next run writes an empty commit, so that the last one before it is known
 *	to be durable; at a clean stop.  After 100 ms of quiet the sync thread does so by itself.
 * journal_error - false: all is well; true: commits fail, with the reason.
 */
void journal_release(struct journal *, uint64_t commit);
uint64_t journal_synced(const struct journal *);
unsigned journal_free_segments(const struct journal *);
void journal_wipe(struct journal *);
void journal_want_mark(struct journal *);
bool journal_error(struct journal *, struct err *);

#endif
