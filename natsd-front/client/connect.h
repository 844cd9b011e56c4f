/*
 * connect - what CONNECT does to a connection (client.md 5).
 */
#ifndef FRONT_CLIENT_CONNECT_H
#define FRONT_CLIENT_CONNECT_H

#include "common/str.h"

struct conn;

/* client_connect - a CONNECT line; what comes of it may be later, then client_connected follows. */
void client_connect(struct conn *, struct str json);

/* client_connected - it is authenticated: the rest of its CONNECT. */
void client_connected(struct conn *);

#endif
