/*
 * ring_shared - the layout of a ring's memory: for ring.c, ring_death.c and the tests that attack
 * it; everybody else goes through ring.h.
 *
 * Each line has one writer, but for the two flags, which one side raises and the other takes down.
 * A flag stands on a line of its own: it is looked at with every publish or release, and changes
 * only when somebody goes to sleep.
 */
#ifndef COMMON_RING_SHARED_H
#define COMMON_RING_SHARED_H

#include <assert.h>
#include <endian.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ring.h"

#define RING_LINE 128 /* two cache lines: the neighbour is fetched along */
#define RING_STAMP 0x676e697264746101ULL /* "atdring" backwards; the lowest byte counts versions */

/* `working` and `poisoned` are positions, which are multiples of 8, with this bit; 0: none. */
#define RING_WORKING 1u

struct ring_shared {
	/* constant from ring_make on */
	_Alignas(RING_LINE) uint64_t stamp;
	uint32_t size;
	uint32_t zero;
	uint64_t serial;

	/* the producer's */
	_Alignas(RING_LINE) _Atomic uint64_t write;
	_Atomic uint64_t skip_from;
	_Atomic uint64_t skip_to;

	/* the consumer's */
	_Alignas(RING_LINE) _Atomic uint64_t read;
	_Atomic uint64_t released;
	_Atomic uint64_t working; /* the record it works on just now */

	_Alignas(RING_LINE) _Atomic uint32_t asleep;	/* raised by the consumer */
	_Alignas(RING_LINE) _Atomic uint32_t want_room; /* raised by the producer */

	/* the supervisor's, between two lives of the consumer */
	_Alignas(RING_LINE) uint64_t death_at; /* `working` at the last death */
	uint32_t deaths;		       /* in a row on that record */
	uint32_t faults;		       /* of them by a fault signal or the watchdog */
	_Atomic uint64_t poisoned;
};

static_assert(sizeof(struct ring_shared) <= RING_HEAD_BYTES, "the head fits its page");
static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2,
    "an atomic between processes cannot have a lock");

/* As in memory: little endian, 16 bytes. */
struct ring_record_head {
	uint32_t len;
	uint16_t type;
	uint16_t flags;
	uint64_t verdict;
};

static_assert(sizeof(struct ring_record_head) == RING_RECORD_HEAD, "no padding");
static_assert(__BYTE_ORDER == __LITTLE_ENDIAN,
    "ring heads are in host order; both ends of a ring run on one machine");

/* Cuts the first eight bytes of a head, loaded at once, into its fields. */
static inline void
ring_head_unpack(struct ring_record_head *head, uint64_t word)
{
	head->len = (uint32_t)word;
	head->type = (uint16_t)(word >> 32);
	head->flags = (uint16_t)(word >> 48);
}

#endif
