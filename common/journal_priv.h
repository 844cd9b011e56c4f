/*
 * What the files of the journal share: segments, and the bytes of headers and records.
 *
 * Threads: segments and the batch belong to whoever runs journal_run(); atomics say what others
 * read.
 */
#ifndef COMMON_JOURNAL_PRIV_H
#define COMMON_JOURNAL_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/journal.h"

#define JOURNAL_SECTOR 512u
#define JOURNAL_COMMIT_HEAD 64u
#define JOURNAL_NAME_BYTES 16

enum segment_state {
	SEGMENT_NONE,	/* no file: an entry of the table that is not in use */
	SEGMENT_FREE,	/* nothing in it counts */
	SEGMENT_BLANK,	/* found without a header: free once nothing turns out to be missing */
	SEGMENT_ACTIVE, /* being filled */
	SEGMENT_FULL,	/* nothing more is written until it is released */
	SEGMENT_BROKEN, /* a write or sync failed: never written again */
	SEGMENT_ALIEN,	/* not ours: the slot is taken, the file is left alone */
};

struct segment {
	enum segment_state state;
	bool wipe;     /* to be overwritten once it is free */
	bool head_due; /* active: its header goes with the first commit */
	uint32_t slot;
	int handle;
	uint64_t bytes;
	uint64_t serial, first, released; /* as its header says */
	uint64_t last;			  /* highest commit in it; 0: none */
};

struct segment_head {
	uint64_t id, serial, first, released, bytes;
};

struct commit_head {
	uint32_t bytes, records;
	uint64_t number, durable, released, link;
	uint64_t check; /* out */
};

struct journal_record_head {
	uint64_t link, check;
	uint32_t bytes;
	uint16_t type;
	uint64_t owner;
};

struct stage {
	uint8_t *data;
	uint32_t len, room, records;
	bool sealed;		/* checks and links are those of a place */
	uint64_t serial, at; /* which */
	uint64_t commit;
	struct journal_ahead *ahead, **ahead_end; /* of its records; the first time NULL */
};

struct journal_writer {
	struct journal *j;
	struct journal_writer *next;
	struct doorbell bell;
	journal_ahead_fn *ahead; /* NULL: none of its records needs one */
	void *ahead_arg;
	struct stage stages[JOURNAL_STAGES]; /* ticket t lies at t % JOURNAL_STAGES */
	uint64_t taken;			     /* tickets up to it are in a batch, or done */
	_Atomic uint64_t submitted, done;
	_Atomic uint64_t barrier; /* the ticket behind this one begins a commit */
};

struct batch_part {
	struct journal_writer *writer;
	struct stage *stage;
	uint64_t ticket;
};

#define BATCH_PARTS 64u

struct journal {
	struct disk *disk;
	int dir;
	struct journal_options options;
	uint64_t id;
	struct segment *segments; /* a table of fixed size */
	unsigned segment_count;
	struct segment *active;
	uint64_t at;	      /* where the next commit goes in it */
	uint64_t record_link; /* check of the record before, in it */
	uint64_t commit_link;
	uint64_t serial; /* of the last segment used */
	uint64_t number; /* of the last commit done */
	uint64_t released_said; /* in the last header written */
	bool plain_end;	 /* the last commit held records: a mark says that it is durable */
	int64_t synced_ns;
	struct batch_part batch[BATCH_PARTS];
	unsigned batch_parts;
	uint32_t batch_bytes;
	struct journal_writer *writers;
	_Atomic uint64_t released, synced;
	_Atomic unsigned free_segments;
	_Atomic bool mark, wipe;
	pthread_mutex_t error_lock; /* of error */
	struct err error;
	_Atomic bool failed;
	bool fatal; /* interval policy: a sync failed, what it covered is only in the page cache */
	/* the thread */
	bool running;
	pthread_t thread;
	struct doorbell bell;
	_Atomic bool asleep, stop;
};

static inline uint64_t
journal_pad(uint64_t n, uint64_t to)
{
	return ((n + to - 1) / to * to);
}

/* journal_format.c: bytes; encode and decode are neighbours.  Decoding returns -1 for what does not
 * verify; it never reads beyond n bytes. */
uint64_t journal_place(uint64_t id, uint64_t serial, uint64_t at);
void segment_head_encode(uint8_t *sector, const struct segment_head *);
int segment_head_decode(const uint8_t *sector, struct segment_head *);
void commit_head_encode(uint8_t *, uint64_t place, struct commit_head *);
int commit_head_decode(const uint8_t *, size_t n, uint64_t place, struct commit_head *);
void journal_record_encode(uint8_t *, uint32_t bytes, uint16_t type, uint64_t owner);
int journal_record_decode(const uint8_t *, size_t n, uint64_t place, struct journal_record_head *);
/* journal_record_move - from one place (0: none) to another; the check it has there. */
uint64_t journal_record_move(uint8_t *, uint64_t from, uint64_t to, uint64_t link);
uint32_t journal_record_bytes(const uint8_t *); /* of one of our own */

/* journal_segment.c */
void segment_name(char name[JOURNAL_NAME_BYTES], uint32_t slot);
bool segment_name_parse(const char *name, uint32_t *slot);
/* segment_next - a segment for commit `first` becomes active; -1: none, or no space. */
int segment_next(struct journal *, uint64_t first, struct err *);
/* segment_prepare - one is kept ready, filled with zeros; false: none was needed or possible. */
bool segment_prepare(struct journal *);
/* segment_blank_fill - a file without a header gets its size and zeros.
 * segment_recycle - those that hold nothing above `released`, which is durable, are free. */
int segment_blank_fill(struct journal *, struct segment *, struct err *);
void segment_recycle(struct journal *, uint64_t released);
/* segment_broken - a write or sync of the active one failed: it is never written again. */
void segment_broken(struct journal *);
void segment_count_free(struct journal *);
/* segment_wipe_all - all of them, once they are free.  segment_wipe_free - those that are. */
void segment_wipe_all(struct journal *);
void segment_wipe_free(struct journal *);

/* journal_scan.c: fills the segments, the numbers and the id. */
int journal_scan(struct journal *, const struct journal_replay *, struct err *);

/* journal_thread.c */
void journal_thread_stop(struct journal *);
void journal_wake(struct journal *);

#endif
