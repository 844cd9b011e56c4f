/*
 * job - what a checkpoint writes for one stream, and the thread that does it.
 *
 * The owner makes a job of bytes that nobody changes any more, and hands it over; the thread does
 * all of its calls of the disk, in the order of faults.md rule 5: blocks, state, and only then what
 * they replace.  The owner takes it back.  A job belongs to one of the two at a time.
 */
#ifndef NATSD_JS_STORE_JOB_H
#define NATSD_JS_STORE_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/disk.h"
#include "common/doorbell.h"
#include "common/err.h"
#include "natsd-js/store/sums.h"

struct job_hole {
	uint32_t at, bytes;
};

struct job_block {
	uint32_t number;
	bool is_new;
	bool done; /* out: its bytes are durable; else nothing may be written to this file any more */
	uint32_t at;
	struct buf bytes;
	uint32_t end; /* behind its bytes */
	struct job_hole *holes; /* places that they leave out, rising: large records, which are there */
	uint32_t hole_count;
	bool with_contents;   /* behind its bytes it says what it holds, if that can be told */
	uint64_t first, last; /* its sequences */
	uint32_t contents_bytes; /* out: so many more; 0: none */
	uint32_t link;		 /* in, out: of the last record */
};

struct job_erasure {
	uint32_t number, at, bytes, link;
};

struct job_gone {
	uint32_t number;
	bool keep;
};

#define JOB_POINTS 2u

struct job {
	struct job *next;
	uint64_t uid;
	void *stream; /* NULL: deleted meanwhile */
	bool make_folder, sync_folder;
	struct job_block *blocks;
	uint32_t block_count, block_room;
	struct job_erasure *erasures;
	uint32_t erasure_count;
	struct job_gone *gone;
	uint32_t gone_count;
	struct buf state;
	uint64_t state_at; /* where it is appended */
	bool state_whole;  /* the file is written anew */
	size_t points[JOB_POINTS]; /* where its points stand in state */
	bool with_sums, sums_clear, sums_whole;
	bool sums_failed; /* out; the index can be made again: nothing else fails with it */
	uint32_t sums_cut;
	struct buf sums; /* a batch (sums_put) */
	struct sums_point sums_point;
	bool with_ids, ids_new;
	struct buf ids; /* for the file of that number, at that place */
	uint32_t ids_number;
	uint64_t ids_at;
	uint32_t ids_unlink_from, ids_unlink_to; /* files that go, but for the last */
	/* for the store itself, with uid 0 */
	struct buf catalogue; /* written anew */
	uint64_t *remove;     /* folders of deleted streams */
	uint32_t remove_count;
	int folder;  /* while it is in work */
	bool failed; /* out; or before: it must not be done */
	struct err err;
};

struct job *job_new(uint64_t uid); /* NULL: no memory */
void job_free(struct job *);
/* job_block - one more; NULL: no memory. */
struct job_block *job_block(struct job *);

struct jobs;

/* jobs_new - top and streams are handles of the store, sums may be NULL.
 * jobs_free - waits for the one in work. */
struct jobs *jobs_new(struct disk *, int top, int streams, struct sums *);
int jobs_start(struct jobs *, const struct doorbell *, struct err *);
void jobs_free(struct jobs *);

/* jobs_put - a list of jobs, done in its order.  jobs_take - those that are done; NULL: none yet.
 * jobs_run - without a thread: does all of them now. */
void jobs_put(struct jobs *, struct job *);
struct job *jobs_take(struct jobs *);
void jobs_run(struct jobs *);

#endif
