/* Workers that share threads, and change them while they work. */
#include "config.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/front_rig.h"
#include "tests/unit/unit.h"

#define QUIET "{\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true}"
#define RESTLESS_NS (50 * NS_PER_US)
#define PASSES 300

static _Atomic unsigned moves;

/* Each time somebody else goes the other way. */
static enum seating_move
restless(struct seating *s, struct mono now, int64_t ns, const struct seating_worker *of, unsigned n,
    unsigned *which)
{
	(void)now;
	(void)ns;
	*which = 1 + s->windows++ * 7 % (n - 1);
	moves++;
	return (of[*which].guest ? SEATING_OWN : SEATING_GUEST);
}

/* All but the one that is asked for sit with the host. */
static enum seating_move
nobody_leaves(struct seating *s, struct mono now, int64_t ns, const struct seating_worker *of, unsigned n,
    unsigned *which)
{
	(void)s, (void)now, (void)ns, (void)of, (void)n, (void)which;
	return (SEATING_STAY);
}

static void
wait_gathered(struct rig *r)
{
	unsigned i = 1;

	while (i < r->n)
		if (atomic_load(&r->shared->pub[i].seat) == GATHER_GUEST)
			i++;
		else
			poll(NULL, 0, 1);
}

START_TEST(test_guests_work_on_one_thread)
{
	struct rig r;
	int fds[4];
	int64_t slept;
	unsigned i;

	rig_start_gathered(&r, 4, nobody_leaves, RESTLESS_NS);
	wait_gathered(&r);
	slept = atomic_load(&r.shared->pub[3].slept_ns);
	for (i = 0; i < 4; i++) {
		fds[i] = rig_connect(&r, i, QUIET);
		rig_send(fds[i], i == 1 ? "SUB all 1\r\nSUB first 2\r\n" : "SUB all 1\r\n");
		rig_sync(fds[i]);
	}
	for (i = 0; i < 4; i++) {
		rig_send(fds[i], "PUB all 2\r\nhi\r\n");
		for (unsigned k = 0; k < 4; k++)
			rig_expect(fds[k], "MSG all 1 2\r\nhi\r\n");
	}
	/* From the last of them to the first: seen before the thread sleeps, not when it wakes up anyway. */
	for (i = 0; i < PASSES; i++) {
		rig_send(fds[3], "PUB first 0\r\n\r\n");
		rig_expect(fds[1], "MSG first 2 0\r\n\r\n");
	}
	/* Its own thread had no part in it. */
	ck_assert(slept == atomic_load(&r.shared->pub[3].slept_ns));
	ck_assert_int_eq(atomic_load(&r.shared->pub[3].seat), GATHER_GUEST);
	for (i = 0; i < 4; i++)
		close(fds[i]);
	rig_stop(&r);
}
END_TEST

/* PING of a guest's connection that says nothing: its timers run on the host's thread. */
static void
short_pings(struct options *o)
{
	o->ping_interval = 100 * NS_PER_MS;
}

START_TEST(test_timers_of_guests_run)
{
	char line[64];
	struct rig r;
	int fd;

	rig_start_gathered(&r, 3, nobody_leaves, RESTLESS_NS);
	rig_reload(&r, short_pings);
	wait_gathered(&r);
	fd = rig_connect(&r, 2, QUIET);
	rig_line(fd, line, sizeof(line));
	ck_assert_str_eq(line, "PING");
	close(fd);
	rig_stop(&r);
}
END_TEST

/* ---- restless ---- */

#define CLIENTS 8
#define BURST 20
#define ROUNDS 60

static void
publish_burst(int fd, unsigned from, unsigned round)
{
	char text[BURST * 32];
	size_t n = 0;

	for (unsigned i = 0; i < BURST; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "PUB all 9\r\n%u.%07u\r\n", from,
		    round * BURST + i);
	rig_send_bytes(fd, text, n);
}

/* What it gets of each: all of it, in the order it was said. */
static void
read_bursts(int fd, unsigned next[CLIENTS])
{
	char line[64];
	unsigned from, number;

	for (unsigned i = 0; i < CLIENTS * BURST; i++) {
		do
			rig_line(fd, line, sizeof(line));
		while (strcmp(line, "PING") == 0);
		ck_assert_str_eq(line, "MSG all 1 9");
		rig_line(fd, line, sizeof(line));
		ck_assert_int_eq(sscanf(line, "%u.%u", &from, &number), 2);
		ck_assert_uint_lt(from, CLIENTS);
		ck_assert_uint_eq(number, next[from]);
		next[from]++;
	}
}

START_TEST(test_nothing_is_lost_on_the_way)
{
	static unsigned next[CLIENTS][CLIENTS];
	struct rig r;
	int fds[CLIENTS];
	unsigned i, round;

	moves = 0;
	memset(next, 0, sizeof(next));
	rig_start_gathered(&r, 4, restless, RESTLESS_NS);
	for (i = 0; i < CLIENTS; i++) {
		fds[i] = rig_connect(&r, i % 4, QUIET);
		rig_send(fds[i], "SUB all 1\r\n");
		rig_sync(fds[i]);
	}
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < CLIENTS; i++)
			publish_burst(fds[i], i, round);
		for (i = 0; i < CLIENTS; i++)
			read_bursts(fds[i], next[i]);
	}
	ck_assert_uint_gt(moves, 10);
	for (i = 0; i < CLIENTS; i++) {
		close(fds[i]);
	}
	rig_stop(&r);
}
END_TEST

/* Told to stop wherever they are. */
START_TEST(test_stops_on_the_way)
{
	struct rig r;
	int fd;

	for (unsigned i = 0; i < 60; i++) {
		rig_start_gathered(&r, 2 + i % 4, i % 3 == 0 ? nobody_leaves : restless, NS_PER_US);
		if (i % 2 == 0) {
			fd = rig_connect(&r, i % r.n, QUIET);
			rig_sync(fd);
			close(fd);
		}
		rig_stop(&r);
	}
}
END_TEST

UNIT_MAIN("gather",
    signal(SIGPIPE, SIG_IGN);
    tcase_add_test(tc, test_guests_work_on_one_thread);
    tcase_add_test(tc, test_timers_of_guests_run);
    tcase_add_test(tc, test_nothing_is_lost_on_the_way);
    tcase_add_test(tc, test_stops_on_the_way);)
