/* Messages to and from other workers. */
#include "config.h"

#include <assert.h>
#include <string.h>

#include "natsd-front/client/client.h"
#include "natsd-front/confirm.h"
#include "natsd-front/fan.h"
#include "natsd-front/msg_trace.h"

#define HOPS_MAX 16u /* workers asked for a queue member, at least, before nobody is left */

static uint32_t
record_len(const struct local_msg *head, bool inline_body)
{
	size_t n = sizeof(*head) + (size_t)head->nhandles * sizeof(struct handle);

	n += (size_t)head->subject_n + head->queue_n + head->line_n;
	if (inline_body)
		n += (size_t)head->body_n + 2;
	assert(n <= UINT32_MAX);
	return ((uint32_t)n);
}

static void
record_fill(uint8_t *p, const struct delivery *d, const struct local_msg *head,
    const struct handle *handles, struct str queue)
{
	const struct msg *m = d->msg;

#define PUT(from, len) (memcpy(p, from, len), p += (len))
	PUT(head, sizeof(*head));
	PUT(handles, head->nhandles * sizeof(*handles));
	PUT(m->subject.p, m->subject.n);
	if (queue.n != 0)
		PUT(queue.p, queue.n);
	if (head->blob == NULL && m->joined) {
		PUT(m->line.p, m->line.n + m->body.n + 2);
	} else {
		PUT(m->line.p, m->line.n);
		if (head->blob == NULL) {
			PUT(m->body.p, m->body.n);
			PUT("\r\n", 2);
		}
	}
#undef PUT
}

/* Who gets it may be gone when it arrives: a PONG of its publisher has to wait (confirm.h). */
static void
note_trust(const struct delivery *d, struct link *l, uint64_t at)
{
	if (d->publisher != NULL && d->source.worker == d->w->index && !d->passes_on) {
		d->publisher->flags |= CONN_TRUSTED;
		l->trusts = true;
	} else {
		l->passed = true;
		l->passed_at = at;
	}
}

static void
send_record(struct delivery *d, unsigned to, enum local_type type, const struct handle *handles,
    uint32_t nhandles, struct str queue, uint16_t flags, uint16_t hops)
{
	struct worker *w = d->w;
	struct link *l = &w->links[to];
	const struct msg *m = d->msg;
	bool inline_body = m->body.n < MSG_SHARE_MIN;
	struct local_msg head = {
		.cid = d->cid,
		.subs_made = d->subs_made,
		.source = d->source,
		.flags = (uint16_t)(flags | (d->from_client ? LOCAL_CLIENT : 0)),
		.hops = hops,
		.account = d->account->id,
		.nhandles = nhandles,
		.subject_n = (uint32_t)m->subject.n,
		.queue_n = (uint32_t)queue.n,
		.reply_n = (uint32_t)m->reply.n,
		.line_n = (uint32_t)m->line.n,
		.body_n = (uint32_t)m->body.n,
		.hdr = m->hdr,
		.trace = m->trace,
	};
	uint32_t n;
	uint64_t at;
	uint8_t *p;

	if (!inline_body) {
		if (!delivery_share(d)) {
			delivery_lost(w, d->publisher);
			return;
		}
		head.blob = d->blob;
		head.blob_at = d->blob_at;
	}
	n = record_len(&head, inline_body);
	p = ring_out_reserve(l->to, n);
	if (p == NULL) {
		delivery_lost(w, d->publisher);
		w->congested = true;
		return;
	}
	if (head.blob != NULL)
		blob_share(head.blob);
	msg_trace_hold(head.trace);
	record_fill(p, d, &head, handles, queue);
	ring_out_commit(l->to, (uint16_t)type, 0, n, &at);
	if (at == UINT64_MAX)
		w->congested = true;
	l->dirty = true;
	l->receivers += nhandles;
	if (type == LOCAL_QUEUE || ((flags & LOCAL_SOLE) != 0 && m->reply.n != 0))
		note_trust(d, l, at);
}

void
deliver_one_away(struct delivery *d, const struct fan_queue *q, uint16_t flags, uint16_t hops)
{
	send_record(d, q->worker, LOCAL_QUEUE, &q->member, 1, q->name, flags, hops);
}

void
deliver_fan_out(struct delivery *d, bool sole)
{
	struct worker *w = d->w;
	struct fan *f = w->fan;
	uint16_t flags = sole ? LOCAL_SOLE : 0;
	struct fan_list *l;
	uint32_t i, n, at;

	for (i = 0; f->remote != 0; i++) {
		l = &f->to[i];
		for (at = 0; at < l->n; at += n) {
			n = l->n - at < LOCAL_HANDLES_MAX ? l->n - at : LOCAL_HANDLES_MAX;
			send_record(d, i, LOCAL_DELIVER, l->at + at, n, STR_NONE, flags, 0);
		}
		f->remote -= l->n;
		l->n = 0;
	}
	for (i = 0; i < f->nqueues; i++)
		deliver_one_away(d, &f->queues[i], flags, 0);
	f->nqueues = 0;
}

void
deliver_publish_rings(struct worker *w)
{
	unsigned i;

	w->congested = false;
	for (i = 0; i < w->shared->nworkers; i++) {
		struct link *l = &w->links[i];

		if (l->to != NULL && !link_flush(l))
			w->congested = true;
	}
}

/* ---- what comes in ---- */

/* The record's message; its strings lie in the record or its blob.  Returns the handles. */
static const struct handle *
record_msg(const struct ring_rec *rec, struct local_msg *head, struct msg *m, struct str *queue)
{
	const char *p = (const char *)rec->data;
	const struct handle *handles;

	memcpy(head, p, sizeof(*head));
	p += sizeof(*head);
	handles = (const struct handle *)(const void *)p;
	p += head->nhandles * sizeof(struct handle);
	m->subject = (struct str){ p, head->subject_n };
	p += head->subject_n;
	*queue = (struct str){ p, head->queue_n };
	p += head->queue_n;
	m->line = (struct str){ p, head->line_n };
	m->reply = (struct str){ p + 1, head->reply_n };
	m->hdr = head->hdr;
	m->blob = head->blob;
	m->trace = head->trace;
	m->joined = head->blob == NULL;
	m->body = (struct str){ head->blob == NULL ? p + head->line_n
						   : (const char *)head->blob->data + head->blob_at,
		head->body_n };
	return (handles);
}

static void
say_nobody(struct delivery *d)
{
	struct worker *w = d->w;
	struct local_nobody n = { d->source.conn, (uint32_t)d->msg->subject.n,
		(uint32_t)d->msg->reply.n, d->subs_made };
	struct link *l;
	struct conn *c;
	uint32_t len;
	uint8_t *p;

	if (n.conn.life == 0 || n.reply_n == 0)
		return;
	if (d->source.worker == w->index) {
		c = slots_find(&w->conns, n.conn);
		if (c != NULL)
			deliver_nobody(w, c, d->msg->subject, d->msg->reply, d->subs_made);
		return;
	}
	l = &w->links[d->source.worker];
	len = (uint32_t)sizeof(n) + n.subject_n + n.reply_n;
	p = ring_out_reserve(l->to, len);
	if (p == NULL)
		return;
	memcpy(p, &n, sizeof(n));
	memcpy(p + sizeof(n), d->msg->subject.p, n.subject_n);
	memcpy(p + sizeof(n) + n.subject_n, d->msg->reply.p, n.reply_n);
	ring_out_commit(l->to, LOCAL_NOBODY, 0, len, NULL);
	l->dirty = true;
}

static const struct trie_queue *
find_queue(const struct trie_result *r, struct str name)
{
	uint32_t i;

	for (i = 0; r != NULL && i < r->nqueues; i++)
		if (str_eq(r->queues[i].name, name))
			return (&r->queues[i]);
	return (NULL);
}

/* Behind the one that refused, so that the workers who look one after the other walk the group once;
 * anywhere when that one is gone. */
static uint32_t
next_place(struct worker *w, const struct trie_result *r, const struct trie_queue *q,
    const struct sub *refused)
{
	uint32_t i;

	for (i = 0; refused != NULL && i < q->n; i++)
		if ((struct sub *)r->subs[q->first + i] == refused)
			return (i + 1);
	return (worker_random(w, q->n));
}

/* Whether the walk has been round the whole group, or that long, while members came and went. */
static bool
walked_enough(const struct trie_queue *q, uint16_t hops)
{
	return (hops >= HOPS_MAX && (hops >= q->n || hops == UINT16_MAX));
}

/* The chosen member is gone or refuses: choose again among the others. */
static bool
choose_again(struct delivery *d, struct str queue, const struct sub *refused,
    const struct local_msg *head)
{
	struct worker *w = d->w;
	const struct trie_result *r;
	const struct trie_queue *q;
	struct fan_queue away;
	uint32_t start, i;
	struct sub *s;

	d->claimed = false;
	d->passes_on = true;
	r = trie_cache_match(w->cache, d->account->id, d->account->trie, d->msg->subject);
	if (r == NULL)
		delivery_lost(w, d->publisher);
	if ((q = find_queue(r, queue)) == NULL || walked_enough(q, head->hops))
		return (false);
	start = next_place(w, r, q, refused);
	for (i = 0; i < q->n; i++) {
		s = (struct sub *)r->subs[q->first + (start + i) % q->n];
		if (s->kind == SUB_ROLE)
			continue;
		if (s->worker == w->index) {
			if (deliver_here(d, s))
				return (true);
			continue;
		}
		if (!sub_claim(s))
			continue;
		away = (struct fan_queue){ s->handle, s->worker, queue };
		deliver_one_away(d, &away, head->flags & LOCAL_SOLE, (uint16_t)(head->hops + 1));
		return (true);
	}
	return (false);
}

static void
on_msg(struct worker *w, const struct ring_rec *rec)
{
	struct local_msg head;
	struct msg m;
	struct str queue;
	const struct handle *handles = record_msg(rec, &head, &m, &queue);
	struct delivery d = { .w = w, .msg = &m, .source = head.source, .cid = head.cid,
		.subs_made = head.subs_made,
		.account = shared_account(w->shared, head.account),
		.from_client = (head.flags & LOCAL_CLIENT) != 0, .claimed = true };
	bool taken = false;
	struct handle h;
	struct sub *s = NULL;
	uint32_t i;

	/* Its publisher may by now be one of ours: a queue member was chosen again. */
	if (head.source.worker == w->index && head.source.conn.life != 0)
		d.publisher = slots_find(&w->conns, head.source.conn);
	for (i = 0; i < head.nhandles; i++) {
		memcpy(&h, handles + i, sizeof(h));
		s = slots_find(&w->subs, h);
		if (s != NULL)
			taken |= deliver_here(&d, s);
	}
	if (!taken && rec->type == LOCAL_QUEUE)
		taken = choose_again(&d, queue, s, &head);
	if (!taken && (head.flags & LOCAL_SOLE) != 0)
		say_nobody(&d);
	delivery_end(&d);
	if (head.blob != NULL)
		blob_drop(w->mem.blobs, head.blob);
	msg_trace_done(w, head.trace);
	if (!w->lent)
		msg_trace_send(w);
}

static void
on_nobody(struct worker *w, const struct ring_rec *rec)
{
	struct local_nobody n;
	const char *p = (const char *)rec->data + sizeof(n);
	struct conn *c;

	memcpy(&n, rec->data, sizeof(n));
	c = slots_find(&w->conns, n.conn);
	if (c != NULL)
		deliver_nobody(w, c, (struct str){ p, n.subject_n },
		    (struct str){ p + n.subject_n, n.reply_n }, n.subs_made);
}

static void
on_stall(struct worker *w, const struct ring_rec *rec)
{
	struct local_stall st;
	struct conn *c;

	memcpy(&st, rec->data, sizeof(st));
	c = slots_find(&w->conns, st.conn);
	if (c != NULL)
		client_stall(c, st.us);
}

void
deliver_record(struct worker *w, const struct ring_rec *rec)
{
	if (rec->type == LOCAL_DELIVER || rec->type == LOCAL_QUEUE)
		on_msg(w, rec);
	else if (rec->type == LOCAL_NOBODY)
		on_nobody(w, rec);
	else if (rec->type == LOCAL_STALL)
		on_stall(w, rec);
	else
		confirm_record(w, rec);
}

bool
deliver_may_be_lent(const struct ring_rec *rec)
{
	struct local_msg head;

	if (rec->type != LOCAL_DELIVER && rec->type != LOCAL_QUEUE)
		return (false);
	memcpy(&head, rec->data, sizeof(head));
	return (head.hops == 0);
}

void
deliver_discard(const struct ring_rec *rec)
{
	struct local_msg head;

	if (rec->type != LOCAL_DELIVER && rec->type != LOCAL_QUEUE)
		return;
	memcpy(&head, rec->data, sizeof(head));
	if (head.blob != NULL)
		blob_drop(NULL, head.blob);
	msg_trace_done(NULL, head.trace);
}
