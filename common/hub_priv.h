/* hub_priv - shared by the files of the hub (hub.c, hub_link.c, hub_ctl.c) and nobody else. */
#ifndef COMMON_HUB_PRIV_H
#define COMMON_HUB_PRIV_H

#include <sys/queue.h>

#include "common/ctl.h"
#include "common/hub.h"

struct event;
struct event_base;

#ifndef TAILQ_FOREACH_SAFE /* glibc's queue.h is without */
#define TAILQ_FOREACH_SAFE(var, head, field, tvar)			\
	for ((var) = TAILQ_FIRST(head); (var) != NULL && ((tvar) = TAILQ_NEXT(var, field), 1); \
	     (var) = (tvar))
#endif

#define HUB_LISTED_MAX (256u << 20) /* bytes waiting for room in one ring */
#define HUB_LISTED_HIGH (1u << 20)  /* above it nothing more is read from that link */
#define HUB_BATCH 256		    /* records taken from one link before the next has its turn */

struct hub_span {
	uint64_t at, end;
};

struct hub_link {
	TAILQ_ENTRY(hub_link) entry;
	struct hub *hub;
	enum role peer;
	uint32_t thread;    /* of the front; 0 for the sibling */
	uint32_t peer_life; /* whose rings these are */
	struct inbox *in;   /* from the peer; NULL until both rings are here */
	struct ring_out *out;
	struct frame_join join;
	struct buf scratch;
	struct doorbell peer_bell;
	bool peer_gone; /* read to the end, drop answers, then free */
	bool greeted;
	struct hub_span done[HUB_BATCH]; /* finished, their answers not yet visible */
	unsigned ndone;
	uint64_t taken, answered, dropped;
};
TAILQ_HEAD(hub_links, hub_link);

struct hub {
	const struct hub_role *role;
	void *ctx;
	struct ctl *ctl;
	struct event_base *base;
	struct event *ctl_read, *ctl_write, *bell_read, *tick;
	struct doorbell bell;
	struct hub_links links;
	struct options options, next_options;
	bool next_valid;
	struct account_table *accounts;
	int store;
	uint64_t natsd_life;
	bool dev;
	bool has_options, running, stopping;
	uint64_t useful;
	char *kill_spec;
};

/* hub_link.c */
void hub_link_add(struct hub *, const struct ctl_ring *, int memory, int bell);
void hub_link_peer_gone(struct hub *, enum role peer, uint32_t newest_life);
void hub_link_greet(struct hub *, struct hub_link *);
bool hub_link_turn(struct hub *, struct hub_link *);  /* true: there may be more */
void hub_link_settle(struct hub_link *); /* answers visible, then their records released */
bool hub_link_sleep(struct hub_link *);		      /* false: something is there */
void hub_link_wake(struct hub_link *);
void hub_link_free(struct hub *, struct hub_link *);
struct hub_link *hub_link_main(struct hub *); /* thread 0 of the newest front; NULL */

/* hub_ctl.c */
void hub_ctl_handover(struct hub *); /* until GO */
void hub_ctl_read(struct hub *);
void hub_ctl_flush(struct hub *);

#endif
