/*
 * identity - who this server is: public keys made anew at every start of the supervisor.
 *
 * Text form of a key (nkeys): base32 without padding of prefix byte, 32 key bytes, CRC-16/XMODEM of
 * both, little endian: 56 characters.  N... a server, X... a curve key (client.md 4).
 */
#ifndef SUPERVISOR_IDENTITY_H
#define SUPERVISOR_IDENTITY_H

#include <stdint.h>

#include "common/err.h"

#define IDENTITY_TEXT 57 /* with its terminator */

struct identity {
	char server_id[IDENTITY_TEXT];
	char xkey[IDENTITY_TEXT];
	uint64_t life; /* random: first part of ingress numbers */
};

int identity_make(struct identity *, struct err *);

/* identity_encode - the text form; prefix: (13 << 3) for N, (23 << 3) for X. */
void identity_encode(char out[IDENTITY_TEXT], uint8_t prefix, const uint8_t key[32]);

#endif
