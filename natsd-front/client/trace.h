/*
 * trace - protocol lines in the log, when `trace` is on, as nats-server writes them:
 *
 *	<<- [PUB foo 5]		<<- MSG_PAYLOAD: ["hello"]	->> [PONG]	<-> [DELSUB 1]
 *
 * Each costs one load when off.
 */
#ifndef FRONT_CLIENT_TRACE_H
#define FRONT_CLIENT_TRACE_H

#include <stdint.h>

#include "common/str.h"

struct conn;

/* trace_op - an operation that came, with its arguments as they were written. */
void trace_op(const struct conn *, const char *verb, struct str args);

/* trace_args - one whose line is still in the read buffer: args begin at `from`; `behind` is on the
 * same line, which has its LF. */
void trace_args(const struct conn *, const char *verb, const char *from, const char *behind);

/* trace_payload - what a publisher sent: hdr bytes of headers in it. */
void trace_payload(const struct conn *, struct str body, uint32_t hdr);

/* trace_delivery - what a subscriber gets: "MSG foo 1 5" in two parts, and what comes behind. */
void trace_delivery(const struct conn *, struct str head, struct str line, struct str body,
    uint32_t hdr);

void trace_connect(const struct conn *, struct str json); /* secrets left out */
void trace_out(const struct conn *, const char *word);
void trace_drop_sub(const struct conn *, struct str sid);

#endif
