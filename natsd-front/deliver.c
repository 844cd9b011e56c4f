#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "common/num.h"
#include "natsd-front/fan.h"
#include "natsd-front/peer.h"

static bool
is_here(const struct worker *w, const struct sub *s)
{
	return (s->kind == SUB_CLIENT && s->worker == w->index);
}

static struct sub *
result_sub(const struct trie_result *r, uint32_t i)
{
	return ((struct sub *)r->subs[i]);
}

bool
deliver_must_wait(struct worker *w, struct account *a, struct str subject)
{
	const struct trie_result *r = trie_cache_match(w->cache, a->id, a->trie, subject);
	uint32_t i;

	for (i = 0; r != NULL && i < r->total; i++)
		if (result_sub(r, i)->kind == SUB_ROLE && !peer_ready(w, result_sub(r, i)->role))
			return (true);
	return (false);
}

static bool
deliver_plain(struct delivery *d, const struct trie_result *r)
{
	struct worker *w = d->w;
	bool taken = false;
	struct sub *s;
	uint32_t i;

	for (i = 0; i < r->plain; i++) {
		s = result_sub(r, i);
		if (is_here(w, s))
			taken |= deliver_here(d, s);
		else if (s->kind == SUB_ROLE)
			taken |= peer_send_msg(w, s, d->msg, d->publisher);
		else
			fan_add(w->fan, s);
	}
	return (taken);
}

/* One member: from a random one on, the first that takes it. */
static bool
deliver_queue(struct delivery *d, const struct trie_result *r, const struct trie_queue *q)
{
	struct worker *w = d->w;
	uint32_t start = worker_random(w, q->n), i;
	struct sub *s;

	for (i = 0; i < q->n; i++) {
		s = result_sub(r, q->first + (start + i) % q->n);
		if (is_here(w, s)) {
			if (deliver_here(d, s))
				return (true);
		} else if (s->kind == SUB_ROLE) {
			if (peer_send_msg(w, s, d->msg, d->publisher))
				return (true);
		} else if (fan_add_queue(w->fan, s, q->name)) {
			return (false);
		}
	}
	return (false);
}

enum deliver_result
deliver(struct worker *w, struct account *a, const struct msg *m, struct conn *publisher)
{
	const struct trie_result *r = trie_cache_match(w->cache, a->id, a->trie, m->subject);
	struct delivery d;
	bool taken = false;
	uint32_t i, away;

	if (r == NULL) {
		delivery_lost(w, publisher);
		return (DELIVER_TAKEN);
	}
	if (r->total == 0)
		return (DELIVER_NOBODY);
	d = (struct delivery){ .w = w, .account = a, .msg = m, .publisher = publisher };
	if (publisher != NULL) {
		d.source = (struct local_source){ publisher->handle, (uint16_t)w->index };
		d.cid = publisher->cid;
		d.subs_made = publisher->subs_made;
		d.from_client = true;
	}
	taken = deliver_plain(&d, r);
	for (i = 0; i < r->nqueues; i++)
		taken |= deliver_queue(&d, r, &r->queues[i]);
	away = w->fan->remote + w->fan->nqueues;
	if (away != 0)
		deliver_fan_out(&d, !taken && away == 1);
	if (w->fan->starved) {
		w->fan->starved = false;
		delivery_lost(w, publisher);
	}
	delivery_end(&d);
	return (taken || away != 0 ? DELIVER_TAKEN : DELIVER_NOBODY);
}

/* ---- nobody took it ---- */

/* "HMSG <reply> <sid> <n> <n>\r\nNATS/1.0 503\r\nNats-Subject: <subject>\r\n\r\n\r\n" */
static void
write_503(struct conn *c, struct str sid, struct str subject, struct str reply)
{
	static const char head[] = "NATS/1.0 503\r\nNats-Subject: ";
	size_t n = sizeof(head) - 1 + subject.n + 4;
	char size[24], *p;
	unsigned digits = num_put_u64(size, n);
	size_t total = 5 + reply.n + 1 + sid.n + 1 + digits + 1 + digits + 2 + n + 2;

	p = (char *)conn_room(c, total);
	if (p == NULL)
		return;
#define PUT(from, len) (memcpy(p, from, len), p += (len))
	PUT("HMSG ", 5);
	PUT(reply.p, reply.n);
	*p++ = ' ';
	PUT(sid.p, sid.n);
	*p++ = ' ';
	PUT(size, digits);
	*p++ = ' ';
	PUT(size, digits);
	PUT("\r\n", 2);
	PUT(head, sizeof(head) - 1);
	PUT(subject.p, subject.n);
	PUT("\r\n\r\n\r\n", 6);
#undef PUT
	conn_wrote(c, total);
}

void
deliver_nobody(struct worker *w, struct conn *c, struct str subject, struct str reply,
    uint64_t subs_made)
{
	const struct trie_result *r;
	struct sub *s;
	uint32_t i;

	if (reply.n == 0 || (c->flags & CONN_NO_RESPONDERS) == 0 || c->state == CONN_CLOSING)
		return;
	r = trie_cache_match(w->cache, c->account->id, c->account->trie, reply);
	if (r == NULL)
		conn_no_memory(c, REASON_WRITE_ERROR, "an answer to it");
	for (i = 0; r != NULL && i < r->plain; i++) {
		s = result_sub(r, i);
		if (is_here(w, s) && s->conn == c && s->number <= subs_made) {
			write_503(c, sub_sid(s), subject, reply);
			return;
		}
	}
}

/* ---- scratch ---- */

struct fan *
fan_new(unsigned nworkers)
{
	struct fan *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return (NULL);
	f->to = calloc(nworkers, sizeof(*f->to));
	if (f->to == NULL) {
		free(f);
		return (NULL);
	}
	return (f);
}

void
fan_free(struct fan *f, unsigned nworkers)
{
	unsigned i;

	if (f == NULL)
		return;
	for (i = 0; i < nworkers; i++)
		free(f->to[i].at);
	free(f->to);
	free(f->queues);
	free(f->line);
	free(f);
}

#define FAN_FIRST 16u

bool
fan_add(struct fan *f, struct sub *s)
{
	struct fan_list *l = &f->to[s->worker];
	uint32_t size;
	struct handle *at;

	if (!sub_claim(s))
		return (false);
	if (l->n == l->size) {
		size = l->size == 0 ? FAN_FIRST : l->size * 2;
		at = reallocarray(l->at, size, sizeof(*at));
		if (at == NULL) {
			f->starved = true;
			return (false);
		}
		l->at = at;
		l->size = size;
	}
	l->at[l->n++] = s->handle;
	f->remote++;
	return (true);
}

bool
fan_add_queue(struct fan *f, struct sub *s, struct str name)
{
	uint32_t size;
	struct fan_queue *q;

	if (!sub_claim(s))
		return (false);
	if (f->nqueues == f->queues_size) {
		size = f->queues_size == 0 ? FAN_FIRST : f->queues_size * 2;
		q = reallocarray(f->queues, size, sizeof(*q));
		if (q == NULL) {
			f->starved = true;
			return (false);
		}
		f->queues = q;
		f->queues_size = size;
	}
	f->queues[f->nqueues++] = (struct fan_queue){ s->handle, s->worker, name };
	return (true);
}
