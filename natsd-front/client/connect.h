/*
 * connect - what CONNECT does to a connection (client.md 5).
 */
#ifndef FRONT_CLIENT_CONNECT_H
#define FRONT_CLIENT_CONNECT_H

#include "common/str.h"

struct conn;

void client_connect(struct conn *, struct str json);

#endif
