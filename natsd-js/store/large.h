/*
 * large - a record that goes to its place in a block file at once, while the journal holds only its
 * head (FORMAT, sections 2 and 3).
 *
 * The owner gives it its place and hangs its bytes on the head in the journal; the sync thread
 * writes and syncs them ahead of the commit.  One that cannot be written is a sequence without a
 * message, and the owner is told.
 */
#ifndef NATSD_JS_STORE_LARGE_H
#define NATSD_JS_STORE_LARGE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/disk.h"
#include "common/err.h"
#include "common/journal.h"

struct block;

#define LARGE_PAYLOAD 48u /* of the journal's record: block, offset, the fixed part of the record */

struct large {
	struct journal_ahead ahead; /* first */
	struct large *next;	    /* in the order of tickets */
	uint64_t ticket, uid, seq;
	uint32_t number, at, bytes; /* its place, and with the zeros behind it */
	bool is_new;		    /* the file is to be made */
	bool seen;		    /* the thread's */
	bool failed;		    /* out, with its reason */
	struct err err;
	uint8_t *data;
	struct block *block; /* the owner's; NULL: it has gone */
};

struct large *large_new(uint32_t bytes); /* with room for so many; NULL: no memory */
void large_free(struct large *);	 /* NULL is fine */

/* The side of the sync thread.  larges_new - `streams` is a handle of the store. */
struct larges;
struct larges *larges_new(struct disk *, int streams);
void larges_free(struct larges *); /* NULL is fine */
/* larges_write - a journal_ahead_fn over struct larges, whose list are struct large. */
int larges_write(void *, struct journal_ahead *, bool sync, struct err *);

#endif
