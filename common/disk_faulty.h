/*
 * disk_faulty - another disk, some of whose calls fail; for tests.
 *
 * The n-th call of the kinds in the plan (counted from 1 over all handles) fails as it says; with
 * `for_good` all later ones of these kinds too.  A dead disk fails every call with EIO and has no
 * effect: what a process that was killed at that call would have done.
 */
#ifndef COMMON_DISK_FAULTY_H
#define COMMON_DISK_FAULTY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/disk.h"

enum fault {
	FAULT_NONE,
	FAULT_ERROR,	    /* -1 with the errno of the plan, no effect */
	FAULT_SHORT,	    /* a write or read of half of it; other calls as FAULT_ERROR */
	FAULT_HALF_ERROR,   /* a write takes effect in half, then fails */
	FAULT_DIE,	    /* no effect, and the disk is dead from here on */
	FAULT_DIE_HALF,	    /* half of the write, then dead */
	FAULT_DIE_AFTER,    /* done, but the caller does not hear of it, then dead */
};

struct fault_plan {
	enum fault what;
	int error;	     /* errno */
	uint32_t kinds;	     /* 1u << enum disk_call */
	uint64_t nth;	     /* 0: never */
	bool for_good;
};

#define FAULT_ALL_CALLS ((1u << DISK_CALLS) - 1)
#define FAULT_CHANGES                                                                              \
	(1u << DISK_CALL_WRITE | 1u << DISK_CALL_SYNC | 1u << DISK_CALL_TRUNCATE |                 \
	    1u << DISK_CALL_RENAME | 1u << DISK_CALL_UNLINK | 1u << DISK_CALL_MKDIR)

/* disk_faulty - over `below`, which stays the caller's and must live longer.  NULL: no memory. */
struct disk *disk_faulty(struct disk *below);

/* disk_faulty_plan - from now on; the count starts again.  A dead disk lives again. */
void disk_faulty_plan(struct disk *, const struct fault_plan *);

uint64_t disk_faulty_calls(struct disk *); /* of the planned kinds, since the plan was set */
bool disk_faulty_hit(struct disk *);	   /* has the plan failed a call yet? */

#endif
