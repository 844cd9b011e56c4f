/*
 * access_tree - what the keys authorization, accounts, mappings and proxies of a file say
 * (config.md 4.1, 4.4-4.6).
 *
 *	access_tree.c		the root's keys and the block authorization
 *	access_tree_users.c	a list of users
 *	access_tree_permissions.c	what a user may publish and subscribe
 *	access_tree_accounts.c	the block accounts
 *	access_tree_mappings.c	a block of mappings
 *	access_tree_proxies.c	the block proxies
 */
#ifndef SUPERVISOR_ACCESS_TREE_H
#define SUPERVISOR_ACCESS_TREE_H

#include <stdbool.h>

#include "common/access.h"
#include "natsd-supervisor/loader.h"
#include "natsd-supervisor/names.h"

struct access_tree {
	struct loader *l;
	struct access *a;    /* of the options: the account $G and what was read so far */
	struct names users;  /* and nkeys, of all accounts: they share their names */
	bool authorization;  /* the block was written */
};

void access_tree_init(struct access_tree *, struct loader *);

/* access_tree_item - a key of the root.  False: it is none of these. */
bool access_tree_item(struct access_tree *, const struct conf_item *);

/* access_tree_end - all keys were seen. */
void access_tree_end(struct access_tree *);

/* ---- between the files of this part ---- */

/* access_keep - a copy of a string in the arena.  False: told. */
bool access_keep(struct access_tree *, struct str *to, struct str from);

/*
 * access_users - a list of users, of that account; they stand at the end of a->users.
 * nowhere: that it is no list is told without a place, as nats-server does inside accounts.
 */
void access_users(struct access_tree *, const struct conf_value *, uint32_t account, bool nowhere);

/* access_users_unique - the users from `first` on are not named before; told at that value. */
bool access_users_unique(struct access_tree *, size_t first, const struct conf_value *at);

/* access_users_default - users from `first` on without permissions of their own get these. */
void access_users_default(struct access_tree *, size_t first, const struct access_permissions *);

/* access_permissions - NULL: told. */
struct access_permissions *access_permissions(struct access_tree *, const struct conf_value *);

void access_accounts(struct access_tree *, const struct conf_value *);

/* access_proxies - whose signatures are trusted. */
void access_proxies(struct access_tree *, const struct conf_value *);

/* access_mappings - into that account. */
void access_mappings(struct access_tree *, const struct conf_value *, uint32_t account);

#endif
