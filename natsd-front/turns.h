/*
 * turns - up to which PING of the supervisor every worker has had a turn.
 *
 * Workers are busy at different times: when each turn takes longer than the pause between two PINGs,
 * there may be no number that all answer while it is the last one.  So what counts is the number that
 * the slowest has come to, whether newer ones are asked meanwhile or not.
 */
#ifndef FRONT_TURNS_H
#define FRONT_TURNS_H

#include <stdbool.h>
#include <stdint.h>

struct turns {
	uint64_t *of; /* [n]: the last one that this worker has answered */
	unsigned n;
	uint64_t all; /* what all of them have answered at least */
};

/* turns_init - nobody has answered anything.  0; -1: no memory. */
int turns_init(struct turns *, unsigned nworkers);
void turns_free(struct turns *);

/* turns_said - a worker has had a turn since PING `number`; true: `all` has grown. */
bool turns_said(struct turns *, unsigned worker, uint64_t number);

#endif
