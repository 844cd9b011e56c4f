#include "config.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/hub_priv.h"
#include "common/killpoint.h"
#include "common/log.h"
#include "common/sandbox.h"

/* ---- making and unmaking ---- */

static struct hub_link *
link_find(struct hub *h, enum role peer, uint32_t thread, uint32_t life)
{
	struct hub_link *l;

	TAILQ_FOREACH(l, &h->links, entry)
		if (l->peer == peer && l->thread == thread && l->peer_life == life)
			return (l);
	return (NULL);
}

static struct hub_link *
link_new(struct hub *h, enum role peer, uint32_t thread, uint32_t life)
{
	struct hub_link *l = calloc(1, sizeof(*l));

	if (l == NULL)
		fatal("link with %s: no memory", role_name(peer));
	*l = (struct hub_link){ .hub = h,
		.peer = peer,
		.thread = thread,
		.peer_life = life,
		.peer_bell = DOORBELL_NONE,
		.scratch = BUF_INIT(RING_BYTES_MAX) };
	frame_join_init(&l->join);
	TAILQ_INSERT_TAIL(&h->links, l, entry);
	return (l);
}

static bool
link_is_whole(const struct hub_link *l)
{
	return (l->in != NULL && l->out != NULL);
}

/* The supervisor keeps the rings of a dead front for our next life, until it hears this. */
static void
say_drained(struct hub *h, const struct hub_link *l)
{
	struct ctl_drained m = { .peer_life = l->peer_life, .thread = l->thread };
	struct err e;

	if (l->peer == ROLE_FRONT && ctl_send_drained(h->ctl, &m, &e) != 0)
		fatal("control: %s", e.text);
}

/*
 * A ring holds nonsense.  The front is never replaced on our word: we are, on fresh rings.  Those of a
 * front that is gone already are given up.
 */
static void __attribute__((noreturn))
link_broken(struct hub *h, struct hub_link *l, const char *why)
{
	struct ctl_peer_fault m = { .role = (uint32_t)l->peer, .why = str_of(why) };
	struct err e;

	log_error("ring from %s: %s", role_name(l->peer), why);
	if (l->peer_gone)
		say_drained(h, l);
	else
		ctl_send_peer_fault(h->ctl, &m, &e);
	exit(1);
}

/* hub_link_add - one ring of a pair; takes both descriptors over. */
void
hub_link_add(struct hub *h, const struct ctl_ring *m, int memory, int bell)
{
	bool from_us = m->from == (uint32_t)h->role->role;
	enum role peer = (enum role)(from_us ? m->to : m->from);
	struct hub_link *l = link_find(h, peer, m->thread, m->peer_life);
	struct ring *r;
	struct err e;

	if (l == NULL)
		l = link_new(h, peer, m->thread, m->peer_life);
	hub_link_peer_gone(h, peer, m->peer_life);
	if (l->peer_bell.ring == -1)
		l->peer_bell.ring = bell;
	else
		close(bell);
	if (KILLPOINT_BUILD)
		sandbox_probe_hold(memory);
	r = ring_attach(memory, from_us ? RING_PRODUCER : RING_CONSUMER, &l->peer_bell, &e);
	close(memory);
	if (r == NULL)
		link_broken(h, l, e.text);
	if (from_us)
		l->out = ring_out_new(r, HUB_LISTED_MAX);
	else
		l->in = inbox_new(r, h->natsd_life);
	if (from_us ? l->out == NULL : l->in == NULL)
		fatal("ring with %s: no memory", role_name(peer));
	if (h->running && link_is_whole(l))
		hub_link_greet(h, l);
}

void
hub_link_free(struct hub *h, struct hub_link *l)
{
	TAILQ_REMOVE(&h->links, l, entry);
	if (l->in != NULL)
		inbox_free(l->in);
	if (l->out != NULL)
		ring_out_free(l->out);
	frame_join_free(&l->join);
	buf_free(&l->scratch);
	doorbell_close(&l->peer_bell);
	free(l);
}

/* A new life of the peer has rings of its own: the old ones are read to their end. */
void
hub_link_peer_gone(struct hub *h, enum role peer, uint32_t newest_life)
{
	struct hub_link *l;

	TAILQ_FOREACH(l, &h->links, entry)
		if (l->peer == peer && l->peer_life < newest_life)
			l->peer_gone = true;
}

struct hub_link *
hub_link_main(struct hub *h)
{
	struct hub_link *l, *best = NULL;

	TAILQ_FOREACH(l, &h->links, entry)
		if (l->peer == ROLE_FRONT && l->thread == 0 && !l->peer_gone && link_is_whole(l) &&
		    (best == NULL || l->peer_life > best->peer_life))
			best = l;
	return (best);
}

/* ---- speaking ---- */

/* The first words of a life on a ring; on the front's first ring the interest follows. */
void
hub_link_greet(struct hub *h, struct hub_link *l)
{
	struct frame_hello hello = { .life = hub_life(h) };
	struct frame_synced synced = { .life = hub_life(h) };

	l->greeted = true;
	if (frame_send_hello(l->out, &hello, NULL) != 0)
		fatal("hello to %s: %s", role_name(l->peer), ring_why(ring_out_ring(l->out)));
	if (l == hub_link_main(h)) {
		h->role->catalogue(h->ctx, h);
		ring_out_flush(l->out); /* interest counts from when it is said, not from SYNCED */
		KILL_POINT(h->role->role == ROLE_JS ? "js: catalogue" : "raft: catalogue");
		if (frame_send_synced(l->out, &synced, NULL) != 0)
			fatal("synced: %s", ring_why(ring_out_ring(l->out)));
	}
	ring_out_flush(l->out);
}

void
hub_subscribe(struct hub *h, uint32_t account, uint64_t sid, struct str subject, struct str queue)
{
	struct frame_sub sub = { .account = account, .sid = sid, .subject = subject,
		.queue = queue };
	struct hub_link *l = hub_link_main(h);

	if (frame_send_sub(l->out, &sub, NULL) != 0)
		fatal("interest: %s", ring_why(ring_out_ring(l->out)));
}

int
hub_publish(struct hub_link *l, const struct frame_pub *pub)
{
	if (l->peer_gone) {
		l->dropped++;
		return (0);
	}
	l->answered++;
	return (frame_send_pub(l->out, pub, NULL));
}

void
hub_verdict(struct hub_link *l, uint64_t at, uint64_t verdict)
{
	inbox_verdict(l->in, at, verdict);
}

/* The answers must stand in the ring, visibly, before their records may be forgotten. */
void
hub_link_settle(struct hub_link *l)
{
	if (!l->peer_gone)
		ring_out_flush(l->out);
	if (l->ndone > 0)
		KILL_POINT(l->hub->role->role == ROLE_JS ? "js: answer, release" :
							   "raft: answer, release");
	for (unsigned i = 0; i < l->ndone; i++)
		inbox_done(l->in, l->done[i].at, l->done[i].end);
	l->hub->useful += l->ndone;
	if (l->ndone > 0)
		KILL_POINT(l->hub->role->role == ROLE_JS ? "js: after release" :
							   "raft: after release");
	l->ndone = 0;
}

void
hub_done(struct hub_link *l, uint64_t at, uint64_t end)
{
	if (l->ndone == HUB_BATCH)
		hub_link_settle(l);
	l->done[l->ndone++] = (struct hub_span){ .at = at, .end = end };
}

/* ---- listening ---- */

static void
link_status(struct hub *h, struct hub_link *l, const struct frame_status_ask *ask)
{
	struct buf text = BUF_INIT(FRAME_STATUS_MAX / 2);
	struct frame_status answer = { .token = ask->token };
	struct json_out j;
	struct hub_link *i;

	json_begin(&j, &text, 0);
	json_object_begin(&j);
	json_ku64(&j, "life", hub_life(h));
	json_ku64(&j, "useful", h->useful);
	json_key(&j, "links");
	json_array_begin(&j);
	TAILQ_FOREACH(i, &h->links, entry) {
		json_object_begin(&j);
		json_kstr(&j, "peer", str_of(role_name(i->peer)));
		json_ku64(&j, "thread", i->thread);
		json_ku64(&j, "peer_life", i->peer_life);
		json_ku64(&j, "taken", i->taken);
		json_ku64(&j, "answered", i->answered);
		json_ku64(&j, "dropped", i->dropped);
		json_ku64(&j, "open", i->in == NULL ? 0 : inbox_open(i->in));
		json_ku64(&j, "listed_bytes", i->out == NULL ? 0 : ring_out_listed_bytes(i->out));
		json_object_end(&j);
	}
	json_array_end(&j);
	h->role->status(h->ctx, &j);
	json_object_end(&j);
	answer.json = buf_str(&text);
	if (json_end(&j) == 0 && !l->peer_gone)
		frame_send_status(l->out, &answer, NULL);
	buf_free(&text);
}

static void
link_message(struct hub *h, struct hub_link *l, const struct ring_rec *rec, struct rd *in)
{
	struct hub_request rq = { .link = l, .at = rec->at, .end = rec->end, .verdict = rec->verdict };
	struct ring *ring = inbox_ring(l->in);

	if (frame_msg_decode(in, &rq.msg) != 0)
		link_broken(h, l, "a MSG that does not decode");
	rq.ingress = inbox_ingress(l->in, rec);
	rq.poisoned = ring_poisoned(ring, rec->at);
	if (rq.poisoned)
		log_error("the record at %llu of ring %llu has killed us before and is passed over",
		    (unsigned long long)rec->at, (unsigned long long)rq.ingress.ring);
	ring_work(ring, rec->at);
	h->role->message(h->ctx, h, &rq);
	ring_work_done(ring);
}

/* One whole frame.  What needs no answer is finished here. */
static void
link_frame(struct hub *h, struct hub_link *l, const struct ring_rec *rec)
{
	struct rd in = rd_of(rec->data, rec->len);
	struct frame_status_ask ask;
	struct frame_hello hello;
	struct frame_account account;
	struct err e;
	bool good;

	if (frame_may(l->peer, h->role->role, rec->type, rec->len, &e) != 0)
		link_broken(h, l, e.text);
	switch ((enum frame_type)rec->type) {
	case FRAME_MSG:
		link_message(h, l, rec, &in);
		return;
	case FRAME_STATUS_ASK:
		if ((good = frame_status_ask_decode(&in, &ask) == 0))
			link_status(h, l, &ask);
		break;
	case FRAME_HELLO:
		good = frame_hello_decode(&in, &hello) == 0;
		break;
	case FRAME_ACCOUNT:
		good = frame_account_decode(&in, &account) == 0;
		break;
	case FRAME_SUB:
	case FRAME_UNSUB:
	case FRAME_SYNCED:
	case FRAME_PUB:
	case FRAME_STATUS:
	default:
		good = false; /* frame_may has refused them */
		break;
	}
	if (!good)
		link_broken(h, l, "a frame that does not decode");
	inbox_done(l->in, rec->at, rec->end);
}

/* A frame whose sender died before its last part is nothing: its parts need not be kept. */
static void
forget_parts(struct hub_link *l, uint64_t end)
{
	if (!l->join.open)
		return;
	l->join.open = false;
	inbox_done(l->in, l->join.at, end);
}

static int
link_join(struct hub *h, struct hub_link *l, const struct ring_rec *rec, struct ring_rec *whole)
{
	struct err e;
	int rc;

	if (rec->type == FRAME_HELLO)
		forget_parts(l, rec->at);
	if ((rc = frame_join(&l->join, rec, whole, &e)) < 0)
		link_broken(h, l, e.text);
	return (rc);
}

/* So much waits for room in the ring back that nothing is read until there is some. */
static bool
link_is_held(const struct hub_link *l)
{
	return (!l->peer_gone && ring_out_listed_bytes(l->out) > HUB_LISTED_HIGH);
}

/* The end of a dead front's rings, when nothing of them is in work any more. */
static bool
link_is_over(struct hub_link *l)
{
	forget_parts(l, ring_read_at(inbox_ring(l->in)));
	return (inbox_open(l->in) == 0);
}

bool
hub_link_turn(struct hub *h, struct hub_link *l)
{
	struct ring_rec rec, whole;
	unsigned n;
	int rc = 0;

	if (!link_is_whole(l))
		return (false);
	for (n = 0; n < HUB_BATCH; n++) {
		if (link_is_held(l))
			break;
		if ((rc = inbox_take(l->in, &l->scratch, &rec)) != 1)
			break;
		l->taken++;
		if (link_join(h, l, &rec, &whole) == 1)
			link_frame(h, l, &whole);
	}
	if (rc < 0)
		link_broken(h, l, ring_why(inbox_ring(l->in)));
	/* Nothing is released whose answer found a ring that its consumer broke. */
	if (!l->peer_gone && ring_dead(ring_out_ring(l->out)))
		link_broken(h, l, ring_why(ring_out_ring(l->out)));
	hub_link_settle(l);
	if (l->peer_gone && n < HUB_BATCH && link_is_over(l)) {
		log_debug("rings of life %u of %s are read to their end", l->peer_life,
		    role_name(l->peer));
		say_drained(h, l);
		hub_link_free(h, l);
		return (false);
	}
	return (n == HUB_BATCH);
}

bool
hub_link_sleep(struct hub_link *l)
{
	/* A held link is woken by its peer's release, which ring_out_flush has asked for. */
	return (!link_is_whole(l) || link_is_held(l) || ring_sleep(inbox_ring(l->in)));
}

void
hub_link_wake(struct hub_link *l)
{
	if (link_is_whole(l))
		ring_wake(inbox_ring(l->in));
}
