/*
 * permit_cache - verdicts of permits that a worker has lately asked for.
 *
 * One for all its connections, of fixed size, so that permissions cost a connection nothing and a
 * message one look-up.  Keyed by the permit's serial number and the whole subject and queue: two
 * keys are never taken for one another, and a permit that is gone is never asked for again.
 */
#ifndef FRONT_PERMIT_CACHE_H
#define FRONT_PERMIT_CACHE_H

#include <stdbool.h>

#include "common/str.h"
#include "natsd-front/permit.h"

struct permit_cache;

struct permit_cache *permit_cache_new(void); /* NULL: no memory */
void permit_cache_free(struct permit_cache *);

/* As permit_publish and permit_deliver; cache NULL: nothing is kept. */
bool permit_cache_publish(struct permit_cache *, const struct permit *, struct str subject);
bool permit_cache_deliver(struct permit_cache *, const struct permit *, struct str subject,
    struct str queue);

#endif
