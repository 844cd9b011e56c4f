/*
 * sums - the sums by subject of all streams that are not in memory: a table in LMDB.
 *
 * An index, never the only record (faults.md rule 9): each value has a check over key and value,
 * what it leads to is verified, and all of it can be made again from the blocks.  Of each stream it
 * says up to which commit of the journal it counts.
 *
 * sums_find and sums_each are the owner's, sums_write is of the thread of the jobs.
 */
#ifndef NATSD_JS_STORE_SUMS_H
#define NATSD_JS_STORE_SUMS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/str.h"

struct sums;

struct sum {
	uint64_t first, last, count;
	bool first_old, last_old;
};

struct sums_point { /* of one stream */
	uint64_t commit;   /* it counts what the journal says up to here */
	uint64_t subjects; /* how many there are */
	uint64_t life;	   /* of the table of this stream, random: as its state file says */
};

struct sums_batch {
	uint64_t uid;
	const struct buf *sums; /* of sums_put */
	bool clear;		/* everything else of the stream goes */
	struct sums_point point;
};

enum sums_result { SUMS_OK, SUMS_NONE, SUMS_ERROR };

/*
 * sums_open - the folder is made when it is absent; a table that is damaged is set aside (renamed),
 *	and begins anew.  Damage of it can kill us: after SUMS_DEATHS lives that did not get as
 *	far as sums_good it is taken for damaged, too.  NULL.
 * sums_close - NULL is fine.
 */
#define SUMS_DEATHS 2u
struct sums *sums_open(const char *folder, struct err *);
void sums_good(struct sums *);
void sums_close(struct sums *);

enum sums_result sums_point(struct sums *, uint64_t uid, struct sums_point *);
enum sums_result sums_find(struct sums *, uint64_t uid, struct str subject, struct sum *);

/*
 * sums_each - all of the stream whose subject begins with `prefix`, in the order of their bytes,
 *	until fn returns false.  whole: the text is all of the subject; else it was too long for a
 *	key, and only the message `last` says it.
 */
enum sums_result sums_each(struct sums *, uint64_t uid, struct str prefix,
    bool (*fn)(void *, struct str text, bool whole, const struct sum *), void *arg);

/*
 * sums_verify - some more of the stream, `n` keys, all of one moment: are they what the point says,
 *	and are they found?  What is not found could not be told from what is not there.  Another
 *	stream than at the last call: from its beginning.  SUMS_OK: there is more; SUMS_NONE: it is
 *	all right; SUMS_ERROR: it is damaged.
 */
enum sums_result sums_verify(struct sums *, uint64_t uid, unsigned n);

/*
 * sums_put - adds one to the bytes of a batch, count 0: it is gone.  -1: no memory.
 * sums_write - all batches with their points, as one.
 * sums_remove - all of a stream, some at a time; SUMS_NONE when nothing is left.
 */
int sums_put(struct buf *, uint64_t uid, struct str subject, const struct sum *);
int sums_write(struct sums *, const struct sums_batch *, unsigned n, struct err *);
enum sums_result sums_remove(struct sums *, uint64_t uid);

#endif
