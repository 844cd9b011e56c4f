/*
 * trace - protocol lines in the log, when `trace` is on: "<<- [SUB foo 1]", "->> [PONG]".
 *
 * Costs one load when off.
 */
#ifndef FRONT_CLIENT_TRACE_H
#define FRONT_CLIENT_TRACE_H

#include "common/str.h"

struct conn;
struct parser_pub;

void client_trace_pub(const struct conn *, const struct parser_pub *);
void client_trace_payload(const struct conn *, const struct parser_pub *);
void client_trace_sub(const struct conn *, struct str subject, struct str queue, struct str sid);
void client_trace_unsub(const struct conn *, struct str sid, int max);
void client_trace_word(const struct conn *, const char *); /* in */
void client_trace_out(const struct conn *, const char *);
void client_trace_connect(const struct conn *, struct str json); /* secrets left out */

#endif
