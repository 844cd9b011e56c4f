/*
 * ring - records from one producer to one consumer through shared memory.
 *
 * The same code serves three uses: between the front and natsd-js or natsd-raft (shared memory
 * that outlives either side), between js and raft, and between two threads of one process.
 *
 *	 memory object of RING_HEAD_BYTES + size bytes, size a power of two; data mapped twice
 *	+----------------+-----------------+-----------------+------------------+------------------+
 *	| line 0: stamp, | line 1:         | line 2:         | data             | the same data    |
 *	| size, serial   | producer's      | consumer's      | [0, size)        | again            |
 *	| (constant)     | write, skip     | read, released  |                  |                  |
 *	+----------------+-----------------+-----------------+------------------+------------------+
 *
 * Cursors are 64-bit byte positions that only grow; position p lies at offset p % size.
 *
 *	released <= read <= write,   write - released <= size (less what was skipped)
 *
 *  - write	 the producer has finished everything below it
 *  - read	 the consumer has looked at everything below it
 *  - released	 the consumer needs nothing below it any more: that memory is the producer's again
 *
 * A consumer that dies and comes back starts at `released`: the ring is an inbox that outlives its
 * reader (ARCHITECTURE.md 3).  Rings without that need release what they have read.
 *
 * A record, 8-byte aligned:
 *
 *	0      4      6       8         16
 *	| len  | type | flags | verdict | len bytes, then up to 7 zeros
 *
 * len	 of the payload alone, at most ring_record_max()
 * type	 what the record is, not 0
 * verdict  0 from the producer; the consumer stores what it decided before its answer leaves, so
 *	 that the record is never decided again (ring_set_verdict)
 *
 * E.g. a record of type 4 with the payload "abc" at position 0: 03 00 00 00  04 00  00 00
 * 00*8  61 62 63 00*5; the next one starts at position 24.
 *
 * Starting over: a producer that finds the ring empty, and itself some way into it, continues at the
 * next multiple of size, so that a lightly used ring lives in its first pages.  It publishes the
 * jump as skip_from and skip_to before `write`; the consumer that stands at skip_from goes on at
 * skip_to.  Positions, and so ingress numbers, are never used twice.
 *
 * Hostility: the other side may write anything anywhere at any time.  Cursors and record heads are
 * copied once, checked, then used; a violation kills this end of the ring for good (E below), with
 * the reason in ring_why().  Holes punched into the memory read as records of length 0 and type 0,
 * which is a violation.  Payloads must be copied before they are checked: ring_take() does.
 *
 * Sleeping: a consumer that finds nothing declares itself asleep and looks again; only then does the
 * producer ring its bell.  The same the other way round for a producer that waits for room.
 *
 * Threads: each end belongs to one thread.  Nothing here allocates, locks, logs or blocks, except
 * make, attach and detach.
 */
#ifndef COMMON_RING_H
#define COMMON_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/doorbell.h"
#include "common/err.h"

#define RING_HEAD_BYTES 4096u
#define RING_BYTES_MIN (1u << 16)
#define RING_BYTES_MAX (1u << 30)
#define RING_RECORD_HEAD 16u
#define RING_KEEP_BYTES (1u << 20) /* pages below this offset are never given back */

enum ring_side { RING_PRODUCER, RING_CONSUMER };

struct ring; /* one end: private state and the mapping */

struct ring_rec {
	const uint8_t *data; /* into the ring (peek) or the scratch buffer (take) */
	uint32_t len;
	uint16_t type;
	uint16_t flags;
	uint64_t verdict; /* 0: none yet */
	uint64_t at;	  /* position of its head: the third part of its ingress number */
	uint64_t end;	  /* position behind it: what ring_release() takes */
};

/* RING_FLAG_FRAGMENT: more of the same message follows (frame.h); other bits belong to `type`. */
#define RING_FLAG_FRAGMENT 0x8000u

/* ---- making ---- */

/*
 * ring_make - the memory of a ring: sealed, stamped.  serial is the second part of the ingress
 * numbers, chosen by the supervisor and never used again in its life.  The descriptor, yours; -1.
 */
int ring_make(uint32_t bytes, uint64_t serial, struct err *);

/*
 * ring_attach - one end of it.  fd stays yours (the mapping does not need it).  `peer` is the bell
 * of the other side, to be rung by us; its descriptors stay yours and open until detach.
 * A consumer starts reading at `released`.  The bell is rung once, for what the life before left
 * unsaid.  Refuses another layout stamp, missing seals, cursors that break the invariant.  NULL.
 */
struct ring *ring_attach(int fd, enum ring_side, const struct doorbell *peer, struct err *);

/* ring_make_local - both ends of a ring between two threads of this process. 0, -1. */
int ring_make_local(uint32_t bytes, const struct doorbell *producer_bell,
    const struct doorbell *consumer_bell, struct ring **producer, struct ring **consumer,
    struct err *);

void ring_detach(struct ring *); /* NULL is fine; the memory lives on with its descriptors */

uint64_t ring_serial(const struct ring *);
uint32_t ring_size(const struct ring *);
uint32_t ring_record_max(const struct ring *); /* a quarter of the size, less a head */

/* ring_dead - this end has seen a violation and refuses everything; ring_why - which. */
bool ring_dead(const struct ring *);
const char *ring_why(const struct ring *);

/* ---- the producer's end ---- */

/*
 * ring_reserve - room for a record of up to len payload bytes; NULL when there is none now, when len
 * is above ring_record_max(), or when the ring is dead.  At most one reservation at a time.
 * ring_commit - finishes it with the length really used (<= reserved); the record's position.
 * The other side sees nothing before ring_publish().
 */
uint8_t *ring_reserve(struct ring *, uint32_t len);
uint64_t ring_commit(struct ring *, uint16_t type, uint16_t flags, uint32_t len);

/* ring_publish - all committed records become visible; rings the bell of a consumer asleep.  Costs
 * a full barrier: once a batch. */
void ring_publish(struct ring *);

/*
 * ring_publish_quiet - the same without the bell.  True: the consumer has declared itself asleep;
 * its work is then done for it, or ring_call() rings.
 * ring_is_asleep - whether it has, as of now: a hint.
 */
bool ring_publish_quiet(struct ring *);
void ring_call(struct ring *);
bool ring_is_asleep(const struct ring *);

/* ring_used - bytes between released and what was committed; refreshes from the other side. */
uint32_t ring_used(struct ring *);

/* ring_released - the other side's cursor, checked; also positions below it need no memory. */
uint64_t ring_released(struct ring *);

/* ring_want_room - asks the consumer to ring our bell after its next release.  Then look again. */
void ring_want_room(struct ring *);

/*
 * ring_rest - called about once a second by the producer's loop: when the ring has been empty
 * since the last call, pages beyond RING_KEEP_BYTES go back to the system.
 */
void ring_rest(struct ring *);

/* ---- the consumer's end ---- */

/*
 * ring_peek - the oldest record not yet read, borrowed: points into the ring, valid until released.
 * Only for rings whose producer is a thread of this process.
 * ring_take - the same, its payload copied into `scratch` (which grows to ring_record_max() at
 * most), valid until the next take: for rings between processes.
 * 1: there is one; 0: none now, or no memory for it now; -1: the other side broke the rules, or it is larger
 * than scratch may grow: the ring is dead.
 */
int ring_peek(struct ring *, struct ring_rec *);
int ring_take(struct ring *, struct buf *scratch, struct ring_rec *);

/* ring_next - done looking at it: the read cursor moves behind rec. */
void ring_next(struct ring *, const struct ring_rec *);

/* ring_release - everything below `position` is finished.  Rings the bell of a waiting producer.
 * Costs a full barrier: once a batch where a batch may be released together. */
void ring_release(struct ring *, uint64_t position);

/* ring_set_verdict - stores v (not 0) in the head of a record not yet released: one atomic store. */
void ring_set_verdict(struct ring *, uint64_t at, uint64_t v);

/*
 * ring_sleep - declares us asleep; false when something arrived meanwhile (then we are awake again
 * and must look).  True for a dead ring: nothing will come.
 * ring_wake - we are awake; call it after the event loop returns.
 */
bool ring_sleep(struct ring *);
void ring_wake(struct ring *);

/* ring_write_seen - the producer's cursor as of now, checked (a worker drains up to it). */
uint64_t ring_write_seen(struct ring *);
uint64_t ring_read_at(const struct ring *); /* our read cursor */

/* ---- one poisonous record must not become a crash loop (ARCHITECTURE.md 3) ---- */

/*
 * ring_work - the consumer works on the record at `at` from now on; ring_work_done - on none.
 * ring_death - the supervisor's: the consumer of this ring has died and is reaped; fault: by a
 * fault signal or the watchdog.  1: the record in work, at *at, is poison from now on (two faults
 * or three deaths in a row on it); 0: not yet, or none was in work; -1.
 * ring_poisoned - the consumer's next life asks it before it works on a record.
 * ring_spent - the supervisor's: the producer of this ring is dead.  1: all it wrote is released;
 * 0: not yet; -1.
 */
void ring_work(struct ring *, uint64_t at);
void ring_work_done(struct ring *);
int ring_death(int fd, bool fault, uint64_t *at, struct err *);
bool ring_poisoned(const struct ring *, uint64_t at);
int ring_spent(int fd, struct err *);

#endif
