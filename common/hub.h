/*
 * hub - the one thread of natsd-js and of natsd-raft that owns all rings and the control socket.
 *
 * It attaches what the supervisor hands over, enters the sandbox, says HELLO, the role's interest and
 * SYNCED on the rings of the front, and then hands every message that arrives to the role:
 *
 *	take from an inbox -> role->message() -> hub_verdict() -> hub_publish() -> hub_done()
 *
 * in this order: the effect is durable before the verdict stands in the inbox, the verdict before the
 * answer leaves, the answer stands in the ring back before the record is released
 * (ARCHITECTURE.md 3).  A role may finish requests in any order and later.
 *
 * When the front dies, its rings are read to their end and executed, answers dropped; the next front
 * gets links of its own.  When the hub's own process dies, the next life starts at `released` on the
 * same rings, those of dead fronts that no life of ours has finished included.
 *
 * One thread.  hub_run returns only to end the process.
 */
#ifndef COMMON_HUB_H
#define COMMON_HUB_H

#include <stdbool.h>
#include <stdint.h>

#include "common/account_table.h"
#include "common/frame_io.h"
#include "common/json_out.h"
#include "common/options.h"
#include "common/role.h"

struct hub;
struct hub_link; /* the pair of rings with one thread of the front, or with the sibling */

struct hub_request {
	struct hub_link *link;
	uint64_t at, end;	/* positions: name the request on its link until hub_done() */
	struct ingress ingress; /* names it for ever */
	uint64_t verdict;	/* not 0: decided in an earlier life, only to be answered */
	bool poisoned;		/* it has killed earlier lives: answer an error, do nothing else */
	struct frame_msg msg;	/* borrowed until the callback returns */
};

struct hub_role {
	enum role role;

	/* open - everything was handed over; the last thing before the sandbox.  store is the
	 * descriptor of the volatile store or -1, the role's from here.  0; -1: the reason. */
	int (*open)(void *ctx, struct hub *, int store, struct err *);
	/* recover - inside the sandbox, before anything is read from a ring. */
	int (*recover)(void *ctx, struct err *);
	/* catalogue - say all interest with hub_subscribe(). */
	void (*catalogue)(void *ctx, struct hub *);
	void (*message)(void *ctx, struct hub *, const struct hub_request *);
	/* status - add keys to the role's share of a monitoring page. */
	void (*status)(void *ctx, struct json_out *);
};

/* hub_new - reads the handover from descriptor CTL_FD up to GO.  Exits with a log line when it is
 * broken or the supervisor is gone. */
struct hub *hub_new(const struct hub_role *, void *ctx);

/* hub_confine - role->open, the sandbox, role->recover.  Exits on failure. */
void hub_confine(struct hub *);

/* hub_run - READY, then turns until STOP or the end of the supervisor; the exit code. */
int hub_run(struct hub *);

const struct options *hub_options(const struct hub *); /* the ones in use now */
const struct account_table *hub_accounts(const struct hub *);
uint32_t hub_life(const struct hub *);
bool hub_dev(const struct hub *); /* --dev-roles */

/* hub_subscribe - interest in a subject of an account; sid is the role's and the same in every
 * life.  Only from catalogue(). */
void hub_subscribe(struct hub *, uint32_t account, uint64_t sid, struct str subject,
    struct str queue);

/* hub_verdict, hub_publish, hub_done - see above.  hub_publish: dropped when the front of that link
 * is dead.  -1: the link's list of what did not fit is at its bound. */
void hub_verdict(struct hub_link *, uint64_t at, uint64_t verdict);
int hub_publish(struct hub_link *, const struct frame_pub *);
void hub_done(struct hub_link *, uint64_t at, uint64_t end);

#endif
