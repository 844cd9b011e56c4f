/*
 * What the writer and the reader of a snapshot's bytes share (FORMAT, section 7).
 */
#ifndef NATSD_JS_STORE_SNAPSHOT_PRIV_H
#define NATSD_JS_STORE_SNAPSHOT_PRIV_H

#include "natsd-js/store/store_priv.h"

#define SNAPSHOT_VERSION 1u
#define SNAPSHOT_IDS 1024u /* of one record */
#define SNAPSHOT_LOST 1u /* a flag of a range: the medium lost it */
#define SNAPSHOT_HEAD_PAYLOAD 32u
#define SNAPSHOT_END_PAYLOAD 32u

static inline uint64_t
snapshot_place(uint64_t id, uint64_t offset)
{
	/* The first record is the one that says the id. */
	return (record_place(offset == 0 ? 0 : id, RECORD_IN_SNAPSHOT, 0, offset));
}

#endif
