/*
 * record - one record of a block file or a state file (FORMAT, sections 3 and 4).
 *
 * Its check covers what it says and where it lies: stream, kind and number of the file, offset.
 */
#ifndef NATSD_JS_STORE_RECORD_H
#define NATSD_JS_STORE_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "common/str.h"

#define RECORD_HEAD 40u
#define RECORD_ALIGN 8u
#define RECORD_MAX (64u << 20)

enum record_type {
	RECORD_BLOCK = 1,
	RECORD_MESSAGE,
	RECORD_REMOVED,
	RECORD_SMALL,
	RECORD_MARK,
	RECORD_POINT,
	RECORD_IDENTITY,
	RECORD_WITHIN,
	RECORD_ENTRY,
	RECORD_ERASED,
	RECORD_INDEX,
	RECORD_HELD,
	RECORD_IDS,
};
#define RECORD_TYPE_MAX RECORD_IDS

enum record_file { RECORD_IN_BLOCK = 1, RECORD_IN_STATE, RECORD_IN_SNAPSHOT, RECORD_IN_IDS };

struct record {
	uint64_t check; /* out */
	uint32_t link;
	uint32_t bytes; /* out: without the zeros behind it */
	uint8_t type;
	uint8_t flags;
	uint64_t seq;
	int64_t time;
	int64_t expires; /* of a message: 0 it does not say; INT64_MAX never */
	struct str subject, headers, payload; /* borrowed */
};

/* Flags of a message. */
#define RECORD_EXPIRES 1u /* an i64 stands behind the payload */
#define RECORD_EARLY 2u	  /* it was written before its commit was: that it is there says nothing */

uint64_t record_place(uint64_t uid, enum record_file, uint32_t number, uint64_t offset);

/* record_length - bytes it takes with the zeros behind it; 0: larger than a record can be. */
size_t record_length(const struct record *);

/* record_encode - writes record_length() bytes and sets check and bytes.
 * record_decode - 0; -1: it does not verify there, or does not lie within n bytes. */
void record_encode(uint8_t *, uint64_t place, struct record *);
int record_decode(const uint8_t *, size_t n, uint64_t place, struct record *);

/* record_erase - instead of one of so many bytes, with its zeros: one that says nothing, of chance.
 * -1: there is none. */
int record_erase(uint8_t *, uint64_t place, uint32_t padded, uint32_t link);

/* What of a file lies in memory: n bytes from offset `base` on. */
struct record_bytes {
	const uint8_t *data;
	size_t n;
	uint64_t base;
	uint64_t uid; /* whose file, which */
	enum record_file file;
	uint32_t number;
};

/*
 * record_find - the next place >= at of data[0..n) where a record of this file verifies; n: none, also
 * when at lies behind it.  What garbage
 * claims is hashed only up to a bound, beyond which it gives up and says n.
 */
size_t record_find(const struct record_bytes *, size_t at, struct record *);

/* record_peek - bytes, type and sequence as the head says, unchecked; p has RECORD_HEAD bytes. */
void record_peek(const uint8_t *p, struct record *);

static inline size_t
record_padded(size_t n)
{
	return ((n + RECORD_ALIGN - 1) / RECORD_ALIGN * RECORD_ALIGN);
}

#endif
