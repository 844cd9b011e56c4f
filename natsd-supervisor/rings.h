/*
 * rings - all rings and bells of one natsd: who has which, made once, made anew when their two ends
 * need it (docs/architecture.md, "Who has which ring").
 *
 * The supervisor holds the descriptors for its whole life, so that a ring outlives both of its ends.
 */
#ifndef SUPERVISOR_RINGS_H
#define SUPERVISOR_RINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/ctl.h"
#include "common/doorbell.h"
#include "common/err.h"

struct rings;

/* rings_new - bells of every consumer thread, then all rings: `threads` workers of the front, and
 * js and raft when `roles` has their bits.  bytes: of each ring of the front; NULL: the reason. */
struct rings *rings_new(uint32_t threads, unsigned roles, uint32_t bytes, struct err *);
void rings_free(struct rings *);

/*
 * rings_renew - new memory, with new serials, for every ring between a and b; the old one is given up.
 * rings_retire - the same between the front, whose life has ended, and a hub; what the hub has not
 * released yet is kept, and handed to every new life of the hub too, until it says DRAINED.
 * rings_forget - it did.  0; -1.
 */
int rings_renew(struct rings *, enum role a, enum role b, struct err *);
int rings_retire(struct rings *, enum role hub, uint32_t front_life, struct err *);
void rings_forget(struct rings *, enum role hub, uint32_t front_life, uint32_t thread);

/* rings_death - the consumer `role` has died and is reaped: what it had in work counts towards the
 * poison rule (ring.h, ring_death). */
void rings_death(struct rings *, enum role role, bool fault);

/*
 * rings_hand - tells `to` its bells (only with bells != 0) and its end of every ring it has with
 * `peer` (0: with everybody, and what is left of dead fronts first), over its control channel.
 * front_life: the life of the front that the front's rings belong to, which names them.  0; -1.
 */
int rings_hand(struct rings *, struct ctl *, enum role to, unsigned peer, int bells,
    uint32_t front_life, struct err *);

#endif
