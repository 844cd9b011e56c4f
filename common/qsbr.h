/*
 * qsbr - quiescent-state-based reclamation: readers of shared structures neither lock nor count.
 *
 * A reader thread is online while it may hold pointers, and says now and then that it holds none
 * (qsbr_quiescent, once a turn of its loop).  Before it sleeps it goes offline.  A writer unlinks an
 * object, then gives it to qsbr_retire; it is freed after every thread that was online then has
 * been quiescent or offline since.
 *
 * Every callback of an event loop enters through one trampoline that puts its thread online.
 * C11 atomics only, clean under TSan.
 */
#ifndef COMMON_QSBR_H
#define COMMON_QSBR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qsbr;
struct qsbr_thread;

struct qsbr *qsbr_new(void);
/* qsbr_free - runs everything retired; no thread may be registered any more. */
void qsbr_free(struct qsbr *);

/* qsbr_register - this thread becomes a reader, offline at first.  NULL: no memory. */
struct qsbr_thread *qsbr_register(struct qsbr *);
void qsbr_unregister(struct qsbr_thread *);

void qsbr_online(struct qsbr_thread *);	    /* from here pointers may be held */
void qsbr_offline(struct qsbr_thread *);    /* before sleeping: none is held */
void qsbr_quiescent(struct qsbr_thread *);  /* none is held right now; stays online */
bool qsbr_is_online(const struct qsbr_thread *);

/*
 * qsbr_retire - fn(object) runs on some thread's qsbr_reclaim once nobody can hold it.  Any thread,
 * also one that is no reader.  The head is a field of the object: no allocation.
 */
struct qsbr_head {
	struct qsbr_head *next;
	void (*fn)(struct qsbr_head *);
	uint64_t epoch;
};
void qsbr_retire(struct qsbr *, struct qsbr_head *, void (*fn)(struct qsbr_head *));

/* qsbr_reclaim - runs what can run now; returns how many are still waiting.  Once a turn. */
size_t qsbr_reclaim(struct qsbr *);

#endif
