/*
 * restore - a stream is made of the bytes of a snapshot (snapshot.h), hidden until all of them are
 * there.
 *
 *	restore_begin(store, &config, &restore, &err);
 *	restore_write(restore, bytes, n, &taken, &err);		in any pieces
 *	while ((r = restore_end(restore, &stream, &err)) == STORE_BUSY)
 *		turns of the store
 *	ticket = store_submit(store);		durable with it
 *
 * Its files are written as those of any stream are, but nothing finds it, and the next life of the
 * store removes what was not ended.  It appears by one record in the journal, which restore_end
 * puts there when all of its files are durable: a crash leaves all of it or nothing.  Memory: the
 * write cache of the store, one record, and the small state.  Owner: that of the store.
 */
#ifndef NATSD_JS_STORE_RESTORE_H
#define NATSD_JS_STORE_RESTORE_H

#include <stddef.h>
#include <stdint.h>

#include "natsd-js/store/store.h"

struct restore;

/*
 * restore_begin - account and name are those of the config, also when the snapshot has others; with
 *	created 0 that of the snapshot.  STORE_ERROR: there is a stream of that name; STORE_BUSY,
 *	STORE_FULL as for stream_create.
 * restore_write - *taken of the n bytes were used.  STORE_BUSY: all but those again, after turns of
 *	the store; STORE_ERROR: what they say is wrong, and *err where; nothing more is taken.
 * restore_end - the stream is there: *restore is freed.  STORE_BUSY: again after turns of the
 *	store, which writes its files; STORE_FULL, STORE_ERROR: not all was written, or they cannot
 *	be, or the name is taken; it may be tried again, or given up.
 * restore_abandon - nothing of it is left; NULL is fine.  Before its store is closed.
 */
enum store_result restore_begin(struct store *, const struct stream_config *, struct restore **,
    struct err *);
enum store_result restore_write(struct restore *, const void *, size_t n, size_t *taken,
    struct err *);
enum store_result restore_end(struct restore **, struct stream **, struct err *);
void restore_abandon(struct restore *);

#endif
