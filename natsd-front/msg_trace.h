/*
 * msg_trace - what became of one message whose publisher asked for it (client.md 16).
 *
 * Made when the message comes in, noted by every worker that has receivers of it, and sent as one
 * event when the last of them is done:
 *
 *	publisher's worker	msg_trace_begin ... msg_trace_done
 *	ring record to another	  msg_trace_hold		     holds a share, as it does of a blob
 *	that worker			msg_trace_egress ... msg_trace_done
 *	the last one					     msg_trace_send, as soon as it may
 *
 * Nothing of it is touched for a message without headers.
 */
#ifndef FRONT_MSG_TRACE_H
#define FRONT_MSG_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/str.h"

struct conn;
struct msg_trace;
struct sub;
struct worker;

enum msg_trace_start {
	MSG_TRACE_NOT,	/* goes on untraced */
	MSG_TRACE_ON,	/* *t traces it; the caller holds one share */
	MSG_TRACE_HIDE, /* untraced, with `Nats-Trace-Dest: trace disabled` set on it */
	MSG_TRACE_DROP, /* ends here */
};

/* msg_trace_begin - a message of a client with these headers; size: headers and payload.  Says to the
 * client and the log what is to be said. */
enum msg_trace_start msg_trace_begin(struct conn *, struct str headers, struct str subject,
    uint32_t size, struct msg_trace **t);

/* msg_trace_refused - a message that is refused before it is whole; headers: what of them is there.
 * Its event says why. */
void msg_trace_refused(struct conn *, struct str headers, struct str subject, uint32_t size,
    const char *why);

/* msg_trace_only - it is not to be delivered.  NULL: false. */
bool msg_trace_only(const struct msg_trace *);

/* What happened; t NULL: nothing is noted.  msg_trace_egress - error NULL: delivered. */
void msg_trace_mapped(struct msg_trace *, struct str to);
void msg_trace_ingress_error(struct msg_trace *, const char *text);
void msg_trace_egress(struct msg_trace *, const struct conn *, const struct sub *,
    const char *error);

/* msg_trace_hold - one more share.  msg_trace_done - one less; the last one hands it to the worker,
 * whose turn then sends it.  w NULL: nobody will.  t NULL is fine. */
void msg_trace_hold(struct msg_trace *);
void msg_trace_done(struct worker *, struct msg_trace *);

/* msg_trace_send - all events that are complete; outside of deliver(). */
void msg_trace_send(struct worker *);

/* msg_trace_discard - of a worker that ends. */
void msg_trace_discard(struct worker *);

#endif
