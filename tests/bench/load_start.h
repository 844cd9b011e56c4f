/*
 * load_start - how long a server needs from exec to the first byte of INFO.
 */
#ifndef TESTS_BENCH_LOAD_START_H
#define TESTS_BENCH_LOAD_START_H

#include <stdint.h>

#include "common/err.h"

/*
 * load_start_once - starts argv (searched in PATH, output discarded) with a free port of 127.0.0.1
 * in place of every argument "%p", connects until somebody listens, and stops it with SIGTERM.
 * ns: from before fork to the first byte.  0; -1: not started, gone, or silent for 10 s.
 */
int load_start_once(char *const argv[], int64_t *ns, struct err *);

#endif
