/*
 * ctl_codec - the fields of every control message: sender and receiver are neighbours.
 */
#include "config.h"

#include "common/ctl_priv.h"

struct packet {
	uint8_t bytes[CTL_PACKET_MAX];
	struct wr w;
};

static struct wr *
packet_start(struct packet *p)
{
	p->w = wr_of(p->bytes, sizeof(p->bytes));
	p->w.at += CTL_HEAD_BYTES;
	return (&p->w);
}

/* A reason that is too long is cut: better a short one than none. */
static void
put_text(struct wr *w, struct str s)
{
	if (s.n > CTL_TEXT_MAX - 2)
		s.n = CTL_TEXT_MAX - 2;
	wr_str16(w, s);
}

int
ctl_send_hello(struct ctl *c, const struct ctl_hello *m, struct err *e)
{
	struct packet p;
	struct wr *w = packet_start(&p);

	wr_u32(w, m->stamp);
	wr_u32(w, m->role);
	wr_u64(w, m->natsd_life);
	wr_u32(w, m->front_threads);
	wr_u32(w, m->dev_roles);
	wr_u64(w, m->cid_base);
	put_text(w, m->kill_spec);
	return (ctl_send(c, CTL_HELLO, w, NULL, 0, e));
}

int
ctl_get_hello(struct ctl_msg *msg, struct ctl_hello *m)
{
	m->stamp = rd_u32(&msg->body);
	m->role = rd_u32(&msg->body);
	m->natsd_life = rd_u64(&msg->body);
	m->front_threads = rd_u32(&msg->body);
	m->dev_roles = rd_u32(&msg->body);
	m->cid_base = rd_u64(&msg->body);
	m->kill_spec = rd_str16(&msg->body);
	return (rd_end(&msg->body));
}

int
ctl_send_config(struct ctl *c, const struct ctl_config *m, int fd, struct err *e)
{
	struct packet p;
	struct wr *w = packet_start(&p);

	wr_u32(w, m->generation);
	return (ctl_send(c, CTL_CONFIG, w, &fd, 1, e));
}

int
ctl_get_config(struct ctl_msg *msg, struct ctl_config *m)
{
	m->generation = rd_u32(&msg->body);
	return (rd_end(&msg->body));
}

int
ctl_send_listener(struct ctl *c, const struct ctl_listener_msg *m, int fd, struct err *e)
{
	struct packet p;
	struct wr *w = packet_start(&p);

	wr_u32(w, m->kind);
	put_text(w, m->address);
	return (ctl_send(c, CTL_LISTENER, w, &fd, 1, e));
}

int
ctl_get_listener(struct ctl_msg *msg, struct ctl_listener_msg *m)
{
	m->kind = rd_u32(&msg->body);
	m->address = rd_str16(&msg->body);
	return (rd_end(&msg->body));
}

int
ctl_send_bell(struct ctl *c, const struct ctl_bell *m, int wait_fd, int ring_fd, struct err *e)
{
	struct packet p;
	struct wr *w = packet_start(&p);
	const int fds[] = { wait_fd, ring_fd };

	wr_u32(w, m->owner);
	wr_u32(w, m->thread);
	return (ctl_send(c, CTL_BELL, w, fds, 2, e));
}

int
ctl_get_bell(struct ctl_msg *msg, struct ctl_bell *m)
{
	m->owner = rd_u32(&msg->body);
	m->thread = rd_u32(&msg->body);
	return (rd_end(&msg->body));
}

int
ctl_send_ring(struct ctl *c, const struct ctl_ring *m, int memory_fd, int bell_fd, struct err *e)
{
	struct packet p;
	struct wr *w = packet_start(&p);
	const int fds[] = { memory_fd, bell_fd };

	wr_u32(w, m->from);
	wr_u32(w, m->to);
	wr_u32(w, m->thread);
	wr_u32(w, m->peer_life);
	return (ctl_send(c, CTL_RING, w, fds, 2, e));
}

int
ctl_get_ring(struct ctl_msg *msg, struct ctl_ring *m)
{
	m->from = rd_u32(&msg->body);
	m->to = rd_u32(&msg->body);
	m->thread = rd_u32(&msg->body);
	m->peer_life = rd_u32(&msg->body);
	return (rd_end(&msg->body));
}

int
ctl_send_accounts(struct ctl *c, const struct ctl_accounts *m, int fd, struct err *e)
{
	struct packet p;
	struct wr *w = packet_start(&p);

	wr_u32(w, m->unused);
	return (ctl_send(c, CTL_ACCOUNTS, w, &fd, 1, e));
}

int
ctl_get_accounts(struct ctl_msg *msg, struct ctl_accounts *m)
{
	m->unused = rd_u32(&msg->body);
	return (rd_end(&msg->body));
}

int
ctl_send_store(struct ctl *c, const struct ctl_store_msg *m, int fd, struct err *e)
{
	struct packet p;
	struct wr *w = packet_start(&p);

	wr_u32(w, m->kind);
	return (ctl_send(c, CTL_STORE, w, &fd, 1, e));
}

int
ctl_get_store(struct ctl_msg *msg, struct ctl_store_msg *m)
{
	m->kind = rd_u32(&msg->body);
	return (rd_end(&msg->body));
}

int
ctl_send_go(struct ctl *c, const struct ctl_go *m, struct err *e)
{
	struct packet p;
	struct wr *w = packet_start(&p);

	wr_u32(w, m->unused);
	return (ctl_send(c, CTL_GO, w, NULL, 0, e));
}

int
ctl_get_go(struct ctl_msg *msg, struct ctl_go *m)
{
	m->unused = rd_u32(&msg->body);
	return (rd_end(&msg->body));
}

int
ctl_send_ready(struct ctl *c, const struct ctl_ready *m, struct err *e)
{
	struct packet p;
	struct wr *w = packet_start(&p);

	wr_u32(w, m->unused);
	return (ctl_send(c, CTL_READY, w, NULL, 0, e));
}

int
ctl_get_ready(struct ctl_msg *msg, struct ctl_ready *m)
{
	m->unused = rd_u32(&msg->body);
	return (rd_end(&msg->body));
}

int
ctl_send_ping(struct ctl *c, const struct ctl_ping *m, struct err *e)
{
	struct packet p;
	struct wr *w = packet_start(&p);

	wr_u64(w, m->number);
	return (ctl_send(c, CTL_PING, w, NULL, 0, e));
}

int
ctl_get_ping(struct ctl_msg *msg, struct ctl_ping *m)
{
	m->number = rd_u64(&msg->body);
	return (rd_end(&msg->body));
}

int
ctl_send_pong(struct ctl *c, const struct ctl_pong *m, struct err *e)
{
	struct packet p;
	struct wr *w = packet_start(&p);

	wr_u64(w, m->number);
	wr_u64(w, m->useful);
	return (ctl_send(c, CTL_PONG, w, NULL, 0, e));
}

int
ctl_get_pong(struct ctl_msg *msg, struct ctl_pong *m)
{
	m->number = rd_u64(&msg->body);
	m->useful = rd_u64(&msg->body);
	return (rd_end(&msg->body));
}

int
ctl_send_config_valid(struct ctl *c, const struct ctl_config_valid *m, struct err *e)
{
	struct packet p;
	struct wr *w = packet_start(&p);

	wr_u32(w, m->generation);
	put_text(w, m->why);
	return (ctl_send(c, CTL_CONFIG_VALID, w, NULL, 0, e));
}

int
ctl_get_config_valid(struct ctl_msg *msg, struct ctl_config_valid *m)
{
	m->generation = rd_u32(&msg->body);
	m->why = rd_str16(&msg->body);
	return (rd_end(&msg->body));
}

int
ctl_send_config_use(struct ctl *c, const struct ctl_config_use *m, struct err *e)
{
	struct packet p;
	struct wr *w = packet_start(&p);

	wr_u32(w, m->generation);
	return (ctl_send(c, CTL_CONFIG_USE, w, NULL, 0, e));
}

int
ctl_get_config_use(struct ctl_msg *msg, struct ctl_config_use *m)
{
	m->generation = rd_u32(&msg->body);
	return (rd_end(&msg->body));
}

int
ctl_send_config_drop(struct ctl *c, const struct ctl_config_drop *m, struct err *e)
{
	struct packet p;
	struct wr *w = packet_start(&p);

	wr_u32(w, m->generation);
	return (ctl_send(c, CTL_CONFIG_DROP, w, NULL, 0, e));
}

int
ctl_get_config_drop(struct ctl_msg *msg, struct ctl_config_drop *m)
{
	m->generation = rd_u32(&msg->body);
	return (rd_end(&msg->body));
}

int
ctl_send_peer(struct ctl *c, const struct ctl_peer *m, struct err *e)
{
	struct packet p;
	struct wr *w = packet_start(&p);

	wr_u32(w, m->role);
	wr_u32(w, m->life);
	wr_u32(w, m->state);
	wr_u32(w, m->restarts);
	put_text(w, m->why);
	return (ctl_send(c, CTL_PEER, w, NULL, 0, e));
}

int
ctl_get_peer(struct ctl_msg *msg, struct ctl_peer *m)
{
	m->role = rd_u32(&msg->body);
	m->life = rd_u32(&msg->body);
	m->state = rd_u32(&msg->body);
	m->restarts = rd_u32(&msg->body);
	m->why = rd_str16(&msg->body);
	return (rd_end(&msg->body));
}

int
ctl_send_peer_fault(struct ctl *c, const struct ctl_peer_fault *m, struct err *e)
{
	struct packet p;
	struct wr *w = packet_start(&p);

	wr_u32(w, m->role);
	put_text(w, m->why);
	return (ctl_send(c, CTL_PEER_FAULT, w, NULL, 0, e));
}

int
ctl_get_peer_fault(struct ctl_msg *msg, struct ctl_peer_fault *m)
{
	m->role = rd_u32(&msg->body);
	m->why = rd_str16(&msg->body);
	return (rd_end(&msg->body));
}

int
ctl_send_lame_duck(struct ctl *c, const struct ctl_lame_duck *m, struct err *e)
{
	struct packet p;
	struct wr *w = packet_start(&p);

	wr_u32(w, m->unused);
	return (ctl_send(c, CTL_LAME_DUCK, w, NULL, 0, e));
}

int
ctl_get_lame_duck(struct ctl_msg *msg, struct ctl_lame_duck *m)
{
	m->unused = rd_u32(&msg->body);
	return (rd_end(&msg->body));
}

int
ctl_send_lame_done(struct ctl *c, const struct ctl_lame_done *m, struct err *e)
{
	struct packet p;
	struct wr *w = packet_start(&p);

	wr_u32(w, m->unused);
	return (ctl_send(c, CTL_LAME_DONE, w, NULL, 0, e));
}

int
ctl_get_lame_done(struct ctl_msg *msg, struct ctl_lame_done *m)
{
	m->unused = rd_u32(&msg->body);
	return (rd_end(&msg->body));
}

int
ctl_send_stop(struct ctl *c, const struct ctl_stop *m, struct err *e)
{
	struct packet p;
	struct wr *w = packet_start(&p);

	wr_u32(w, m->unused);
	return (ctl_send(c, CTL_STOP, w, NULL, 0, e));
}

int
ctl_get_stop(struct ctl_msg *msg, struct ctl_stop *m)
{
	m->unused = rd_u32(&msg->body);
	return (rd_end(&msg->body));
}

int
ctl_send_stopped(struct ctl *c, const struct ctl_stopped *m, struct err *e)
{
	struct packet p;
	struct wr *w = packet_start(&p);

	wr_u32(w, m->unused);
	return (ctl_send(c, CTL_STOPPED, w, NULL, 0, e));
}

int
ctl_get_stopped(struct ctl_msg *msg, struct ctl_stopped *m)
{
	m->unused = rd_u32(&msg->body);
	return (rd_end(&msg->body));
}

int
ctl_send_usage_ask(struct ctl *c, const struct ctl_usage_ask *m, struct err *e)
{
	struct packet p;
	struct wr *w = packet_start(&p);

	wr_u64(w, m->token);
	return (ctl_send(c, CTL_USAGE_ASK, w, NULL, 0, e));
}

int
ctl_get_usage_ask(struct ctl_msg *msg, struct ctl_usage_ask *m)
{
	m->token = rd_u64(&msg->body);
	return (rd_end(&msg->body));
}

int
ctl_send_usage(struct ctl *c, const struct ctl_usage *m, struct err *e)
{
	struct packet p;
	struct wr *w = packet_start(&p);

	wr_u64(w, m->token);
	wr_u64(w, m->cpu_permille);
	wr_u64(w, m->rss_bytes);
	wr_u64(w, m->cpu_ns);
	return (ctl_send(c, CTL_USAGE, w, NULL, 0, e));
}

int
ctl_get_usage(struct ctl_msg *msg, struct ctl_usage *m)
{
	m->token = rd_u64(&msg->body);
	m->cpu_permille = rd_u64(&msg->body);
	m->rss_bytes = rd_u64(&msg->body);
	m->cpu_ns = rd_u64(&msg->body);
	return (rd_end(&msg->body));
}

int
ctl_send_probe(struct ctl *c, const struct ctl_probe *m, struct err *e)
{
	struct packet p;
	struct wr *w = packet_start(&p);

	put_text(w, m->what);
	return (ctl_send(c, CTL_PROBE, w, NULL, 0, e));
}

int
ctl_get_probe(struct ctl_msg *msg, struct ctl_probe *m)
{
	m->what = rd_str16(&msg->body);
	return (rd_end(&msg->body));
}

int
ctl_send_probed(struct ctl *c, const struct ctl_probed *m, struct err *e)
{
	struct packet p;
	struct wr *w = packet_start(&p);

	put_text(w, m->result);
	return (ctl_send(c, CTL_PROBED, w, NULL, 0, e));
}

int
ctl_get_probed(struct ctl_msg *msg, struct ctl_probed *m)
{
	m->result = rd_str16(&msg->body);
	return (rd_end(&msg->body));
}

int
ctl_send_cid(struct ctl *c, const struct ctl_cid *m, struct err *e)
{
	struct packet p;
	struct wr *w = packet_start(&p);

	wr_u64(w, m->highest);
	return (ctl_send(c, CTL_CID, w, NULL, 0, e));
}

int
ctl_get_cid(struct ctl_msg *msg, struct ctl_cid *m)
{
	m->highest = rd_u64(&msg->body);
	return (rd_end(&msg->body));
}
