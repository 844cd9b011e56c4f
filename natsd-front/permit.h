/*
 * permit - what one set of permissions allows (client.md 11): compiled from the configuration,
 * immutable, shared by all connections that have it.
 *
 * The one place that decides: publish, subscribe, delivery, mapping, trace and, later, import,
 * replay and retained messages all ask here.  Pure: no connection, so that it can be compared with
 * a slow reference.
 */
#ifndef FRONT_PERMIT_H
#define FRONT_PERMIT_H

#include <stdbool.h>

#include "common/access.h"
#include "common/err.h"
#include "common/str.h"

struct permit;

/* permit_new - NULL: no memory, or a subject that is none. */
struct permit *permit_new(const struct access_permissions *, struct err *);
void permit_free(struct permit *);

/* permit_publish - by the lists alone, without allow_responses (11.2). */
bool permit_publish(const struct permit *, struct str subject);

/* permit_subscribe - queue empty: a plain subscription (11.3). */
bool permit_subscribe(const struct permit *, struct str subject, struct str queue);

/* permit_overlaps - an allowed subscription that may be sent what is denied: its deliveries must be
 * asked for from now on (11.4). */
bool permit_overlaps(const struct permit *, struct str subject, struct str queue);

/* permit_deliver - a message on that subject, to a subscription with that queue (11.4). */
bool permit_deliver(const struct permit *, struct str subject, struct str queue);

/* permit_responses - allow_responses; false: not given. */
bool permit_responses(const struct permit *, int64_t *max, int64_t *ttl_ns);

/*
 * grants - what one connection keeps beside its permit: verdicts it remembers, replies it may
 * answer, whether deliveries are asked for.  Made when first needed, so that a connection without
 * permissions has none.  Its worker only.
 */
struct grants;
struct mono;

/* grants_publish - the whole check of a publish, responses and cache considered. */
bool grants_publish(struct grants **, const struct permit *, struct str subject, struct mono now);

/* grants_subscribed - an accepted SUB: from now on deliveries may have to be asked for. */
void grants_subscribed(struct grants **, const struct permit *, struct str subject,
    struct str queue);

/* grants_filter - whether deliveries must be asked for; grants_deliver - asks, with a cache. */
bool grants_filter(const struct grants *);
bool grants_deliver(struct grants *, const struct permit *, struct str subject, struct str queue);

/* grants_reply - a message with this reply was delivered: remembers it when it may be answered. */
void grants_reply(struct grants **, const struct permit *, struct str reply, struct mono now);

/* grants_moved - the permit changed under the connection (11.6). */
void grants_moved(struct grants **, const struct permit *from, const struct permit *to);
void grants_free(struct grants *);

#endif
