/*
 * auth_decide - who a client is, from what it said (accounts.md 8, in configuration mode).
 *
 * Pure: a table, credentials, facts of the connection in, a decision out.  What takes long (bcrypt,
 * signatures) is not done here but asked for.
 */
#ifndef FRONT_AUTH_DECIDE_H
#define FRONT_AUTH_DECIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/nkey.h"
#include "common/str.h"
#include "natsd-front/auth/auth_table.h"
#include "natsd-front/auth/cert.h"
#include "natsd-front/reasons.h"

struct auth_creds { /* of CONNECT; n 0: not said */
	struct str user, pass, token, nkey, sig, proxy_sig;
};

struct auth_facts {
	unsigned type;	/* one bit of enum access_type */
	bool maps;	/* the listener takes the user from the certificate */
	const struct cert_identity *cert; /* NULL: none was shown */
	struct str proxy; /* the key that proxy_sig was found to be by; empty: not known yet */
};

enum auth_verdict {
	AUTH_PROXY,  /* ask again, with proxy, when sig is that of the nonce by a trusted proxy */
	AUTH_ACCEPT,
	AUTH_REFUSE,
	AUTH_BCRYPT, /* accept when creds.pass or creds.token fits the hash in proof */
	AUTH_NKEY,   /* accept when sig is that of the nonce by the user's key */
};

struct auth_decision {
	enum auth_verdict verdict;
	enum reason reason;	   /* AUTH_REFUSE */
	const char *why;	   /* AUTH_REFUSE: for who debugs; NULL: nothing to add */
	const char *why_first;	   /* what is told before that; NULL: nothing */
	const struct auth_user *user; /* who it is, or would be; NULL: nobody of a list */
	bool by_no_auth, by_cert;  /* where the user comes from, when not from the credentials */
	struct str secret;	   /* AUTH_BCRYPT: what is to fit */
	struct str proof;	   /* AUTH_BCRYPT: the hash; AUTH_NKEY: the key's text */
	uint8_t sig[NKEY_SIG_BYTES]; /* AUTH_NKEY, AUTH_PROXY */
};

void auth_decide(const struct auth_table *, const struct auth_creds *, const struct auth_facts *,
    struct auth_decision *);

/* auth_decide_first - a client whose first operation is not CONNECT: the user it gets without
 * credentials (7.4).  NULL: it is refused. */
const struct auth_user *auth_decide_first(const struct auth_table *, unsigned type);

#define AUTH_PROXY_WHY "proxy is not trusted" /* for who debugs */

#endif
