/*
 * identity - who this server is: public keys made anew at every start of the supervisor.
 *
 * In text as common/nkey.h says: N... a server, X... a curve key (client.md 4).
 */
#ifndef SUPERVISOR_IDENTITY_H
#define SUPERVISOR_IDENTITY_H

#include <stdint.h>

#include "common/err.h"
#include "common/nkey.h"

#define IDENTITY_TEXT NKEY_PUBLIC_TEXT

struct identity {
	char server_id[IDENTITY_TEXT];
	char xkey[IDENTITY_TEXT];
	uint64_t life; /* random: first part of ingress numbers */
};

int identity_make(struct identity *, struct err *);

#endif
