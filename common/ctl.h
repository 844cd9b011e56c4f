/*
 * ctl - the control channel: typed messages with descriptors over a SOCK_SEQPACKET socketpair, one
 * between the supervisor and each child, descriptor CTL_FD in the child.
 *
 *	| type u16 | fds u16 | life u32 | payload |	one packet, little endian
 *
 * life is the number of the child's life at both ends: an answer from a buried life is dropped.
 *
 * The life of a child:
 *
 *	supervisor				child
 *	HELLO(stamp, role, life, ...)	   ->
 *	CONFIG(generation) LISTENER* BELL*
 *	RING* ACCOUNTS STORE		   ->	attaches everything
 *	GO				   ->	sandbox_enter(), recover, say interest
 *					   <-	READY
 *	PING(n)				   ->	each second; PONG(n) only when every thread turned
 *	CONFIG(generation)		   ->	reload: keep it beside the one in use
 *					   <-	CONFIG_VALID(generation, "" or why not)
 *	CONFIG_USE | CONFIG_DROP	   ->
 *					   <-	CONFIG_USED(generation), of the front: by all its threads
 *	PEER(role, life, state)		   ->	a sibling came, went, or has new rings (RING* before)
 *					   <-	DRAINED(life): the old rings of that front are read
 *					   <-	PEER_FAULT(role, why): replace it, on fresh rings
 *	STOP				   ->
 *					   <-	STOPPED, then exit 0
 */
#ifndef COMMON_CTL_H
#define COMMON_CTL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/ctl_list.h"
#include "common/cursor.h"
#include "common/err.h"
#include "common/role.h"
#include "common/str.h"

#define CTL_FD 3      /* in every child, from exec */
#define CTL_LOG_FD 4  /* the log socket, likewise */
#define CTL_STAMP 0x6e617406u /* grows with every change of this file, ctl_list.h or ring.h */
#define CTL_FDS_MAX 2

#define CTL_ENUM(NAME, name, code, ...) CTL_##NAME = code,
enum ctl_type { CTL_LIST(CTL_ENUM) };
#undef CTL_ENUM

struct ctl_hello {
	uint32_t stamp;	      /* CTL_STAMP; another one is fatal at the receiver */
	uint32_t role;	      /* enum role of the receiver */
	uint64_t natsd_life;  /* random, of the supervisor: first part of ingress numbers */
	uint32_t front_threads;
	uint32_t dev_roles;   /* natsd-js and natsd-raft run, with their development echo */
	uint64_t cid_base;    /* front: connection ids start above it */
	struct str kill_spec; /* killpoint.h; empty in most lives */
};

struct ctl_config { uint32_t generation; };	/* fd: sealed memfd, options.h */

enum ctl_listener {
	CTL_LISTEN_CLIENT = 1,
	CTL_LISTEN_MONITOR = 2,
	CTL_LISTEN_MONITOR_TLS = 3, /* instead of it */
};

struct ctl_listener_msg { uint32_t kind; struct str address; };

/*
 * A consumer thread has one bell for all its rings.  owner: the role that waits on it; thread: which
 * of the front's workers, 0 for a hub.  fds: [0] to wait on, [1] to ring.
 */
struct ctl_bell { uint32_t owner; uint32_t thread; };

/* One ring: from role to role; thread: the front's worker at its one end.  fds: [0] the memory,
 * [1] the ring end of the bell of the *other* side. */
struct ctl_ring { uint32_t from; uint32_t to; uint32_t thread; uint32_t peer_life; };

struct ctl_accounts { uint32_t unused; };	/* fd: account_table.h */
enum ctl_store { CTL_STORE_VOLATILE = 1 };
struct ctl_store_msg { uint32_t kind; };		/* fd: a directory on memory, or one memfd */
struct ctl_go { uint32_t unused; };
struct ctl_ready { uint32_t unused; };
struct ctl_ping { uint64_t number; };
struct ctl_pong { uint64_t number; uint64_t useful; /* records released, answers served */ };
struct ctl_config_valid { uint32_t generation; struct str why; /* empty: it can be used */ };
struct ctl_config_use { uint32_t generation; };
struct ctl_config_drop { uint32_t generation; };
struct ctl_config_used { uint32_t generation; };

enum ctl_peer_state { CTL_PEER_STARTING = 1, CTL_PEER_UP, CTL_PEER_GONE, CTL_PEER_WAITING };

struct ctl_peer {
	uint32_t role;
	uint32_t life;	   /* how many lives so far */
	uint32_t state;	   /* enum ctl_peer_state */
	uint32_t restarts; /* deaths that were not asked for */
	struct str why;	   /* of the last death: "killed by signal 9", "silent for 5 s", ... */
};

struct ctl_peer_fault { uint32_t role; struct str why; };
struct ctl_lame_duck { uint32_t unused; };
struct ctl_lame_done { uint32_t unused; };
struct ctl_stop { uint32_t unused; };
struct ctl_stopped { uint32_t unused; };
struct ctl_usage_ask { uint64_t token; };

struct ctl_usage { /* of all processes of this natsd; a jailed front cannot read /proc */
	uint64_t token;
	uint64_t cpu_permille; /* since the last question; 1000 = one core */
	uint64_t rss_bytes;    /* sum of Pss when readable, else of RSS */
	uint64_t cpu_ns;
	uint64_t log_dropped; /* lines that the log could not take, since the start */
};

struct ctl_probe { struct str what; };	/* test builds: try a forbidden act, see sandbox.h */
struct ctl_probed { struct str result; };
struct ctl_cid { uint64_t highest; };	/* so that the next front goes on above it */
/* Nothing is left in the rings with this thread of that dead front: they need not be kept. */
struct ctl_drained { uint32_t peer_life; uint32_t thread; };

/* A received message: type, descriptors (yours to close), payload in the channel's buffer. */
struct ctl_msg {
	uint16_t type;
	uint32_t life;
	struct rd body;
	int fds[CTL_FDS_MAX];
	int nfds;
};

struct ctl; /* one end */

/*
 * ctl_new - takes fd over.  The supervisor says which life of the child it talks to; a child says 0
 * and takes its number from the first message, which must be HELLO.  NULL: no memory.
 */
struct ctl *ctl_new(int fd, enum role self, enum role other, uint32_t life);
void ctl_free(struct ctl *);
int ctl_fd(const struct ctl *);
uint32_t ctl_life(const struct ctl *); /* 0 at a child before HELLO */

/*
 * ctl_recv - one message, without waiting.  1; 0: none now; -1: the other end is gone or broke the
 * rules (sender, size, number of descriptors, another life at the supervisor's end).
 */
int ctl_recv(struct ctl *, struct ctl_msg *, struct err *);
void ctl_msg_close(struct ctl_msg *); /* closes descriptors nobody took (set fds[i] = -1) */

/*
 * ctl_send_<name> - 0; -1: the other end is gone, or more than CTL_KEPT_MAX messages are kept.  Does
 * not wait: what the socket does not take is kept in order and goes out with ctl_flush() when the
 * socket is writable again.  Texts are cut at CTL_TEXT_MAX.  Descriptors stay the caller's, who may close them at once.
 */
#define CTL_KEPT_MAX 4096
int ctl_flush(struct ctl *, struct err *);
bool ctl_wants_write(const struct ctl *);

const char *ctl_name(uint16_t type); /* "HELLO"; "?" for what is no message */

/* ctl_send - what the typed ones below are made of: n bytes of payload, nfds descriptors. */
int ctl_send(struct ctl *, enum ctl_type, const void *payload, size_t n, const int *fds, int nfds,
    struct err *);

/* The codecs: ctl_send_hello(ctl, &m, fds, err), ctl_get_hello(&msg, &m). */
int ctl_send_hello(struct ctl *, const struct ctl_hello *, struct err *);
int ctl_send_config(struct ctl *, const struct ctl_config *, int fd, struct err *);
int ctl_send_listener(struct ctl *, const struct ctl_listener_msg *, int fd, struct err *);
int ctl_send_bell(struct ctl *, const struct ctl_bell *, int wait_fd, int ring_fd, struct err *);
int ctl_send_ring(struct ctl *, const struct ctl_ring *, int memory_fd, int bell_fd, struct err *);
int ctl_send_accounts(struct ctl *, const struct ctl_accounts *, int fd, struct err *);
int ctl_send_store(struct ctl *, const struct ctl_store_msg *, int fd, struct err *);
#define CTL_SEND_PLAIN(name) int ctl_send_##name(struct ctl *, const struct ctl_##name *, struct err *)
CTL_SEND_PLAIN(go);
CTL_SEND_PLAIN(ready);
CTL_SEND_PLAIN(ping);
CTL_SEND_PLAIN(pong);
CTL_SEND_PLAIN(config_valid);
CTL_SEND_PLAIN(config_use);
CTL_SEND_PLAIN(config_used);
CTL_SEND_PLAIN(config_drop);
CTL_SEND_PLAIN(peer);
CTL_SEND_PLAIN(peer_fault);
CTL_SEND_PLAIN(lame_duck);
CTL_SEND_PLAIN(lame_done);
CTL_SEND_PLAIN(stop);
CTL_SEND_PLAIN(stopped);
CTL_SEND_PLAIN(usage_ask);
CTL_SEND_PLAIN(usage);
CTL_SEND_PLAIN(probe);
CTL_SEND_PLAIN(probed);
CTL_SEND_PLAIN(cid);
CTL_SEND_PLAIN(drained);
#undef CTL_SEND_PLAIN

/* ctl_get_<name> - decodes msg->body, which it leaves alone; insists on its end, refuses values out
 * of range.  Strings are borrowed until the next ctl_recv.  0; -1. */
#define CTL_GET(name) int ctl_get_##name(struct ctl_msg *, struct ctl_##name *)
CTL_GET(hello);
CTL_GET(config);
int ctl_get_listener(struct ctl_msg *, struct ctl_listener_msg *);
CTL_GET(bell);
CTL_GET(ring);
CTL_GET(accounts);
int ctl_get_store(struct ctl_msg *, struct ctl_store_msg *);
CTL_GET(go);
CTL_GET(ready);
CTL_GET(ping);
CTL_GET(pong);
CTL_GET(config_valid);
CTL_GET(config_use);
CTL_GET(config_used);
CTL_GET(config_drop);
CTL_GET(peer);
CTL_GET(peer_fault);
CTL_GET(lame_duck);
CTL_GET(lame_done);
CTL_GET(stop);
CTL_GET(stopped);
CTL_GET(usage_ask);
CTL_GET(usage);
CTL_GET(probe);
CTL_GET(probed);
CTL_GET(cid);
CTL_GET(drained);
#undef CTL_GET

#endif
