/*
 * interest - what natsd-js and natsd-raft are interested in: one set for all workers, since the
 * tries are shared.
 *
 * A role says its interest on its rings; each entry remembers on which worker's ring and in which
 * life it was said last.  The interest of a dead life stays until the next one says SYNCED on that
 * ring: what it did not repeat there is swept then.
 *
 * A mutex guards it; nothing per message comes here.
 */
#ifndef FRONT_INTEREST_H
#define FRONT_INTEREST_H

#include <stdint.h>

#include "common/str.h"

struct account;
struct interest;
struct shared;

struct interest *interest_new(void);
void interest_free(struct interest *, struct shared *);

/* interest_sub - 0; -1: no memory.  Saying the same again only renews it. */
int interest_sub(struct interest *, struct shared *, unsigned role, unsigned ring, uint64_t life,
    struct account *, uint64_t sid, struct str subject, struct str queue);
void interest_unsub(struct interest *, struct shared *, unsigned role, struct account *,
    uint64_t sid);
void interest_synced(struct interest *, struct shared *, unsigned role, unsigned ring,
    uint64_t life);

uint32_t interest_count(struct interest *, unsigned role);

#endif
