/*
 * duration - lengths of time as nats-server's users read and write them: 1h30m, 250ms, 2m0s.
 */
#ifndef COMMON_DURATION_H
#define COMMON_DURATION_H

#include <stdint.h>

#include "common/err.h"
#include "common/str.h"

#define DURATION_TEXT_MAX 32

/*
 * duration_parse - an optional sign, then decimals with units (ns us µs ms s m h), or "0"; in
 * nanoseconds.  0; -1 with Go's words: time: invalid duration "x", time: missing unit in duration
 * "5", time: unknown unit "d" in duration "1d".
 */
int duration_parse(struct str, int64_t *ns, struct err *);

/* duration_print - as Go prints it: "0s", "1.5ms", "2m0s", "-1h0m0s".  Returns out. */
const char *duration_print(int64_t ns, char out[DURATION_TEXT_MAX]);

#endif
