/*
 * store - streams of messages that are on the disk before anybody hears of them.
 *
 * All streams share one journal (common/journal.h): what is put in one turn is one commit.
 *
 *	store_append(stream, &m, &err);		any number of changes, of any streams
 *	ticket = store_submit(store);		the end of the turn
 *	...					the bell rings
 *	store_done(store) >= ticket		now they may be acknowledged
 *	store_turn(store, now)			what is to be done besides
 *
 * The files of a stream are written behind the owner's back, from what store_turn() sets apart; then
 * the journal's segments are used again.  A stream is known by its uid, which is never used twice;
 * its name is nowhere a path.
 *
 * Files: natsd-js/store/FORMAT.  Owner: one thread, for all streams of a store.  Strings that
 * go in are copied, those that come out are borrowed until the next call on the same store.
 */
#ifndef NATSD_JS_STORE_STORE_H
#define NATSD_JS_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/disk.h"
#include "common/doorbell.h"
#include "common/err.h"
#include "common/journal.h"
#include "common/mono.h"
#include "common/str.h"

struct store;
struct stream;

struct store_options {
	struct journal_options journal;
	uint32_t block_bytes;	 /* of a block file; a larger record has one of its own */
	uint32_t large_bytes;	 /* a larger record goes to its block file at once, and the journal
				  * has only its head */
	uint64_t write_cache;	 /* bytes not yet in block files, before a checkpoint begins */
	int64_t write_age_ns;	 /* between two checkpoints, while anything changes */
	uint64_t read_cache;	 /* bytes for what is remembered of blocks that were searched */
	uint64_t care_rate;	 /* bytes a second that are read and written for scrubbing and for
				  * blocks with much that is dead; 0: neither */
	uint64_t subject_cache;	 /* bytes for sums by subject; the others are in the index */
	const char *index;	 /* path of its folder; NULL: none, all of them are in memory */
	bool thread;		 /* a sync thread; else the owner calls store_run() */
	bool read_only;		 /* only looking: no call may change anything (natsd-store) */
	struct doorbell done;	 /* rung when something is done; DOORBELL_NONE: never */
	/* What recovery and reading find broken, for the log.  damage: something is lost. */
	void (*report)(void *arg, bool damage, const char *text);
	void *arg;
};

struct store_options store_options_default(void);

enum store_result {
	STORE_OK,
	STORE_NONE,    /* there is no such stream, message, key */
	STORE_BUSY,    /* submit, wait for what is on its way, or checkpoint; then again */
	STORE_FULL,    /* no space: of the disk */
	STORE_DAMAGED, /* it is there, but its bytes do not verify; never the wrong bytes */
	STORE_ERROR,   /* the reason is in *err */
};

/* ---- the store ---- */

/*
 * store_open - opens, or makes, <root of the disk>/natsd, replays the journal.  The disk stays the
 *	caller's and must outlive the store.  Refuses a directory of nats-server, and one that
 *	another process has open.  NULL.
 * store_close - checkpoints what can be, and frees.  store_abandon - frees, as a crash would; the
 *	only one for a store that was opened read-only.
 */
struct store *store_open(struct disk *, const struct store_options *, struct err *);
int store_close(struct store *, struct err *);
void store_abandon(struct store *);

/* store_submit, store_done, store_run - as journal_submit, journal_done, journal_run. */
uint64_t store_submit(struct store *);
uint64_t store_done(struct store *);
enum journal_ran store_run(struct store *);
/* store_wait - until all that was submitted is done; STORE_ERROR when the journal fails. */
enum store_result store_wait(struct store *, struct err *);

/*
 * store_turn - once a turn of the owner, and at least each 100 ms: begins a checkpoint when the
 *	journal or the write cache fill up or are old, takes back what was written.  Never waits.
 * store_wants_checkpoint - it would begin one now.
 * store_checkpoint - a whole one, waited for.  A stream whose files cannot be written is fenced,
 *	and keeps its records in memory and in the journal; the next checkpoint tries again.
 *	STORE_OK; STORE_FULL, STORE_ERROR: some are left.
 */
void store_turn(struct store *, struct mono now);
bool store_wants_checkpoint(const struct store *);
enum store_result store_checkpoint(struct store *, struct err *);

/* ---- streams ---- */

struct stream_config { /* what the store itself needs to know */
	struct str account, name;
	int64_t created; /* ns since the epoch */
	uint64_t first_seq; /* the first sequence to be used; 0 as 1 */
};

/* stream_create - STORE_ERROR when there is one of that name.  Durable with its ticket. */
enum store_result stream_create(struct store *, const struct stream_config *, struct stream **,
    struct err *);
struct stream *stream_find(struct store *, struct str account, struct str name);
/* stream_delete - the stream is gone at once, and for good with its ticket; frees it. */
enum store_result stream_delete(struct stream *, struct err *);
/* stream_each - all streams, in no order; return false to stop.  fn may not create or delete. */
void stream_each(struct store *, bool (*fn)(void *, struct stream *), void *arg);

uint64_t stream_uid(const struct stream *);
struct str stream_account(const struct stream *);
struct str stream_name(const struct stream *);
int64_t stream_created(const struct stream *);
/* stream_fenced - why it takes no messages; NULL: it does.  Its files could not be written, which
 * the next checkpoint tries again, or not be read when the store was opened: then it is offline,
 * shows nothing, and its files are left alone. */
const char *stream_fenced(const struct stream *);

struct stream_state {
	uint64_t messages, bytes; /* bytes as nats-server counts them */
	uint64_t first_seq, last_seq;
	int64_t last_time;
	uint64_t deleted;  /* sequences between first and last that hold nothing */
	uint64_t lost;	   /* of these: the medium lost them */
	uint64_t subjects;
	uint64_t blocks;
};
void stream_state(const struct stream *, struct stream_state *);

/* ---- messages ---- */

/*
 * Who has to know what a stream holds is told of all that goes, whatever makes it go: before it
 * goes; one message, or, with an empty subject, all of first..last at once.  Not while the store is
 * opened.  fn may not change the stream.
 */
enum removal {
	REMOVAL_ASKED, /* remove, purge, truncate */
	REMOVAL_MAX_MSGS,
	REMOVAL_MAX_BYTES,
	REMOVAL_MAX_AGE,
	REMOVAL_MAX_PER_SUBJECT,
	REMOVAL_TTL,
	REMOVAL_LOST, /* the medium has it no more */
	REMOVAL_FAILED, /* it was never stored: a large record that could not be written.  Told
			 * before its ticket is done: the answer is an error, not an
			 * acknowledgement.  The stream is fenced, and says why. */
};
typedef void store_told(void *, uint64_t first, uint64_t last, struct str subject, enum removal);
void stream_tell(struct stream *, store_told *, void *arg);

struct store_message {
	uint64_t seq;
	int64_t time; /* ns since the epoch */
	int64_t expires; /* the same; 0: when the limit of age says so; STORE_NEVER: not even then */
	struct str subject, headers, payload;
	struct str id; /* of one that is stored: by which a second one is found out; not given out */
};
#define STORE_NEVER INT64_MAX

/* store_message_bytes - what nats-server counts for it. */
uint64_t store_message_bytes(const struct store_message *);

/*
 * stream_append - stores the message as the next sequence, which it fills in.  A time before that
 *	of the last message becomes that time.  STORE_BUSY, STORE_FULL, STORE_ERROR: nothing
 *	happened.  A large record may still fail by itself, before its ticket is done
 *	(REMOVAL_FAILED); what else is of its commit is done.
 * stream_advance - sequences up to `last` are used up without a message.
 */
enum store_result stream_append(struct stream *, struct store_message *, struct err *);
enum store_result stream_advance(struct stream *, uint64_t last, struct err *);

enum store_result stream_load(struct stream *, uint64_t seq, struct store_message *, struct err *);

/* ---- removal: durable with its ticket; a sequence is never used again ---- */

enum store_result stream_remove(struct stream *, uint64_t seq, struct err *);

/*
 * stream_erase - removes it, and its bytes are overwritten: in its block, and in the journal.  The
 *	removal is durable with its ticket, the erasure when store_cuts() >= *cut.
 */
enum store_result stream_erase(struct stream *, uint64_t seq, uint64_t *cut, struct err *);
uint64_t store_cuts(const struct store *);

/* stream_truncate - everything above `last` goes, and those sequences will be used again: for a
 * replicated log. */
enum store_result stream_truncate(struct stream *, uint64_t last, struct err *);

/*
 * stream_purge_all - everything; first becomes last + 1.
 * stream_purge_below - everything below seq (compact); beyond the last one the stream jumps: first
 *	= seq, last = seq - 1.
 * stream_purge_keep - the oldest, until `keep` are left.
 * stream_purge_filter - what matches: below seq (0: any), and all but the newest `keep`.
 * *purged is how many went.  STORE_BUSY: some of the work is done, ask again.
 */
enum store_result stream_purge_all(struct stream *, uint64_t *purged, struct err *);
enum store_result stream_purge_below(struct stream *, uint64_t seq, uint64_t *purged,
    struct err *);
enum store_result stream_purge_keep(struct stream *, uint64_t keep, uint64_t *purged,
    struct err *);
enum store_result stream_purge_filter(struct stream *, struct str filter, uint64_t seq,
    uint64_t keep, uint64_t *purged, struct err *);

/* ---- limits: functions that the owner asks ---- */

struct stream_limits { /* 0: none */
	uint64_t max_msgs, max_bytes, max_per_subject;
	bool discard_new, discard_new_per_subject;
};

/* stream_admits - may a message of this subject and size be stored?  NULL; else the sentence that
 * nats-server answers.  Says no only with discard_new. */
const char *stream_admits(struct stream *, const struct stream_limits *,
    const struct store_message *);

/*
 * stream_enforce - removes what is over the limits, oldest first.  `subject` limits the limit per
 *	subject to that one (NULL: all).
 * STORE_BUSY: some is left, ask again after a submit.
 */
enum store_result stream_enforce(struct stream *, const struct stream_limits *,
    const struct str *subject, struct err *);

/* ---- age ---- */

/*
 * stream_max_age - messages older than this go, but those that never do; 0: none.  For this life of
 *	the store: said again after it is opened.
 * store_due - calls fn for each stream in which something may be due; the owner then asks
 *	stream_expire, at once or later.  Cheap when nothing is.  The timers survive a restart.
 * store_due_next - when to call it next at the latest; false: nothing is ever due.
 * stream_expire - removes what is due at `now` (wall clock) and what `may` says yes to; NULL says
 *	yes.  To what it says no, because a marker takes its place or others have to agree first,
 *	it is not asked again for EXPIRE_AGAIN_NS.  last: no other message has its subject.
 *	STORE_BUSY: some is left, ask again after a submit.
 */
#define EXPIRE_AGAIN_NS (2 * NS_PER_S)
void stream_max_age(struct stream *, int64_t ns, int64_t now);
void store_due(struct store *, struct mono now, void (*fn)(void *, struct stream *), void *arg);
bool store_due_next(const struct store *, struct mono *when);
enum store_result stream_expire(struct stream *, int64_t now,
    bool (*may)(void *, const struct store_message *, enum removal, bool last), void *arg,
    struct err *);

/* ---- ids: a message that comes twice is found out ---- */

/*
 * An id is known for the window, from the time of its message on, whatever becomes of the message;
 * with the message of stream_append it is durable with the same ticket.  Memory: some 100 bytes an
 * id.  When ids were stored in an earlier life the first call of stream_id reads what is left of
 * the window from their files.
 *
 * stream_ids - the window in ns; 0: none are kept, and those that were are forgotten.  For this life
 *	of the store: said again after it is opened; until then everything is known.  Said again
 *	now and then it gives memory back.
 * stream_id - STORE_OK: known, *seq is that of the message.  STORE_NONE: not.  STORE_ERROR: its
 *	files cannot be read.
 * stream_id_put - of a message that was not stored; results as for stream_append.
 */
void stream_ids(struct stream *, int64_t window, int64_t now);
enum store_result stream_id(struct stream *, struct str id, int64_t now, uint64_t *seq,
    struct err *);
enum store_result stream_id_put(struct stream *, struct str id, uint64_t seq, int64_t time,
    struct err *);

/* ---- looking up ---- */

/*
 * A filter: any number of subjects, with wildcards; none matches all.  It remembers which subjects
 * of its stream match, so that asking again costs nothing.
 */
struct stream_filter;
struct stream_filter *stream_filter_new(struct stream *, const struct str *, unsigned n);
void stream_filter_free(struct stream_filter *); /* before its stream goes */

/* stream_next - the first message at or after seq that matches.
 * stream_last - the last message of a literal subject, at or below `upto` (UINT64_MAX: any). */
enum store_result stream_next(struct stream_filter *, uint64_t seq, struct store_message *,
    struct err *);
enum store_result stream_last(struct stream *, struct str subject, uint64_t upto,
    struct store_message *, struct err *);

/*
 * stream_lasts - the sequence of the last message at or below `upto` of each subject that matches, in
 *	rising order, in seqs[0..*n).  With more than `max` of them *n is max + 1 and nothing is said.
 * stream_at_time - the first sequence of a message that is not older than `time`; last + 1: none.
 */
enum store_result stream_lasts(struct stream_filter *, uint64_t upto, uint64_t *seqs, unsigned max,
    unsigned *n, struct err *);
enum store_result stream_at_time(struct stream *, int64_t time, uint64_t *seq, struct err *);

struct filter_state {
	uint64_t messages, first_seq, last_seq; /* 0, 0, 0: none */
};
/* stream_filtered - what matches at or after seq. */
enum store_result stream_filtered(struct stream_filter *, uint64_t seq, struct filter_state *,
    struct err *);

/* stream_subjects - each subject that matches, with its sums; in no order. */
enum store_result stream_subjects(struct stream_filter *,
    void (*fn)(void *, struct str subject, const struct filter_state *), void *arg, struct err *);

/* stream_digest - of the messages in first..last: the same on each store that has the same ones.
 * STORE_DAMAGED: some cannot be read. */
enum store_result stream_digest(struct stream *, uint64_t first, uint64_t last, uint64_t *digest,
    struct err *);

/* ---- small state: what stands beside the messages ---- */

#define SMALL_KEY_MAX 512u
#define SMALL_VALUE_MAX (4u << 20)

/* stream_put - durable with its ticket, in one commit with the messages of the turn.  STORE_BUSY as
 * above.  stream_get - borrowed.  stream_unset - the key is gone. */
enum store_result stream_put(struct stream *, struct str key, struct str value, struct err *);
enum store_result stream_unset(struct stream *, struct str key, struct err *);
enum store_result stream_get(struct stream *, struct str key, struct str *value);
void stream_keys(struct stream *, bool (*fn)(void *, struct str key, struct str value), void *arg);

/* stream_mark - the highest ingress number applied (common/inbox.h); stands in the same commit as
 * the changes of the turn.  stream_marked - 0: none of that life and ring. */
enum store_result stream_mark(struct stream *, uint64_t life, uint64_t ring, uint64_t at,
    struct err *);
uint64_t stream_marked(const struct stream *, uint64_t life, uint64_t ring);

#endif
