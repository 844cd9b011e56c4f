/*
 * advertise - the address told to clients instead of the one listened on.
 */
#ifndef SUPERVISOR_ADVERTISE_H
#define SUPERVISOR_ADVERTISE_H

#include "common/err.h"

/* advertise_check - whether "host[:port]" can be told; "" can.  0; -1 with Go's words, which callers
 * put behind their own. */
int advertise_check(const char *text, struct err *);

#endif
