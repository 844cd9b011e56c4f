/*
 * What the files of the store share.
 *
 * Threads: everything belongs to the owner, but for a job (job.h) on its way, whose bytes nobody
 * changes.
 */
#ifndef NATSD_JS_STORE_STORE_PRIV_H
#define NATSD_JS_STORE_STORE_PRIV_H

#include "common/buf.h"
#include "common/cursor.h"
#include "common/mono.h"
#include "common/wheel.h"
#include "natsd-js/store/contents.h"
#include "natsd-js/store/ids.h"
#include "natsd-js/store/index.h"
#include "natsd-js/store/job.h"
#include "natsd-js/store/large.h"
#include "natsd-js/store/record.h"
#include "natsd-js/store/seqset.h"
#include "natsd-js/store/store.h"
#include "natsd-js/store/subjects.h"
#include "natsd-js/store/sums.h"

#define STORE_BUCKETS 4096u
#define STORE_HANDLES 512u   /* block files open for reading */
#define BLOCK_GAP_MAX 1024u  /* sequences without message that a block may hold in a row */
#define BLOCK_STEP CONTENTS_STEP /* messages between two known offsets */
#define BLOCK_CONTENTS_LEAST 2048u /* bytes; a smaller one is looked through as fast */
#define BLOCK_NUMBERS_MAX (1u << 26)

enum store_journal { /* types of the journal's records */
	STORE_J_MESSAGE = 1,
	STORE_J_REMOVE,
	STORE_J_ADVANCE,
	STORE_J_MARK,
	STORE_J_SMALL,
	STORE_J_CREATE,
	STORE_J_DELETE,
	STORE_J_CUT,
	STORE_J_ERASE,
	STORE_J_LARGE,
	STORE_J_RESTORE = 20,
	STORE_J_SHOW,
	STORE_J_ID,
};

/* A large record behind the part of its block that is known to be in the file: its bytes are there
 * already, or go there by themselves. */
struct extent {
	uint32_t at, bytes;
	struct large *on_way; /* until its ticket is done; NULL: in the file */
	bool is_void;	      /* it could not be written */
};

struct large_head { /* what the journal has of one */
	uint32_t number, at, bytes; /* without the zeros behind it */
	uint64_t seq;
	const uint8_t *fixed; /* RECORD_HEAD bytes; borrowed */
};

/*
 * A block: a span of sequences, each of them a message or dead.  Its bytes are, in this order, in
 * the file, on their way there, and waiting; but for large records, which go there by themselves.
 */
struct block {
	uint32_t number;
	bool sealed;	  /* nothing is appended any more */
	bool is_new;	  /* its file was not made yet */
	bool stale;	  /* but there is one, of a checkpoint that was not finished */
	bool known;	  /* dead and steps are */
	bool changed;	  /* the state file says something else of it */
	bool broken;	  /* its file could not be written: never again */
	uint64_t first, last; /* span; first - 1: empty */
	int64_t last_time;
	int64_t expires; /* no message of it expires by itself before; 0: none does */
	bool never;	 /* some are not even subject to the limit of age */
	uint32_t live, head; /* live messages; numbers below head are dead */
	uint64_t bytes;	     /* of the live ones, as nats-server counts */
	uint32_t synced, cut, len; /* bytes in the file; with those on their way; all */
	uint32_t link;		   /* of the last record */
	const uint8_t *flight;	   /* [synced, cut): of the job */
	struct buf kept;	   /* the same, when that failed */
	struct buf tail;	   /* [cut, len) */
	struct extent *extents;	   /* of [synced, len): in neither of these */
	uint32_t extent_count, extent_room;
	uint64_t *dead;		   /* a bit a number; NULL: none */
	uint32_t dead_words;
	uint32_t *steps; /* offset of the first message of each BLOCK_STEP numbers; 0: none */
	uint32_t steps_room;
	struct seqset fresh; /* numbers whose death is not in the file yet */
	uint32_t contents_at; /* where it says what it holds; 0: nowhere */
	struct contents *contents; /* that; NULL: not in memory */
	struct index *index; /* NULL: not in memory */
	struct block *newer, *older; /* in the list of those that have one */
	uint32_t pins, copies;	     /* snapshots that need it; those with a copy of dead */
	bool ghost;		     /* gone, but for them; it counts for nothing */
	struct block *next_ghost;
	struct stream *stream;
};

struct erasure { /* a record whose place in its file is overwritten by the next job */
	uint32_t number, at, bytes, link;
};

struct small {
	struct str key, value; /* one allocation, in front of key.p (small.c) */
	bool changed, gone;
};

struct mark {
	uint64_t life, ring, at;
};

struct gone_block { /* its file goes with the next job */
	uint32_t number;
	bool keep; /* under another name: it has damage */
	bool there; /* opening: its file was found */
	bool held;  /* a snapshot needs it, still */
	bool said;  /* while it is held: the state file knows */
};

struct stream {
	struct store *store;
	struct stream *next_uid, *next_name; /* in their buckets */
	struct stream *next_all, *prev_all;
	struct stream *next_dirty;
	uint64_t uid;
	int64_t created;
	struct str account, name; /* one allocation, at account.p */
	bool has_folder; /* made and durable */
	bool dirty;	 /* in the list of those: something is in the journal alone */
	bool resync;	 /* what its files hold may be in the page cache only */
	bool offline;	 /* its files could not be read: nothing of it is touched */
	bool hidden;	 /* it is being restored: nobody finds it, the next life removes it */
	bool smalls_changed, marks_changed;
	bool state_whole; /* the state file is to be written anew */
	unsigned failures; /* jobs in a row that failed */
	char fence[160]; /* why; empty: none */
	struct block **blocks; /* by sequence */
	uint32_t block_count, block_room;
	uint32_t last_block; /* number; never used again */
	struct gone_block *gone;
	uint32_t gone_count, gone_room;
	struct erasure *erasures;
	uint32_t erasure_count, erasure_room;
	uint64_t last_seq;
	uint64_t cut_seq; /* the last one before it was cut; 0: it was not, in this life */
	int64_t last_time;
	uint64_t messages, bytes;
	struct seqset removed; /* used, gone, and in the span of no block */
	struct seqset removed_fresh; /* of these: not in the state file yet */
	struct seqset lost;    /* the medium lost them; they are dead, too */
	struct subjects subjects;
	bool sums_unseen;      /* what the index has of it was not looked at in this life */
	bool sums_doubtful;    /* a message was lost: they have to be made again */
	bool sums_clear;       /* what the index has is void */
	bool sums_skip;	       /* replay: the index has this change already */
	uint64_t sums_commit;  /* the index counts up to here; 0: not to be trusted */
	uint32_t sums_cut, sums_landed;
	struct small *smalls; /* by key */
	uint32_t small_count, small_room;
	struct ids *ids; /* NULL: it never had any */
	struct mark *marks;
	uint32_t mark_count, mark_room;
	uint64_t point_commit; /* the files hold all up to this one */
	uint8_t state_serial; /* of its last batch */
	uint64_t state_bytes, state_live; /* of the state file; and what it was when written anew */
	struct job *job; /* on its way; NULL */
	struct stream_filter *filters; /* of its readers */
	struct snapshot *snapshots; /* that are being read */
	struct block *ghosts;
	int64_t max_age; /* ns; 0: none */
	int64_t expires; /* wall clock; when something may be due; 0: nothing ever */
	struct wheel_timer timer;
	enum removal why; /* of what goes now */
	store_told *told; /* who is told; NULL: nobody */
	void *told_arg;
};

struct open_block {
	uint64_t uid;
	uint32_t number;
	int handle; /* -1: none */
};

/* A run of bytes of a block file: who reads one message after the other. */
#define WINDOW_BYTES (64u << 10)
#define WINDOW_FIRST 4096u
#define WINDOW_LARGE (1u << 20) /* more than that is not kept */
struct window {
	uint64_t uid; /* 0: holds nothing */
	uint32_t number, from, len;
	uint32_t next;	   /* where the reader would go on, and for which message */
	uint64_t next_seq;
	uint8_t *data;
	size_t room;
};

struct dead_stream { /* a deleted stream whose folder is still there */
	uint64_t uid;
	struct dead_stream *next;
	bool named; /* the catalogue on the disk says so */
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
	struct stream *dirty;
	struct dead_stream *dead;
	struct dead_stream *twins; /* opening: folders whose streams have the name of another */
	bool catalogue_dirty, catalogue_damaged;
	bool replaying;
	bool journal_damaged; /* reading it back, something was missing */
	uint64_t tail_bytes; /* in all blocks, waiting or on their way */
	struct larges *larges; /* the sync thread's */
	struct large *large_first, *large_last; /* on their way */
	uint64_t large_bytes; /* of them */
	uint64_t large_heads; /* bytes of those that the journal has to have, since the last cut */
	bool hold; /* the journal has changes of a stream that is offline: nothing is released */
	struct open_block open[STORE_HANDLES]; /* at the hash of uid and number, or not at all */
	struct window window;
	struct buf scratch; /* what stream_load gives out */
	struct sums *sums;  /* NULL: all of them are in memory */
	unsigned sums_fetched;
	bool sums_full; /* so many are dirty that it is time for a checkpoint */
	struct block *newest, *oldest; /* of those with an index */
	size_t index_bytes;
	/* the checkpoint on its way */
	struct jobs *jobs;
	bool cutting;	       /* there is one */
	bool cut_sent;	       /* its jobs run */
	bool cut_failed;
	uint64_t cut_ticket, cut_commit;
	bool cut_known;			 /* its commit is */
	struct job *cut_list;		 /* until they run */
	uint32_t cut_jobs;		 /* that run */
	uint64_t cuts;			 /* that ended well */
	bool erasing; /* the one on its way has erasures: the journal is wiped behind it */
	bool cut_wanted;
	/* care.c */
	struct mono care_at; /* of its last step */
	uint64_t verify_uid; /* whose sums are looked at; 0: nobody's, and nobody waits */
	uint64_t care_uid;   /* where it goes on */
	uint64_t care_seq;
	struct mono cut_at; /* when it began */
	struct mono retry_at; /* not before, after one that failed */
	struct err cut_err;
	struct wheel *wheel; /* of the streams, when something is due */
};

/* store.c */
void store_report(struct store *, bool damage, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* store_begin - room in the journal for n bytes; `data`: messages, which leave a reserve to
 * removals and state.  NULL: *result says why. */
uint8_t *store_begin(struct stream *, size_t n, bool data, enum store_result *, struct err *);
void store_end(struct stream *, enum store_journal, size_t n);
void stream_touch(struct stream *); /* it is dirty */
uint64_t store_uid_make(struct store *); /* one that was never used */
void stream_fence(struct stream *, const struct err *); /* unless it is offline */
void store_sleep(struct store *);   /* until something is done, or for a while */
enum store_result store_no_memory(struct err *);

/* catalogue.c */
struct stream *store_by_uid(struct store *, uint64_t uid);
struct stream *stream_new(struct store *, uint64_t uid, int64_t created, struct str account,
    struct str name); /* known to the store; NULL: no memory */
void stream_free(struct stream *); /* and no longer known */
int store_dead_add(struct store *, uint64_t uid, bool named);
int catalogue_load(struct store *, struct err *);
int catalogue_encode(struct store *, struct buf *); /* -1: no memory */
/* catalogue_is_twin - a folder of this uid was found, and another stream of its name.
 * catalogue_settle - after the journal. */
bool catalogue_is_twin(const struct store *, uint64_t uid);
void catalogue_settle(struct store *);
/* catalogue_rebuild - from the folders of the streams; damaged: there was one. */
int catalogue_rebuild(struct store *, bool damaged, struct err *);

/* block.c: blocks in memory */
struct block *block_new(struct stream *, uint64_t first_seq); /* the stream's last; NULL */
struct block *block_alone(struct stream *, uint64_t first_seq); /* in no list; NULL */
void block_free(struct store *, struct block *);
uint32_t block_find_index(const struct stream *, uint64_t seq); /* the first with a seq >= it */
struct block *block_find(const struct stream *, uint64_t seq);	/* whose span has it; NULL */
bool block_has_file(const struct block *); /* or will have one, with the job on its way */
/* block_reserve - number and all below may be put or killed without memory.  -1: none. */
int block_reserve(struct block *, uint32_t number);
/* block_put - a message at offset, the last one; block_reserve was asked. */
void block_put(struct block *, uint32_t number, uint32_t offset);
/* block_clip - forgets the dead behind its end: what damaged files say of a longer block. */
void block_clip(struct block *);
/* block_kill - number is dead; `fresh`: the file has to be told.  block_kill_reserve was asked, for
 * the highest number and so many ranges. */
int block_kill_reserve(struct block *, uint32_t number, size_t ranges);
void block_kill(struct block *, uint32_t number, bool fresh);
void block_kill_range(struct block *, uint32_t from, uint32_t to); /* fresh ones */
/* block_kill_pairs - dead as the pairs of FORMAT say, as far as its span goes.  -1: no memory. */
int block_kill_pairs(struct block *, struct rd *);
int block_room_write(struct block *, size_t n); /* n bytes more in its tail; -1 */
void block_write(struct block *, const uint8_t *, size_t n, uint32_t link);
int block_write_dead(struct block *); /* its fresh ones; -1: no memory */
int block_write_held(struct block *); /* that what it holds is durable; -1: no memory */
void block_index_drop(struct block *);
void store_index_trim(struct store *, const struct block *keep);
void block_index_use(struct block *);

static inline uint32_t
block_numbers(const struct block *b)
{
	return ((uint32_t)(b->last + 1 - b->first));
}

static inline bool
block_dead(const struct block *b, uint32_t number)
{
	return (number / 64 < b->dead_words && (b->dead[number / 64] >> number % 64 & 1) != 0);
}

/* block_live_next - the first live number >= it; block_live_prev - the last <= it.  INDEX_NONE. */
uint32_t block_live_next(const struct block *, uint32_t number);
uint32_t block_live_prev(const struct block *, uint32_t number);
uint64_t block_live_count(const struct block *, uint32_t from); /* live ones at or behind it */

/* read.c: its bytes */
#define BLOCK_NAME_BYTES 16
void block_name(char name[BLOCK_NAME_BYTES], uint32_t number);
int stream_folder(struct stream *, struct err *); /* a handle, to be closed; -1 */
/* block_know - dead and steps are known; block_index - and its index is there.  The caller may use
 * it until the next call for another block. */
enum store_result block_know(struct block *, struct err *);
enum store_result block_index(struct block *, struct err *);
/* block_contents - what it says of itself; NULL: nothing that can be used. */
const struct contents *block_contents(struct block *);
/* block_read - the record of a live message, checked; borrowed. */
enum store_result block_read(struct block *, uint64_t seq, struct record *, struct err *);
/* block_scan - all that verifies in the file and in memory, in the order of places. */
/* block_place - where the record of a live message is. */
enum store_result block_place(struct block *, uint64_t seq, uint32_t *offset, struct record *,
    struct err *);
enum store_result block_scan(struct block *,
    int (*fn)(void *, const struct record *, uint32_t offset), void *arg, unsigned *gaps,
    struct err *);
void store_handles_drop(struct store *, uint64_t uid, uint32_t number); /* number 0: all of it */

/* append.c */
/* stream_sums_wait - so many sums are dirty that the next checkpoint must come first. */
bool stream_sums_wait(struct stream *);
/* stream_apply_message - recovery: the message goes to the tail of the last block. */
int stream_apply_message(struct stream *, const struct record *, struct err *);
uint64_t record_counts(const struct record *); /* bytes, as nats-server counts */

/* remove.c: the effect in memory of what is in the journal.  -1: no memory, or not to be read; then
 * those below *done have gone nevertheless. */
int stream_apply_remove(struct stream *, uint64_t first, uint64_t last, uint64_t *done,
    struct err *);
int stream_apply_advance(struct stream *, uint64_t last);
int stream_apply_cut(struct stream *, uint64_t last, uint64_t *done, struct err *);
uint64_t stream_first(const struct stream *);
void stream_forget_empty(struct stream *); /* blocks in which nothing lives */
int stream_gone_add(struct stream *, uint32_t number, bool keep);
/* stream_remove_range - first <= last <= last_seq; journal and memory. */
enum store_result stream_remove_range(struct stream *, uint64_t first, uint64_t last, struct err *);
int stream_apply_erase(struct stream *, uint64_t seq, struct err *);
/* block_lost - a live message cannot be read any more: dead, and reported.
 * block_void - it was never stored.  block_kill_reserve was asked. */
void block_lost(struct block *, uint64_t seq);
void block_void(struct block *, uint64_t seq, const struct record *);

/* large.c */
/* extent_reserve - room for one more; -1: no memory.  extent_add - at the end of its block.
 * extent_from - the first that reaches behind offset; NULL.  extent_bytes - of those that begin in
 * from..to.  extent_on_way - is one of them not done yet?  extent_landed - those in the part that
 * is known to be in the file are forgotten. */
int extent_reserve(struct block *);
void extent_add(struct block *, struct large *);
const struct extent *extent_from(const struct block *, uint32_t offset);
uint32_t extent_bytes(const struct block *, uint32_t from, uint32_t to);
bool extent_on_way(const struct block *);
void extent_landed(struct block *);
void extent_free(struct block *);
/* large_waits - so much is on its way that a record of n bytes has to wait.  large_send - its head
 * is at the place that store_begin gave.  large_done - all up to this ticket. */
bool large_waits(const struct store *, size_t n);
void large_send(struct store *, struct large *, uint64_t uid);
void large_done(struct store *, uint64_t ticket);
void large_forget(struct store *); /* what is on its way; the sync thread has ended */
/* large_parse - false: it says nothing that can be.  large_load - its bytes, to be freed, and the
 * record in them; NULL.  large_is_absent - for this reason: they are not there, or do not verify.
 * large_holds - as journal_replay wants it. */
bool large_parse(const struct journal_entry *, struct large_head *);
uint8_t *large_load(struct store *, uint64_t uid, const struct large_head *, struct record *,
    struct err *);
bool large_is_absent(const struct err *);
bool large_holds(void *store, const struct journal_entry *);

/* stream_sums.c */
/* stream_sum - of a subject that has messages; NULL.  stream_sum_get - also when it has none; NULL:
 * no memory.  Both until the next of these calls.  stream_sum_out - a message of it goes. */
struct subject_sum *stream_sum(struct stream *, struct str subject);
struct subject_sum *stream_sum_get(struct stream *, struct str subject);
void stream_sum_out(struct stream *, struct subject_sum *, uint64_t seq);
/* stream_sums_each - of the subjects that begin with prefix, in no order, until fn says false; fn
 * may not look up sums.  STORE_BUSY: again. */
enum store_result stream_sums_each(struct stream *, struct str prefix,
    bool (*fn)(void *, struct str subject, struct sum *), void *arg, struct err *);
int stream_sums_open(struct stream *, struct err *); /* after its state */
int stream_sums_make(struct stream *, struct err *); /* from its blocks */
int stream_sums_cut(struct stream *, struct job *);  /* -1: no memory */
void stream_sums_landed(struct stream *, const struct job *, bool failed);
void store_sums_trim(struct store *);

/* find_list.c */
/* stream_filters_see - a subject has its first message.  stream_filters_renew - which there are is
 * not known any more. */
void stream_filters_see(struct stream *, struct str subject);
void stream_filters_renew(struct stream *);

/* find.c: first and last of a subject made exact again */
enum store_result subject_settle(struct stream *, struct subject_sum *, struct err *);
uint64_t stream_live_next(struct stream *, uint64_t seq); /* 0: none */

/* expire.c */
/* stream_expires - something may be due at this time of the wall clock; its timer is set. */
void stream_expires(struct stream *, int64_t when);
void block_expires(struct block *, int64_t expires); /* a message that says so is in it */

/* block_verify - all that lives in it can be read; what cannot is lost. */
enum store_result block_verify(struct block *, struct err *);

/* care.c */
void store_care(struct store *, struct mono now);

/* snapshot.c */
/* snapshot_keeps - the block goes, but a snapshot needs it: it stays, as a ghost.
 * snapshot_ghost - one of that number; NULL.
 * snapshot_before_kill - something of the block will be dead; -1: no memory.
 * snapshot_erased - no snapshot shows this message of the block any more; behind the former.
 * snapshots_end - all of the stream are over. */
bool snapshot_keeps(struct block *);
struct block *snapshot_ghost(const struct stream *, uint32_t number);
int snapshot_before_kill(struct block *);
void snapshot_erased(struct block *, uint64_t seq);
void snapshots_end(struct stream *);

/* rewrite.c */
/* block_rewrite - what lives in it stands in a block of another number; blocks_rewrite - what lives
 * in count neighbours, the first one blocks[at], in one.  -1: nothing changed. */
int block_rewrite(struct block *, struct err *);
int blocks_rewrite(struct stream *, uint32_t at, uint32_t count, struct err *);

/* small.c */
int small_set(struct stream *, struct str key, struct str value);
void small_unset(struct stream *, struct str key);
int mark_set(struct stream *, uint64_t life, uint64_t ring, uint64_t at);
void small_free(struct stream *);
/* small_hold - the same key and value, whatever becomes of them; small_drop - no longer. */
struct small small_hold(const struct small *);
void small_drop(struct small *);
void small_forget_gone(struct stream *);

/* state_file.c */
/* state_encode - the batch of this checkpoint, behind what the job's state holds; -1: no memory.
 * state_seal - its points say the commit. */
int state_encode(struct stream *, struct job *);
void state_seal(struct job *, uint64_t commit);
/* state_identity - what the state file says that it belongs to; 0, -1.  Its strings lie in *data,
 * to be freed. */
int state_identity(struct store *, int folder, uint64_t uid, struct record *, uint8_t **data);
/* state_load - 0; -1: it cannot be read; ENOENT in err->sys: there is none. */
int state_load(struct stream *, int folder, struct err *);

/* checkpoint.c */
void checkpoint_note(struct store *);
void checkpoint_free(struct store *); /* what is on its way is waited for, and forgotten */

/* stream_ids.c */
#define IDS_STATE_MAX (8u + 28u * (IDS_FILES + 1))
/* stream_ids_apply - recovery: one entry.  stream_ids_truncate - ids of what goes are void.  -1: no
 * memory.
 * stream_ids_prepare, stream_ids_put - with a message, whose place in the journal was begun with
 *	STREAM_IDS_ROOM more.
 * stream_ids_failed - the message with this sequence was not stored after all.
 * stream_ids_know - all of them are in memory.
 * stream_ids_cut, stream_ids_landed - as those of the sums.
 * stream_ids_state, stream_ids_load - what the state file says of their files. */
#define STREAM_IDS_ROOM (JOURNAL_RECORD_HEAD + IDS_ENTRY_BYTES + 8u)
int stream_ids_apply(struct stream *, const struct id_entry *);
int stream_ids_truncate(struct stream *, uint64_t last);
int stream_ids_prepare(struct stream *);
void stream_ids_put(struct stream *, struct str id, uint64_t seq, int64_t time);
void stream_ids_failed(struct stream *, uint64_t seq);
enum store_result stream_ids_know(struct stream *, struct err *);
int stream_ids_cut(struct stream *, struct job *);
void stream_ids_landed(struct stream *, const struct job *);
size_t stream_ids_state(const struct stream *, uint8_t *to, uint32_t *first);
int stream_ids_load(struct stream *, struct str payload);
void stream_ids_free(struct stream *);

static inline bool
stream_ids_wanted(const struct stream *s, struct str id)
{
	return (id.n > 0 && (s->ids == NULL || s->ids->window != 0));
}

/* ids_file.c: of the thread of the jobs */
void ids_file_name(char name[BLOCK_NAME_BYTES], uint32_t number);
int job_ids_write(struct disk *, int folder, const struct job *, struct err *);
int job_ids_unlink(struct disk *, int folder, const struct job *, struct err *);

/* restore.c */
/* restore_replay - what the journal says of it: it began, or (s) it is all there.
 * store_forget_hidden - opening: what was not ended goes. */
int restore_replay(struct store *, struct stream *, const struct journal_entry *, struct err *);
void store_forget_hidden(struct store *);

/* recover.c */
int stream_recover(struct stream *, struct err *); /* from its files */
void stream_settle(struct stream *);		   /* after the journal */
int store_replay(void *store, const struct journal_entry *, struct err *);

#endif
