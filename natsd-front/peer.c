#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/ctl.h"
#include "common/subject.h"
#include "natsd-front/conn.h"
#include "natsd-front/deliver.h"
#include "natsd-front/interest.h"
#include "natsd-front/msg_trace.h"
#include "natsd-front/peer.h"
#include "natsd-front/peer_rules.h"
#include "natsd-front/snapshot.h"

#define PEER_LIST_MAX ((size_t)96 << 20) /* one message of the largest size, and some */
#define PEER_DRAIN_FRAMES 256		 /* of one role in one turn */

enum role
peer_role(unsigned index)
{
	return (index == PEER_JS ? ROLE_JS : ROLE_RAFT);
}

int
peer_index(uint32_t role)
{
	return (role == ROLE_JS ? PEER_JS : role == ROLE_RAFT ? PEER_RAFT : -1);
}

static void
rings_drop(const struct local_peer_rings *r)
{
	ring_detach(r->to);
	ring_detach(r->from);
	close(r->bell_fd[0]);
	close(r->bell_fd[1]);
}

struct peer *
peer_new(unsigned index, const struct local_peer_rings *r, uint64_t our_life)
{
	struct ring *to = r->to, *from = r->from;
	struct peer *p = calloc(1, sizeof(*p));
	struct frame_hello hello = { .life = our_life };

	if (p == NULL || (p->to = ring_out_new(to, PEER_LIST_MAX)) == NULL) {
		free(p);
		rings_drop(r);
		return (NULL);
	}
	memcpy(p->bell_fd, r->bell_fd, sizeof(p->bell_fd));
	p->index = index;
	p->role = peer_role(index);
	p->from = from;
	p->taken = BUF_INIT(ring_size(from));
	frame_join_init(&p->join);
	p->state = CTL_PEER_STARTING;
	p->dirty = frame_send_hello(p->to, &hello, NULL) == 0;
	return (p);
}

void
peer_free(struct peer *p)
{
	if (p == NULL)
		return;
	ring_out_free(p->to);
	ring_detach(p->from);
	frame_join_free(&p->join);
	buf_free(&p->taken);
	answered_free(&p->answered);
	close(p->bell_fd[0]);
	close(p->bell_fd[1]);
	free(p);
}

/* ---- is it there ---- */

static void
peer_look(struct peer *p)
{
	uint32_t size = ring_size(ring_out_ring(p->to));

	p->ready = p->state == CTL_PEER_UP && !p->faulty && ring_out_listed_bytes(p->to) == 0 &&
	    ring_used(ring_out_ring(p->to)) <= size / 4 * 3;
}

void
peers_look(struct worker *w)
{
	bool unready = false;
	unsigned i;

	for (i = 0; i < PEER_COUNT; i++) {
		if (w->peers[i] == NULL)
			continue;
		peer_look(w->peers[i]);
		unready |= !w->peers[i]->ready;
	}
	if (unready && !w->roles_unready)
		w->role_epoch++;
	w->roles_unready = unready;
}

static void
peer_accuse(struct worker *w, struct peer *p, const char *why)
{
	struct local_peer_fault f = { .role = p->role };

	if (p->faulty)
		return;
	p->faulty = true;
	snprintf(f.why, sizeof(f.why), "%s", why);
	worker_say_main(w, LOCAL_PEER_FAULT, &f, sizeof(f));
	peers_look(w);
}

void
peer_state(struct worker *w, const struct local_peer_state *st)
{
	int i = peer_index(st->role);

	if (i < 0 || w->peers[i] == NULL)
		return;
	w->peers[i]->life = st->life;
	w->peers[i]->state = st->state;
	peers_look(w);
}

void
peer_fresh_rings(struct worker *w, const struct local_peer_rings *r)
{
	int i = peer_index(r->role);
	struct peer *old, *fresh;

	if (i < 0) {
		rings_drop(r);
		return;
	}
	old = w->peers[i];
	fresh = peer_new((unsigned)i, r, w->shared->natsd_life);
	if (fresh == NULL) {
		log_error("no memory for fresh rings with natsd-%s",
		    role_name(peer_role((unsigned)i)));
		return;
	}
	if (old != NULL) {
		fresh->life = old->life;
		fresh->state = old->state;
		peer_free(old);
	}
	w->peers[i] = fresh;
	peers_look(w);
}

/* ---- to it ---- */

static void
peer_sent(struct worker *w, struct peer *p)
{
	p->dirty = true;
	peer_look(p);
	if (!p->ready && !w->roles_unready)
		peers_look(w);
}

bool
peer_send_msg(struct worker *w, const struct sub *s, const struct msg *m, struct conn *publisher)
{
	struct peer *p = w->peers[s->role];
	char client[CONN_IP_MAX + 10] = "", ip[CONN_IP_MAX];
	struct frame_msg f = {
		.account = s->account->id,
		.sid = s->role_sid,
		.subject = m->subject,
		.reply = m->reply,
		.headers = { m->body.p, m->hdr },
		.payload = { m->body.p + m->hdr, m->body.n - m->hdr },
		.tail = { .has_cid = true },
	};

	if (p == NULL || !p->ready)
		return (false);
	if (msg_trace_only(m->trace))
		return (true);
	if (m->reply.n != 0 && trie_has(s->account->trie, m->reply))
		f.flags |= FRAME_MSG_REPLY_HEARD;
	if (publisher != NULL) {
		conn_ip(publisher, ip);
		snprintf(client, sizeof(client), "%s:%u", ip, publisher->port);
		f.tail.cid = publisher->cid;
		f.tail.client = str_of(client);
	}
	if (frame_send_msg(p->to, &f, &p->sent_at) != 0)
		return (false);
	peer_sent(w, p);
	return (true);
}

bool
peer_ask_status(struct worker *w, unsigned index, uint64_t token)
{
	struct peer *p = w->peers[index];
	struct frame_status_ask ask = { .token = token };

	if (p == NULL || !p->ready || frame_send_status_ask(p->to, &ask, NULL) != 0)
		return (false);
	peer_sent(w, p);
	return (true);
}

void
peers_flush(struct worker *w)
{
	bool look = w->roles_unready;
	unsigned i;

	for (i = 0; i < PEER_COUNT; i++) {
		struct peer *p = w->peers[i];

		if (p == NULL || (!p->dirty && ring_out_listed_bytes(p->to) == 0))
			continue;
		p->dirty = false;
		if (!ring_out_flush(p->to))
			look = true;
		if (ring_dead(ring_out_ring(p->to)))
			peer_accuse(w, p, ring_why(ring_out_ring(p->to)));
	}
	if (!look)
		return;
	peers_look(w);
	/* Woken when it releases something: then the waiting publishers go on. */
	for (i = 0; i < PEER_COUNT; i++)
		if (w->peers[i] != NULL && !w->peers[i]->ready)
			ring_want_room(ring_out_ring(w->peers[i]->to));
}

/* ---- from it ---- */

static int
on_sub(struct worker *w, struct peer *p, struct rd *in, struct err *e)
{
	struct frame_sub f;
	struct account *a;

	if (frame_sub_decode(in, &f) != 0)
		return (err_set(e, "broken SUB"));
	a = shared_account(w->shared, f.account);
	if (a == NULL)
		return (err_set(e, "SUB in account %u, which does not exist", f.account));
	if (!subject_valid(f.subject) || !subject_valid_sub(f.subject) ||
	    (f.queue.n != 0 && !subject_valid(f.queue)))
		return (err_set(e, "SUB to what is no subject"));
	if (!peer_rules_sub(p->index, f.account, f.subject))
		return (err_set(e, "SUB to " STR_FMT ", which is not its own", STR_ARG(f.subject)));
	if (interest_sub(w->shared->interest, w->shared, p->index, w->index, p->hello_life, a,
	    f.sid, f.subject, f.queue) != 0)
		log_error("no memory for interest of natsd-%s", role_name(p->role));
	return (0);
}

static int
on_unsub(struct worker *w, struct peer *p, struct rd *in, struct err *e)
{
	struct frame_unsub f;
	struct account *a;

	if (frame_unsub_decode(in, &f) != 0)
		return (err_set(e, "broken UNSUB"));
	a = shared_account(w->shared, f.account);
	if (a == NULL)
		return (err_set(e, "UNSUB in account %u, which does not exist", f.account));
	interest_unsub(w->shared->interest, w->shared, p->index, a, f.sid);
	return (0);
}

static int
on_synced(struct worker *w, struct peer *p, struct rd *in, struct err *e)
{
	struct frame_synced f;
	struct local_peer_state st = { .role = p->role };

	if (frame_synced_decode(in, &f) != 0)
		return (err_set(e, "broken SYNCED"));
	if (f.life != p->hello_life)
		return (err_set(e, "SYNCED of life %llu in life %llu", (unsigned long long)f.life,
		    (unsigned long long)p->hello_life));
	interest_synced(w->shared->interest, w->shared, p->index, w->index, f.life);
	worker_say_main(w, LOCAL_SYNCED, &st, sizeof(st));
	return (0);
}

static int
on_hello(struct peer *p, struct rd *in, struct err *e)
{
	struct frame_hello f;

	if (frame_hello_decode(in, &f) != 0)
		return (err_set(e, "broken HELLO"));
	if (f.life < p->hello_life)
		return (err_set(e, "HELLO of life %llu after life %llu", (unsigned long long)f.life,
		    (unsigned long long)p->hello_life));
	p->hello_life = f.life;
	return (0);
}

/* 1: answer to a request of ours that was not answered yet, or no answer at all; 0: drop it. */
static int
pub_is_new(struct worker *w, struct peer *p, const struct frame_pub *f, struct err *e)
{
	const struct ingress *in = &f->tail.ingress;

	if (!f->tail.has_ingress)
		return (1);
	if (in->life != w->shared->natsd_life || in->ring != ring_serial(ring_out_ring(p->to)))
		return (0); /* asked by a front that is gone, or another ring */
	if (in->at > p->sent_at)
		return (err_set(e, "PUB answers a request that was never made"));
	return (answered_add(&p->answered, in->at) != 0);
}

static int
pub_check(const struct peer *p, const struct frame_pub *f, struct err *e)
{
	if (!subject_valid_publish(f->subject))
		return (err_set(e, "PUB to what is no subject"));
	if (f->reply.n != 0 && !subject_valid(f->reply))
		return (err_set(e, "PUB with a reply that is no subject"));
	if (!peer_rules_pub(p->index, f->account, f->subject, f->tail.has_ingress))
		return (err_set(e, "PUB to " STR_FMT ", which is not its own",
		    STR_ARG(f->subject)));
	return (0);
}

/* As the writer of protocol lines wants it: line, headers, payload, CR LF in one blob. */
static void
pub_route(struct worker *w, struct account *a, const struct frame_pub *f)
{
	size_t size = f->headers.n + f->payload.n;
	struct blob *b = blob_new(w->mem.blobs, MSG_LINE_MAX(f->reply.n) + size + 2);
	struct msg m = { .subject = f->subject, .hdr = (uint32_t)f->headers.n, .joined = true };
	char *p;

	if (b == NULL) {
		w->stats.dropped++;
		return;
	}
	p = (char *)b->data;
	m.line = (struct str){ p, msg_line_write(p, f->reply, f->headers.n, size) };
	m.reply = (struct str){ p + 1, f->reply.n };
	p += m.line.n;
	m.body = (struct str){ p, size };
	if (f->headers.n != 0)
		memcpy(p, f->headers.p, f->headers.n);
	if (f->payload.n != 0)
		memcpy(p + f->headers.n, f->payload.p, f->payload.n);
	memcpy(p + size, "\r\n", 2);
	m.blob = b;
	deliver(w, a, &m, NULL);
	blob_drop(w->mem.blobs, b);
}

static int
on_pub(struct worker *w, struct peer *p, struct rd *in, struct err *e)
{
	struct frame_pub f;
	struct account *a;
	int fresh;

	if (frame_pub_decode(in, &f) != 0)
		return (err_set(e, "broken PUB"));
	a = shared_account(w->shared, f.account);
	if (a == NULL)
		return (err_set(e, "PUB in account %u, which does not exist", f.account));
	if (pub_check(p, &f, e) != 0 || (fresh = pub_is_new(w, p, &f, e)) < 0)
		return (-1);
	if (fresh)
		pub_route(w, a, &f);
	return (0);
}

static int
on_status(struct worker *w, struct peer *p, struct rd *in, struct err *e)
{
	struct frame_status f;

	if (frame_status_decode(in, &f) != 0)
		return (err_set(e, "broken STATUS"));
	snapshot_status(w, p->index, f.token, f.json);
	return (0);
}

static int
on_frame(struct worker *w, struct peer *p, const struct ring_rec *rec, struct err *e)
{
	struct rd in = rd_of(rec->data, rec->len);

	if (frame_may(p->role, ROLE_FRONT, rec->type, rec->len, e) != 0)
		return (-1);
	if (p->hello_life == 0 && rec->type != FRAME_HELLO)
		return (err_set(e, "%s before HELLO", frame_name(rec->type)));
	switch ((enum frame_type)rec->type) {
	case FRAME_HELLO:
		return (on_hello(p, &in, e));
	case FRAME_SUB:
		return (on_sub(w, p, &in, e));
	case FRAME_UNSUB:
		return (on_unsub(w, p, &in, e));
	case FRAME_SYNCED:
		return (on_synced(w, p, &in, e));
	case FRAME_PUB:
		return (on_pub(w, p, &in, e));
	case FRAME_STATUS:
		return (on_status(w, p, &in, e));
	case FRAME_MSG:
	case FRAME_ACCOUNT:
	case FRAME_STATUS_ASK:
		break;
	}
	return (err_set(e, "%s is not said to the front", frame_name(rec->type)));
}

/* 1: one frame or a part of one was handled; 0: nothing there; -1: a violation. */
static int
peer_take(struct worker *w, struct peer *p, struct err *e)
{
	struct ring_rec rec, whole;
	int rc = ring_take(p->from, &p->taken, &rec);

	if (rc == 0)
		return (0);
	if (rc < 0)
		return (err_set(e, "%s", ring_why(p->from)));
	ring_next(p->from, &rec);
	rc = frame_join(&p->join, &rec, &whole, e);
	if (rc == 1)
		rc = on_frame(w, p, &whole, e) == 0 ? 1 : -1;
	else if (rc == 0)
		rc = 1;
	ring_release(p->from, rec.end);
	return (rc);
}

static bool
peer_drain(struct worker *w, struct peer *p)
{
	struct err e;
	unsigned i;
	int rc = 1;

	for (i = 0; i < PEER_DRAIN_FRAMES && !w->congested; i++) {
		rc = peer_take(w, p, &e);
		if (rc <= 0)
			break;
	}
	if (rc < 0)
		peer_accuse(w, p, e.text);
	else if (i != 0)
		answered_forget(&p->answered, ring_released(ring_out_ring(p->to)),
		    ring_write_seen(p->from), ring_read_at(p->from));
	return (i != 0);
}

bool
peers_drain(struct worker *w)
{
	bool any = false;
	unsigned i;

	for (i = 0; i < PEER_COUNT; i++)
		if (w->peers[i] != NULL && !w->peers[i]->faulty)
			any |= peer_drain(w, w->peers[i]);
	return (any);
}
