/*
 * inbox - the consumer's book over a ring whose records must not be forgotten before their effect
 * is durable and their answer stands in the ring back.
 *
 * Records are opened in order and finished in any order; `released` follows the lowest one that is
 * still open.  After a crash the next life opens everything from `released` on again: a record with
 * a verdict is only answered, one at or below the mark of its stream was applied already.
 *
 * Owner: the hub thread.  Invariant: open positions rise; released <= the first of them.
 */
#ifndef COMMON_INBOX_H
#define COMMON_INBOX_H

#include <stdint.h>

#include "common/ring.h"

struct inbox;

/* The number that names one request for ever (ARCHITECTURE.md 3). */
struct ingress {
	uint64_t life; /* random, of the supervisor */
	uint64_t ring; /* serial, never used again in that life */
	uint64_t at;   /* position in the ring */
};

struct inbox *inbox_new(struct ring *consumer, uint64_t life); /* takes the ring end over */
void inbox_free(struct inbox *);
struct ring *inbox_ring(struct inbox *);

/* inbox_take - the next record, copied into scratch, opened; as ring_take. */
int inbox_take(struct inbox *, struct buf *scratch, struct ring_rec *);

struct ingress inbox_ingress(const struct inbox *, const struct ring_rec *);

/*
 * inbox_verdict - before the answer leaves.
 * inbox_done - the answer stands in the ring back: all open records in [at, end) are finished (one,
 * or the parts of one frame).  What is not open there is an error of ours.
 */
void inbox_verdict(struct inbox *, uint64_t at, uint64_t verdict);
void inbox_done(struct inbox *, uint64_t at, uint64_t end);

uint32_t inbox_open(const struct inbox *); /* records between released and read */

/*
 * Verdicts: the kind in the top byte, a number below.
 */
enum verdict_kind { VERDICT_NONE, VERDICT_STORED, VERDICT_DUPLICATE, VERDICT_ERROR, VERDICT_DONE };

static inline uint64_t
verdict_make(enum verdict_kind kind, uint64_t number)
{
	return ((uint64_t)kind << 56 | (number & ((1ULL << 56) - 1)));
}

static inline enum verdict_kind
verdict_kind(uint64_t v)
{
	return ((enum verdict_kind)(v >> 56));
}

static inline uint64_t
verdict_number(uint64_t v)
{
	return (v & ((1ULL << 56) - 1));
}

#endif
