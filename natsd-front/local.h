/*
 * local - what the threads of the front say to each other, over rings in the memory of this
 * process.
 *
 * Records are structs: both ends are one program.  A record never holds a pointer to a connection
 * or a subscription, only handles (slots.h); blobs and settings travel by pointer, with their own
 * rules.
 *
 *	main -> worker	ADOPT SETTINGS LAME CLOSE_ANY TURN PEER_STATE PEER_RINGS STOP
 *	worker -> main	TURNED SETTINGS_USED PEER_FAULT SYNCED STOPPED
 *	worker -> worker	DELIVER QUEUE NOBODY STALL MARK MARKED
 */
#ifndef FRONT_LOCAL_H
#define FRONT_LOCAL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/ring_out.h"
#include "natsd-front/blob.h"
#include "natsd-front/msg.h"
#include "natsd-front/slots.h"

#define LOCAL_RING_BYTES (1u << 20)	 /* between workers */
#define LOCAL_RING_BYTES_MAIN (1u << 16) /* to and from main */
#define LOCAL_LIST_MAX ((size_t)256 << 20)
#define LOCAL_HANDLES_MAX 1024u /* of one record */

enum local_type {
	LOCAL_DELIVER = 1,
	LOCAL_QUEUE,
	LOCAL_NOBODY,
	LOCAL_STALL,
	LOCAL_MARK,
	LOCAL_MARKED,
	LOCAL_ADOPT,
	LOCAL_SETTINGS,
	LOCAL_LAME,
	LOCAL_CLOSE_ANY,
	LOCAL_TURN,
	LOCAL_PEER_STATE,
	LOCAL_PEER_RINGS,
	LOCAL_STOP,
	LOCAL_TURNED,
	LOCAL_SETTINGS_USED,
	LOCAL_PEER_FAULT,
	LOCAL_SYNCED,
	LOCAL_STOPPED,
};

/* Who published: a connection of some worker, or nobody that can be told anything (life 0). */
struct local_source {
	struct handle conn;
	uint16_t worker;
};

#define LOCAL_SOLE 1u	/* nobody else took it: when this one does not either, say NOBODY */
#define LOCAL_CLIENT 2u /* published by a client: it waits for slow receivers */

/*
 * DELIVER: a message for subscriptions of the receiving worker.  QUEUE: for one member of a queue
 * group; when that one is gone or at its limit, the receiver chooses another one.
 *	| struct local_msg | handles | subject | queue | line | body when blob is NULL, with CR LF |
 */
struct local_msg {
	struct blob *blob; /* holds the body, the record owns one share; NULL: it stands behind */
	struct msg_trace *trace; /* likewise a share; NULL: none */
	size_t blob_at;
	uint64_t cid; /* of the publisher */
	uint64_t subs_made; /* by the publisher, before it published */
	struct local_source source;
	uint16_t flags;
	uint16_t hops; /* QUEUE: how often another worker was asked */
	uint32_t account;
	uint32_t nhandles;
	uint32_t subject_n, queue_n, reply_n, line_n, body_n, hdr;
};

/* NOBODY: the message that this worker's connection published was taken by nobody after all.
 *	| struct local_nobody | subject | reply | */
struct local_nobody {
	struct handle conn;
	uint32_t subject_n, reply_n;
	uint64_t subs_made; /* as in local_msg: later ones do not hear of it */
};

/* STALL: that connection published to a slow one; it is not read for a while. */
struct local_stall {
	struct handle conn;
	uint32_t us;
};

/* MARK, MARKED: see confirm.h. */
struct local_mark {
	struct handle conn; /* who waits for its PONG */
	uint16_t worker;    /* of that connection */
	uint32_t number;    /* of this waiting */
	uint64_t weight;
};

struct local_adopt { /* a fresh socket; the receiver owns it */
	int fd;
	uint64_t cid;
	uint16_t port;
	uint8_t family;
	bool refuse; /* max_connections: INFO, the error, the end */
	uint8_t addr[16];
};

struct settings;
struct local_settings {
	const struct settings *settings;
	bool access_changed; /* users or accounts are not those of the settings before */
	uint32_t close_random; /* connections above max_connections, chosen at random */
};

struct local_number {
	uint64_t number;
};

struct local_peer_state {
	uint32_t role;
	uint32_t life;
	uint32_t state; /* enum ctl_peer_state */
};

/* PEER_RINGS: fresh rings to and from a role, made by main; the worker owns them from here. */
struct local_peer_rings {
	uint32_t role;
	struct ring *to, *from;
	int bell_fd[2]; /* of the role, for from and to: open as long as the rings */
};

#define LOCAL_WHY_MAX 200
struct local_peer_fault {
	uint32_t role;
	char why[LOCAL_WHY_MAX];
};

/* The two directions between a thread and another one. */
struct link {
	struct ring_out *to;
	struct ring *from;
	bool dirty; /* something was committed and not yet published */
	uint32_t receivers; /* of the messages in it, all told */
	bool trusts; /* messages went there whose receiver may turn out to be gone */
	bool passed; /* likewise of another worker's publisher, passed on from here: the last one */
	uint64_t passed_at; /* stands there in the ring, UINT64_MAX: somewhere in the list */
};

/* link_make - both ends of both directions between a and b, whose bells these are.  0; -1. */
int link_make(struct link *a, const struct doorbell *bell_a, struct link *b,
    const struct doorbell *bell_b, uint32_t bytes, struct err *);
void link_free(struct link *);

/* local_say - one fixed-size record to the other thread.  False: the list is at its bound.
 * link_flush - publishes; true when nothing is left. */
bool local_say(struct link *, enum local_type, const void *, uint32_t n);
bool link_flush(struct link *);

#endif
