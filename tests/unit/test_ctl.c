#include "config.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/account_table.h"
#include "common/ctl.h"
#include "tests/unit/unit.h"

enum { SUPERVISOR = ROLE_SUPERVISOR, FRONT = ROLE_FRONT, JS = ROLE_JS, RAFT = ROLE_RAFT };

/* The supervisor's end of a child's socket and the child's; life 7 throughout. */
struct line {
	struct ctl *parent, *child;
	struct err err;
};

#define LIFE 7u

static const struct ctl_hello hello = { .stamp = CTL_STAMP, .role = ROLE_FRONT,
	.natsd_life = 0x123456789abcdef0, .front_threads = 4, .dev_roles = 1, .cid_base = 1000,
	.kill_spec = STR("js: effect, verdict@17") };

static void
line_open(struct line *line)
{
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	ck_assert_ptr_nonnull(
	    line->parent = ctl_new(fds[0], ROLE_SUPERVISOR, ROLE_FRONT, LIFE));
	ck_assert_ptr_nonnull(line->child = ctl_new(fds[1], ROLE_FRONT, ROLE_SUPERVISOR, 0));
}

static void
line_greet(struct line *line)
{
	struct ctl_msg msg;

	ck_assert_int_eq(ctl_send_hello(line->parent, &hello, &line->err), 0);
	ck_assert_int_eq(ctl_recv(line->child, &msg, &line->err), 1);
	ck_assert_uint_eq(ctl_life(line->child), LIFE);
}

static void
line_close(struct line *line)
{
	ctl_free(line->parent);
	ctl_free(line->child);
}

/* ---- every message, there and back ---- */

static const struct ctl_config full_config = { .generation = 3 };
static const struct ctl_listener_msg full_listener = { .kind = CTL_LISTEN_MONITOR,
	.address = STR("0.0.0.0:8222") };
static const struct ctl_bell full_bell = { .owner = ROLE_FRONT, .thread = 3 };
static const struct ctl_ring full_ring = { .from = ROLE_JS, .to = ROLE_FRONT, .thread = 2,
	.peer_life = 9 };
static const struct ctl_accounts full_accounts;
static const struct ctl_store_msg full_store = { .kind = CTL_STORE_VOLATILE };
static const struct ctl_go full_go;
static const struct ctl_ready full_ready;
static const struct ctl_ping full_ping = { .number = 11 };
static const struct ctl_pong full_pong = { .number = 11, .useful = 12 };
static const struct ctl_config_valid full_config_valid = { .generation = 2,
	.why = STR("port is taken") };
static const struct ctl_config_use full_config_use = { .generation = 2 };
static const struct ctl_config_drop full_config_drop = { .generation = 2 };
static const struct ctl_config_used full_config_used = { .generation = 2 };
static const struct ctl_peer full_peer = { .role = ROLE_RAFT, .life = 4, .state = CTL_PEER_GONE,
	.restarts = 3, .why = STR("killed by signal 9") };
static const struct ctl_peer_fault full_peer_fault = { .role = ROLE_JS, .why = STR("it lies") };
static const struct ctl_lame_duck full_lame_duck;
static const struct ctl_lame_done full_lame_done;
static const struct ctl_stop full_stop;
static const struct ctl_stopped full_stopped;
static const struct ctl_usage_ask full_usage_ask = { .token = 5 };
static const struct ctl_usage full_usage = { .token = 5, .cpu_permille = 1500, .rss_bytes = 1 << 20,
	.cpu_ns = 99, .log_dropped = 7 };
static const struct ctl_probe full_probe = { .what = STR("open /etc/passwd") };
static const struct ctl_probed full_probed = { .result = STR("EPERM") };
static const struct ctl_cid full_cid = { .highest = UINT64_MAX };
static const struct ctl_drained full_drained = { .peer_life = 3, .thread = 7 };

/* Sends the example of a type with the descriptors that it needs. */
static int
send_example(struct ctl *ctl, uint16_t type, int fd, struct err *err)
{
	switch ((enum ctl_type)type) {
	case CTL_HELLO:
		return (ctl_send_hello(ctl, &hello, err));
	case CTL_CONFIG:
		return (ctl_send_config(ctl, &full_config, fd, err));
	case CTL_LISTENER:
		return (ctl_send_listener(ctl, &full_listener, fd, err));
	case CTL_BELL:
		return (ctl_send_bell(ctl, &full_bell, fd, fd, err));
	case CTL_RING:
		return (ctl_send_ring(ctl, &full_ring, fd, fd, err));
	case CTL_ACCOUNTS:
		return (ctl_send_accounts(ctl, &full_accounts, fd, err));
	case CTL_STORE:
		return (ctl_send_store(ctl, &full_store, fd, err));
#define SEND_PLAIN(NAME, name)						\
	case CTL_##NAME:						\
		return (ctl_send_##name(ctl, &full_##name, err));
	SEND_PLAIN(GO, go)
	SEND_PLAIN(READY, ready)
	SEND_PLAIN(PING, ping)
	SEND_PLAIN(PONG, pong)
	SEND_PLAIN(CONFIG_VALID, config_valid)
	SEND_PLAIN(CONFIG_USE, config_use)
	SEND_PLAIN(CONFIG_DROP, config_drop)
	SEND_PLAIN(CONFIG_USED, config_used)
	SEND_PLAIN(PEER, peer)
	SEND_PLAIN(PEER_FAULT, peer_fault)
	SEND_PLAIN(LAME_DUCK, lame_duck)
	SEND_PLAIN(LAME_DONE, lame_done)
	SEND_PLAIN(STOP, stop)
	SEND_PLAIN(STOPPED, stopped)
	SEND_PLAIN(USAGE_ASK, usage_ask)
	SEND_PLAIN(USAGE, usage)
	SEND_PLAIN(PROBE, probe)
	SEND_PLAIN(PROBED, probed)
	SEND_PLAIN(CID, cid)
	SEND_PLAIN(DRAINED, drained)
#undef SEND_PLAIN
	}
	return (-1);
}

union any_msg {
	struct ctl_listener_msg listener;
	struct ctl_store_msg store;
	struct ctl_hello hello;
	struct ctl_config config;
	struct ctl_bell bell;
	struct ctl_ring ring;
	struct ctl_accounts accounts;
	struct ctl_go go;
	struct ctl_ready ready;
	struct ctl_ping ping;
	struct ctl_pong pong;
	struct ctl_config_valid config_valid;
	struct ctl_config_use config_use;
	struct ctl_config_drop config_drop;
	struct ctl_config_used config_used;
	struct ctl_peer peer;
	struct ctl_peer_fault peer_fault;
	struct ctl_lame_duck lame_duck;
	struct ctl_lame_done lame_done;
	struct ctl_stop stop;
	struct ctl_stopped stopped;
	struct ctl_usage_ask usage_ask;
	struct ctl_usage usage;
	struct ctl_probe probe;
	struct ctl_probed probed;
	struct ctl_cid cid;
	struct ctl_drained drained;
};

#define ANY_GET(NAME, name, ...)					\
	static int							\
	get_##name(struct ctl_msg *msg, union any_msg *any)		\
	{								\
		return (ctl_get_##name(msg, &any->name));		\
	}
CTL_LIST(ANY_GET)
#undef ANY_GET

struct row {
	const char *name;
	uint16_t type;
	unsigned from;
	uint32_t max;
	int fds;
	int (*get)(struct ctl_msg *, union any_msg *);
};

#define ROW(NAME, name, code, from, max, fds) { #NAME, code, from, max, fds, get_##name },
static const struct row rows[] = { CTL_LIST(ROW) };
#undef ROW

START_TEST(round_trip)
{
	const struct row *row = &rows[_i];
	uint8_t bytes[8192];
	union any_msg any;
	struct line line;
	struct ctl_msg msg;
	struct ctl *from;
	bool first = row->type == CTL_HELLO, down = row->from == SUPERVISOR;
	size_t n;

	if (!down && (row->from & FRONT) == 0)
		return;
	line_open(&line);
	if (!first)
		line_greet(&line);
	from = down ? line.parent : line.child;
	ck_assert_int_eq(send_example(from, row->type, STDERR_FILENO, &line.err), 0);
	ck_assert_int_eq(ctl_recv(down ? line.child : line.parent, &msg, &line.err), 1);
	ck_assert(msg.type == row->type && msg.life == LIFE && msg.nfds == row->fds);
	for (int i = 0; i < msg.nfds; i++)
		ck_assert(fcntl(msg.fds[i], F_GETFD) & FD_CLOEXEC);
	ck_assert_int_eq(row->get(&msg, &any), 0);

	/* and no shorter or longer payload is that message */
	n = rd_left(&msg.body);
	ck_assert_uint_le(n, row->max);
	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, msg.body.at, n);
	ctl_msg_close(&msg);
	for (size_t cut = 0; cut < n + 9; cut++) {
		msg.body = rd_of(bytes, cut);
		ck_assert_int_eq(row->get(&msg, &any), cut == n ? 0 : -1);
	}
	ck_assert_str_eq(ctl_name(row->type), row->name);
	line_close(&line);
}
END_TEST

START_TEST(values_survive)
{
	struct ctl_hello h;
	struct ctl_peer peer;
	struct ctl_msg msg;
	struct line line;

	line_open(&line);
	ck_assert_int_eq(ctl_send_hello(line.parent, &hello, &line.err), 0);
	ck_assert_int_eq(ctl_recv(line.child, &msg, &line.err), 1);
	ck_assert_int_eq(ctl_get_hello(&msg, &h), 0);
	ck_assert(h.stamp == hello.stamp && h.role == hello.role && h.cid_base == hello.cid_base);
	ck_assert(h.natsd_life == hello.natsd_life && h.front_threads == 4 && h.dev_roles == 1);
	ck_assert(str_eq(h.kill_spec, hello.kill_spec));
	ck_assert_int_eq(ctl_send_peer(line.parent, &full_peer, &line.err), 0);
	ck_assert_int_eq(ctl_recv(line.child, &msg, &line.err), 1);
	ck_assert_int_eq(ctl_get_peer(&msg, &peer), 0);
	ck_assert(peer.role == ROLE_RAFT && peer.life == 4 && peer.state == CTL_PEER_GONE);
	ck_assert(peer.restarts == 3 && str_eq(peer.why, full_peer.why));
	ck_assert_int_eq(ctl_recv(line.child, &msg, &line.err), 0);
	line_close(&line);
}
END_TEST

START_TEST(values_out_of_range)
{
	static const uint8_t zeros[64];
	struct ctl_msg msg = { 0 };
	union any_msg any;

	msg.body = rd_of(zeros, 8);
	ck_assert_int_eq(ctl_get_bell(&msg, &any.bell), -1);
	msg.body = rd_of(zeros, 16);
	ck_assert_int_eq(ctl_get_ring(&msg, &any.ring), -1);
	msg.body = rd_of(zeros, 4);
	ck_assert_int_eq(ctl_get_config(&msg, &any.config), -1);
	ck_assert_int_eq(ctl_get_store(&msg, &any.store), -1);
	msg.body = rd_of(zeros, 18);
	ck_assert_int_eq(ctl_get_peer(&msg, &any.peer), -1);
	msg.body = rd_of(zeros, 34);
	ck_assert_int_eq(ctl_get_hello(&msg, &any.hello), -1);
}
END_TEST

/* ---- what is refused ---- */

static int
raw(struct ctl *from, const void *p, size_t n, const int *fds, int nfds)
{
	union {
		struct cmsghdr align;
		char bytes[256];
	} control = { .bytes = { 0 } };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)p, .iov_len = n };
	struct msghdr hdr = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (nfds > 0) {
		hdr.msg_control = control.bytes;
		hdr.msg_controllen = CMSG_SPACE((size_t)nfds * sizeof(int));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN((size_t)nfds * sizeof(int));
		memcpy(CMSG_DATA(&control.align), fds, (size_t)nfds * sizeof(int));
	}
	return (sendmsg(ctl_fd(from), &hdr, 0) == (ssize_t)n ? 0 : -1);
}

struct bad {
	uint16_t type, fds;
	uint32_t life;
	size_t payload;
	int nfds;
	const char *why;
};

static const struct bad bads[] = {
	{ 0, 0, LIFE, 0, 0, "front sent control message 0, which is none" },
	{ 999, 0, LIFE, 0, 0, "front sent control message 999, which is none" },
	{ CTL_GO, 0, LIFE, 4, 0, "front may not send GO" },
	{ CTL_CONFIG, 1, LIFE, 4, 1, "front may not send CONFIG" },
	{ CTL_READY, 0, LIFE, 9, 0, "READY of 9 bytes from front" },
	{ CTL_PONG, 0, LIFE, 4000, 0, "PONG of 4000 bytes from front" },
	{ CTL_READY, 0, LIFE, 4, 1, "READY with 1 descriptors from front" },
	{ CTL_READY, 1, LIFE, 4, 0, "READY with 0 descriptors from front" },
	{ CTL_READY, 0, LIFE, 4, 2, "READY with 2 descriptors from front" },
	{ CTL_READY, 0, LIFE, 4, 3, "a packet of 12 bytes and 3 descriptors from front" },
	{ CTL_READY, 0, LIFE, 4, 20, "a packet of 12 bytes and 4 descriptors from front" },
	{ CTL_READY, 0, LIFE, 5000, 0, "a packet of 4168 bytes and 0 descriptors from front" },
	{ CTL_READY, 0, LIFE - 1, 4, 0, "READY from life 6 of front" },
	{ CTL_READY, 0, 0, 4, 0, "READY from life 0 of front" },
};

static unsigned
open_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return (n);
}

START_TEST(bad_packets)
{
	const struct bad *bad = &bads[_i];
	uint8_t bytes[8192] = { 0 };
	struct wr out = wr_of(bytes, sizeof(bytes));
	int fds[20];
	struct ctl_msg msg;
	struct line line;
	unsigned before;

	for (unsigned i = 0; i < 20; i++)
		fds[i] = STDERR_FILENO;
	line_open(&line);
	line_greet(&line);
	before = open_fds();
	wr_u16(&out, bad->type);
	wr_u16(&out, bad->fds);
	wr_u32(&out, bad->life);
	ck_assert_int_eq(raw(line.child, bytes, 8 + bad->payload, fds, bad->nfds), 0);
	ck_assert_int_eq(ctl_recv(line.parent, &msg, &line.err), -1);
	ck_assert_str_eq(line.err.text, bad->why);
	ck_assert_uint_eq(open_fds(), before); /* nothing stays with us */
	line_close(&line);
}
END_TEST

START_TEST(short_packets)
{
	struct ctl_msg msg;
	struct line line;

	for (size_t n = 1; n < 8; n++) {
		line_open(&line);
		line_greet(&line);
		ck_assert_int_eq(raw(line.child, "\17\0\0\0\0\0\0", n, NULL, 0), 0);
		ck_assert_int_eq(ctl_recv(line.parent, &msg, &line.err), -1);
		line_close(&line);
	}
}
END_TEST

START_TEST(hello_comes_first)
{
	struct ctl_msg msg;
	struct line line;

	line_open(&line);
	ck_assert_int_eq(ctl_send_go(line.parent, &full_go, &line.err), 0);
	ck_assert_int_eq(ctl_recv(line.child, &msg, &line.err), -1);
	line_close(&line);
}
END_TEST

START_TEST(the_other_end_goes)
{
	struct ctl_msg msg;
	struct line line;

	line_open(&line);
	line_greet(&line);
	ctl_free(line.child);
	ck_assert_int_eq(ctl_recv(line.parent, &msg, &line.err), -1);
	ck_assert_str_eq(line.err.text, "front closed the control socket");
	ck_assert_int_eq(ctl_send_stop(line.parent, &full_stop, &line.err), -1);
	ctl_free(line.parent);
}
END_TEST

START_TEST(too_long_a_text_is_cut)
{
	char text[CTL_TEXT_MAX + 100];
	struct ctl_probe probe = { .what = { .p = text, .n = sizeof(text) } };
	struct ctl_msg msg;
	struct line line;

	memset(text, 'x', sizeof(text));
	line_open(&line);
	line_greet(&line);
	ck_assert_int_eq(ctl_send_probe(line.parent, &probe, &line.err), 0);
	ck_assert_int_eq(ctl_recv(line.child, &msg, &line.err), 1);
	ck_assert_int_eq(ctl_get_probe(&msg, &probe), 0);
	ck_assert_uint_eq(probe.what.n, CTL_TEXT_MAX);
	line_close(&line);
}
END_TEST

/* The next message must be the ping or the configuration of that number. */
static void
expect_numbered(struct line *line, uint32_t number)
{
	struct ctl_config config;
	struct ctl_ping ping;
	struct ctl_msg msg;

	ck_assert_int_eq(ctl_flush(line->parent, &line->err), 0);
	ck_assert_int_eq(ctl_recv(line->child, &msg, &line->err), 1);
	if (msg.type == CTL_PING) {
		ck_assert_int_eq(ctl_get_ping(&msg, &ping), 0);
		ck_assert_uint_eq(ping.number, number);
		return;
	}
	ck_assert_int_eq(ctl_get_config(&msg, &config), 0);
	ck_assert_uint_eq(config.generation, number);
	ck_assert_int_eq(msg.nfds, 1);
	ctl_msg_close(&msg);
}

/* What the socket does not take is kept in order, with its descriptors. */
START_TEST(kept_in_order)
{
	struct line line;
	uint32_t sent = 0;
	int fd;

	line_open(&line);
	line_greet(&line);
	while (!ctl_wants_write(line.parent))
		ck_assert_int_eq(ctl_send_ping(line.parent, &(struct ctl_ping){ ++sent },
		    &line.err), 0);
	ck_assert_int_ne(fd = dup(STDERR_FILENO), -1);
	for (unsigned i = 0; i < 20; i++) {
		ck_assert_int_eq(ctl_send_config(line.parent, &(struct ctl_config){ ++sent }, fd,
		    &line.err), 0);
		ck_assert_int_eq(ctl_send_ping(line.parent, &(struct ctl_ping){ ++sent },
		    &line.err), 0);
	}
	close(fd);
	for (uint32_t i = 1; i <= sent; i++)
		expect_numbered(&line, i);
	ck_assert(!ctl_wants_write(line.parent));
	line_close(&line);
}
END_TEST

START_TEST(kept_up_to_a_bound)
{
	struct line line;
	unsigned kept = 0;

	line_open(&line);
	line_greet(&line);
	while (ctl_send_ping(line.parent, &(struct ctl_ping){ 1 }, &line.err) == 0)
		kept += ctl_wants_write(line.parent);
	ck_assert_uint_eq(kept, CTL_KEPT_MAX);
	ck_assert_ptr_nonnull(strstr(line.err.text, "reads no control messages"));
	line_close(&line);
}
END_TEST

/* ---- the account table ---- */

START_TEST(accounts)
{
	char name[ACCOUNT_NAME_MAX + 1], text[300];
	struct account_table *writer, *reader;
	struct err err;
	int fd;

	ck_assert_int_ne(fd = account_table_make(&err), -1);
	ck_assert_ptr_nonnull(writer = account_table_attach(fd, true, &err));
	ck_assert_ptr_nonnull(reader = account_table_attach(fd, false, &err));
	ck_assert_uint_eq(account_table_count(reader), 2);
	ck_assert_int_eq(account_table_name(reader, ACCOUNT_GLOBAL, name), 0);
	ck_assert_str_eq(name, "$G");
	ck_assert_int_eq(account_table_name(reader, ACCOUNT_SYSTEM, name), 0);
	ck_assert_str_eq(name, "$SYS");
	ck_assert_int_eq(account_table_name(reader, 0, name), -1);
	ck_assert_int_eq(account_table_name(reader, 3, name), -1);
	memset(text, 'n', sizeof(text));
	ck_assert_uint_eq(account_table_add(writer, (struct str){ text, 255 }, &err), 3);
	ck_assert_int_eq(account_table_name(reader, 3, name), 0);
	ck_assert_uint_eq(strlen(name), 255);
	ck_assert_uint_eq(account_table_add(writer, (struct str){ text, 256 }, &err), 0);
	ck_assert_uint_eq(account_table_add(writer, STR_NONE, &err), 0);
	ck_assert_uint_eq(account_table_add(reader, STR("A"), &err), 0);
	for (uint32_t i = 4; i < ACCOUNTS_MAX; i++)
		if (account_table_add(writer, STR("more"), &err) != i)
			ck_abort_msg("account %u", i);
	ck_assert_uint_eq(account_table_add(writer, STR("A"), &err), 0);
	account_table_detach(writer);
	account_table_detach(reader);
	account_table_detach(NULL);
	close(fd);
}
END_TEST

START_TEST(accounts_of_a_liar)
{
	char name[ACCOUNT_NAME_MAX + 1];
	struct account_table *table;
	uint32_t lie = UINT32_MAX;
	struct err err;
	int fd;

	ck_assert_int_ne(fd = account_table_make(&err), -1);
	ck_assert_ptr_nonnull(table = account_table_attach(fd, true, &err));
	ck_assert_int_eq(pwrite(fd, &lie, 4, 12), 4); /* count */
	ck_assert_int_eq(account_table_name(table, UINT32_MAX, name), -1);
	ck_assert_int_eq(account_table_name(table, ACCOUNTS_MAX, name), -1);
	ck_assert_int_eq(account_table_name(table, 100, name), -1);
	ck_assert_uint_eq(account_table_add(table, STR("A"), &err), 0);
	ck_assert_int_eq(pwrite(fd, &lie, 4, 16 + 264), 4); /* length of $G */
	ck_assert_int_eq(account_table_name(table, ACCOUNT_GLOBAL, name), -1);
	account_table_detach(table);
	ck_assert_int_eq(pwrite(fd, &lie, 4, 0), 4);
	ck_assert_ptr_null(account_table_attach(fd, true, &err));
	close(fd);
}
END_TEST

UNIT_MAIN("ctl, account_table",
    unit_rows(tc, round_trip, rows);
    tcase_add_test(tc, values_survive);
    tcase_add_test(tc, values_out_of_range);
    unit_rows(tc, bad_packets, bads);
    tcase_add_test(tc, short_packets);
    tcase_add_test(tc, hello_comes_first);
    tcase_add_test(tc, the_other_end_goes);
    tcase_add_test(tc, too_long_a_text_is_cut);
    tcase_add_test(tc, kept_in_order);
    tcase_add_test(tc, kept_up_to_a_bound);
    tcase_add_test(tc, accounts);
    tcase_add_test(tc, accounts_of_a_liar);)
