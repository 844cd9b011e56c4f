/*
 * connect_json - the object of CONNECT, read as Go's decoder would (client.md 5.1).
 *
 * Keys match in any letter case, the last one wins, null leaves the value, a value of another type
 * makes the whole object refused.  Invalid UTF-8 and lone surrogates read as U+FFFD.  Pure: no
 * connection, so that it can be fuzzed.
 */
#ifndef FRONT_CLIENT_CONNECT_JSON_H
#define FRONT_CLIENT_CONNECT_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "common/str.h"

struct connect_options {
	bool verbose, pedantic, echo, tls_required, headers, no_responders, new_account;
	int64_t protocol;
	char *name, *lang, *version; /* malloc'ed or NULL, like all below */
	char *account;
	/* Credentials; not looked at before authentication exists. */
	char *user, *pass, *auth_token, *jwt, *nkey, *sig, *proxy_sig;
};

/* connect_json_read - over what *o holds.  0; -1: refused, *o is as before. */
int connect_json_read(struct str json, struct connect_options *o);

/* connect_json_check - is it a JSON object or null?  0, -1. */
int connect_json_check(struct str json);

void connect_options_free(struct connect_options *); /* wipes the secrets */

#endif
