/*
 * bcrypt - passwords that stand in the configuration as hashes (accounts.md 7.6).
 *
 *	$2b$10$....................._______________________________
 *	  |  |   salt, 22 digits      hash, 31 digits
 *	  |  cost, 04 to 31
 *	  a, b, x or y: nats-server treats them alike
 *
 * What it costs doubles with each step of the cost: some tenth of a second at 12, a day at 31.  It
 * cannot be interrupted, so it belongs on a helper thread.
 */
#ifndef FRONT_AUTH_BCRYPT_H
#define FRONT_AUTH_BCRYPT_H

#include <stdbool.h>

#include "common/str.h"

/* bcrypt_is - the text of the configuration is a hash, not a password; it may still be one that
 * nothing fits. */
bool bcrypt_is(struct str text);

/* bcrypt_check - password fits the hash.  False too when the hash is broken, or no memory. */
bool bcrypt_check(struct str hash, struct str password);

#endif
