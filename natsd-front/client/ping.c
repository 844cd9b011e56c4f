/* PING, PONG and stale connections (client.md 6). */
#include "config.h"

#include "natsd-front/client/client.h"
#include "natsd-front/client/trace.h"
#include "natsd-front/conn.h"
#include "natsd-front/text.h"

#define FIRST_PING_NS (2 * NS_PER_S)
#define RTT_VALID_NS (3600 * NS_PER_S)

void
client_ping_first(struct conn *c)
{
	int64_t interval = c->worker->settings->ping_interval_ns;
	int64_t ns = interval < FIRST_PING_NS ? interval : FIRST_PING_NS;
	uint32_t fifth = (uint32_t)(ns / 5 / NS_PER_US);

	if (fifth != 0)
		ns += worker_random(c->worker, fifth) * NS_PER_US;
	c->ping_at = mono_add_ns(c->worker->now, ns);
	conn_set_timer(c);
}

/* It showed life within the interval, and its round trip is known and not too old. */
static bool
ping_needless(const struct conn *c, int64_t interval)
{
	struct mono now = c->worker->now;

	return (c->active_in.ns != 0 && mono_diff_ns(now, c->active_in) < interval &&
	    c->rtt_ns != 0 && (c->flags & CONN_RTT_STARTED) != 0 &&
	    mono_diff_ns(now, c->rtt_from) < RTT_VALID_NS);
}

/* An interval after `from`; after now when that is over already. */
static void
ping_again(struct conn *c, struct mono from, int64_t interval)
{
	struct mono now = c->worker->now;

	c->ping_at = mono_add_ns(from, interval);
	if (!mono_before(now, c->ping_at))
		c->ping_at = mono_add_ns(now, interval);
}

static void
ping_stale(struct conn *c)
{
	static const char text[] = "-ERR 'Stale Connection'\r\n";

	conn_log(c, LOG_LVL_DEBUG, "Stale Client Connection - Closing");
	c->worker->stats.stale_conns++;
	conn_put(c, text, sizeof(text) - 1);
	conn_close(c, REASON_STALE);
}

static void
ping_log_delay(const struct conn *c)
{
	int64_t ago = mono_diff_ns(c->worker->now, c->active_in);
	char text[TEXT_DURATION_MAX];

	if (!log_debugs())
		return;
	text_duration(text, (ago + NS_PER_S / 2) / NS_PER_S * NS_PER_S);
	conn_log(c, LOG_LVL_DEBUG, "Delaying PING due to remote client data or ping %s ago", text);
}

void
client_ping_due(struct conn *c)
{
	const struct settings *s = c->worker->settings;
	int64_t interval = s->ping_interval_ns;

	conn_log(c, LOG_LVL_DEBUG, "Client Ping Timer");
	if (ping_needless(c, interval)) {
		ping_log_delay(c);
		/* From its last life on, so that a vanished peer costs ping_max + 1 intervals. */
		ping_again(c, c->active_in, interval);
	} else if ((int64_t)c->pings_out + 1 > s->o.ping_max) {
		ping_stale(c);
		return;
	} else {
		conn_put(c, "PING\r\n", 6);
		trace_out(c, "PING");
		c->pings_out++;
		c->flags |= CONN_RTT_STARTED;
		c->rtt_from = c->worker->now;
		ping_again(c, c->ping_at, interval);
	}
}
