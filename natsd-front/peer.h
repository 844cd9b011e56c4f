/*
 * peer - one of the roles natsd-js and natsd-raft as one worker sees it: a ring there, a ring back.
 *
 * A role is an internal client: its SUB frames stand in the tries, what matches one goes to it as a
 * MSG through the ring of the publisher's worker, and its PUB frames are routed like anybody's.
 * Its word is checked against frame_list.h and peer_rules.h; at the first violation the ring is
 * used no more and the supervisor is asked to replace the role.
 */
#ifndef FRONT_PEER_H
#define FRONT_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/frame_io.h"
#include "common/role.h"
#include "natsd-front/answered.h"
#include "natsd-front/msg.h"
#include "natsd-front/worker.h"

struct sub;

struct peer {
	unsigned index; /* PEER_JS or PEER_RAFT */
	enum role role;
	struct ring_out *to;
	struct ring *from;
	int bell_fd[2];
	struct frame_join join;
	struct buf taken; /* the record in work, copied out of the ring */
	struct answered answered;
	uint64_t hello_life; /* of whoever writes the ring back now */
	uint64_t sent_at;    /* position of the last request; UINT64_MAX: it is still listed */
	uint32_t life, state; /* as the supervisor says: enum ctl_peer_state */
	bool dirty;	     /* something to publish */
	bool ready;	     /* up, and its ring has room */
	bool faulty;	     /* broke a rule: waits for fresh rings */
};

/* peer_new - takes rings and bells over, says HELLO.  NULL: no memory. */
struct peer *peer_new(unsigned index, const struct local_peer_rings *, uint64_t our_life);
void peer_free(struct peer *);

enum role peer_role(unsigned index);
/* peer_index - PEER_JS or PEER_RAFT; -1 for another role. */
int peer_index(uint32_t role);

static inline bool
peer_ready(const struct worker *w, unsigned index)
{
	return (w->peers[index] != NULL && w->peers[index]->ready);
}

/* peer_send_msg - a message that matched its subscription.  False: it does not get there. */
bool peer_send_msg(struct worker *, const struct sub *, const struct msg *, struct conn *publisher);

/* peers_drain - handles what the roles wrote.  True when something was there. */
bool peers_drain(struct worker *);

/* peers_flush - publishes what was written to them; looks whether they are ready. */
void peers_flush(struct worker *);

/* peers_look - recomputes worker->roles_unready. */
void peers_look(struct worker *);

void peer_state(struct worker *, const struct local_peer_state *);
void peer_fresh_rings(struct worker *, const struct local_peer_rings *);

/* peer_ask_status - STATUS_ASK; the answer reaches snapshot_status().  False: it cannot be
 * asked. */
bool peer_ask_status(struct worker *, unsigned index, uint64_t token);

#endif
