/*
 * peer_rules - what natsd-js and natsd-raft may subscribe to and publish on (faults.md rule 22):
 * the ring's other side may be hostile, so a table decides and not its good will.
 */
#ifndef FRONT_PEER_RULES_H
#define FRONT_PEER_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/str.h"

/* peer_rules_sub, peer_rules_pub - role: PEER_JS or PEER_RAFT.  answer: a PUB that answers a
 * request (its tail has the ingress number): it may go to any inbox, but not into the server's own
 * names. */
bool peer_rules_sub(unsigned role, uint32_t account, struct str subject);
bool peer_rules_pub(unsigned role, uint32_t account, struct str subject, bool answer);

#endif
