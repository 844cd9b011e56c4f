/*
 * auth - how a connection becomes somebody: from CONNECT to an account and a user, and what a reload
 * makes of it (client.md 5, accounts.md 7 to 12, config.md 12.7).
 *
 *	auth_begin --> $G, nonce, timer
 *	auth_connect --> DONE    a cheap answer: bound to account and user
 *		     --> OVER    refused; it heard why and is being closed
 *		     --> LATER   CONN_AUTHENTICATING: a helper looks; then client_connected()
 *
 * What CONNECT said stays in a block of the connection as long as a reload may ask for it again;
 * who said nothing has none.  Only the worker of the connection comes here.
 */
#ifndef FRONT_AUTH_H
#define FRONT_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/str.h"

struct conn;
struct connect_options;
struct settings;

enum auth_result { AUTH_DONE, AUTH_LATER, AUTH_OVER };

/* auth_begin - a fresh connection: bound to $G, with a nonce when somebody may sign it.  0; -1: no
 * memory.  auth_expect - from now on it has so long to authenticate, if it must. */
int auth_begin(struct conn *);
void auth_expect(struct conn *);

/* auth_end - it is off the books: leaves its account.  auth_free - wipes what it said. */
void auth_end(struct conn *);
void auth_free(struct conn *);

/* auth_nonce - for INFO; empty: none. */
struct str auth_nonce(const struct conn *);

/* auth_said - what it said so far, NULL: nothing; auth_keep - moves all of *o in place of that and
 * leaves *o empty.  0; -1: no memory. */
struct connect_options *auth_said(struct conn *);
int auth_keep(struct conn *, struct connect_options *o);

/* auth_connect - decides over what was kept.  auth_settle - CONNECT is done with: what no reload
 * asks for is forgotten. */
enum auth_result auth_connect(struct conn *);
void auth_settle(struct conn *);

/* auth_refuse - it may not: the error, the log line, the end. */
void auth_refuse(struct conn *);

/* auth_first - its first operation, which begins with this byte, is not CONNECT though one is
 * expected: it becomes no_auth_user, if it may. */
void auth_first(struct conn *, uint8_t first);

/* auth_late - its time is over. */
void auth_late(struct conn *);

/*
 * auth_reload - the worker uses new settings, these are the ones before.  changed: accounts or users
 * differ, so that it may have to go, or to prove anew who it is.
 */
void auth_reload(struct conn *, const struct settings *old, bool changed);

/* auth_signed - an nkey user was let in: monitoring names its account as issuer. */
bool auth_signed(const struct conn *);

/* auth_unread_* - the client's own words of a CONNECT that is not done with, or was refused; NULL: it
 * said none.  Borrowed. */
const char *auth_unread_name(const struct conn *);
const char *auth_unread_lang(const struct conn *);
const char *auth_unread_version(const struct conn *);

/* auth_shown - user, key or "[REDACTED]" for monitoring; "" when it said none.  Borrowed. */
const char *auth_shown(const struct conn *);

/* auth_proxy - public key of the trusted proxy that it came through; "": none.  Borrowed. */
const char *auth_proxy(const struct conn *);

#define AUTH_TEXT_MAX 320
/* auth_text - `User "x"`, `Nkey "U..."`, `Token "[REDACTED]"`, `User "N/A"`, for the log. */
const char *auth_text(const struct conn *, char out[AUTH_TEXT_MAX]);

#endif
