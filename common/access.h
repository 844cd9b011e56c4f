/*
 * access - who may connect and what each may do, as the configuration says it: accounts, users,
 * permissions, limits, mappings (config.md 4.4-4.6, accounts.md 7).
 *
 * Plain data, resolved and immutable: every default is filled in, every user names its account by
 * index.  The supervisor makes it from the file; the front is told all of it, js and raft only
 * accounts without users.  All memory, strings too, belongs to one arena and goes with it.
 */
#ifndef COMMON_ACCESS_H
#define COMMON_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cursor.h"
#include "common/err.h"
#include "common/role.h"
#include "common/str.h"

#define ACCESS_USERS_MAX (1u << 20)
#define ACCESS_LIST_MAX (1u << 20) /* subjects of one list */
#define ACCESS_STRING_MAX (1u << 20) /* bytes */
#define ACCESS_ENCODED_MAX (64u << 20) /* bytes */
#define ACCESS_NO_LIMIT (-1)
#define ACCESS_NO_ACCOUNT UINT32_MAX
#define ACCESS_TIMEOUT_NS (2LL * 1000000000LL)
#define ACCESS_RESPONSES_MAX 1
#define ACCESS_RESPONSES_TTL_NS (120LL * 1000000000LL)

/* Kinds of connections, as allowed_connection_types names them (accounts.md 7.3). */
enum access_type {
	ACCESS_STANDARD = 1,
	ACCESS_WEBSOCKET = 2,
	ACCESS_LEAFNODE = 4,
	ACCESS_LEAFNODE_WS = 8,
	ACCESS_MQTT = 16,
	ACCESS_MQTT_WS = 32,
	ACCESS_IN_PROCESS = 64,
};

struct access_subject {
	struct str subject;
	struct str queue; /* empty: none; in subscribe lists only */
};

struct access_list {
	struct access_subject *at;
	size_t n;
	bool given; /* false: no such list.  Given and empty allows nothing */
};

struct access_permissions {
	uint32_t index; /* into access.permissions */
	struct access_list pub_allow, pub_deny, sub_allow, sub_deny;
	bool responses;		  /* allow_responses */
	int64_t responses_max;	  /* negative: no limit; never 0 */
	int64_t responses_ttl_ns; /* likewise */
};

struct access_user {
	struct str name;     /* empty when it is an nkey */
	struct str password; /* plain or bcrypt; secret */
	struct str nkey;     /* public user key in text; empty: none */
	uint32_t account;    /* index into access.accounts */
	const struct access_permissions *permissions; /* NULL: everything */
	unsigned types;	     /* enum access_type bits; 0: all */
	bool proxy_required;
};

struct access_destination {
	struct str subject;
	struct str cluster; /* empty: anywhere */
	uint32_t weight;    /* 0..100, as written */
};

struct access_mapping {
	struct str source;
	struct access_destination *at;
	size_t n;
};

struct access_account {
	struct str name;
	struct str nkey; /* empty: none */
	int64_t max_conns, max_subs, max_payload, max_leafs; /* ACCESS_NO_LIMIT */
	struct access_mapping *mappings;
	size_t nmappings;
	struct str trace_dest;	/* msg_trace; empty: none */
	uint32_t trace_sampling; /* 1..100 */
};

struct access {
	struct access_account *accounts; /* [0] is $G; the system account is among them */
	size_t naccounts;
	uint32_t system_account; /* index; ACCESS_NO_ACCOUNT: there is none */
	struct access_permissions **permissions; /* each different one once; users point at them */
	size_t npermissions;
	struct access_user *users; /* of all accounts, nkeys too, in the order of the file */
	size_t nusers;
	bool has_users;		 /* there is one at least: nats-server forgets an empty list */
	struct str user, password, token; /* of the single user or token; secrets */
	bool proxy_required;
	bool has_proxies;	 /* the block proxies was written, even an empty one */
	struct str *proxies;	 /* public keys of the trusted ones, in text; as written */
	size_t nproxies;
	struct str no_auth_user; /* empty: none */
	bool system_made; /* $SYS was made: no file names it */
	bool guest; /* that one was made up, as only the system account has users (accounts.md 7.4) */
	int64_t timeout_ns;	 /* of authentication, resolved */

	struct access_arena *arena;
};

/*
 * access_new - no user, account $G, and $SYS as system account.
 * access_new_bare - the same without $SYS.  NULL: no memory.
 */
struct access *access_new(struct err *);
struct access *access_new_bare(struct err *);
void access_free(struct access *); /* wipes the secrets; NULL is fine */

/* access_alloc - n zeroed bytes of the arena; access_str - a copy in it.  NULL: no memory. */
void *access_alloc(struct access *, size_t n);
int access_str(struct access *, struct str *to, struct str from, struct err *);

/*
 * access_add_account, access_add_user, access_add_permissions - one more at the end, with nothing but
 * defaults (no limit, traces of 100 %, permissions that allow everything); the name is copied.  The
 * arrays of accounts and users may move: keep an index.  NULL: no memory, or too many.
 */
struct access_account *access_add_account(struct access *, struct str name, struct err *);
struct access_user *access_add_user(struct access *, struct err *);
struct access_permissions *access_add_permissions(struct access *, struct err *);

/* access_add_proxy - one more trusted key; the text is copied.  0; -1: no memory, or too many. */
int access_add_proxy(struct access *, struct str key, struct err *);
/* access_has_proxy - whether a key is among them. */
bool access_has_proxy(const struct access *, struct str key);

/* access_find_account - its index; ACCESS_NO_ACCOUNT.  Slow: every account is looked at. */
uint32_t access_find_account(const struct access *, struct str name);

/* access_required - whether a client must authenticate at all (accounts.md 7.5). */
bool access_required(const struct access *);

/*
 * access_encode - what `role` may know.  access_decode - a new one from it; refuses what is short,
 * out of bounds, meant for another role, or refers to what is not there.  NULL: the reason.
 */
void access_encode(const struct access *, enum role, struct wr *);
struct access *access_decode(struct rd *, enum role, struct err *);

/* access_copy - all of it, in memory of its own.  NULL: no memory. */
struct access *access_copy(const struct access *, struct err *);

/* access_equal - for a reload: nothing in it differs. */
bool access_equal(const struct access *, const struct access *);
bool access_account_equal(const struct access_account *, const struct access_account *);
bool access_permissions_equal(const struct access_permissions *, const struct access_permissions *);

#endif
