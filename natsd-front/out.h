/*
 * out - what waits to be written to one connection: a list of segments of blobs.
 *
 *	head                               tail
 *	[==done==|waiting......] -> [shared payload] -> [waiting...|room]
 *
 * Small things are copied behind each other into blobs of growing size (512 B, 4 KiB, 64 KiB),
 * large payloads are referred to.  An empty queue owns no memory.
 *
 * Owner: one worker; the seg pool and the blob store are that worker's.
 */
#ifndef FRONT_OUT_H
#define FRONT_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/pool.h"
#include "natsd-front/blob.h"

struct out_seg {
	struct out_seg *next;
	struct blob *blob;
	size_t start, end; /* waiting bytes of blob->data */
	size_t limit;	   /* we may write up to here; == end when the blob is shared */
};

struct out_mem { /* of one worker */
	struct pool *segs; /* of struct out_seg */
	struct blob_store *blobs;
};

struct out {
	struct out_seg *head, *tail;
	size_t pending; /* bytes waiting */
	size_t usual;	/* bytes that waited at the last writes: how large the first blob is */
};

int out_mem_init(struct out_mem *); /* 0; -1: no memory */
void out_mem_free(struct out_mem *);

/*
 * out_reserve - room for n more bytes in one run; NULL: no memory, nothing changed.
 * out_commit - n of them were written (n <= reserved).
 */
uint8_t *out_reserve_slow(struct out *, struct out_mem *, size_t n);

static inline uint8_t *
out_reserve(struct out *o, struct out_mem *mem, size_t n)
{
	struct out_seg *tail = o->tail;

	if (tail != NULL && tail->limit - tail->end >= n)
		return (tail->blob->data + tail->end);
	return (out_reserve_slow(o, mem, n));
}

static inline void
out_commit(struct out *o, size_t n)
{
	o->tail->end += n;
	o->pending += n;
}

int out_copy(struct out *, struct out_mem *, const void *, size_t n); /* 0; -1: no memory */

/* out_refer - n bytes of a blob at `at`; takes a share of it.  0; -1: no memory. */
int out_refer(struct out *, struct out_mem *, struct blob *, size_t at, size_t n);

/*
 * out_write - one writev(2) of what waits, at most `max` bytes.  Bytes written (0: the socket is
 * full); -1: errno says why.
 */
ssize_t out_write(struct out *, struct out_mem *, int fd, size_t max);

/*
 * For who writes by other means: out_taken - n bytes at the head are no longer needed here; they
 * count as waiting until the caller takes them from `pending`.  out_learn - before each write.
 */
void out_taken(struct out *, struct out_mem *, size_t n);

static inline void
out_learn(struct out *o)
{
	o->usual = (o->usual + o->pending) / 2;
}

/* out_chunks - segments waiting, for the log. */
unsigned out_chunks(const struct out *);
void out_drop(struct out *, struct out_mem *); /* forgets everything */

#endif
