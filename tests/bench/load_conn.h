/*
 * load_conn - the load generator's own NATS client: as little work a message as can still prove
 * that nothing was lost, doubled or reordered.
 *
 * All messages that one connection is sent have one length, because subjects, numbers and payloads
 * of a run are of fixed width.  So a reader steps from message to message without parsing: it
 * compares the beginning with what must stand there and hands the message on.  Anything that does
 * not begin with 'M' is a control line.
 *
 * One thread, one epoll set, one read buffer for all connections.
 */
#ifndef TESTS_BENCH_LOAD_CONN_H
#define TESTS_BENCH_LOAD_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/mono.h"

#define LOAD_READ_BYTES (256u << 10)
#define LOAD_CARRY_BYTES 24576u /* the longest control line or message that two reads may share */
#define LOAD_HEAD_MAX 128u
#define LOAD_PAYLOAD_MAX 16384u
#define LOAD_STALL_MS 30000 /* nothing read for so long: the server has lost something */

struct load_net {
	int epoll;
	const char *host; /* IPv4 address in digits */
	uint16_t port;
	bool tls; /* every connection speaks it, behind INFO */
	uint8_t *in;		 /* LOAD_READ_BYTES behind LOAD_CARRY_BYTES */
	struct mono progress_at; /* the last time that anything was read */
};

struct load_tls;

struct load_conn {
	int fd;
	struct load_tls *tls; /* NULL: plain */
	struct load_net *net;
	void *owner;	 /* of whoever gave `deliver` */
	unsigned number; /* likewise */

	char head[LOAD_HEAD_MAX]; /* how every message begins: "MSG <subject> <sid> " and more */
	size_t head_len;
	size_t line_len; /* of the whole MSG line, the payload stands behind it */
	size_t msg_len;	 /* of the whole message; 0: none is expected */
	int (*deliver)(struct load_conn *, const uint8_t *msg, struct err *);

	uint64_t pongs; /* received */

	uint8_t *out; /* what is to be sent: [out_at, out_len) of out_max */
	size_t out_at;
	size_t out_len;
	size_t out_max;
	unsigned pongs_due; /* PINGs of the server that wait for the end of the output */
	bool waits;	    /* the socket was full; epoll tells when it is not */

	size_t carried; /* bytes of an unfinished message or line */
	uint8_t carry[LOAD_CARRY_BYTES];
};

/* load_net_open - 0; -1. */
int load_net_open(struct load_net *, const char *host, uint16_t port, bool tls, struct err *);
void load_net_close(struct load_net *);

/*
 * load_net_turn - waits up to wait_ms for something to read or room to write and does it.  Fails
 * when a connection does, or when nothing at all was read for LOAD_STALL_MS.
 */
int load_net_turn(struct load_net *, int wait_ms, struct err *);

/*
 * load_conn_open - connects, reads INFO, says CONNECT and PING, waits for the PONG; all of it
 * blocking.  The structure is zeroed by the caller.  out_max: bytes that may wait to be sent.
 */
int load_conn_open(struct load_conn *, struct load_net *, size_t out_max, struct err *);
void load_conn_close(struct load_conn *);

/*
 * load_conn_expect - says what deliveries look like: the beginning, the length of the MSG line and
 * of the payload.
 */
void load_conn_expect(struct load_conn *, const char *head, size_t line_len, size_t payload_len,
    int (*deliver)(struct load_conn *, const uint8_t *msg, struct err *));

/* load_conn_room - space for n bytes of output, to be written at once; NULL: there is none. */
uint8_t *load_conn_room(struct load_conn *, size_t n);

/* load_conn_text - the same for a control line; fails when there is no room. */
int load_conn_text(struct load_conn *, const char *text, struct err *);

/* load_conn_flush - sends what the socket takes now. */
int load_conn_flush(struct load_conn *, struct err *);

static inline bool
load_conn_idle(const struct load_conn *c)
{
	return (c->out_at == c->out_len);
}

/* load_conn_sync - a PING, and turns until its PONG is there. */
int load_conn_sync(struct load_conn *, struct err *);

#endif
