/*
 * auth_bind - a connection belongs to one account, whose connections are counted, and points at what
 * the settings in use say of that account and of its user.
 */
#ifndef FRONT_AUTH_BIND_H
#define FRONT_AUTH_BIND_H

#include <stdbool.h>

struct auth_user;
struct conn;
struct settings;

/* auth_bind - it is that user, NULL: nobody in $G.  False: its account has too many connections; it
 * heard so and is being closed. */
bool auth_bind(struct conn *, const struct auth_user *);

/* auth_bind_global - nobody, in $G, which has no limit.  auth_unbind - it is not counted any more. */
void auth_bind_global(struct conn *);
void auth_unbind(struct conn *);

/*
 * auth_repoint - after a reload, while its account stays: to that user of the settings in use; NULL:
 * nobody.
 * auth_repoint_same - likewise when users and accounts are the same as in the old settings.
 */
void auth_repoint(struct conn *, const struct auth_user *);
void auth_repoint_same(struct conn *, const struct settings *old);

#endif
