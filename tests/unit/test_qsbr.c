#include "config.h"

#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/qsbr.h"

struct thing {
	struct qsbr_head head;
	_Atomic uint64_t alive; /* ALIVE until it is freed */
};

#define ALIVE UINT64_C(0x616c697665)

static unsigned freed;

static void
count_freed(struct qsbr_head *head)
{
	(void)head;
	freed++;
}

START_TEST(test_waits_for_every_online_thread)
{
	struct qsbr *q = qsbr_new();
	struct qsbr_thread *a = qsbr_register(q), *b = qsbr_register(q);
	struct qsbr_head head;

	freed = 0;
	ck_assert(!qsbr_is_online(a));
	qsbr_online(a);
	qsbr_online(b);
	ck_assert(qsbr_is_online(a));
	qsbr_retire(q, &head, count_freed);
	ck_assert_uint_eq(qsbr_reclaim(q), 1);
	qsbr_quiescent(a);
	ck_assert_uint_eq(qsbr_reclaim(q), 1);
	ck_assert_uint_eq(freed, 0);
	qsbr_offline(b);
	ck_assert_uint_eq(qsbr_reclaim(q), 0);
	ck_assert_uint_eq(freed, 1);
	qsbr_unregister(a);
	qsbr_unregister(b);
	qsbr_free(q);
}
END_TEST

START_TEST(test_late_thread_is_not_waited_for)
{
	struct qsbr *q = qsbr_new();
	struct qsbr_thread *a = qsbr_register(q);
	struct qsbr_head head;

	freed = 0;
	qsbr_retire(q, &head, count_freed);
	qsbr_online(a); /* cannot have seen it */
	ck_assert_uint_eq(qsbr_reclaim(q), 0);
	ck_assert_uint_eq(freed, 1);
	qsbr_unregister(a);
	qsbr_free(q);
}
END_TEST

START_TEST(test_free_runs_the_rest)
{
	struct qsbr *q = qsbr_new();
	struct qsbr_thread *a = qsbr_register(q);
	struct qsbr_head heads[3];
	unsigned i;

	freed = 0;
	qsbr_online(a);
	for (i = 0; i < 3; i++)
		qsbr_retire(q, &heads[i], count_freed);
	ck_assert_uint_eq(qsbr_reclaim(q), 3);
	qsbr_unregister(a);
	qsbr_free(q);
	ck_assert_uint_eq(freed, 3);
}
END_TEST

/* A pointer that writers replace and readers follow: what a reader finds is alive. */
#define READERS 4
#define WRITERS 2
#define ROUNDS 20000

struct stage {
	struct qsbr *qsbr;
	struct thing *_Atomic shown;
	_Atomic unsigned writers_left;
};

static void
bury(struct qsbr_head *head)
{
	struct thing *t = (struct thing *)head;

	atomic_store_explicit(&t->alive, 0, memory_order_relaxed);
	free(t);
}

static struct thing *
thing_new(void)
{
	struct thing *t = malloc(sizeof(*t));

	if (t == NULL)
		abort();
	atomic_init(&t->alive, ALIVE);
	return (t);
}

static void *
reader(void *arg)
{
	struct stage *st = arg;
	struct qsbr_thread *self = qsbr_register(st->qsbr);
	struct thing *t;
	unsigned turn, i;

	for (turn = 0; atomic_load(&st->writers_left) > 0; turn++) {
		qsbr_online(self);
		for (i = 0; i < 16; i++) {
			t = atomic_load_explicit(&st->shown, memory_order_acquire);
			if (atomic_load_explicit(&t->alive, memory_order_relaxed) != ALIVE)
				abort();
			if (i % 4 == 3)
				qsbr_quiescent(self);
		}
		if (turn % 2 == 0)
			qsbr_offline(self);
		qsbr_reclaim(st->qsbr);
	}
	qsbr_unregister(self);
	return (NULL);
}

static void *
writer(void *arg)
{
	struct stage *st = arg;
	struct thing *old;
	unsigned i;

	for (i = 0; i < ROUNDS; i++) {
		old = atomic_exchange_explicit(&st->shown, thing_new(), memory_order_acq_rel);
		qsbr_retire(st->qsbr, &old->head, bury);
		if (i % 64 == 0)
			qsbr_reclaim(st->qsbr);
	}
	atomic_fetch_sub(&st->writers_left, 1);
	return (NULL);
}

START_TEST(test_readers_and_writers)
{
	struct stage st = { .qsbr = qsbr_new(), .shown = thing_new(), .writers_left = WRITERS };
	pthread_t threads[READERS + WRITERS];
	unsigned i;

	for (i = 0; i < READERS + WRITERS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL,
		    i < READERS ? reader : writer, &st), 0);
	for (i = 0; i < READERS + WRITERS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(qsbr_reclaim(st.qsbr), 0);
	free(atomic_load(&st.shown));
	qsbr_free(st.qsbr);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("qsbr");
	TCase *tc = tcase_create("qsbr");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, test_waits_for_every_online_thread);
	tcase_add_test(tc, test_late_thread_is_not_waited_for);
	tcase_add_test(tc, test_free_runs_the_rest);
	tcase_add_test(tc, test_readers_and_writers);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return (failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}
