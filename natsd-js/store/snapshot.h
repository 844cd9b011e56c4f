/*
 * snapshot - a stream as it was at one moment, as a run of bytes that the caller pulls (FORMAT,
 * section 7) while the stream goes on.
 *
 *	snapshot_begin(stream, &snap, &err);
 *	while (snapshot_read(snap, buf, sizeof(buf), &n, &err) == STORE_OK && n > 0)
 *		...
 *	snapshot_end(snap);
 *
 * Messages, gaps, small state, marks and ids are those of the moment of snapshot_begin, whatever happens
 * to the stream until the end: blocks that go, or are written anew, stay for the snapshot, and of a
 * block from which something is removed it keeps what was dead.  With three exceptions: what is
 * erased (stream_erase) is in no byte that is read later, and shown as gone; what the medium lost
 * is shown as lost; and with the stream deleted the snapshot is over.
 *
 * Memory: 32 bytes a block, a bit a message for blocks that change before they were read, one
 * record, 32 bytes an id, and what waited for its file in blocks that went.  The files that stay for it take space
 * on the disk until it was read past them or ended.  Any number at once.  Owner: that of the store.
 */
#ifndef NATSD_JS_STORE_SNAPSHOT_H
#define NATSD_JS_STORE_SNAPSHOT_H

#include <stddef.h>
#include <stdint.h>

#include "natsd-js/store/store.h"

struct snapshot;

struct snapshot_info {
	uint64_t messages, bytes; /* as stream_state said */
	uint64_t last_seq;
	int64_t last_time;
};

/*
 * snapshot_begin - STORE_ERROR: the stream is offline, its ids cannot be read, or no memory.
 * snapshot_read - up to `room` bytes (at least 1); *n is 0 behind the end only.  STORE_NONE: the
 *	stream was deleted meanwhile, or its store closed; STORE_ERROR: a block could not be read,
 *	which can be tried again.  In both cases nothing was put into buf.
 * snapshot_end - also after its store was closed; NULL is fine.
 */
enum store_result snapshot_begin(struct stream *, struct snapshot **, struct err *);
void snapshot_info(const struct snapshot *, struct snapshot_info *);
enum store_result snapshot_read(struct snapshot *, void *buf, size_t room, size_t *n, struct err *);
void snapshot_end(struct snapshot *);

#endif
