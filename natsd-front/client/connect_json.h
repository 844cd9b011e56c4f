/*
 * connect_json - the object of CONNECT, read as Go's decoder would (client.md 5.1).
 *
 * Keys match in any letter case, the last one wins, null leaves the value, a value of another type
 * makes the whole object refused.  Invalid UTF-8 and lone surrogates read as U+FFFD.  Memory is taken
 * for the texts below only, at most three times the length of the line.  Pure: no connection, so
 * that it can be fuzzed.
 */
#ifndef FRONT_CLIENT_CONNECT_JSON_H
#define FRONT_CLIENT_CONNECT_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "common/str.h"

struct connect_text { /* malloc'ed; p NULL: not said */
	char *p;      /* terminated, though it may hold zero bytes */
	size_t n;
};

struct connect_options {
	bool verbose, pedantic, echo, tls_required, headers, no_responders, new_account;
	int64_t protocol;
	struct connect_text name, lang, version, account;
	/* Credentials. */
	struct connect_text user, pass, auth_token, jwt, nkey, sig, proxy_sig;
};

#define CONNECT_WHY_MAX 256 /* bytes of what the log says of a refused object */

/* connect_json_read - over what *o holds.  0; -1: refused, *o is as before, and why says what
 * nats-server says: "json: cannot unmarshal number into Go struct field ...". */
int connect_json_read(struct str json, struct connect_options *o, char why[CONNECT_WHY_MAX]);

/* connect_json_check_info - would the object of an INFO be taken?  0, -1 and why. */
int connect_json_check_info(struct str json, char why[CONNECT_WHY_MAX]);

void connect_options_free(struct connect_options *); /* wipes the secrets */

#endif
