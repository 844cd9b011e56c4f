/* Deliveries to a worker that sleeps: done for it where they can be, left to it where not. */
#include "config.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mono.h"
#include "tests/unit/front_rig.h"
#include "tests/unit/unit.h"

#define QUIET "{\"verbose\":false,\"pedantic\":false,\"headers\":true}"
#define WAIT_MS 20000

/* Waits until the worker sleeps; how often it was woken by its bell so far. */
static uint32_t
asleep(struct rig *r, unsigned worker)
{
	struct worker_public *pub = &r->shared->pub[worker];
	struct mono until = mono_add_ms(mono_now(), WAIT_MS);
	uint32_t rung;

	while (pthread_mutex_trylock(&pub->turn) != 0) {
		ck_assert_msg(mono_before(mono_now(), until), "worker %u is never asleep", worker);
		sched_yield();
	}
	rung = pub->worker->rung;
	pthread_mutex_unlock(&pub->turn);
	return (rung);
}

/* A publisher of worker 0 and a subscriber of worker 1, which sleeps. */
static void
start_pair(struct rig *r, int *pub, int *sub)
{
	rig_start(r, 2, NULL);
	*pub = rig_connect(r, 0, QUIET);
	*sub = rig_connect(r, 1, QUIET);
	rig_send(*sub, "SUB a 1\r\n");
	rig_sync(*sub);
	rig_sync(*pub);
	asleep(r, 1);
}

START_TEST(test_few_messages_wake_nobody)
{
	struct rig r;
	uint32_t rung;
	unsigned i;
	int pub, sub;

	start_pair(&r, &pub, &sub);
	rung = asleep(&r, 1);
	for (i = 0; i < 100; i++) {
		rig_send(pub, "PUB a 2\r\nhi\r\n");
		rig_expect(sub, "MSG a 1 2\r\nhi\r\n");
		ck_assert_uint_eq(asleep(&r, 1), rung);
	}
	rig_sync(sub); /* and the owner goes on as ever */
	close(pub);
	close(sub);
	rig_stop(&r);
}
END_TEST

START_TEST(test_queue_members_are_served_too)
{
	struct rig r;
	uint32_t rung;
	unsigned i;
	int pub, sub;

	start_pair(&r, &pub, &sub);
	rig_send(sub, "SUB q work 2\r\n");
	rig_sync(sub);
	rung = asleep(&r, 1);
	for (i = 0; i < 100; i++) {
		rig_send(pub, "PUB q 2\r\nhi\r\n");
		rig_expect(sub, "MSG q 2 2\r\nhi\r\n");
		ck_assert_uint_eq(asleep(&r, 1), rung);
	}
	rig_sync(pub); /* its PONG asks worker 1 for its mark */
	rig_sync(sub);
	close(pub);
	close(sub);
	rig_stop(&r);
}
END_TEST

START_TEST(test_many_messages_wake_their_owner)
{
	static char text[64 << 10];
	size_t n = 0;
	struct rig r;
	uint32_t rung;
	unsigned i, most;
	int pub, sub;

	for (most = 0; n < sizeof(text) - 128; most++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "PUB a 100\r\n%0100u\r\n", most);
	start_pair(&r, &pub, &sub);
	rung = asleep(&r, 1);
	rig_send_bytes(pub, text, n);
	for (i = 0; i < most; i++) {
		snprintf(text, sizeof(text), "MSG a 1 100\r\n%0100u\r\n", i);
		rig_expect(sub, text);
	}
	ck_assert_uint_gt(asleep(&r, 1), rung);
	close(pub);
	close(sub);
	rig_stop(&r);
}
END_TEST

/* The events of a connection are its owner's: who wrote for it cannot wait for room. */
START_TEST(test_full_socket_is_left_to_its_owner)
{
	static char message[4200], want[4200];
	enum { MESSAGES = 200, BYTES = 4000 };
	struct rig r;
	unsigned i;
	int pub, sub;

	start_pair(&r, &pub, &sub);
	for (i = 0; i < MESSAGES; i++) {
		snprintf(message, sizeof(message), "PUB a %u\r\n%0*u\r\n", BYTES, BYTES, i);
		rig_send(pub, message);
		rig_sync(pub);
	}
	for (i = 0; i < MESSAGES; i++) {
		snprintf(want, sizeof(want), "MSG a 1 %u\r\n%0*u\r\n", BYTES, BYTES, i);
		rig_expect(sub, want);
	}
	rig_sync(sub);
	close(pub);
	close(sub);
	rig_stop(&r);
}
END_TEST

START_TEST(test_limit_is_kept)
{
	struct rig r;
	int pub, sub;

	start_pair(&r, &pub, &sub);
	rig_send(sub, "UNSUB 1 2\r\n");
	rig_sync(sub);
	asleep(&r, 1);
	rig_send(pub, "PUB a 1\r\n1\r\n");
	rig_expect(sub, "MSG a 1 1\r\n1\r\n");
	rig_send(pub, "PUB a 1\r\n2\r\nPUB a 1\r\n3\r\n");
	rig_expect(sub, "MSG a 1 1\r\n2\r\n");
	rig_sync(pub);
	rig_sync(sub);
	close(pub);
	close(sub);
	rig_stop(&r);
}
END_TEST

START_TEST(test_broken_connection_is_closed_by_its_owner)
{
	struct mono until = mono_add_ms(mono_now(), WAIT_MS);
	struct rig r;
	int pub, sub;

	start_pair(&r, &pub, &sub);
	close(sub);
	while (atomic_load(&r.shared->pub[1].conns) != 0) {
		ck_assert(mono_before(mono_now(), until));
		rig_send(pub, "PUB a 2\r\nhi\r\n");
		rig_sync(pub);
	}
	close(pub);
	rig_stop(&r);
}
END_TEST

/* Both ways at once: whoever sleeps is worked for, whoever does not does it himself. */
START_TEST(test_messages_keep_their_order)
{
	enum { ROUNDS = 3000 };
	char text[64];
	struct rig r;
	unsigned i, k;
	int pub, sub;

	start_pair(&r, &pub, &sub);
	for (i = 0; i < ROUNDS; i++) {
		for (k = 0; k <= i % 3; k++) {
			snprintf(text, sizeof(text), "PUB a 6\r\n%04u.%u\r\n", i, k);
			rig_send(pub, text);
		}
		if (i % 2 == 0)
			rig_sync(pub);
		for (k = 0; k <= i % 3; k++) {
			snprintf(text, sizeof(text), "MSG a 1 6\r\n%04u.%u\r\n", i, k);
			rig_expect(sub, text);
		}
		if (i % 2 == 1)
			rig_sync(pub);
		if (i % 5 == 0)
			rig_sync(sub);
	}
	close(pub);
	close(sub);
	rig_stop(&r);
}
END_TEST

UNIT_MAIN("lend",
    signal(SIGPIPE, SIG_IGN);
    tcase_add_test(tc, test_few_messages_wake_nobody);
    tcase_add_test(tc, test_queue_members_are_served_too);
    tcase_add_test(tc, test_many_messages_wake_their_owner);
    tcase_add_test(tc, test_full_socket_is_left_to_its_owner);
    tcase_add_test(tc, test_limit_is_kept);
    tcase_add_test(tc, test_broken_connection_is_closed_by_its_owner);
    tcase_add_test(tc, test_messages_keep_their_order);)
