#include "config.h"

#include <check.h>
#include <stdlib.h>

#include "common/wheel.h"
#include "tests/unit/seed.h"

#define TICK_NS (WHEEL_TICK_MS * NS_PER_MS)
#define START (1000000 * TICK_NS + 7)
#define MANY 2000

struct thing {
	struct wheel_timer timer; /* first */
	int64_t due;
	int64_t fired; /* 0: not yet */
	struct thing *stops;
};

struct run {
	struct wheel *w;
	struct mono now;
	int64_t last_due;
	unsigned fired;
};

static void
on_timer(struct wheel_timer *t, void *ctx)
{
	struct thing *thing = (struct thing *)t;
	struct run *run = ctx;

	ck_assert(!wheel_is_set(t));
	ck_assert_int_eq(thing->fired, 0);
	ck_assert_int_le(thing->due, run->now.ns);
	thing->fired = run->now.ns;
	run->fired++;
	if (thing->stops != NULL)
		wheel_stop(run->w, &thing->stops->timer);
}

static void
run_at(struct run *run, int64_t ns)
{
	run->now = (struct mono){ .ns = ns };
	wheel_run(run->w, run->now, on_timer, run);
}

static void
set(struct run *run, struct thing *thing, int64_t due)
{
	thing->due = due;
	thing->fired = 0;
	wheel_set(run->w, &thing->timer, (struct mono){ .ns = due });
}

START_TEST(test_first_tick_at_or_after)
{
	struct run run = { .w = wheel_new((struct mono){ .ns = START }) };
	struct thing a = { .due = 0 }, b = { .due = 0 };
	struct mono next;

	ck_assert(!wheel_next(run.w, &next));
	set(&run, &a, START + 3 * TICK_NS);
	set(&run, &b, START); /* over already: at the next tick */
	ck_assert(wheel_next(run.w, &next));
	ck_assert_int_eq(next.ns, START - 7 + TICK_NS);
	run_at(&run, next.ns - 1);
	ck_assert_uint_eq(run.fired, 0);
	run_at(&run, next.ns);
	ck_assert_int_ne(b.fired, 0);
	ck_assert_int_eq(a.fired, 0);
	run_at(&run, START + 3 * TICK_NS);
	ck_assert_int_eq(a.fired, 0); /* the tick before its time */
	ck_assert(wheel_next(run.w, &next));
	run_at(&run, next.ns);
	ck_assert_int_eq(a.fired, START - 7 + 4 * TICK_NS);
	ck_assert(!wheel_next(run.w, &next));
	wheel_free(run.w);
}
END_TEST

START_TEST(test_stop_and_move)
{
	struct run run = { .w = wheel_new((struct mono){ .ns = START }) };
	struct thing a = { .due = 0 }, b = { .due = 0 };
	struct mono next;

	wheel_stop(run.w, &a.timer);
	set(&run, &a, START + TICK_NS);
	set(&run, &b, START + TICK_NS);
	wheel_stop(run.w, &a.timer);
	set(&run, &b, START + 5000 * TICK_NS); /* more than a round */
	run_at(&run, START + 4999 * TICK_NS);
	ck_assert_uint_eq(run.fired, 0);
	run_at(&run, START + 5001 * TICK_NS);
	ck_assert_uint_eq(run.fired, 1);
	ck_assert(!wheel_next(run.w, &next));
	wheel_free(run.w);
}
END_TEST

START_TEST(test_one_stops_another_of_its_tick)
{
	struct run run = { .w = wheel_new((struct mono){ .ns = START }) };
	struct thing a = { .due = 0 }, b = { .due = 0 };

	a.stops = &b;
	b.stops = &a;
	set(&run, &a, START + TICK_NS);
	set(&run, &b, START + TICK_NS);
	run_at(&run, START + 3 * TICK_NS);
	ck_assert_uint_eq(run.fired, 1);
	ck_assert(!wheel_is_set(&a.timer) && !wheel_is_set(&b.timer));
	wheel_free(run.w);
}
END_TEST

static void
set_again(struct wheel_timer *t, void *ctx)
{
	struct run *run = ctx;

	run->fired++;
	wheel_set(run->w, t, run->now);
}

START_TEST(test_setting_again_is_no_endless_round)
{
	struct run run = { .w = wheel_new((struct mono){ .ns = START }) };
	struct thing a = { .due = 0 };

	set(&run, &a, START);
	run.now.ns = START + 10 * TICK_NS;
	wheel_run(run.w, run.now, set_again, &run);
	ck_assert_uint_eq(run.fired, 1);
	run.now.ns += TICK_NS;
	wheel_run(run.w, run.now, set_again, &run);
	ck_assert_uint_eq(run.fired, 2);
	wheel_free(run.w);
}
END_TEST

static void
in_order(struct wheel_timer *t, void *ctx)
{
	struct thing *thing = (struct thing *)t;
	struct run *run = ctx;
	int64_t tick = (thing->due + TICK_NS - 1) / TICK_NS;

	ck_assert_int_ge(tick, run->last_due);
	run->last_due = tick;
	run->fired++;
}

START_TEST(test_order_of_ticks)
{
	struct run run = { .w = wheel_new((struct mono){ .ns = START }) };
	struct seed seed = seed_start("wheel order");
	struct thing *things = calloc(MANY, sizeof(*things));
	unsigned i;

	for (i = 0; i < MANY; i++)
		set(&run, &things[i], START + TICK_NS + seed_below(&seed, 3000) * TICK_NS / 3);
	run.now.ns = START + 1200 * TICK_NS;
	wheel_run(run.w, run.now, in_order, &run);
	ck_assert_uint_eq(run.fired, MANY);
	free(things);
	wheel_free(run.w);
}
END_TEST

/* Timers near and far, moved and stopped by chance; each fires once, within a tick of its time. */
START_TEST(test_random)
{
	struct run run = { .w = wheel_new((struct mono){ .ns = START }) };
	struct seed seed = seed_start("wheel");
	struct thing *things = calloc(MANY, sizeof(*things));
	struct mono next;
	unsigned i, turn;

	run.now.ns = START;
	for (turn = 0; turn < 3000; turn++) {
		i = seed_below(&seed, MANY);
		if (seed_below(&seed, 4) == 0)
			wheel_stop(run.w, &things[i].timer);
		else
			set(&run, &things[i], run.now.ns + (int64_t)(seed_next(&seed) %
			    (uint64_t)(10000 * TICK_NS)));
		if (seed_below(&seed, 3) == 0 && wheel_next(run.w, &next))
			run_at(&run, next.ns);
	}
	while (wheel_next(run.w, &next))
		run_at(&run, next.ns);
	for (i = 0; i < MANY; i++) {
		ck_assert(!wheel_is_set(&things[i].timer));
		if (things[i].fired != 0)
			ck_assert_int_lt(things[i].fired - things[i].due, TICK_NS);
	}
	free(things);
	wheel_free(run.w);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("wheel");
	TCase *tc = tcase_create("wheel");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_test(tc, test_first_tick_at_or_after);
	tcase_add_test(tc, test_stop_and_move);
	tcase_add_test(tc, test_one_stops_another_of_its_tick);
	tcase_add_test(tc, test_setting_again_is_no_endless_round);
	tcase_add_test(tc, test_order_of_ticks);
	tcase_add_test(tc, test_random);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return (failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}
