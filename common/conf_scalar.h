/*
 * conf_scalar - numbers with sizes, and points in time, as the configuration writes them.
 */
#ifndef COMMON_CONF_SCALAR_H
#define COMMON_CONF_SCALAR_H

#include <stdint.h>

#include "common/str.h"

enum conf_number {
	CONF_NUMBER_OK,
	CONF_NUMBER_NONE,   /* not a number */
	CONF_NUMBER_LARGE,  /* does not fit into 64 bits before its suffix */
	CONF_NUMBER_SUFFIX, /* there is no such suffix */
};

/* conf_number_read - digits, perhaps behind '-', perhaps before a suffix (k, KB, mib: config.md 1.4).
 * A product that does not fit wraps: the file says to us what it says to nats-server. */
enum conf_number conf_number_read(struct str, int64_t *out);

/* conf_time_read - seconds since the epoch of YYYY-MM-DDThh:mm:ssZ; -1: there is no such time.
 * conf_time_print - for the years 0 to 9999. */
#define CONF_TIME_BYTES sizeof("0000-00-00T00:00:00Z")
int conf_time_read(struct str, int64_t *out);
void conf_time_print(int64_t s, char out[CONF_TIME_BYTES]);

#endif
