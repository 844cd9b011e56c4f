/*
 * probe - in test builds the supervisor may ask this process to try what it must never do.
 */
#ifndef FRONT_PROBE_H
#define FRONT_PROBE_H

#include <stdbool.h>

#include "common/ctl.h"

bool probe_allowed(void);

/* probe_answer - PROBE: tries it and says how it ended; "not in this build" otherwise. */
void probe_answer(struct ctl *, const struct ctl_probe *);

#endif
