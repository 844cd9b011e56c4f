/*
 * Messages from P publishers on S subjects to K subscribers of each: publish only (K 0), 1:1, 1:N
 * and P x S x K are the same engine with other numbers.
 *
 * A publisher's chunk is prepared once: CHUNK messages, round robin over the subjects, and a PING.
 * Before it is sent again only the numbers in it change.  A payload is
 *
 *	| sequence u64 | publisher u32 | filler |	native order, it only comes back to us
 *
 * with one sequence for each publisher and subject, which every subscriber checks.
 *
 * Nothing is ever slow for the server: a publisher has at most CHUNKS_OPEN chunks without PONG,
 * and all deliveries that are due anywhere lie below IN_FLIGHT_BYTES, far under the server's
 * max_pending.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/load.h"
#include "tests/bench/load_conn.h"

#define CHUNK_BYTES (32u << 10) /* what clients usually gather before they write */
#define CHUNKS_OPEN 4u
#define IN_FLIGHT_BYTES (16u << 20)
#define SUBJECT_FORMAT "load.%02u"
#define SUBJECTS_MAX 100u
#define PUBLISHERS_MAX 1000u

struct publisher {
	struct load_conn conn;
	uint64_t chunks;
	uint64_t pongs_before; /* of the handshake */
};

struct subscriber {
	struct load_conn conn;
	uint64_t *next; /* for each publisher, the sequence that must come */
};

struct flow {
	const struct load_plan *plan;
	struct load_net net;
	struct publisher *publishers;
	struct subscriber *subscribers; /* plan->subscribers for each subject, in its order */
	unsigned npublishers;		/* opened so far, likewise */
	unsigned nsubscribers;
	unsigned chunk;	   /* messages, a multiple of the subjects */
	size_t line_len;   /* of a PUB line */
	size_t stride;	   /* of a message in a chunk */
	uint64_t published; /* since the start, warming up included */
	uint64_t delivered;
	uint64_t due_max; /* deliveries that may be due at a time */
};

static uint64_t
due(const struct flow *f)
{
	return (f->published * f->plan->subscribers - f->delivered);
}

static int
take_delivery(struct load_conn *c, const uint8_t *msg, struct err *e)
{
	struct flow *f = c->owner;
	struct subscriber *s = &f->subscribers[c->number];
	uint64_t sequence;
	uint32_t from;

	memcpy(&sequence, msg + c->line_len, sizeof(sequence));
	memcpy(&from, msg + c->line_len + sizeof(sequence), sizeof(from));
	if (from >= f->plan->publishers)
		return (err_set(e, "subscriber %u: a message of nobody", c->number));
	if (sequence != s->next[from])
		return (err_set(e, "subscriber %u: message %llu of publisher %u, expected %llu",
		    c->number, (unsigned long long)sequence, from,
		    (unsigned long long)s->next[from]));
	s->next[from]++;
	f->delivered++;
	return (0);
}

static int
subscriber_open(struct flow *f, unsigned number, struct err *e)
{
	struct subscriber *s = &f->subscribers[number];
	char text[LOAD_HEAD_MAX], subject[16];
	int n;

	snprintf(subject, sizeof(subject), SUBJECT_FORMAT, number / f->plan->subscribers);
	s->next = calloc(f->plan->publishers, sizeof(*s->next));
	if (s->next == NULL)
		return (err_sys(e, "subscriber"));
	if (load_conn_open(&s->conn, &f->net, 256, e) != 0) {
		free(s->next);
		return (err_wrap(e, "subscriber %u", number));
	}
	f->nsubscribers++;
	s->conn.owner = f;
	s->conn.number = number;
	snprintf(text, sizeof(text), "SUB %s 1\r\n", subject);
	if (load_conn_text(&s->conn, text, e) != 0 || load_conn_sync(&s->conn, e) != 0)
		return (-1);
	n = snprintf(text, sizeof(text), "MSG %s 1 %u\r\n", subject, f->plan->payload);
	load_conn_expect(&s->conn, text, (size_t)n, f->plan->payload, take_delivery);
	return (0);
}

/* Where message i of a chunk stands in the output of a publisher that has nothing else to say. */
static uint8_t *
chunk_msg(const struct flow *f, struct publisher *p, unsigned i)
{
	return (p->conn.out + f->stride * i);
}

static void
chunk_prepare(const struct flow *f, struct publisher *p)
{
	unsigned i, payload = f->plan->payload;
	char line[LOAD_HEAD_MAX];
	uint32_t self = p->conn.number;
	uint8_t *at;

	for (i = 0; i < f->chunk; i++) {
		at = chunk_msg(f, p, i);
		snprintf(line, sizeof(line), "PUB " SUBJECT_FORMAT " %u\r\n",
		    i % f->plan->subjects, payload);
		memcpy(at, line, f->line_len);
		at += f->line_len;
		memset(at, 'x', payload);
		memcpy(at + sizeof(uint64_t), &self, sizeof(self));
		memcpy(at + payload, "\r\n", 2);
	}
	memcpy(chunk_msg(f, p, f->chunk), "PING\r\n", 6);
}

static void
chunk_number(const struct flow *f, struct publisher *p)
{
	unsigned i = 0, s, subjects = f->plan->subjects;
	uint64_t sequence = p->chunks * (f->chunk / subjects);

	while (i < f->chunk) {
		for (s = 0; s < subjects; s++, i++)
			memcpy(chunk_msg(f, p, i) + f->line_len, &sequence, sizeof(sequence));
		sequence++;
	}
}

static int
publisher_open(struct flow *f, unsigned number, struct err *e)
{
	struct publisher *p = &f->publishers[number];

	if (load_conn_open(&p->conn, &f->net, f->stride * f->chunk + 6, e) != 0)
		return (err_wrap(e, "publisher %u", number));
	f->npublishers++;
	p->conn.owner = f;
	p->conn.number = number;
	p->pongs_before = p->conn.pongs;
	chunk_prepare(f, p);
	return (0);
}

static bool
may_publish(const struct flow *f, const struct publisher *p)
{
	uint64_t open = p->chunks - (p->conn.pongs - p->pongs_before);

	return (load_conn_idle(&p->conn) && open < CHUNKS_OPEN &&
	    due(f) + (uint64_t)f->chunk * f->plan->subscribers <= f->due_max);
}

static int
publish_chunk(struct flow *f, struct publisher *p, struct err *e)
{
	chunk_number(f, p);
	p->conn.out_at = 0; /* the prepared bytes stand where they were: they are only sent again */
	p->conn.out_len = f->stride * f->chunk + 6;
	p->chunks++;
	f->published += f->chunk;
	return (load_conn_flush(&p->conn, e));
}

static bool
all_home(const struct flow *f)
{
	const struct publisher *p;
	unsigned i;

	for (i = 0; i < f->npublishers; i++) {
		p = &f->publishers[i];
		if (!load_conn_idle(&p->conn) || p->conn.pongs - p->pongs_before != p->chunks)
			return (false);
	}
	return (due(f) == 0);
}

/* Publishes until `messages` are out, or the time is over when that is 0; then all come home. */
static int
flow_phase(struct flow *f, uint64_t messages, int64_t ms, struct err *e)
{
	uint64_t up_to = messages == 0 ? UINT64_MAX : f->published + messages;
	struct mono until = mono_add_ms(mono_now(), messages == 0 ? ms : INT64_C(1) << 40);
	unsigned i;
	bool open = true;

	f->net.progress_at = mono_now();
	while (open || !all_home(f)) {
		open = open && f->published < up_to && mono_before(mono_now(), until);
		for (i = 0; i < f->npublishers && open; i++)
			if (f->published < up_to && may_publish(f, &f->publishers[i]) &&
			    publish_chunk(f, &f->publishers[i], e) != 0)
				return (-1);
		if (!all_home(f) && load_net_turn(&f->net, 1000, e) != 0)
			return (err_wrap(e, "%llu published, %llu deliveries due",
			    (unsigned long long)f->published, (unsigned long long)due(f)));
	}
	return (0);
}

/* The sums agree already; here, that every subscriber has the last message of every publisher. */
static int
check_last(const struct flow *f, struct err *e)
{
	uint64_t want;
	unsigned i, k;

	for (i = 0; i < f->nsubscribers; i++)
		for (k = 0; k < f->npublishers; k++) {
			want = f->publishers[k].chunks * (f->chunk / f->plan->subjects);
			if (f->subscribers[i].next[k] != want)
				return (err_set(e, "subscriber %u has %llu of %llu messages", i,
				    (unsigned long long)f->subscribers[i].next[k],
				    (unsigned long long)want));
		}
	return (0);
}

static int
flow_measure(struct flow *f, struct load_result *r, struct err *e)
{
	const struct load_plan *plan = f->plan;
	uint64_t published, delivered;
	struct mono start;
	int64_t cpu;

	if (plan->warm_ms > 0 && flow_phase(f, 0, plan->warm_ms, e) != 0)
		return (err_wrap(e, "warming up"));
	if (load_wait(plan, e) != 0)
		return (-1);
	published = f->published;
	delivered = f->delivered;
	cpu = load_cpu_ns();
	start = mono_now();
	if (flow_phase(f, plan->messages, plan->ms, e) != 0)
		return (-1);
	r->ns = mono_diff_ns(mono_now(), start);
	r->cpu_ns = load_cpu_ns() - cpu;
	r->published = f->published - published;
	r->ops = plan->subscribers == 0 ? r->published : f->delivered - delivered;
	if (check_last(f, e) != 0)
		return (-1);
	load_report(plan, r);
	return (0);
}

static int
flow_open(struct flow *f, struct err *e)
{
	const struct load_plan *plan = f->plan;
	unsigned i, subscribers = plan->subjects * plan->subscribers;
	char line[LOAD_HEAD_MAX];

	f->line_len = (size_t)snprintf(line, sizeof(line), "PUB " SUBJECT_FORMAT " %u\r\n", 0u,
	    plan->payload);
	f->stride = f->line_len + plan->payload + 2;
	f->chunk = CHUNK_BYTES / (unsigned)f->stride / plan->subjects * plan->subjects;
	if (f->chunk == 0)
		f->chunk = plan->subjects;
	f->due_max = IN_FLIGHT_BYTES / f->stride;
	if (f->due_max < (uint64_t)f->chunk * plan->subscribers)
		f->due_max = (uint64_t)f->chunk * plan->subscribers;
	f->publishers = calloc(plan->publishers, sizeof(*f->publishers));
	f->subscribers = calloc(subscribers + 1, sizeof(*f->subscribers));
	if (f->publishers == NULL || f->subscribers == NULL)
		return (err_sys(e, "connections"));
	for (i = 0; i < subscribers; i++)
		if (subscriber_open(f, i, e) != 0)
			return (-1);
	for (i = 0; i < plan->publishers; i++)
		if (publisher_open(f, i, e) != 0)
			return (-1);
	return (0);
}

static void
flow_close(struct flow *f)
{
	unsigned i;

	for (i = 0; i < f->npublishers; i++)
		load_conn_close(&f->publishers[i].conn);
	for (i = 0; i < f->nsubscribers; i++) {
		load_conn_close(&f->subscribers[i].conn);
		free(f->subscribers[i].next);
	}
	free(f->publishers);
	free(f->subscribers);
}

int
load_flow_run(const struct load_plan *plan, struct load_result *r, struct err *e)
{
	struct flow f = { .plan = plan };
	int rc = -1;

	if (plan->subjects > SUBJECTS_MAX || plan->publishers > PUBLISHERS_MAX)
		return (err_set(e, "at most %u subjects and %u publishers", SUBJECTS_MAX,
		    PUBLISHERS_MAX));
	if (load_net_open(&f.net, plan->host, plan->port, plan->tls, e) != 0)
		return (-1);
	if (flow_open(&f, e) == 0)
		rc = flow_measure(&f, r, e);
	flow_close(&f);
	load_net_close(&f.net);
	return (rc);
}
