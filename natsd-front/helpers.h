/*
 * helpers - threads for what must not hold up a worker: handshakes, signatures, bcrypt.
 *
 * A job is made by a worker, done by a helper, and collected by the same worker.  Two classes, so
 * that a crowd of wrong bcrypt passwords delays no handshake.
 *
 *	worker: helpers_submit --> queue of the class --> helper thread: job->work()
 *	worker: helpers_collect <-- list of that worker, its bell rung <--+
 *
 * A job names its connection by handle only: the connection may be gone when it comes back, and
 * job->done() finds that out.  Nothing per message comes here: a mutex per queue guards it.
 */
#ifndef FRONT_HELPERS_H
#define FRONT_HELPERS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "natsd-front/slots.h"

struct helpers;
struct shared;
struct worker;

enum helper_class {
	HELPER_QUICK, /* below a millisecond or two: TLS, signatures */
	HELPER_SLOW,  /* bcrypt */
	HELPER_CLASSES
};

#define HELPER_WAITING_MAX 65536u /* jobs of a class that wait; more are refused */

struct helper_job {
	struct helper_job *next;
	enum helper_class class;
	struct handle conn; /* among the connections of the worker */
	uint16_t worker;
	void (*work)(struct helper_job *);		   /* on a helper */
	void (*done)(struct helper_job *, struct worker *); /* on the worker; frees the job */
	void (*drop)(struct helper_job *);		   /* at the end: frees what was never done */
};

/* helpers_new - nothing runs before helpers_start.  NULL: the reason. */
struct helpers *helpers_new(struct shared *, unsigned quick, unsigned slow, struct err *);
int helpers_start(struct helpers *, struct err *);
/*
 * helpers_stop - workers have ended; jobs that were not done are dropped, threads are joined.  Who is
 * in a job that takes too long (bcrypt of a cost that no client would wait for) cannot be
 * interrupted and is left to the end of the process: helpers_stuck, and then nothing that it uses is
 * freed: not the helpers, and the caller keeps the struct shared.  May be tried again.
 */
void helpers_stop(struct helpers *);
bool helpers_stuck(const struct helpers *);
void helpers_abandon(struct helpers *); /* nobody will join those that are left */
void helpers_free(struct helpers *); /* NULL is fine */

/* helpers_submit - false: too many wait, the caller still has the job. */
bool helpers_submit(struct helpers *, struct helper_job *);

/* helpers_collect - done() of all jobs of this worker that came back; once a turn. */
void helpers_collect(struct helpers *, struct worker *);

#endif
