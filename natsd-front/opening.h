/*
 * opening - what happens on a socket between accept and the first line of the protocol (client.md
 * 2.2): INFO in clear or inside TLS, who comes through a proxy, who speaks TLS, the handshake.
 *
 *	FIRST ----> SNIFF ----> PROXY_BEGIN --> PROXY --> SNIFF_AGAIN ----> HANDSHAKE --> open
 *	 handshake_  allow_non_   proxy_		   allow_non_tls
 *	 first,	     tls	  protocol		   behind a header
 *	 a delay
 *
 * Phases that the configuration does not ask for are passed over; without TLS and PROXY protocol
 * nothing waits, and nothing is allocated.  A connection is registered all the time: monitoring
 * shows it, it counts, and it can be closed.  No thread blocks: a phase waits for bytes and for the
 * end of its time.
 *
 * What is read too much, of the client's own bytes, is given to the handshake or to the parser.
 */
#ifndef FRONT_OPENING_H
#define FRONT_OPENING_H

#include <stdbool.h>

#include "common/mono.h"

struct conn;
struct opening;

/* opening_begin - a registered connection; refuse: there are too many already, it hears so and is
 * closed.  It is CONN_OPENING, CONN_OPEN or CONN_CLOSING afterwards. */
void opening_begin(struct conn *, bool refuse);

/* opening_input - its socket is readable.  opening_reads - whether it should be asked. */
void opening_input(struct conn *);
bool opening_reads(const struct conn *);

/* opening_until - when its phase is over.  opening_late - that time has come. */
struct mono opening_until(const struct conn *);
void opening_late(struct conn *);

/* opening_end - the connection is over, or it is open: forgets all of it. */
void opening_end(struct conn *);

#endif
