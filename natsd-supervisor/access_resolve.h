/*
 * access_resolve - what file and flags together say about who is let in: defaults, the system account,
 * the guest (config.md 5, 6.5; accounts.md 7.4, 14).
 */
#ifndef SUPERVISOR_ACCESS_RESOLVE_H
#define SUPERVISOR_ACCESS_RESOLVE_H

#include <stdbool.h>

#include "common/err.h"
#include "common/options.h"

/* The name of the user that is made up when nobody but the system account has any. */
#define ACCESS_GUEST_TEXT sizeof("nats-01234567")

/* access_guest_make - one for the life of this supervisor.  0; -1. */
int access_guest_make(char guest[ACCESS_GUEST_TEXT], struct err *);

/*
 * access_resolve - fills in o->access: the account $SYS, the system account, the time to authenticate,
 * no_auth_user.  authorization: that block was written.  Nothing is refused here: access_check does.
 * 0; -1: no memory.
 */
int access_resolve(struct options *, bool authorization, const char *guest, struct err *);

/* access_check - what only all options together can tell (config.md 6.5).  0; -1. */
int access_check(const struct options *, struct err *);

/* access_check_system - the system account that is named is there.  0; -1. */
int access_check_system(const struct options *, struct err *);

/* access_warns - some password stands there in clear text. */
bool access_warns(const struct options *);

#endif
