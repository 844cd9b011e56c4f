/*
 * contents - what a block that is full says of itself at its end (FORMAT, section 3, type 11): where
 * its messages are, which of them are dead, and by subject which have it.
 *
 * Subjects are known by a hash: what is found has to be looked at.  Read by the owner, made by the
 * thread of the jobs.
 */
#ifndef NATSD_JS_STORE_CONTENTS_H
#define NATSD_JS_STORE_CONTENTS_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "natsd-js/store/record.h"

#define CONTENTS_STEP 16u /* messages between two places */

struct contents {
	uint8_t *data; /* its own */
	size_t bytes;
	uint32_t steps, pairs, subjects, messages; /* how many */
	const uint8_t *step, *pair, *subject, *message;
};

/* contents_make - of the records of a file, with sequences in first..last, to payload.  -1: no
 * memory, or nothing to be said. */
int contents_make(const struct record_bytes *, uint64_t first, uint64_t last, struct buf *payload);

/* contents_read - the payload is copied; NULL: no memory, or it makes no sense. */
struct contents *contents_read(struct str payload);
void contents_free(struct contents *);

/* contents_find - where the numbers of the messages with this hash begin, and how many there are.
 * contents_number - one of them; they rise. */
uint32_t contents_find(const struct contents *, struct str subject, uint32_t *count);
uint32_t contents_number(const struct contents *, uint32_t at);
uint32_t contents_step(const struct contents *, uint32_t i); /* a place; 0: none */

#endif
