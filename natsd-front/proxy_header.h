/*
 * proxy_header - the PROXY protocol, versions 1 and 2: who a load balancer connects for (client.md
 * 2.5).
 *
 *	v1	PROXY TCP4 192.0.2.1 192.0.2.9 56324 4222\r\n
 *	v2	| signature 12 | version, command 1 | family, protocol 1 | length 2, big endian | addresses |
 *
 * Pure: the bytes come from outside, nothing of them is trusted.
 */
#ifndef FRONT_PROXY_HEADER_H
#define FRONT_PROXY_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define PROXY_BEGIN_BYTES 6u /* tell whether there is a header, and which */
#define PROXY_LINE_MAX 107u  /* bytes of version 1, CR LF included */
#define PROXY_HEAD_BYTES 16u /* of version 2, before the addresses */
#define PROXY_HEADER_MAX (PROXY_HEAD_BYTES + 65535u)

enum proxy_result {
	PROXY_MORE,   /* not all of it is there */
	PROXY_NONE,   /* no header: a direct connection, the bytes are its own */
	PROXY_WHOLE,  /* *used bytes are the header */
	PROXY_BROKEN, /* it began like one; the reason is told */
};

struct proxy_header {
	bool known;	/* false: LOCAL, UNKNOWN or UNSPEC; the socket's address stands */
	uint8_t family; /* AF_INET, also for a mapped IPv6 address, or AF_INET6 */
	uint16_t port;
	uint8_t addr[16];
};

enum proxy_result proxy_header_parse(const uint8_t *p, size_t n, struct proxy_header *,
    size_t *used, struct err *);

#endif
