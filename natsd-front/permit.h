/*
 * permit - what one set of permissions allows (client.md 11): compiled from the configuration,
 * immutable, shared by all connections that have it.
 *
 * The one place that decides: publish, subscribe, delivery, mapping, trace and, later, import,
 * replay and retained messages all ask here.  Pure: no connection, so that it can be compared with
 * a slow reference.  What a connection adds of its own is grants.h.
 */
#ifndef FRONT_PERMIT_H
#define FRONT_PERMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/access.h"
#include "common/err.h"
#include "common/str.h"

struct permit;

/* permit_new - NULL: no memory, or a subject that is none. */
struct permit *permit_new(const struct access_permissions *, struct err *);
void permit_free(struct permit *);

/* permit_serial - of this permit in this process; never used again.  Verdicts are kept by it. */
uint64_t permit_serial(const struct permit *);

/* permit_publish - by the lists alone, without allow_responses (11.2). */
bool permit_publish(const struct permit *, struct str subject);

/* permit_subscribe - queue empty: a plain subscription (11.3). */
bool permit_subscribe(const struct permit *, struct str subject, struct str queue);

/* permit_overlaps - an allowed subscription that may be sent what is denied: from then on
 * deliveries to its connection must be asked for (11.4). */
bool permit_overlaps(const struct permit *, struct str subject, struct str queue);

/* permit_deliver - a message on that subject to a subscription with that queue (11.4). */
bool permit_deliver(const struct permit *, struct str subject, struct str queue);

/* permit_responses - allow_responses: how many, for how long; negative: no limit.  False: not
 * given. */
bool permit_responses(const struct permit *, int64_t *max, int64_t *ttl_ns);

#endif
