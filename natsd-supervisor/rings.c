#include "config.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"
#include "common/ring.h"
#include "natsd-supervisor/rings.h"

#define SIBLING_BYTES (4u << 20) /* between js and raft */

struct link {
	enum role from, to;
	uint32_t thread; /* the front's worker at its one end */
	int memory;
};

struct bell {
	enum role owner;
	uint32_t thread;
	struct doorbell bell;
};

struct old_link { /* with a dead front */
	struct link link;
	uint32_t front_life;
};

struct rings {
	struct link *links;
	uint32_t nlinks;
	struct old_link *old; /* in the order of the lives */
	uint32_t nold, old_size;
	struct bell *bells;
	uint32_t nbells;
	uint32_t bytes;
	uint64_t serial; /* of the last ring made; never used again */
	uint32_t sibling_life; /* how often the rings between js and raft were made anew */
};

static int
is_front(enum role role)
{
	return (role == ROLE_FRONT);
}

/* ---- making ---- */

static int
make_memory(struct rings *rs, struct link *l, struct err *e)
{
	uint32_t bytes = is_front(l->from) || is_front(l->to) ? rs->bytes : SIBLING_BYTES;
	int fd = ring_make(bytes, rs->serial + 1, e);

	if (fd == -1)
		return (err_wrap(e, "ring %s to %s", role_name(l->from), role_name(l->to)));
	rs->serial++;
	if (l->memory != -1)
		close(l->memory);
	l->memory = fd;
	return (0);
}

static int
add_link(struct rings *rs, enum role from, enum role to, uint32_t thread, struct err *e)
{
	struct link *l = &rs->links[rs->nlinks++];

	*l = (struct link){ .from = from, .to = to, .thread = thread, .memory = -1 };
	return (make_memory(rs, l, e));
}

static int
add_bell(struct rings *rs, enum role owner, uint32_t thread, struct err *e)
{
	struct bell *b = &rs->bells[rs->nbells++];

	*b = (struct bell){ .owner = owner, .thread = thread, .bell = DOORBELL_NONE };
	return (doorbell_make(&b->bell, e));
}

static int
make_all(struct rings *rs, uint32_t threads, unsigned roles, struct err *e)
{
	static const enum role hubs[] = { ROLE_JS, ROLE_RAFT };

	for (uint32_t t = 0; t < threads; t++)
		if (add_bell(rs, ROLE_FRONT, t, e) != 0)
			return (-1);
	for (unsigned i = 0; i < 2; i++) {
		if ((roles & (unsigned)hubs[i]) == 0)
			continue;
		if (add_bell(rs, hubs[i], 0, e) != 0)
			return (-1);
		for (uint32_t t = 0; t < threads; t++)
			if (add_link(rs, ROLE_FRONT, hubs[i], t, e) != 0 ||
			    add_link(rs, hubs[i], ROLE_FRONT, t, e) != 0)
				return (-1);
	}
	if ((roles & ROLE_JS) != 0 && (roles & ROLE_RAFT) != 0 &&
	    (add_link(rs, ROLE_JS, ROLE_RAFT, 0, e) != 0 ||
		add_link(rs, ROLE_RAFT, ROLE_JS, 0, e) != 0))
		return (-1);
	return (0);
}

struct rings *
rings_new(uint32_t threads, unsigned roles, uint32_t bytes, struct err *e)
{
	struct rings *rs = calloc(1, sizeof(*rs));

	if (rs == NULL || (rs->links = calloc(4 * (size_t)threads + 2, sizeof(*rs->links))) == NULL ||
	    (rs->bells = calloc((size_t)threads + 2, sizeof(*rs->bells))) == NULL) {
		err_set(e, "rings: no memory");
		rings_free(rs);
		return (NULL);
	}
	rs->bytes = bytes;
	if (make_all(rs, threads, roles, e) != 0) {
		rings_free(rs);
		return (NULL);
	}
	return (rs);
}

void
rings_free(struct rings *rs)
{
	if (rs == NULL)
		return;
	for (uint32_t i = 0; i < rs->nlinks; i++)
		if (rs->links[i].memory != -1)
			close(rs->links[i].memory);
	for (uint32_t i = 0; i < rs->nold; i++)
		close(rs->old[i].link.memory);
	for (uint32_t i = 0; i < rs->nbells; i++)
		doorbell_close(&rs->bells[i].bell);
	free(rs->old);
	free(rs->links);
	free(rs->bells);
	free(rs);
}

int
rings_renew(struct rings *rs, enum role a, enum role b, struct err *e)
{
	if (!is_front(a) && !is_front(b))
		rs->sibling_life++;
	for (uint32_t i = 0; i < rs->nlinks; i++) {
		struct link *l = &rs->links[i];

		if (((l->from == a && l->to == b) || (l->from == b && l->to == a)) &&
		    make_memory(rs, l, e) != 0)
			return (-1);
	}
	return (0);
}

/* ---- what is left of a dead front ---- */

static struct link *
link_find(struct rings *rs, enum role from, enum role to, uint32_t thread)
{
	for (uint32_t i = 0; i < rs->nlinks; i++) {
		struct link *l = &rs->links[i];

		if (l->from == from && l->to == to && l->thread == thread)
			return (l);
	}
	return (NULL);
}

static int
keep_old(struct rings *rs, struct link *l, uint32_t front_life, struct err *e)
{
	struct old_link *more;

	if (rs->nold == rs->old_size) {
		more = reallocarray(rs->old, rs->old_size * 2 + 16, sizeof(*more));
		if (more == NULL)
			return (err_set(e, "rings: no memory"));
		rs->old = more;
		rs->old_size = rs->old_size * 2 + 16;
	}
	rs->old[rs->nold++] = (struct old_link){ *l, front_life };
	l->memory = -1;
	return (0);
}

int
rings_retire(struct rings *rs, enum role hub, uint32_t front_life, struct err *e)
{
	for (uint32_t i = 0; i < rs->nlinks; i++) {
		struct link *l = &rs->links[i], *back;

		if (l->from != ROLE_FRONT || l->to != hub)
			continue;
		back = link_find(rs, hub, ROLE_FRONT, l->thread);
		if (ring_spent(l->memory, e) == 0 && (keep_old(rs, l, front_life, e) != 0 ||
		    keep_old(rs, back, front_life, e) != 0))
			return (-1);
		if (make_memory(rs, l, e) != 0 || make_memory(rs, back, e) != 0)
			return (-1);
	}
	return (0);
}

void
rings_forget(struct rings *rs, enum role hub, uint32_t front_life, uint32_t thread)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < rs->nold; i++) {
		const struct old_link *o = &rs->old[i];

		if ((o->link.from == hub || o->link.to == hub) && o->link.thread == thread &&
		    o->front_life == front_life)
			close(o->link.memory);
		else
			rs->old[kept++] = *o;
	}
	rs->nold = kept;
}

/* ---- the poison rule ---- */

static void
count_death(const struct link *l, bool fault)
{
	uint64_t at;
	struct err e;

	if (ring_death(l->memory, fault, &at, &e) == 1)
		log_error("%s has died of the record at %llu again and again: it is passed over",
		    role_program(l->to), (unsigned long long)at);
}

void
rings_death(struct rings *rs, enum role role, bool fault)
{
	for (uint32_t i = 0; i < rs->nlinks; i++)
		if (rs->links[i].to == role)
			count_death(&rs->links[i], fault);
	for (uint32_t i = 0; i < rs->nold; i++)
		if (rs->old[i].link.to == role)
			count_death(&rs->old[i].link, fault);
}

/* ---- handing out ---- */

static const struct doorbell *
bell_of(const struct rings *rs, enum role owner, uint32_t thread)
{
	for (uint32_t i = 0; i < rs->nbells; i++)
		if (rs->bells[i].owner == owner && rs->bells[i].thread == thread)
			return (&rs->bells[i].bell);
	return (NULL);
}

static int
hand_bells(const struct rings *rs, struct ctl *ctl, enum role to, struct err *e)
{
	for (uint32_t i = 0; i < rs->nbells; i++) {
		const struct bell *b = &rs->bells[i];
		struct ctl_bell m = { .owner = (uint32_t)b->owner, .thread = b->thread };

		if (b->owner == to && ctl_send_bell(ctl, &m, b->bell.wait, b->bell.ring, e) != 0)
			return (-1);
	}
	return (0);
}

/* The bell that comes with a ring is the one of the other side. */
static int
hand_link(const struct rings *rs, const struct link *l, struct ctl *ctl, enum role to,
    uint32_t front_life, struct err *e)
{
	enum role other = l->from == to ? l->to : l->from;
	struct ctl_ring m = { .from = (uint32_t)l->from,
		.to = (uint32_t)l->to,
		.thread = l->thread,
		.peer_life = is_front(l->from) || is_front(l->to) ? front_life :
							    rs->sibling_life };
	const struct doorbell *b = bell_of(rs, other, is_front(other) ? l->thread : 0);

	return (ctl_send_ring(ctl, &m, l->memory, b->ring, e));
}

int
rings_hand(struct rings *rs, struct ctl *ctl, enum role to, unsigned peer, int bells,
    uint32_t front_life, struct err *e)
{
	if (bells && hand_bells(rs, ctl, to, e) != 0)
		return (-1);
	for (uint32_t i = 0; i < rs->nold && peer == 0; i++) {
		const struct old_link *o = &rs->old[i];

		if ((o->link.from == to || o->link.to == to) &&
		    hand_link(rs, &o->link, ctl, to, o->front_life, e) != 0)
			return (-1);
	}
	for (uint32_t i = 0; i < rs->nlinks; i++) {
		const struct link *l = &rs->links[i];
		enum role other = l->from == to ? l->to : l->from;

		if ((l->from != to && l->to != to) || (peer != 0 && (peer & (unsigned)other) == 0))
			continue;
		if (hand_link(rs, l, ctl, to, front_life, e) != 0)
			return (-1);
	}
	return (0);
}
