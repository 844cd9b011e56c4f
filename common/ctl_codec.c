#include "config.h"

#include "common/ctl.h"

#define FRONT_THREADS_MAX 256u
#define BUFFER_BYTES (64u + CTL_TEXT_MAX)

/*
 * Each message: what is written and what is read, side by side.  PLAIN makes the public pair of
 * one whose descriptors, if any, are told apart by the caller.
 */
#define PLAIN(NAME, name)								\
	int										\
	ctl_send_##name(struct ctl *ctl, const struct ctl_##name *m, struct err *err)	\
	{										\
		uint8_t bytes[BUFFER_BYTES];						\
		struct wr out = wr_of(bytes, sizeof(bytes));				\
											\
		put_##name(&out, m);							\
		return (send_payload(ctl, CTL_##NAME, &out, NULL, 0, err));		\
	}										\
	GETTER(name, ctl_##name)

#define GETTER(name, type)								\
	int										\
	ctl_get_##name(struct ctl_msg *msg, struct type *m)				\
	{										\
		struct rd in = msg->body;						\
											\
		return (get_##name(&in, m) && rd_end(&in) == 0 ? 0 : -1);		\
	}

static int
send_payload(struct ctl *ctl, enum ctl_type type, const struct wr *out, const int *fds, int nfds,
    struct err *err)
{
	if (wr_end(out) != 0)
		return (err_set(err, "%s is too long", ctl_name((uint16_t)type)));
	return (ctl_send(ctl, type, out->start, wr_len(out), fds, nfds, err));
}

/* A text that is too long is cut: better a short reason than none. */
static void
put_text(struct wr *out, struct str text)
{
	if (text.n > CTL_TEXT_MAX)
		text.n = CTL_TEXT_MAX;
	wr_str16(out, text);
}

static bool
is_child(uint32_t role)
{
	return (role == ROLE_FRONT || role == ROLE_JS || role == ROLE_RAFT);
}

/* Messages of one number that says nothing yet. */
#define UNUSED(NAME, name)						\
	static void							\
	put_##name(struct wr *out, const struct ctl_##name *m)		\
	{								\
		wr_u32(out, m->unused);					\
	}								\
									\
	static bool							\
	get_##name(struct rd *in, struct ctl_##name *m)			\
	{								\
		m->unused = rd_u32(in);					\
		return (true);						\
	}
UNUSED(ACCOUNTS, accounts)
UNUSED(GO, go)
UNUSED(READY, ready)
UNUSED(LAME_DUCK, lame_duck)
UNUSED(LAME_DONE, lame_done)
UNUSED(STOP, stop)
UNUSED(STOPPED, stopped)
#undef UNUSED
PLAIN(GO, go)
PLAIN(READY, ready)
PLAIN(LAME_DUCK, lame_duck)
PLAIN(LAME_DONE, lame_done)
PLAIN(STOP, stop)
PLAIN(STOPPED, stopped)
GETTER(accounts, ctl_accounts)

/* ---- HELLO ---- */

static void
put_hello(struct wr *out, const struct ctl_hello *m)
{
	wr_u32(out, m->stamp);
	wr_u32(out, m->role);
	wr_u64(out, m->natsd_life);
	wr_u32(out, m->front_threads);
	wr_u32(out, m->dev_roles);
	wr_u64(out, m->cid_base);
	put_text(out, m->kill_spec);
}

static bool
get_hello(struct rd *in, struct ctl_hello *m)
{
	m->stamp = rd_u32(in);
	m->role = rd_u32(in);
	m->natsd_life = rd_u64(in);
	m->front_threads = rd_u32(in);
	m->dev_roles = rd_u32(in);
	m->cid_base = rd_u64(in);
	m->kill_spec = rd_str16(in);
	return (is_child(m->role) && m->front_threads >= 1 &&
	    m->front_threads <= FRONT_THREADS_MAX && m->dev_roles <= 1);
}

PLAIN(HELLO, hello)

/* ---- CONFIG, CONFIG_VALID, CONFIG_USE, CONFIG_DROP, CONFIG_USED ---- */

#define GENERATION(name)						\
	static void							\
	put_##name(struct wr *out, const struct ctl_##name *m)		\
	{								\
		wr_u32(out, m->generation);				\
	}								\
									\
	static bool							\
	get_##name(struct rd *in, struct ctl_##name *m)			\
	{								\
		m->generation = rd_u32(in);				\
		return (m->generation > 0);				\
	}
GENERATION(config)
GENERATION(config_use)
GENERATION(config_drop)
GENERATION(config_used)
#undef GENERATION
PLAIN(CONFIG_USE, config_use)
PLAIN(CONFIG_DROP, config_drop)
PLAIN(CONFIG_USED, config_used)

int
ctl_send_config(struct ctl *ctl, const struct ctl_config *m, int fd, struct err *err)
{
	uint8_t bytes[BUFFER_BYTES];
	struct wr out = wr_of(bytes, sizeof(bytes));

	put_config(&out, m);
	return (send_payload(ctl, CTL_CONFIG, &out, &fd, 1, err));
}

GETTER(config, ctl_config)

static void
put_config_valid(struct wr *out, const struct ctl_config_valid *m)
{
	wr_u32(out, m->generation);
	put_text(out, m->why);
}

static bool
get_config_valid(struct rd *in, struct ctl_config_valid *m)
{
	m->generation = rd_u32(in);
	m->why = rd_str16(in);
	return (m->generation > 0);
}

PLAIN(CONFIG_VALID, config_valid)

/* ---- LISTENER ---- */

static void
put_listener(struct wr *out, const struct ctl_listener_msg *m)
{
	wr_u32(out, m->kind);
	put_text(out, m->address);
}

static bool
get_listener(struct rd *in, struct ctl_listener_msg *m)
{
	m->kind = rd_u32(in);
	m->address = rd_str16(in);
	return (m->kind == CTL_LISTEN_CLIENT || m->kind == CTL_LISTEN_MONITOR ||
	    m->kind == CTL_LISTEN_MONITOR_TLS);
}

int
ctl_send_listener(struct ctl *ctl, const struct ctl_listener_msg *m, int fd, struct err *err)
{
	uint8_t bytes[BUFFER_BYTES];
	struct wr out = wr_of(bytes, sizeof(bytes));

	put_listener(&out, m);
	return (send_payload(ctl, CTL_LISTENER, &out, &fd, 1, err));
}

GETTER(listener, ctl_listener_msg)

/* ---- BELL ---- */

static void
put_bell(struct wr *out, const struct ctl_bell *m)
{
	wr_u32(out, m->owner);
	wr_u32(out, m->thread);
}

static bool
get_bell(struct rd *in, struct ctl_bell *m)
{
	m->owner = rd_u32(in);
	m->thread = rd_u32(in);
	return (is_child(m->owner) && m->thread < FRONT_THREADS_MAX);
}

int
ctl_send_bell(struct ctl *ctl, const struct ctl_bell *m, int wait_fd, int ring_fd, struct err *err)
{
	uint8_t bytes[BUFFER_BYTES];
	struct wr out = wr_of(bytes, sizeof(bytes));

	put_bell(&out, m);
	return (send_payload(ctl, CTL_BELL, &out, (int[]){ wait_fd, ring_fd }, 2, err));
}

GETTER(bell, ctl_bell)

/* ---- RING ---- */

static void
put_ring(struct wr *out, const struct ctl_ring *m)
{
	wr_u32(out, m->from);
	wr_u32(out, m->to);
	wr_u32(out, m->thread);
	wr_u32(out, m->peer_life);
}

static bool
get_ring(struct rd *in, struct ctl_ring *m)
{
	m->from = rd_u32(in);
	m->to = rd_u32(in);
	m->thread = rd_u32(in);
	m->peer_life = rd_u32(in);
	return (is_child(m->from) && is_child(m->to) && m->from != m->to &&
	    m->thread < FRONT_THREADS_MAX);
}

int
ctl_send_ring(struct ctl *ctl, const struct ctl_ring *m, int memory_fd, int bell_fd,
    struct err *err)
{
	uint8_t bytes[BUFFER_BYTES];
	struct wr out = wr_of(bytes, sizeof(bytes));

	put_ring(&out, m);
	return (send_payload(ctl, CTL_RING, &out, (int[]){ memory_fd, bell_fd }, 2, err));
}

GETTER(ring, ctl_ring)

/* ---- ACCOUNTS, STORE ---- */

int
ctl_send_accounts(struct ctl *ctl, const struct ctl_accounts *m, int fd, struct err *err)
{
	uint8_t bytes[BUFFER_BYTES];
	struct wr out = wr_of(bytes, sizeof(bytes));

	put_accounts(&out, m);
	return (send_payload(ctl, CTL_ACCOUNTS, &out, &fd, 1, err));
}

static void
put_store(struct wr *out, const struct ctl_store_msg *m)
{
	wr_u32(out, m->kind);
}

static bool
get_store(struct rd *in, struct ctl_store_msg *m)
{
	m->kind = rd_u32(in);
	return (m->kind == CTL_STORE_VOLATILE);
}

int
ctl_send_store(struct ctl *ctl, const struct ctl_store_msg *m, int fd, struct err *err)
{
	uint8_t bytes[BUFFER_BYTES];
	struct wr out = wr_of(bytes, sizeof(bytes));

	put_store(&out, m);
	return (send_payload(ctl, CTL_STORE, &out, &fd, 1, err));
}

GETTER(store, ctl_store_msg)

/* ---- PING, PONG ---- */

static void
put_ping(struct wr *out, const struct ctl_ping *m)
{
	wr_u64(out, m->number);
}

static bool
get_ping(struct rd *in, struct ctl_ping *m)
{
	m->number = rd_u64(in);
	return (true);
}

PLAIN(PING, ping)

static void
put_pong(struct wr *out, const struct ctl_pong *m)
{
	wr_u64(out, m->number);
	wr_u64(out, m->useful);
}

static bool
get_pong(struct rd *in, struct ctl_pong *m)
{
	m->number = rd_u64(in);
	m->useful = rd_u64(in);
	return (true);
}

PLAIN(PONG, pong)

/* ---- PEER, PEER_FAULT ---- */

static void
put_peer(struct wr *out, const struct ctl_peer *m)
{
	wr_u32(out, m->role);
	wr_u32(out, m->life);
	wr_u32(out, m->state);
	wr_u32(out, m->restarts);
	put_text(out, m->why);
}

static bool
get_peer(struct rd *in, struct ctl_peer *m)
{
	m->role = rd_u32(in);
	m->life = rd_u32(in);
	m->state = rd_u32(in);
	m->restarts = rd_u32(in);
	m->why = rd_str16(in);
	return (is_child(m->role) && m->state >= CTL_PEER_STARTING && m->state <= CTL_PEER_WAITING);
}

PLAIN(PEER, peer)

static void
put_peer_fault(struct wr *out, const struct ctl_peer_fault *m)
{
	wr_u32(out, m->role);
	put_text(out, m->why);
}

static bool
get_peer_fault(struct rd *in, struct ctl_peer_fault *m)
{
	m->role = rd_u32(in);
	m->why = rd_str16(in);
	return (is_child(m->role));
}

PLAIN(PEER_FAULT, peer_fault)

/* ---- USAGE_ASK, USAGE ---- */

static void
put_usage_ask(struct wr *out, const struct ctl_usage_ask *m)
{
	wr_u64(out, m->token);
}

static bool
get_usage_ask(struct rd *in, struct ctl_usage_ask *m)
{
	m->token = rd_u64(in);
	return (true);
}

PLAIN(USAGE_ASK, usage_ask)

static void
put_usage(struct wr *out, const struct ctl_usage *m)
{
	wr_u64(out, m->token);
	wr_u64(out, m->cpu_permille);
	wr_u64(out, m->rss_bytes);
	wr_u64(out, m->cpu_ns);
	wr_u64(out, m->log_dropped);
}

static bool
get_usage(struct rd *in, struct ctl_usage *m)
{
	m->token = rd_u64(in);
	m->cpu_permille = rd_u64(in);
	m->rss_bytes = rd_u64(in);
	m->cpu_ns = rd_u64(in);
	m->log_dropped = rd_u64(in);
	return (true);
}

PLAIN(USAGE, usage)

/* ---- PROBE, PROBED ---- */

static void
put_probe(struct wr *out, const struct ctl_probe *m)
{
	put_text(out, m->what);
}

static bool
get_probe(struct rd *in, struct ctl_probe *m)
{
	m->what = rd_str16(in);
	return (true);
}

PLAIN(PROBE, probe)

static void
put_probed(struct wr *out, const struct ctl_probed *m)
{
	put_text(out, m->result);
}

static bool
get_probed(struct rd *in, struct ctl_probed *m)
{
	m->result = rd_str16(in);
	return (true);
}

PLAIN(PROBED, probed)

/* ---- CID ---- */

static void
put_cid(struct wr *out, const struct ctl_cid *m)
{
	wr_u64(out, m->highest);
}

static bool
get_cid(struct rd *in, struct ctl_cid *m)
{
	m->highest = rd_u64(in);
	return (true);
}

PLAIN(CID, cid)

/* ---- DRAINED ---- */

static void
put_drained(struct wr *out, const struct ctl_drained *m)
{
	wr_u32(out, m->peer_life);
	wr_u32(out, m->thread);
}

static bool
get_drained(struct rd *in, struct ctl_drained *m)
{
	m->peer_life = rd_u32(in);
	m->thread = rd_u32(in);
	return (m->thread < FRONT_THREADS_MAX);
}

PLAIN(DRAINED, drained)
