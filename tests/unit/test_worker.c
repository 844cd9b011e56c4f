/* Whole workers in one process: choice in queue groups, limits across workers, snapshots. */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/front_rig.h"
#include "tests/unit/unit.h"

#define QUIET "{\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true}"

/* ---- queue groups ---- */

#define MEMBERS 4
#define QUEUE_MESSAGES 4000

/* How many lines that begin with "MSG " stand before the PONG. */
static unsigned
count_messages(int fd)
{
	char line[256];
	unsigned n = 0;

	rig_send(fd, "PING\r\n");
	for (;;) {
		rig_line(fd, line, sizeof(line));
		if (strcmp(line, "PONG") == 0)
			return (n);
		n += strncmp(line, "MSG ", 4) == 0;
	}
}

START_TEST(test_queue_choice_is_uniform)
{
	unsigned workers = (unsigned)_i, i, n, all = 0;
	struct rig r;
	int pub, fds[MEMBERS];

	rig_start(&r, workers, NULL);
	pub = rig_connect(&r, 0, QUIET);
	for (i = 0; i < MEMBERS; i++) {
		fds[i] = rig_connect(&r, i % workers, QUIET);
		rig_send(fds[i], "SUB work q 1\r\n");
		rig_sync(fds[i]);
	}
	for (i = 0; i < QUEUE_MESSAGES; i++)
		rig_send(pub, "PUB work 0\r\n\r\n");
	rig_sync(pub);
	for (i = 0; i < MEMBERS; i++) {
		n = count_messages(fds[i]);
		/* Six standard deviations of a fair choice. */
		ck_assert_uint_gt(n, QUEUE_MESSAGES / MEMBERS - 165);
		ck_assert_uint_lt(n, QUEUE_MESSAGES / MEMBERS + 165);
		all += n;
		close(fds[i]);
	}
	ck_assert_uint_eq(all, QUEUE_MESSAGES);
	close(pub);
	rig_stop(&r);
}
END_TEST

START_TEST(test_queue_member_at_its_limit_passes_on)
{
	unsigned workers = (unsigned)_i;
	struct rig r;
	int pub, a, b;

	rig_start(&r, workers, NULL);
	pub = rig_connect(&r, 0, QUIET);
	a = rig_connect(&r, workers - 1, QUIET);
	b = rig_connect(&r, workers / 2, QUIET);
	rig_send(a, "SUB work q 1\r\nUNSUB 1 2\r\n");
	rig_sync(a);
	rig_send(b, "SUB work q 1\r\nUNSUB 1 3\r\n");
	rig_sync(b);
	rig_send(pub, "SUB re 9\r\n"
		      "PUB work re 0\r\n\r\nPUB work re 0\r\n\r\nPUB work re 0\r\n\r\n"
		      "PUB work re 0\r\n\r\nPUB work re 0\r\n\r\n");
	rig_sync(pub);
	ck_assert_uint_eq(count_messages(a), 2);
	ck_assert_uint_eq(count_messages(b), 3);
	rig_send(pub, "PUB work re 0\r\n\r\n");
	rig_expect(pub, "HMSG re 9 36 36\r\nNATS/1.0 503\r\nNats-Subject: work\r\n\r\n\r\n");
	close(a);
	close(b);
	close(pub);
	rig_stop(&r);
}
END_TEST

/* ---- large payloads ---- */

#define LARGE 300000

static void
expect_large(int fd, const char *head, const char *payload)
{
	static char got[LARGE + 2];
	size_t have = 0;
	ssize_t n;

	rig_expect(fd, head);
	while (have < sizeof(got)) {
		n = read(fd, got + have, sizeof(got) - have);
		ck_assert_int_gt(n, 0);
		have += (size_t)n;
	}
	ck_assert_int_eq(memcmp(got, payload, LARGE), 0);
	ck_assert_int_eq(memcmp(got + LARGE, "\r\n", 2), 0);
}

START_TEST(test_large_payloads_are_shared)
{
	unsigned workers = (unsigned)_i, i, turn;
	char *payload = malloc(LARGE);
	struct rig r;
	int pub, fds[MEMBERS];

	for (i = 0; i < LARGE; i++)
		payload[i] = (char)(i * 31 + i / 977);
	rig_start(&r, workers, NULL);
	pub = rig_connect(&r, 0, QUIET);
	for (i = 0; i < MEMBERS; i++) {
		fds[i] = rig_connect(&r, i % workers, i == 0 ? "{\"verbose\":false}" : QUIET);
		rig_send(fds[i], "SUB big 1\r\n");
		rig_sync(fds[i]);
	}
	for (turn = 0; turn < 3; turn++) {
		rig_send(pub, "HPUB big 17 300017\r\nNATS/1.0\r\na:b\r\n\r\n");
		rig_send_bytes(pub, payload, LARGE);
		rig_send(pub, "\r\n");
		expect_large(fds[0], "MSG big 1 300000\r\n", payload);
	}
	free(payload);
	for (i = 0; i < MEMBERS; i++)
		close(fds[i]);
	close(pub);
	rig_stop(&r);
}
END_TEST

/* ---- snapshots ---- */

START_TEST(test_snapshot)
{
	struct snapshot *s;
	struct rig r;
	int a, b;

	rig_start(&r, 2, NULL);
	a = rig_connect(&r, 0, "{\"verbose\":false,\"name\":\"one\",\"lang\":\"c\"}");
	b = rig_connect(&r, 1, QUIET);
	rig_send(a, "SUB foo q 7\r\n");
	rig_sync(a);
	rig_send(b, "PUB foo 5\r\nhello\r\n");
	rig_sync(b);
	rig_expect(a, "MSG foo 7 5\r\nhello\r\n");
	s = snapshot_take(r.shared, SNAPSHOT_COUNTERS | SNAPSHOT_CONNS | SNAPSHOT_SUBS, 0, 5000);
	ck_assert_ptr_nonnull(s);
	ck_assert_uint_eq(s->nparts, 2);
	ck_assert(s->parts[0].done && s->parts[1].done);
	ck_assert_uint_eq(s->parts[0].nconns, 1);
	ck_assert_str_eq(s->parts[0].conns[0].name, "one");
	ck_assert_str_eq(s->parts[0].conns[0].ip, "127.0.0.1");
	ck_assert_uint_eq(s->parts[0].conns[0].out_msgs, 1);
	ck_assert_uint_eq(s->parts[0].conns[0].nsubs, 1);
	ck_assert_str_eq(s->parts[0].conns[0].subs[0].subject, "foo");
	ck_assert_str_eq(s->parts[0].conns[0].subs[0].queue, "q");
	ck_assert_str_eq(s->parts[0].conns[0].subs[0].sid, "7");
	ck_assert_uint_eq(s->parts[1].stats.in_msgs, 1);
	snapshot_free(s);
	close(a);
	close(b);
	rig_stop(&r);
}
END_TEST

#define COPIED_CONNS 40
#define COPIED_SUBS 100
#define COPIES_MOST (512 + COPIED_SUBS) /* of one turn: it ends behind a whole connection */

/* Many connections and subscriptions are copied in as many turns as that takes, between which others have theirs. */
START_TEST(test_snapshot_takes_turns)
{
	char line[32 * COPIED_SUBS], *at;
	struct snapshot_part *part;
	int fds[COPIED_CONNS];
	struct snapshot *s;
	struct rig r;
	uint64_t cids = 0;
	unsigned i, n;

	rig_start(&r, 1, NULL);
	for (i = 0; i < COPIED_CONNS; i++) {
		fds[i] = rig_connect(&r, 0, QUIET);
		for (n = 0, at = line; n < COPIED_SUBS; n++)
			at += sprintf(at, "SUB a.%u %u\r\n", n, n + 1);
		rig_send(fds[i], line);
		rig_sync(fds[i]);
	}
	s = snapshot_take(r.shared, SNAPSHOT_CONNS | SNAPSHOT_SUBS, 0, 5000);
	ck_assert_ptr_nonnull(s);
	part = &s->parts[0];
	ck_assert(part->done);
	ck_assert_uint_eq(part->nconns, COPIED_CONNS);
	ck_assert_uint_eq(part->conns_open, COPIED_CONNS);
	for (i = 0; i < COPIED_CONNS; i++) {
		ck_assert_uint_eq(part->conns[i].nsubs, COPIED_SUBS);
		cids |= UINT64_C(1) << (part->conns[i].cid - part->conns[0].cid);
	}
	ck_assert_uint_eq(cids, (UINT64_C(1) << COPIED_CONNS) - 1);
	ck_assert_uint_ge(part->turns, COPIED_CONNS * (COPIED_SUBS + 1) / COPIES_MOST + 1);
	snapshot_free(s);
	s = snapshot_take(r.shared, SNAPSHOT_CONNS, 0, 5000);
	ck_assert_uint_eq(s->parts[0].nconns, COPIED_CONNS);
	ck_assert_uint_eq(s->parts[0].turns, 1);
	snapshot_free(s);
	for (i = 0; i < COPIED_CONNS; i++)
		close(fds[i]);
	rig_stop(&r);
}
END_TEST

static void
both_counts(TCase *tc, const TTest *t)
{
	tcase_add_loop_test(tc, t, 1, 4);
}

UNIT_MAIN("worker",
    signal(SIGPIPE, SIG_IGN);
    both_counts(tc, test_queue_choice_is_uniform);
    both_counts(tc, test_queue_member_at_its_limit_passes_on);
    both_counts(tc, test_large_payloads_are_shared);
    tcase_add_test(tc, test_snapshot);
    tcase_add_test(tc, test_snapshot_takes_turns);)
