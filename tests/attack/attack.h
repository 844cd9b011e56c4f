/*
 * attack - what a role that was taken over may do to the memory of a ring (faults.md 86).
 *
 * Both ends of a ring may write anywhere in it at any time; the victim must drop the ring, log once,
 * be served again on fresh rings, and never read outside.
 */
#ifndef TESTS_ATTACK_H
#define TESTS_ATTACK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/ring_shared.h"

/*
 * attack - does to the ring what `how` names: as its producer (cursors and records) or as its
 * consumer (cursors).  base: the mapping of the whole object.  False: no such attack for that side.
 * The victim's bell is the caller's to ring afterwards.
 */
bool attack(const char *how, bool producer, struct ring_shared *base);

#endif
