/*
 * frame - the codecs of frame_list.h.  js and raft are internal clients of the front: the frames are
 * NATS itself, in binary.
 *
 * A decoded frame borrows from the buffer it was decoded from.  Decoders check every length and
 * insist on the end; what a subject may look like and what this role may say is the receiver's
 * check (frame_may, and the prefix table of the front).
 *
 * Every frame ends in a tail of optional fields, so that it can grow: zero or more of
 *	| tag u8 | 0 u8 | len u16 | len bytes |
 * A tag that is not known is skipped; 0 or one that comes twice is an error.
 *	1 ingress: life u64, ring u64, position u64	2 cid: u64	3 client: text
 */
#ifndef COMMON_FRAME_H
#define COMMON_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "common/cursor.h"
#include "common/err.h"
#include "common/frame_list.h"
#include "common/inbox.h"
#include "common/role.h"
#include "common/str.h"

#define FRAME_ENUM(NAME, name, code, ...) FRAME_##NAME = code,
enum frame_type { FRAME_LIST(FRAME_ENUM) };
#undef FRAME_ENUM

/* frame_name - "MSG"; "?" for what is no frame. */
const char *frame_name(uint16_t type);

/*
 * frame_may - may `from` say this type to `to`, with a payload of len bytes?  Asked before a byte of
 * it is decoded.  0; -1 with the reason.
 */
int frame_may(enum role from, enum role to, uint16_t type, uint32_t len, struct err *);

struct frame_tail {
	bool has_ingress; /* PUB: the request that this answers */
	struct ingress ingress;
	bool has_cid; /* MSG: the client connection it came from, 0 for an internal one */
	uint64_t cid;
	struct str client; /* MSG: "<ip>:<port>", for logs and events; STR_NONE */
};

struct frame_hello { /* first on every fresh ring and at the begin of every life */
	uint64_t life; /* of the sender, as the supervisor numbers it */
	struct frame_tail tail;
};

struct frame_sub { /* interest in a subject, in one account */
	uint32_t account;
	uint64_t sid; /* the sender's; the same in every life */
	struct str subject, queue; /* queue empty: a plain subscription */
	struct frame_tail tail;
};

struct frame_unsub {
	uint32_t account;
	uint64_t sid;
	struct frame_tail tail;
};

struct frame_synced { /* all interest of this life has been said */
	uint64_t life;
	struct frame_tail tail;
};

#define FRAME_MSG_REPLY_HEARD 1u /* somebody listens on the reply subject */

struct frame_msg { /* a message that matched a subscription of the receiver */
	uint32_t account;
	uint64_t sid;
	uint32_t flags;
	struct str subject, reply, headers, payload;
	struct frame_tail tail;
};

struct frame_pub { /* publish in an account */
	uint32_t account;
	uint32_t flags; /* none yet */
	struct str subject, reply, headers, payload;
	struct frame_tail tail;
};

enum { FRAME_ACCOUNT_ADDED = 1, FRAME_ACCOUNT_REMOVED = 2 };

struct frame_account { /* an account came or went; its name stands in the account table */
	uint32_t account;
	uint32_t what;
	struct frame_tail tail;
};

struct frame_status_ask { /* a monitoring page asks for its share, within a second */
	uint64_t token;
	struct frame_tail tail;
};

struct frame_status {
	uint64_t token;
	struct str json; /* one object; the front checks nothing but that it is JSON text */
	struct frame_tail tail;
};

/* frame_max - bytes of the largest whole frame of that type; 0 for what is no frame. */
size_t frame_max(uint16_t type);

/* frame_<name>_size - bytes that encode will need; SIZE_MAX when a field is longer than it can be.
 * frame_<name>_encode - the caller reserved that much; wr_end() tells.
 * frame_<name>_decode - 0; -1: short, too long, or a field out of range. */
#define FRAME_CODEC(NAME, name, ...)					\
	size_t frame_##name##_size(const struct frame_##name *);	\
	void frame_##name##_encode(struct wr *, const struct frame_##name *); \
	int frame_##name##_decode(struct rd *, struct frame_##name *);
FRAME_LIST(FRAME_CODEC)
#undef FRAME_CODEC

#endif
