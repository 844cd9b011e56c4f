/*
 * doorbell - wakes a thread of another process, or of ours, out of its event loop.
 *
 * An eventfd on Linux, a pipe elsewhere: `ring` is written by producers, `wait` is polled by the
 * one consumer.  A bell is rung only when its owner has declared itself asleep (ring.h), so a
 * busy pair makes no system call.
 */
#ifndef COMMON_DOORBELL_H
#define COMMON_DOORBELL_H

#include "common/err.h"

struct doorbell {
	int wait; /* readable when rung; -1 at a producer's end */
	int ring; /* may equal wait */
};

#define DOORBELL_NONE ((struct doorbell){ .wait = -1, .ring = -1 })

int doorbell_make(struct doorbell *, struct err *);
void doorbell_close(struct doorbell *);
void doorbell_ring(const struct doorbell *); /* never blocks, never fails; preserves errno */
void doorbell_clear(const struct doorbell *);

#endif
