/* What the main thread says to a worker. */
#include "config.h"

#include <string.h>

#include "natsd-front/auth/auth.h"
#include "natsd-front/client/client.h"
#include "natsd-front/client/info.h"
#include "natsd-front/conn.h"
#include "natsd-front/peer.h"
#include "natsd-front/tls/tls.h"

#define STOP_LINGER_MS 100 /* for the output of connections that are closed at the end */

static void
each_conn(struct worker *w, void (*fn)(struct conn *))
{
	uint32_t i;

	for (i = 0; i < w->conns.size; i++)
		if (slots_at(&w->conns, i) != NULL)
			fn(slots_at(&w->conns, i));
}

/* Only a set that is not empty throws anybody out (config.md 12.6). */
static void
check_pins(struct conn *c)
{
	const struct tls_options *o = c->worker->settings->o.tls;

	if (o == NULL || o->npins == 0 || (c->flags & CONN_TLS_READY) == 0 ||
	    c->state == CONN_CLOSING || tls_peer_pinned(c->tls->peer, o))
		return;
	atomic_fetch_add(&c->worker->shared->unpinned, 1);
	conn_close(c, REASON_TLS_HANDSHAKE);
}

static void
on_settings(struct worker *w, const struct local_settings *m)
{
	const struct settings *old = w->settings;
	struct conn *c;
	uint32_t i;

	w->settings = m->settings;
	for (i = 0; i < w->conns.size; i++) {
		if ((c = slots_at(&w->conns, i)) == NULL)
			continue;
		auth_reload(c, old, m->access_changed);
		client_settings(c);
		check_pins(c);
	}
	for (i = 0; i < m->close_random; i++)
		conn_close_random(w, REASON_MAX_CONNECTIONS, "maximum connections exceeded");
	worker_say_main(w, LOCAL_SETTINGS_USED, NULL, 0);
}

static void
tell_lame(struct conn *c)
{
	if (c->state == CONN_OPEN && c->protocol >= 1 && (c->flags & CONN_FIRST_PONG) != 0)
		info_send(c, INFO_LAME_DUCK);
}

static void
on_stop(struct worker *w)
{
	w->stopping = true;
	w->stop_by = mono_add_ms(w->now, STOP_LINGER_MS);
	conn_close_all(w, REASON_SHUTDOWN);
}

void
worker_from_main(struct worker *w, const struct ring_rec *rec)
{
	union {
		struct local_adopt adopt;
		struct local_settings settings;
		struct local_number number;
		struct local_peer_state state;
		struct local_peer_rings rings;
	} m;

	memcpy(&m, rec->data, rec->len < sizeof(m) ? rec->len : sizeof(m));
	switch ((enum local_type)rec->type) {
	case LOCAL_ADOPT:
		conn_adopt(w, &m.adopt);
		return;
	case LOCAL_SETTINGS:
		on_settings(w, &m.settings);
		return;
	case LOCAL_LAME:
		each_conn(w, tell_lame);
		return;
	case LOCAL_CLOSE_ANY:
		conn_close_random(w, REASON_SHUTDOWN, NULL);
		return;
	case LOCAL_TURN:
		worker_say_main(w, LOCAL_TURNED, &m.number, sizeof(m.number));
		return;
	case LOCAL_PEER_STATE:
		peer_state(w, &m.state);
		return;
	case LOCAL_PEER_RINGS:
		peer_fresh_rings(w, &m.rings);
		return;
	case LOCAL_STOP:
		on_stop(w);
		return;
	case LOCAL_DELIVER:
	case LOCAL_QUEUE:
	case LOCAL_NOBODY:
	case LOCAL_STALL:
	case LOCAL_MARK:
	case LOCAL_MARKED:
	case LOCAL_TURNED:
	case LOCAL_SETTINGS_USED:
	case LOCAL_PEER_FAULT:
	case LOCAL_SYNCED:
	case LOCAL_STOPPED:
		break;
	}
	bug("main said record %u to a worker", rec->type);
}
