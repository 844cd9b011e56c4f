/*
 * logserver - the reading end of the children's log sockets, and the supervisor's own lines.
 *
 * One socket a child, so that a flood of one starves neither another nor the control messages; at
 * most LOGSERVER_BATCH lines of one child a turn.
 */
#ifndef SUPERVISOR_LOGSERVER_H
#define SUPERVISOR_LOGSERVER_H

#include "common/err.h"
#include "natsd-supervisor/logfile.h"

#define LOGSERVER_BATCH 64

struct event_base;
struct logserver;

/* logserver_new - from now on the supervisor's own log_*() lines go to the file too. */
struct logserver *logserver_new(struct event_base *, struct logfile *, struct err *);
void logserver_free(struct logserver *);

/* logserver_child - a socketpair: reads one end, gives the other, for descriptor CTL_LOG_FD of a
 * child.  The reading end goes when the last writer has closed and all is read.  -1. */
int logserver_child(struct logserver *, struct err *);

/* logserver_stderr - the same for a child's descriptor 2: what libraries and the C runtime have to say
 * at its end stands in the log, line by line, and nowhere else. */
int logserver_stderr(struct logserver *, struct err *);

/* logserver_dropped - lines that the file could not take, since the start. */
uint64_t logserver_dropped(const struct logserver *);

/* logserver_drain - reads what is there now: before the process exits. */
void logserver_drain(struct logserver *);

#endif
