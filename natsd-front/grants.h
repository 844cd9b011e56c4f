/*
 * grants - what one connection has beside its permit: the replies that it may answer
 * (allow_responses, client.md 11.5), and whether its deliveries must be asked for (11.4).
 *
 * Made when first needed; NULL is a connection that never did.  Only its worker touches it.
 */
#ifndef FRONT_GRANTS_H
#define FRONT_GRANTS_H

#include <stdbool.h>

#include "common/mono.h"
#include "common/str.h"
#include "natsd-front/permit.h"
#include "natsd-front/permit_cache.h"

#define GRANTS_REPLIES_MAX (1u << 20) /* of one connection; further ones may not be answered */

struct grants;

void grants_free(struct grants *);

/* grants_publish - the whole check: the lists, then the replies, of which this is one answer. */
bool grants_publish(struct grants *, const struct permit *, struct permit_cache *,
    struct str subject, struct mono now);

/* grants_delivered - a message with this reply was delivered: when its lists do not let the
 * connection publish there, it may now answer.  0; -1: no memory, it may not. */
int grants_delivered(struct grants **, const struct permit *, struct permit_cache *,
    struct str reply, struct mono now);

/* grants_subscribed - a SUB was accepted.  0; -1: no memory: it must not be. */
int grants_subscribed(struct grants **, const struct permit *, struct str subject,
    struct str queue);

/* grants_filters - whether deliveries must be asked for. */
bool grants_filters(const struct grants *);

/* grants_moved - another permit (either may be NULL): replies are forgotten unless allow_responses
 * says the same in both; deliveries are not asked for before the next grants_subscribed(). */
void grants_moved(struct grants *, const struct permit *from, const struct permit *to);

#endif
