/*
 * auth_table - the users of one generation of the configuration, made for looking up (accounts.md
 * 7).
 *
 * Immutable; borrows from the struct access that it is made of, which lives as long.  Any thread.
 */
#ifndef FRONT_AUTH_TABLE_H
#define FRONT_AUTH_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/access.h"
#include "common/err.h"
#include "common/nkey.h"
#include "common/str.h"

struct dn;
struct permit;

struct auth_user {
	const struct access_user *said; /* what the configuration says of it */
	struct str name;		/* user name, or the nkey's text */
	bool is_nkey;
	bool hashed;			/* the password is a bcrypt hash */
	uint8_t key[NKEY_KEY_BYTES];	/* of an nkey */
	const struct permit *permit;	/* NULL: everything */
};

struct auth_proxy { /* a trusted one */
	struct str text; /* its public key */
	uint8_t key[NKEY_KEY_BYTES];
};

struct auth_table {
	const struct access *access;
	bool required;			  /* clients must authenticate */
	bool nonce;			  /* INFO has a nonce: somebody may sign it */
	struct auth_proxy *proxies;
	size_t nproxies;
	bool has_users, has_nkeys;	  /* any of that kind */
	bool token_hashed, password_hashed; /* of the single token or user */
	const struct auth_user *no_auth;  /* for who says no credentials; NULL: nobody */
	bool says_required;		  /* auth_required in the first INFO; later ones: required */

	struct auth_user *users; /* in the order of the configuration */
	size_t n;
	struct permit **permits; /* of all users, each once */
	size_t npermits;
	struct dn **dns;	 /* [n]: names that are those of certificates; NULL: not asked for */
	uint32_t *slots;	 /* open addressing by name: index + 1; 0: free */
	size_t nslots;		 /* a power of two */
};

/* auth_table_new - certificates: user names may be those of certificates.  NULL: the reason. */
struct auth_table *auth_table_new(const struct access *, bool certificates, struct err *);
void auth_table_free(struct auth_table *); /* NULL is fine */

/* auth_table_user, auth_table_nkey - by name, by text of the key.  NULL: there is none. */
const struct auth_user *auth_table_user(const struct auth_table *, struct str name);
const struct auth_user *auth_table_nkey(const struct auth_table *, struct str text);

/* auth_user_allows - the kind of connection (one bit of enum access_type). */
bool auth_user_allows(const struct auth_user *, unsigned type);

/* auth_user_same - what proves to be this user is the same in both: nobody needs to prove it
 * again. */
bool auth_user_same(const struct auth_user *, const struct auth_user *);

#endif
