/*
 * own_msg - a message that the server itself publishes: an event, a trace.  Outside of deliver();
 * the thread of the worker.
 */
#ifndef FRONT_OWN_MSG_H
#define FRONT_OWN_MSG_H

#include <stddef.h>

#include "common/buf.h"
#include "common/str.h"

struct account;
struct worker;

/* own_msg_publish - body: hdr bytes of headers, the payload, CR LF. */
void own_msg_publish(struct worker *, struct account *, struct str subject, const struct buf *body,
    size_t hdr);

#endif
