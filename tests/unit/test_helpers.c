/* Helper threads: every job comes back once, to its worker, in bounds (helpers.h). */
#include "config.h"

#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "common/doorbell.h"
#include "natsd-front/helpers.h"
#include "natsd-front/shared.h"
#include "natsd-front/worker.h"
#include "tests/unit/unit.h"

#define WORKERS 3
#define JOBS 2000

struct test_job {
	struct helper_job job; /* first */
	pthread_t by;
	unsigned number;
};

static struct shared *shared;
static struct helpers *helpers;
static pthread_t mains;
static unsigned came[WORKERS], dropped;
static _Atomic unsigned worked;
static atomic_bool gate_open, gate_reached;

static void
setup(unsigned quick, unsigned slow)
{
	struct err e;
	unsigned i;

	shared = shared_new(WORKERS, 1, 0);
	ck_assert_ptr_nonnull(shared);
	for (i = 0; i < WORKERS; i++)
		ck_assert_int_eq(doorbell_make(&shared->pub[i].bell, &e), 0);
	helpers = helpers_new(shared, quick, slow, &e);
	ck_assert_ptr_nonnull(helpers);
	mains = pthread_self();
	memset(came, 0, sizeof(came));
	dropped = 0;
	worked = 0;
	gate_open = gate_reached = false;
}

static void
teardown(void)
{
	unsigned i;

	do
		helpers_stop(helpers); /* on a busy machine once is not enough */
	while (helpers_stuck(helpers));
	helpers_free(helpers);
	for (i = 0; i < WORKERS; i++)
		doorbell_close(&shared->pub[i].bell);
	shared_free(shared);
}

static void
work(struct helper_job *job)
{
	((struct test_job *)job)->by = pthread_self();
	atomic_fetch_add(&worked, 1);
}

static void
work_gate(struct helper_job *job)
{
	atomic_store(&gate_reached, true);
	while (!atomic_load(&gate_open))
		sched_yield();
	work(job);
}

static void
done(struct helper_job *job, struct worker *w)
{
	ck_assert_uint_eq(job->worker, w->index);
	ck_assert(!pthread_equal(((struct test_job *)job)->by, mains));
	came[w->index]++;
	free(job);
}

static void
drop(struct helper_job *job)
{
	dropped++;
	free(job);
}

static bool
submit(enum helper_class class, unsigned worker, void (*fn)(struct helper_job *))
{
	struct test_job *j = calloc(1, sizeof(*j));

	ck_assert_ptr_nonnull(j);
	j->job = (struct helper_job){ .class = class, .worker = (uint16_t)worker, .work = fn,
		.done = done, .drop = drop };
	if (helpers_submit(helpers, &j->job))
		return (true);
	free(j);
	return (false);
}

/* As a worker does: sleeps until its bell rings, then looks. */
static void
collect(unsigned worker, unsigned until)
{
	static struct worker w;
	struct pollfd p = { .fd = shared->pub[worker].bell.wait, .events = POLLIN };

	w.index = worker;
	helpers_collect(helpers, &w);
	while (came[worker] < until) {
		ck_assert_int_eq(poll(&p, 1, 10000), 1);
		doorbell_clear(&shared->pub[worker].bell);
		helpers_collect(helpers, &w);
	}
}

START_TEST(all_come_back)
{
	struct err e;
	unsigned i;

	setup(2, 2);
	ck_assert_int_eq(helpers_start(helpers, &e), 0);
	for (i = 0; i < JOBS; i++)
		ck_assert(submit(i % 2 == 0 ? HELPER_QUICK : HELPER_SLOW, i % WORKERS, work));
	for (i = 0; i < WORKERS; i++)
		collect(i, (JOBS - i + WORKERS - 1) / WORKERS);
	ck_assert_uint_eq(came[0] + came[1] + came[2], JOBS);
	teardown();
	ck_assert_uint_eq(dropped, 0);
}
END_TEST

/* While all of the slow ones are busy, quick ones are done. */
START_TEST(classes_are_apart)
{
	struct err e;
	unsigned i;

	setup(1, 2);
	ck_assert_int_eq(helpers_start(helpers, &e), 0);
	for (i = 0; i < 5; i++)
		ck_assert(submit(HELPER_SLOW, 0, work_gate));
	for (i = 0; i < 10; i++)
		ck_assert(submit(HELPER_QUICK, 1, work));
	collect(1, 10);
	ck_assert_uint_eq(came[0], 0);
	atomic_store(&gate_open, true);
	collect(0, 5);
	teardown();
}
END_TEST

START_TEST(queue_is_bounded)
{
	struct err e;
	unsigned i;

	setup(1, 1);
	for (i = 0; i < HELPER_WAITING_MAX; i++)
		ck_assert(submit(HELPER_SLOW, 0, work));
	ck_assert(!submit(HELPER_SLOW, 0, work));
	ck_assert(submit(HELPER_QUICK, 1, work));
	ck_assert_int_eq(helpers_start(helpers, &e), 0);
	collect(0, HELPER_WAITING_MAX);
	collect(1, 1);
	ck_assert(submit(HELPER_SLOW, 0, work));
	collect(0, HELPER_WAITING_MAX + 1);
	teardown();
}
END_TEST

/* At the end: what was not begun, and what nobody collected, is dropped; each once. */
START_TEST(rest_is_dropped)
{
	struct err e;
	unsigned i;

	setup(1, 1);
	for (i = 0; i < 100; i++)
		ck_assert(submit(i % 2 == 0 ? HELPER_QUICK : HELPER_SLOW, i % WORKERS, work));
	ck_assert_int_eq(helpers_start(helpers, &e), 0);
	while (atomic_load(&worked) == 0)
		sched_yield();
	teardown();
	ck_assert_uint_eq(dropped, 100);
}
END_TEST

/* One that does not end within the patience of helpers_stop is left alone. */
START_TEST(stuck_is_told)
{
	struct err e;

	setup(1, 1);
	ck_assert_int_eq(helpers_start(helpers, &e), 0);
	ck_assert(submit(HELPER_SLOW, 0, work_gate));
	ck_assert(submit(HELPER_QUICK, 0, work));
	collect(0, 1);
	while (!atomic_load(&gate_reached))
		sched_yield();
	helpers_stop(helpers);
	ck_assert(helpers_stuck(helpers));
	helpers_free(helpers); /* keeps everything: the job still runs */
	atomic_store(&gate_open, true);
	while (atomic_load(&worked) != 2)
		sched_yield();
	teardown();
}
END_TEST

UNIT_MAIN("helpers",
    tcase_add_test(tc, all_come_back);
    tcase_add_test(tc, classes_are_apart);
    tcase_add_test(tc, queue_is_bounded);
    tcase_add_test(tc, rest_is_dropped);
    tcase_add_test(tc, stuck_is_told);)
