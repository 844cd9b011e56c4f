/*
 * What the files of the store share.
 */
#ifndef NATSD_JS_STORE_STORE_PRIV_H
#define NATSD_JS_STORE_STORE_PRIV_H

#include "common/buf.h"
#include "natsd-js/store/record.h"
#include "natsd-js/store/seqset.h"
#include "natsd-js/store/store.h"
#include "natsd-js/store/subjects.h"

#define STORE_BUCKETS 4096u
#define STORE_HANDLES 64u /* block files open for reading */
#define BLOCK_GAP_MAX 1024u /* sequences without message that a block may hold in a row */
#define BLOOM_WORDS 16u

enum store_journal { /* types of the journal's records */
	STORE_J_MESSAGE = 1,
	STORE_J_REMOVE,
	STORE_J_ADVANCE,
	STORE_J_MARK,
	STORE_J_SMALL,
	STORE_J_CREATE,
	STORE_J_DELETE,
};

struct slot { /* one sequence of a block */
	uint32_t offset;  /* 0: nothing there */
	uint32_t subject; /* number of it */
	uint32_t bytes;	  /* as nats-server counts */
};

struct block {
	uint32_t number;
	bool closed;	    /* nothing is appended any more */
	bool is_new;	    /* its file was not made yet */
	uint64_t first_seq; /* slots[0] */
	struct slot *slots;
	uint32_t count, room;
	uint32_t live;	 /* slots that hold a message */
	uint32_t len;	 /* bytes of it, written or not */
	uint32_t synced; /* bytes of it that are in the file, and durable */
	uint32_t link;	 /* of the last record */
	struct buf tail; /* [synced, len) */
	uint64_t bloom[BLOOM_WORDS]; /* numbers of subjects; never forgets */
};

struct small {
	struct str key, value; /* one allocation, at key.p */
};

struct mark {
	uint64_t life, ring, at;
};

struct unfinished {
	uint32_t number;
	uint64_t last; /* its highest sequence */
};

struct stream {
	struct store *store;
	struct stream *next_uid, *next_name; /* in their buckets */
	struct stream *next_all, *prev_all;
	uint64_t uid;
	int64_t created;
	struct str account, name; /* one allocation, at account.p */
	bool has_folder; /* made and durable */
	bool dirty;	 /* something is in the journal alone */
	bool names_dirty; /* a block file was made, and its name may not be durable */
	bool offline;	 /* its files could not be read: nothing of it is touched */
	char fence[160]; /* why; empty: none */
	struct block **blocks; /* by number and by sequence */
	uint32_t block_count, block_room;
	uint32_t last_block; /* number; never used again */
	uint32_t *dead_blocks; /* numbers whose files go at the next checkpoint */
	uint32_t dead_count, dead_room;
	struct unfinished *unfinished; /* blocks found that belong to no finished checkpoint */
	uint32_t unfinished_count;
	uint64_t last_seq;
	int64_t last_time;
	uint64_t messages, bytes;
	struct seqset removed; /* all that was used and is gone, from 1 on */
	struct seqset lost;    /* neither there nor removed */
	struct subjects subjects;
	struct small *smalls; /* by key */
	uint32_t small_count, small_room;
	struct mark *marks;
	uint32_t mark_count, mark_room;
	uint64_t files_last; /* recovery: sequences above it are in the journal alone */
};

struct open_block {
	uint64_t uid;
	uint32_t number;
	int handle; /* -1: none */
};

/* A run of bytes of a block file, read ahead: who reads one message after the other. */
#define WINDOW_BYTES (64u << 10)
struct window {
	uint64_t uid; /* 0: holds nothing */
	uint32_t number, from, len;
	uint32_t next; /* where the reader would go on */
	uint8_t *data;
};

struct dead { /* a deleted stream whose folder is still there */
	uint64_t uid;
	struct dead *next;
	bool has_folder;
};

struct store {
	struct disk *disk;
	struct store_options options;
	struct journal *journal;
	struct journal_writer *writer;
	struct doorbell bell; /* ours, when there is a thread and the owner has none */
	int top, streams_dir, journal_dir, lock;
	uint64_t id;
	struct stream *by_uid[STORE_BUCKETS], *by_name[STORE_BUCKETS], *all;
	uint32_t stream_count;
	struct dead *dead;
	bool catalogue_dirty, catalogue_damaged;
	uint64_t tail_bytes; /* in all blocks */
	bool hold; /* the journal has changes of a stream that is offline: nothing is released */
	struct open_block open[STORE_HANDLES];
	unsigned open_next;
	struct window window;
	struct buf scratch; /* what stream_load gives out */
};

/* store.c */
void store_report(struct store *, bool damage, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* store_begin - room in the journal for n bytes; `data`: messages, which leave a reserve to
 * removals and state.  NULL: *result says why. */
uint8_t *store_begin(struct stream *, size_t n, bool data, enum store_result *, struct err *);
void store_end(struct stream *, enum store_journal, size_t n);

/* catalogue.c */
struct stream *store_by_uid(struct store *, uint64_t uid);
struct stream *stream_new(struct store *, uint64_t uid, int64_t created, struct str account,
    struct str name); /* known to the store; NULL: no memory */
void stream_free(struct stream *); /* and no longer known */
int store_dead_add(struct store *, uint64_t uid, bool has_folder);
int catalogue_load(struct store *, struct err *);
int catalogue_save(struct store *, struct err *);
/* catalogue_rebuild - from the folders of the streams; damaged: there was one. */
int catalogue_rebuild(struct store *, bool damaged, struct err *);

/* block.c: blocks in memory and their files */
#define BLOCK_NAME_BYTES 16
void block_name(char name[BLOCK_NAME_BYTES], uint32_t number);
int stream_folder(struct stream *, struct err *); /* a handle, to be closed; -1 */
struct block *block_new(struct stream *, uint64_t first_seq); /* the stream's last; NULL */
void block_free(struct store *, struct block *);
struct block *block_find(const struct stream *, uint64_t seq); /* that may hold it; NULL */
uint32_t block_find_index(const struct stream *, uint64_t seq); /* the first with a seq >= it */
struct slot *block_slot(const struct block *, uint64_t seq);	/* NULL: holds nothing */
/* block_grow - room for the slot of seq.  block_put - it holds a message now. */
int block_grow(struct block *, uint64_t seq);
void block_put(struct block *, uint64_t seq, const struct slot *);
/* block_read - the record of the slot, checked; borrowed from the tail or the scratch. */
enum store_result block_read(struct stream *, struct block *, uint64_t seq, struct record *,
    struct err *);
int block_flush(struct stream *, struct block *, int folder, struct err *);
void store_handles_drop(struct store *, uint64_t uid, uint32_t number); /* number 0: all of it */

static inline uint64_t
block_last(const struct block *b)
{
	return (b->first_seq + b->count - 1); /* first_seq - 1 when it has no slots */
}

static inline void
bloom_add(struct block *b, uint32_t subject)
{
	uint32_t h = subject * UINT32_C(2654435761);

	b->bloom[h >> 28] |= UINT64_C(1) << (h >> 22 & 63);
}

static inline bool
bloom_may(const struct block *b, uint32_t subject)
{
	uint32_t h = subject * UINT32_C(2654435761);

	return ((b->bloom[h >> 28] >> (h >> 22 & 63) & 1) != 0);
}

/* append.c */
/* stream_apply_message - recovery: the message goes to the tail of the last block. */
int stream_apply_message(struct stream *, const struct record *, struct err *);

/* remove.c: the effect in memory of what is in the journal.  -1: no memory, nothing changed; never
 * after stream_reserve_remove(). */
int stream_reserve_remove(struct stream *);
int stream_apply_remove(struct stream *, uint64_t first, uint64_t last);
int stream_apply_advance(struct stream *, uint64_t last);
uint64_t stream_first(const struct stream *);
void block_forget_empty(struct stream *); /* after stream_reserve_remove(): their files go too */
/* stream_remove_range - first <= last <= last_seq; journal and memory. */
enum store_result stream_remove_range(struct stream *, uint64_t first, uint64_t last, struct err *);

/* find.c: first and last of a subject made exact again */
void subject_settle(struct stream *, struct subject_sum *);

/* small.c */
int small_set(struct stream *, struct str key, struct str value);
void small_unset(struct stream *, struct str key);
int mark_set(struct stream *, uint64_t life, uint64_t ring, uint64_t at);
void small_free(struct stream *);

/* state_file.c */
int state_save(struct stream *, int folder, struct err *);
/* state_identity - what the state file says that it belongs to; 0, -1.  Its strings lie in *data,
 * to be freed. */
int state_identity(struct store *, int folder, uint64_t uid, struct record *, uint8_t **data);
/* state_load - 0; -1: it cannot be read; ENOENT in err->sys: there is none. */
int state_load(struct stream *, int folder, struct err *);

/* checkpoint.c */
enum store_result checkpoint_run(struct store *, struct err *);

/* recover.c */
int stream_recover(struct stream *, struct err *); /* from its files */
void stream_find_lost(struct stream *);		   /* after the journal */
int store_replay(void *store, const struct journal_entry *, struct err *);

#endif
