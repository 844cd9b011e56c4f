/*
 * Requests and replies: pairs of a requester and a responder, each pair with a number of requests
 * under way.  Every request has an inbox token of its own, as those of real clients have:
 *
 *	requester  SUB _INBOX.load<pair>.* 1
 *		   PUB load.<pair> _INBOX.load<pair>.<token> <bytes>
 *	responder  PUB _INBOX.load<pair>.<token> <bytes>	the payload comes back
 *
 * A pair's answers come in the order of its requests, so the token that must come is known, and the
 * time of request n stands in slot n % in_flight.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/load.h"
#include "tests/bench/load_conn.h"

#define PAIRS_MAX 1000u
#define IN_FLIGHT_MAX 10000u
#define SUBJECT_FORMAT "load.%03u"
#define INBOX_FORMAT "_INBOX.load0000000000000%03u."
#define INBOX_BYTES 28u
#define TOKEN_BYTES 8u
#define REPLY_BYTES (INBOX_BYTES + TOKEN_BYTES)

struct pair {
	struct load_conn requester;
	struct load_conn responder;
	struct run *run;
	char *request; /* the whole message, only the token and the number change */
	size_t request_len;
	size_t token_at;
	size_t payload_at;
	char *reply; /* likewise */
	size_t reply_len;
	size_t reply_payload_at;
	uint64_t sent;
	uint64_t answered;
	struct mono *sent_at; /* in_flight slots */
};

struct run {
	const struct load_plan *plan;
	struct load_net net;
	struct pair *pairs;
	unsigned nconns; /* opened so far: requester and responder in turn */
	unsigned npairs; /* prepared so far */
	uint64_t left;	 /* requests that may still be sent in this phase */
	uint64_t under_way;
	struct load_hist *latency; /* NULL while warming up */
};

static void
token_put(char *to, uint64_t n)
{
	static const char digits[] = "0123456789abcdef";
	unsigned i;

	for (i = TOKEN_BYTES; i > 0; i--, n >>= 4)
		to[i - 1] = digits[n & 15];
}

static int
send_request(struct pair *p, struct err *e)
{
	struct run *run = p->run;
	uint8_t *to;

	if (run->left == 0)
		return (0);
	to = load_conn_room(&p->requester, p->request_len);
	if (to == NULL)
		return (err_set(e, "requester %u: no room", p->requester.number));
	run->left--;
	run->under_way++;
	token_put(p->request + p->token_at, p->sent);
	memcpy(p->request + p->payload_at, &p->sent, sizeof(p->sent));
	memcpy(to, p->request, p->request_len);
	p->sent_at[p->sent % run->plan->in_flight] = mono_now();
	p->sent++;
	return (0);
}

static int
take_request(struct load_conn *c, const uint8_t *msg, struct err *e)
{
	struct pair *p = c->owner;
	const uint8_t *reply = msg + c->head_len - INBOX_BYTES;
	uint8_t *to = load_conn_room(c, p->reply_len);

	if (to == NULL)
		return (err_set(e, "responder %u: no room", c->number));
	memcpy(p->reply + 4, reply, REPLY_BYTES);
	memcpy(p->reply + p->reply_payload_at, msg + c->line_len, p->run->plan->payload);
	memcpy(to, p->reply, p->reply_len);
	return (0);
}

static int
take_answer(struct load_conn *c, const uint8_t *msg, struct err *e)
{
	struct pair *p = c->owner;
	struct run *run = p->run;
	uint64_t sequence;
	char token[TOKEN_BYTES];

	memcpy(&sequence, msg + c->line_len, sizeof(sequence));
	token_put(token, p->answered);
	if (sequence != p->answered || memcmp(msg + c->head_len, token, TOKEN_BYTES) != 0)
		return (err_set(e, "requester %u: answer %llu, expected %llu", c->number,
		    (unsigned long long)sequence, (unsigned long long)p->answered));
	if (run->latency != NULL)
		load_hist_add(run->latency, (uint64_t)mono_diff_ns(mono_now(),
		    p->sent_at[sequence % run->plan->in_flight]));
	p->answered++;
	run->under_way--;
	return (send_request(p, e));
}

/* What was read may have left something to say: every connection says it in one write. */
static int
flush_all(struct run *run, struct err *e)
{
	unsigned i;

	for (i = 0; i < run->npairs; i++)
		if (load_conn_flush(&run->pairs[i].responder, e) != 0 ||
		    load_conn_flush(&run->pairs[i].requester, e) != 0)
			return (-1);
	return (0);
}

static int
request_phase(struct run *run, uint64_t messages, int64_t ms, struct err *e)
{
	struct mono until = mono_add_ms(mono_now(), messages == 0 ? ms : INT64_C(1) << 40);
	unsigned i, k;

	run->left = messages == 0 ? UINT64_MAX : messages;
	run->net.progress_at = mono_now();
	for (k = 0; k < run->plan->in_flight; k++)
		for (i = 0; i < run->npairs; i++)
			if (send_request(&run->pairs[i], e) != 0)
				return (-1);
	while (run->under_way > 0) {
		if (flush_all(run, e) != 0 || load_net_turn(&run->net, 1000, e) != 0)
			return (err_wrap(e, "%llu requests without answer",
			    (unsigned long long)run->under_way));
		if (!mono_before(mono_now(), until))
			run->left = 0;
	}
	return (0);
}

static int
requester_open(struct run *run, struct pair *p, unsigned number, struct err *e)
{
	char line[LOAD_HEAD_MAX], inbox[48];
	int n;

	snprintf(inbox, sizeof(inbox), INBOX_FORMAT, number);
	if (load_conn_open(&p->requester, &run->net, p->request_len * (run->plan->in_flight + 1),
		e) != 0)
		return (err_wrap(e, "requester %u", number));
	run->nconns++;
	p->requester.owner = p;
	p->requester.number = number;
	snprintf(line, sizeof(line), "SUB %s* 1\r\n", inbox);
	if (load_conn_text(&p->requester, line, e) != 0 || load_conn_sync(&p->requester, e) != 0)
		return (-1);
	n = snprintf(line, sizeof(line), "MSG %s%08u 1 %u\r\n", inbox, 0u, run->plan->payload);
	line[4 + INBOX_BYTES] = '\0';
	load_conn_expect(&p->requester, line, (size_t)n, run->plan->payload, take_answer);
	return (0);
}

static int
responder_open(struct run *run, struct pair *p, unsigned number, struct err *e)
{
	char line[LOAD_HEAD_MAX], subject[32];
	unsigned payload = run->plan->payload;
	int n, head;

	snprintf(subject, sizeof(subject), SUBJECT_FORMAT, number);
	if (load_conn_open(&p->responder, &run->net, p->reply_len * (run->plan->in_flight + 1),
		e) != 0)
		return (err_wrap(e, "responder %u", number));
	run->nconns++;
	p->responder.owner = p;
	p->responder.number = number;
	snprintf(line, sizeof(line), "SUB %s 1\r\n", subject);
	if (load_conn_text(&p->responder, line, e) != 0 || load_conn_sync(&p->responder, e) != 0)
		return (-1);
	n = head = snprintf(line, sizeof(line), "MSG %s 1 " INBOX_FORMAT, subject, number);
	n += snprintf(line + n, sizeof(line) - (size_t)n, "%08u %u\r\n", 0u, payload);
	line[head] = '\0';
	load_conn_expect(&p->responder, line, (size_t)n, payload, take_request);
	return (0);
}

/* A message with `line` before a payload of filler; its length in *len. */
static char *
message_new(const char *line, unsigned payload, size_t *len)
{
	size_t n = strlen(line);
	char *m;

	*len = n + payload + 2;
	m = malloc(*len);
	if (m == NULL)
		return (NULL);
	memcpy(m, line, n);
	memset(m + n, 'x', payload);
	memcpy(m + n + payload, "\r\n", 2);
	return (m);
}

static int
pair_prepare(struct run *run, unsigned number, struct err *e)
{
	struct pair *p = &run->pairs[number];
	unsigned payload = run->plan->payload;
	char line[LOAD_HEAD_MAX];
	int n;

	n = snprintf(line, sizeof(line), "PUB " SUBJECT_FORMAT " " INBOX_FORMAT, number, number);
	p->token_at = (size_t)n;
	snprintf(line + n, sizeof(line) - (size_t)n, "%08u %u\r\n", 0u, payload);
	p->payload_at = strlen(line);
	p->request = message_new(line, payload, &p->request_len);
	snprintf(line, sizeof(line), "PUB " INBOX_FORMAT "%08u %u\r\n", number, 0u, payload);
	p->reply_payload_at = strlen(line);
	p->reply = message_new(line, payload, &p->reply_len);
	p->sent_at = calloc(run->plan->in_flight, sizeof(*p->sent_at));
	p->run = run;
	run->npairs++;
	if (p->request == NULL || p->reply == NULL || p->sent_at == NULL)
		return (err_sys(e, "pair %u", number));
	return (0);
}

static int
run_open(struct run *run, struct err *e)
{
	unsigned i;

	run->pairs = calloc(run->plan->publishers, sizeof(*run->pairs));
	if (run->pairs == NULL)
		return (err_sys(e, "pairs"));
	for (i = 0; i < run->plan->publishers; i++)
		if (pair_prepare(run, i, e) != 0 ||
		    requester_open(run, &run->pairs[i], i, e) != 0 ||
		    responder_open(run, &run->pairs[i], i, e) != 0)
			return (-1);
	return (0);
}

static void
run_close(struct run *run)
{
	struct pair *p;
	unsigned i;

	for (i = 0; i < run->npairs; i++) {
		p = &run->pairs[i];
		if (run->nconns > 2 * i)
			load_conn_close(&p->requester);
		if (run->nconns > 2 * i + 1)
			load_conn_close(&p->responder);
		free(p->request);
		free(p->reply);
		free(p->sent_at);
	}
	free(run->pairs);
}

static uint64_t
answered(const struct run *run)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < run->npairs; i++)
		sum += run->pairs[i].answered;
	return (sum);
}

static int
request_measure(struct run *run, struct load_result *r, struct err *e)
{
	const struct load_plan *plan = run->plan;
	struct mono start;
	uint64_t before;
	int64_t cpu;

	if (plan->warm_ms > 0 && request_phase(run, 0, plan->warm_ms, e) != 0)
		return (err_wrap(e, "warming up"));
	if (load_wait(plan, e) != 0)
		return (-1);
	run->latency = &r->latency;
	before = answered(run);
	cpu = load_cpu_ns();
	start = mono_now();
	if (request_phase(run, plan->messages, plan->ms, e) != 0)
		return (-1);
	r->ns = mono_diff_ns(mono_now(), start);
	r->cpu_ns = load_cpu_ns() - cpu;
	r->ops = r->published = answered(run) - before;
	load_report(plan, r);
	return (0);
}

int
load_request_run(const struct load_plan *plan, struct load_result *r, struct err *e)
{
	struct run run = { .plan = plan };
	int rc = -1;

	if (plan->publishers > PAIRS_MAX || plan->in_flight > IN_FLIGHT_MAX)
		return (err_set(e, "at most %u pairs with %u requests each", PAIRS_MAX,
		    IN_FLIGHT_MAX));
	if (load_net_open(&run.net, plan->host, plan->port, plan->tls, e) != 0)
		return (-1);
	if (run_open(&run, e) == 0)
		rc = request_measure(&run, r, e);
	run_close(&run);
	load_net_close(&run.net);
	return (rc);
}
