/*
 * info - the INFO line to a client (client.md 4): the same keys in the same order as nats-server.
 */
#ifndef FRONT_CLIENT_INFO_H
#define FRONT_CLIENT_INFO_H

#include "natsd-front/settings.h"

struct conn;

enum info_kind {
	INFO_FIRST,	/* at accept */
	INFO_CONNECTED, /* after the first PING behind a CONNECT: which account it is */
	INFO_LAME_DUCK,
};

void info_send(struct conn *, enum info_kind);

/* info_prepare - settings->info_head and info_tail, what is the same for every client. 0; -1. */
int info_prepare(struct settings *);

#endif
