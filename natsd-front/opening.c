#include "config.h"

#include <sys/socket.h>

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "natsd-front/client/client.h"
#include "natsd-front/client/info.h"
#include "natsd-front/conn.h"
#include "natsd-front/conn_input.h"
#include "natsd-front/conn_tls.h"
#include "natsd-front/opening.h"
#include "natsd-front/proxy_header.h"
#include "natsd-front/tls/handshake.h"

#define FIRST_BYTES 4u /* after that many nobody waits for the end of the delay */
#define SNIFF_BYTES 6u
#define PROXY_WAIT_MS 5000
#define READ_BYTES 4096u
#define TLS_FIRST_BYTE 0x16

enum opening_phase {
	OPENING_FIRST,
	OPENING_SNIFF,
	OPENING_PROXY_BEGIN,
	OPENING_PROXY,
	OPENING_SNIFF_AGAIN,
	OPENING_HANDSHAKE,
};

struct opening {
	uint8_t phase;	/* enum opening_phase */
	bool wants_tls; /* as far as is known: a handshake comes */
	bool first;	/* and INFO behind it */
	bool sniffs;	/* the client decides */
	struct mono by; /* when the phase is over */
	struct tls_handshake *hs;
};

static void opening_look(struct conn *);
static void opening_wait(struct conn *, enum opening_phase, int64_t ns);
static void begin_sniff(struct conn *);
static void begin_proxy(struct conn *);
static void take_proxy(struct conn *, const struct proxy_header *);
static void begin_last(struct conn *);
static void begin_handshake(struct conn *);
static void opening_over(struct conn *);
static void handshake_input(struct conn *);
static void handshake_go_on(struct conn *);
static void handshake_stepped(struct conn *);

static const struct options *
options_of(const struct conn *c)
{
	return (&c->worker->settings->o);
}

/* ---- begin ---- */

/* INFO in clear, now: a handshake must not overtake it. */
static void
say_info(struct conn *c)
{
	info_send(c, INFO_FIRST);
	if (c->state != CONN_CLOSING)
		conn_flush(c);
}

void
opening_begin(struct conn *c, bool refuse)
{
	const struct options *o = options_of(c);
	struct opening *p;

	if (o->tls == NULL && !o->proxy_protocol) {
		client_begin(c, refuse);
		if (c->state != CONN_CLOSING)
			client_opened(c);
		return;
	}
	if ((p = c->opening = calloc(1, sizeof(*p))) == NULL) {
		conn_no_memory(c, REASON_READ_ERROR, "its opening");
		return;
	}
	p->first = o->tls != NULL && o->tls->first;
	p->wants_tls = p->first || (o->tls != NULL && !o->allow_non_tls);
	c->state = CONN_OPENING;
	if (!p->first)
		say_info(c);
	if (refuse) {
		client_refuse(c);
		return;
	}
	if (p->first && o->tls->first_delay_ns > 0)
		opening_wait(c, OPENING_FIRST, o->tls->first_delay_ns);
	else
		begin_sniff(c);
}

static void
opening_wait(struct conn *c, enum opening_phase phase, int64_t ns)
{
	c->opening->phase = (uint8_t)phase;
	c->opening->by = mono_add_ns(c->worker->now, ns);
	conn_set_timer(c);
}

bool
opening_reads(const struct conn *c)
{
	return (c->opening->hs == NULL || !c->opening->hs->busy);
}

struct mono
opening_until(const struct conn *c)
{
	return (c->opening->by);
}

void
opening_end(struct conn *c)
{
	struct opening *p = c->opening;

	if (p == NULL)
		return;
	c->opening = NULL;
	if (p->hs != NULL && p->hs->busy)
		c->tls = NULL; /* a helper has it; it is freed when it comes back */
	else
		tls_handshake_free(p->hs, true, c->worker->mem.blobs);
	free(p);
}

/* ---- bytes and time ---- */

static bool
is_proxy_phase(const struct conn *c)
{
	return (c->opening->phase == OPENING_PROXY_BEGIN || c->opening->phase == OPENING_PROXY);
}

void
opening_input(struct conn *c)
{
	uint8_t *to;
	ssize_t n;

	if (c->opening->phase == OPENING_HANDSHAKE) {
		handshake_input(c);
		return;
	}
	to = conn_held_room(c, READ_BYTES);
	if (to == NULL) {
		conn_no_memory(c, REASON_READ_ERROR, "what it sends");
		return;
	}
	n = read(c->fd, to, READ_BYTES);
	if (n > 0) {
		conn_held_add(c, (size_t)n);
		opening_look(c);
	} else if (n == 0 && (conn_held(c).n != 0 || is_proxy_phase(c))) {
		opening_late(c); /* no more will come: as if the time were over */
	} else if (n == 0) {
		conn_close(c, REASON_CLIENT_CLOSED);
	} else if (errno != EAGAIN && errno != EINTR) {
		conn_close(c, REASON_READ_ERROR);
	}
}

static bool
starts_like_tls(const struct conn *c)
{
	struct str held = conn_held(c);

	return (held.n != 0 && (uint8_t)held.p[0] == TLS_FIRST_BYTE);
}

static void
proxy_broken(struct conn *c, const char *why)
{
	char ip[CONN_IP_MAX];

	conn_ip(c, ip);
	log_warn(c->family == AF_INET6 ? "Error reading PROXY protocol header from [%s]:%u: %s"
				       : "Error reading PROXY protocol header from %s:%u: %s", ip,
	    c->port, why);
	conn_close(c, REASON_PROTOCOL);
}

static void
look_for_proxy(struct conn *c)
{
	struct str held = conn_held(c);
	struct proxy_header h;
	struct err e = { .text = "" };
	size_t used;

	switch (proxy_header_parse((const uint8_t *)held.p, held.n, &h, &used, &e)) {
	case PROXY_MORE:
		if (c->opening->phase == OPENING_PROXY_BEGIN && held.n >= PROXY_BEGIN_BYTES)
			opening_wait(c, OPENING_PROXY, PROXY_WAIT_MS * NS_PER_MS);
		return;
	case PROXY_NONE:
		begin_last(c);
		return;
	case PROXY_BROKEN:
		proxy_broken(c, e.text);
		return;
	case PROXY_WHOLE:
		conn_held_skip(c, used);
		take_proxy(c, &h);
		return;
	}
}

/* More bytes are there: are they enough for this phase? */
static void
opening_look(struct conn *c)
{
	size_t n = conn_held(c).n;

	switch ((enum opening_phase)c->opening->phase) {
	case OPENING_FIRST:
		if (n >= FIRST_BYTES)
			begin_sniff(c);
		return;
	case OPENING_SNIFF:
		if (n < SNIFF_BYTES)
			return;
		c->opening->wants_tls = starts_like_tls(c);
		begin_proxy(c);
		return;
	case OPENING_PROXY_BEGIN:
	case OPENING_PROXY:
		look_for_proxy(c);
		return;
	case OPENING_SNIFF_AGAIN:
		if (n == 0)
			return;
		c->opening->wants_tls = starts_like_tls(c);
		begin_last(c);
		return;
	case OPENING_HANDSHAKE:
		return;
	}
}

/* Nothing came: the client waits for INFO. */
static void
first_late(struct conn *c)
{
	struct opening *p = c->opening;

	if (conn_held(c).n == 0) {
		p->first = false;
		p->wants_tls = !options_of(c)->allow_non_tls;
		say_info(c);
	}
	if (c->state == CONN_OPENING)
		begin_sniff(c);
}

void
opening_late(struct conn *c)
{
	struct opening *p = c->opening;

	switch ((enum opening_phase)p->phase) {
	case OPENING_FIRST:
		first_late(c);
		return;
	case OPENING_SNIFF:
		p->wants_tls = starts_like_tls(c);
		begin_proxy(c);
		return;
	case OPENING_PROXY_BEGIN:
		if (conn_held(c).n != 0)
			opening_wait(c, OPENING_PROXY, PROXY_WAIT_MS * NS_PER_MS);
		else
			proxy_broken(c, "failed to read protocol version: EOF");
		return;
	case OPENING_PROXY:
		proxy_broken(c, "timeout reading PROXY protocol header");
		return;
	case OPENING_SNIFF_AGAIN:
		p->wants_tls = starts_like_tls(c);
		begin_last(c);
		return;
	case OPENING_HANDSHAKE:
		conn_log(c, LOG_LVL_DEBUG, "TLS handshake timeout");
		conn_close(c, REASON_TLS_HANDSHAKE);
		return;
	}
}

/* ---- from phase to phase ---- */

static void
begin_sniff(struct conn *c)
{
	const struct options *o = options_of(c);
	struct opening *p = c->opening;

	p->sniffs = !p->first && o->tls != NULL && o->allow_non_tls;
	if (!p->sniffs) {
		begin_proxy(c);
		return;
	}
	opening_wait(c, OPENING_SNIFF, o->tls->timeout_ns);
	opening_look(c);
}

static void
begin_proxy(struct conn *c)
{
	if (!options_of(c)->proxy_protocol) {
		begin_last(c);
		return;
	}
	opening_wait(c, conn_held(c).n == 0 ? OPENING_PROXY_BEGIN : OPENING_PROXY,
	    PROXY_WAIT_MS * NS_PER_MS);
	opening_look(c);
}

/* The log goes on to name the proxy; everything else the client. */
static void
take_proxy(struct conn *c, const struct proxy_header *h)
{
	const struct options *o = options_of(c);

	if (h->known && c->proxied == NULL &&
	    (c->proxied = calloc(1, sizeof(*c->proxied))) == NULL) {
		conn_no_memory(c, REASON_READ_ERROR, "its opening");
		return;
	}
	if (h->known) {
		c->proxied->family = h->family;
		c->proxied->port = h->port;
		memcpy(c->proxied->addr, h->addr, sizeof(c->proxied->addr));
	}
	if (!c->opening->sniffs || o->tls == NULL) {
		begin_last(c);
		return;
	}
	opening_wait(c, OPENING_SNIFF_AGAIN, o->tls->timeout_ns);
	opening_look(c);
}

static void
begin_last(struct conn *c)
{
	/* A reload may have taken TLS away meanwhile. */
	if (!c->opening->wants_tls || c->worker->settings->tls == NULL)
		opening_over(c);
	else
		begin_handshake(c);
}

/* What was read already is the parser's. */
static void
opening_over(struct conn *c)
{
	opening_end(c);
	c->state = CONN_OPEN;
	client_opened(c);
	if (c->state == CONN_OPEN && conn_held(c).n != 0 && c->at == NULL)
		conn_list_add(&c->worker->resume, c);
	if (c->state == CONN_OPEN) {
		conn_arm(c);
		conn_set_timer(c);
	}
}

/* ---- the handshake ---- */

static void
handshake_failed(struct conn *c, enum log_level level, const char *why)
{
	conn_log(c, level, "TLS handshake error: %s", why);
	conn_close(c, REASON_TLS_HANDSHAKE);
}

static void
step_work(struct helper_job *job)
{
	tls_handshake_step((struct tls_handshake *)job);
}

static void
step_done(struct helper_job *job, struct worker *w)
{
	struct tls_handshake *hs = (struct tls_handshake *)job;
	struct conn *c = slots_find(&w->conns, job->conn);

	w->worked = true;
	hs->busy = false;
	if (c == NULL || c->opening == NULL || c->opening->hs != hs)
		tls_handshake_free(hs, false, w->mem.blobs);
	else if (c->state == CONN_OPENING)
		handshake_stepped(c);
}

static void
step_drop(struct helper_job *job)
{
	tls_handshake_free((struct tls_handshake *)job, false, NULL);
}

static void
begin_handshake(struct conn *c)
{
	struct opening *p = c->opening;
	struct worker *w = c->worker;
	struct str held = conn_held(c);

	if (!tls_rate_allow(&w->shared->tls_rate, w->now)) {
		conn_err(c, "Connection throttling is active. Please try again later.");
		conn_close(c, REASON_MAX_CONNECTIONS);
		return;
	}
	if (c->out.pending != 0) { /* not even INFO fits into its socket */
		conn_close(c, REASON_WRITE_ERROR);
		return;
	}
	conn_log(c, LOG_LVL_DEBUG, "Starting TLS client connection handshake");
	p->hs = tls_handshake_new(w->settings->tls, TLS_CLIENTS);
	if (p->hs == NULL || buf_add(&p->hs->in, held.p, held.n) != 0) {
		conn_close(c, REASON_TLS_HANDSHAKE);
		return;
	}
	p->hs->job = (struct helper_job){ .class = HELPER_QUICK, .conn = c->handle,
		.worker = (uint16_t)w->index, .work = step_work, .done = step_done,
		.drop = step_drop };
	c->tls = p->hs->tls;
	conn_held_skip(c, held.n);
	opening_wait(c, OPENING_HANDSHAKE, options_of(c)->tls->timeout_ns);
	if (p->hs->in.len != 0)
		handshake_go_on(c);
	conn_arm(c);
}

static void
handshake_input(struct conn *c)
{
	struct tls_handshake *hs = c->opening->hs;
	uint8_t *to = buf_room(&hs->in, READ_BYTES);
	ssize_t n = to == NULL ? -1 : read(c->fd, to, READ_BYTES);

	if (n > 0) {
		hs->in.len += (size_t)n;
		handshake_go_on(c);
	} else if (n == 0) {
		handshake_failed(c, LOG_LVL_ERROR, "EOF");
	} else if (to == NULL) {
		handshake_failed(c, LOG_LVL_ERROR, "tls: too much of it");
	} else if (errno != EAGAIN && errno != EINTR) {
		handshake_failed(c, LOG_LVL_ERROR, strerror(errno));
	}
}

/* What it begins with is looked at here: the library would answer with an alert. */
static void
handshake_go_on(struct conn *c)
{
	struct tls_handshake *hs = c->opening->hs;

	if (!hs->begun && !tls_looks_like(hs->in.data, hs->in.len)) {
		handshake_failed(c, LOG_LVL_DEBUG,
		    "tls: first record does not look like a TLS handshake");
		return;
	}
	if (!hs->begun && hs->in.len < TLS_RECORD_HEAD)
		return;
	hs->begun = true;
	hs->busy = true;
	if (!helpers_submit(c->worker->shared->helpers, &hs->job)) {
		hs->busy = false;
		handshake_failed(c, LOG_LVL_ERROR, "too many handshakes wait");
		return;
	}
	conn_arm(c);
}

static void
handshake_done(struct conn *c)
{
	const struct tls_options *o = options_of(c)->tls;
	struct tls_handshake *hs = c->opening->hs;
	bool first = c->opening->first;

	if (o != NULL && o->npins != 0 && !tls_peer_pinned(c->tls->peer, o)) {
		handshake_failed(c, LOG_LVL_ERROR, "certificate not pinned");
		return;
	}
	c->flags |= CONN_TLS_READY | (first ? (uint32_t)CONN_TLS_FIRST : 0u);
	conn_log(c, LOG_LVL_DEBUG, "TLS handshake complete");
	conn_log(c, LOG_LVL_DEBUG, "TLS version %s, cipher suite %s", tls_version(c->tls),
	    tls_cipher(c->tls));
	if (first)
		info_send(c, INFO_FIRST);
	if (!conn_tls_hold(c, hs->in.data + hs->in_at, hs->in.len - hs->in_at))
		return;
	opening_over(c);
}

static void
handshake_stepped(struct conn *c)
{
	struct tls_handshake *hs = c->opening->hs;

	conn_tls_send(c, hs->out.data, hs->out.len);
	hs->out.len = 0;
	if (c->state != CONN_OPENING)
		return;
	switch (hs->result) {
	case TLS_OK:
		handshake_done(c);
		return;
	case TLS_MORE:
		buf_drop_front(&hs->in, hs->in_at);
		hs->in_at = 0;
		conn_arm(c);
		return;
	case TLS_OVER:
	case TLS_FAILED:
		handshake_failed(c, LOG_LVL_ERROR, hs->why.text);
		return;
	}
}
