/*
 * conn - one connection of one worker: socket, what is held of its input, what waits to be written,
 * its timers and its end.
 *
 *	CONN_OPENING --> CONN_AUTHENTICATING --> CONN_OPEN --> CONN_CLOSING --> gone
 *	  opening.h	   not read		   read, parsed	   a last flush
 *
 * conn_close() only marks: the connection stands in worker->closing and goes at the end of the
 * turn, so that nobody who holds a pointer within a turn is surprised.  Between turns only handles
 * are kept.
 */
#ifndef FRONT_CONN_H
#define FRONT_CONN_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/log.h"
#include "common/wheel.h"
#include "natsd-front/client/parser.h"
#include "natsd-front/local.h"
#include "natsd-front/out.h"
#include "natsd-front/reasons.h"
#include "natsd-front/sub.h"
#include "natsd-front/worker.h"

struct auth;
struct auth_user;
struct grants;
struct permit;

enum conn_state { CONN_OPENING, CONN_AUTHENTICATING, CONN_OPEN, CONN_CLOSING };

/* Why a connection is not read.  It is read again when no bit is left. */
enum conn_pause {
	CONN_PAUSE_RING = 1,  /* a ring of this worker is full */
	CONN_PAUSE_ROLE = 2,  /* a role is away or full; at most CONN_ROLE_WAIT_MS */
	CONN_PAUSE_STALL = 4, /* it published to a slow receiver */
	CONN_PAUSE_AUTH = 8,
	CONN_PAUSE_MARK = 16, /* its PONG waits for other workers (confirm.h) */
};

#define CONN_ROLE_WAIT_MS 2000
#define CONN_STALL_READ_US 10000 /* at most, for one read of the publisher */

/* What CONNECT said, and what happened so far. */
enum conn_flag {
	CONN_VERBOSE = 1u << 0,
	CONN_PEDANTIC = 1u << 1,
	CONN_ECHO = 1u << 2,
	CONN_HEADERS_WANTED = 1u << 3,
	CONN_HEADERS = 1u << 4, /* wanted, and the server has them */
	CONN_NO_RESPONDERS = 1u << 5,
	CONN_CONNECTED = 1u << 6,     /* CONNECT was received */
	CONN_FIRST_PONG = 1u << 7,    /* INFO after the first PING was considered */
	CONN_RTT_STARTED = 1u << 8,
	CONN_DIRTY = 1u << 9,	      /* in worker->dirty */
	CONN_SLOW = 1u << 10,	      /* slow consumer, kept by policy retry */
	CONN_GATED = 1u << 11,	      /* above the stall gate */
	CONN_LABELLED = 1u << 13,     /* the log prefix was extended */
	CONN_LINGER = 1u << 14,	      /* closing, with output that should still get out */
	CONN_TLS_WANTED = 1u << 15,
	CONN_TRUSTED = 1u << 16, /* since its last PONG: sent to who may turn out to be gone */
	CONN_COUNTED = 1u << 17, /* among the connections of its account */
	CONN_SUBS_OVER = 1u << 18, /* has more subscriptions than it may: goes at due_at */
	CONN_TLS_READY = 1u << 19, /* the handshake is over: tls is the worker's alone */
	CONN_TLS_FIRST = 1u << 20, /* it came before INFO */
	CONN_TLS_OVER = 1u << 21,  /* the client said that it ends */
};

struct conn_labels { /* of CONNECT, one malloc each; NULL: none */
	char *name, *lang, *version;
	char *text; /* behind the connection's address in the log */
};

struct conn_proxied { /* whom a proxy connects for */
	uint8_t family;
	uint16_t port;
	uint8_t addr[16];
};

struct conn {
	struct event ev;
	struct worker *worker;
	struct account *account;
	const struct permit *permit; /* what its user may; NULL: everything */
	const struct account_settings *limits; /* of its account; these two, and user, belong to */
	const struct auth_user *user;	       /* worker->settings.  NULL: nobody of a list */
	struct auth *auth;   /* what it said of itself; NULL: nothing */
	struct grants *grants; /* NULL: none needed yet */
	struct handle handle;
	uint64_t cid;
	int fd;
	uint32_t flags;
	uint8_t state;
	uint8_t paused;	 /* enum conn_pause bits */
	uint8_t reason;	 /* enum reason, from conn_close on */
	uint8_t protocol;
	uint8_t family;
	bool waits_write; /* EV_WRITE is armed */
	uint16_t port;
	uint8_t addr[16];

	struct tls *tls;	 /* NULL: plain.  A helper has it during the handshake */
	struct opening *opening; /* NULL: it is open */
	struct conn_proxied *proxied; /* NULL: nobody; the log names the socket's address still */

	struct parser parser;
	struct blob *held; /* input read but not consumed */
	size_t held_at, held_end;

	struct out out;
	size_t batch_left; /* bytes of the write in work; its deadline is write_by */
	size_t batch_bytes;    /* of them when it began */
	uint32_t batch_chunks; /* likewise */
	struct mono write_by;

	struct wheel_timer timer; /* at the earliest of ping_at, due_at and write_by */
	struct mono ping_at;
	struct mono due_at; /* end of its patience for authentication, or of itself; 0: none */
	struct mono started, rtt_from, active_in; /* active_in: PING, messages, subscriptions */
	int64_t rtt_ns;
	int64_t start_wall_ns, last_wall_ns;
	uint32_t patience_epoch;  /* worker->role_epoch in which it waited in vain */
	struct mono wait_until; /* of PAUSE_ROLE or PAUSE_STALL */
	uint64_t mark_open;	/* weight of its marks that is not back */
	uint32_t mark_number;
	uint32_t stalled_us;	/* in this read */
	uint32_t stall_us;	/* the last time */
	uint32_t pings_out;
	int32_t max_payload;

	uint64_t in_msgs, in_bytes, out_msgs, out_bytes, stalls;
	struct sub_map subs;
	uint64_t subs_made; /* ever */
	struct conn_labels *labels;

	struct conn *dirty_next;
	struct conn *next, **at; /* in closing, resume or one of the wait lists */
};

/* conn_adopt - a fresh socket from the main thread; takes it over.  */
void conn_adopt(struct worker *, const struct local_adopt *);

/* conn_close - this is the end, for that reason; the first one wins.  Nothing more is parsed. */
void conn_close(struct conn *, enum reason);

/* conn_free - at the end of the worker: whatever still lingers. */
void conn_free(struct conn *);

/* conn_end_turn - really closes what conn_close marked. */
void conn_end_turn(struct worker *);

/* conn_close_random - a connection chosen at random; false: there is none. */
bool conn_close_random(struct worker *, enum reason, const char *err_text);
void conn_close_all(struct worker *, enum reason);

/* conn_pause, conn_resume - bits of enum conn_pause.  A connection without bits left goes on with
 * what is held of its input at the end of the turn. */
void conn_pause(struct conn *, enum conn_pause, struct mono until);
void conn_resume(struct conn *, enum conn_pause);

/* conn_run_waiting - once a turn: lists whose time or reason is over. */
void conn_run_waiting(struct worker *);

/* conn_by_timer - the connection whose wheel timer this is; conn_on_timer - it fired. */
void conn_on_timer(struct wheel_timer *, void *worker);
void conn_set_timer(struct conn *);

/* conn_list_* - membership in one of the worker's lists. */
void conn_list_add(struct conn_list *, struct conn *);
void conn_list_remove(struct conn *);

/* conn_log - "<ip>:<port> - cid:<n>[ - "v<version>:<lang>:<name>"] - <text>".  conn_log_bytes - a text
 * with any bytes. */
void conn_log(const struct conn *, enum log_level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void conn_log_bytes(const struct conn *, enum log_level, struct str text);

/* conn_ip - textual address of its socket into out[CONN_IP_MAX].  conn_client_ip - of the client,
 * behind a proxy too; conn_client_port likewise. */
#define CONN_IP_MAX 64
void conn_ip(const struct conn *, char *out);
void conn_client_ip(const struct conn *, char *out);
uint16_t conn_client_port(const struct conn *);

/* ---- output (conn_out.c) ---- */

/* conn_room, conn_wrote - n bytes at the end of its output, in one run.  NULL: no memory, the
 * connection is being closed. */
uint8_t *conn_room(struct conn *, size_t n);
void conn_wrote(struct conn *, size_t n);
void conn_refer(struct conn *, struct blob *, size_t at, size_t n);

/* conn_no_memory - closes it: there is none for `what`, which the log is told. */
void conn_no_memory(struct conn *, enum reason, const char *what);

/* conn_put - a few bytes; conn_err - "-ERR '<text>'\r\n"; conn_ok - "+OK\r\n" when verbose. */
void conn_put(struct conn *, const void *, size_t n);
void conn_err(struct conn *, const char *text);
void conn_errf(struct conn *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void conn_ok(struct conn *);

/* conn_unwritten - something waits for the socket, be it plain or sealed. */
bool conn_unwritten(const struct conn *);

/* conn_flush - one write of what waits.  conn_flush_dirty - of all that were written to. */
void conn_flush(struct conn *);
void conn_flush_dirty(struct worker *);

/* conn_write_late - its write deadline passed. */
void conn_write_late(struct conn *);

/* conn_arm - makes the event match what the connection waits for. */
void conn_arm(struct conn *);

#endif
