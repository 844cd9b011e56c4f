/*
 * echo_answer - the body of a development echo's answer, in the style of the system account's
 * services: {"server":{...},"data":{...}} (monitoring-events.md 20).
 */
#ifndef COMMON_ECHO_ANSWER_H
#define COMMON_ECHO_ANSWER_H

#include "common/hub.h"

/* echo_answer - publishes the answer to rq, when it has a reply subject; rq->verdict says what was
 * decided.  -1: the list of the ring back is at its bound, nothing was said. */
int echo_answer(struct hub *, const struct hub_request *rq, enum role role, uint64_t verdict);

#endif
