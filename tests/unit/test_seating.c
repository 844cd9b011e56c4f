/* Which workers should have threads of their own: a machine that exists only here. */
#include "config.h"

#include "natsd-front/seating.h"
#include "tests/unit/unit.h"

#define N 3
#define SECONDS(n) ((n) * NS_PER_S / SEATING_WINDOW_NS)

/*
 * Each worker is offered some messages a window, of which a thread can do so many; what guests are offered is
 * the host's.  `extra`: percent that the work of a worker on its own thread costs more.
 */
struct machine {
	struct seating seating;
	struct seating_worker of[N];
	struct mono now;
	uint64_t offered[N], thread, all; /* all: of the machine, 0: any */
	unsigned extra;
	unsigned own, guest; /* moves */
	uint64_t done;
};

/* What a worker could do with a thread of its own, in the units of one. */
static uint64_t
wanted(const struct machine *m, unsigned i)
{
	return (m->offered[i] * (100 + (i == 0 || m->of[i].guest ? 0 : m->extra)) / 100);
}

static void
window(struct machine *m)
{
	uint64_t want[N] = { 0 }, room[N], all = 0, part;
	enum seating_move move;
	unsigned of = 0, on;

	for (unsigned i = 0; i < N; i++)
		want[m->of[i].guest ? 0 : i] += wanted(m, i);
	for (unsigned i = 0; i < N; i++) {
		want[i] = want[i] < m->thread ? want[i] : m->thread;
		all += want[i];
	}
	for (unsigned i = 0; i < N; i++) { /* the machine has not enough for all threads */
		want[i] = m->all != 0 && all > m->all ? want[i] * m->all / all : want[i];
		room[i] = m->thread - want[i];
	}
	for (unsigned i = 0; i < N; i++) { /* each gets its share of its thread */
		on = m->of[i].guest ? 0 : i;
		part = 0;
		for (unsigned k = 0; k < N; k++)
			if ((m->of[k].guest ? 0 : k) == on)
				part += wanted(m, k);
		m->of[i].msgs = part == 0 ? 0 : want[on] * m->offered[i] / part;
		m->done += m->of[i].msgs;
	}
	for (unsigned i = 0; i < N; i++)
		m->of[i].slept_ns = SEATING_WINDOW_NS * (int64_t)room[i] / (int64_t)m->thread;
	m->now = mono_add_ns(m->now, SEATING_WINDOW_NS);
	move = seating_next(&m->seating, m->now, SEATING_WINDOW_NS, m->of, N, &of);
	if (move == SEATING_STAY)
		return;
	ck_assert_uint_gt(of, 0);
	ck_assert_uint_lt(of, N);
	ck_assert(m->of[of].guest == (move == SEATING_OWN));
	m->of[of].guest = move == SEATING_GUEST;
	m->own += move == SEATING_OWN;
	m->guest += move == SEATING_GUEST;
}

static void
windows(struct machine *m, int64_t n)
{
	m->own = m->guest = 0;
	m->done = 0;
	while (n-- > 0)
		window(m);
}

static struct machine
gathered(void)
{
	struct machine m = { .thread = 1000, .now = { .ns = NS_PER_S } };

	m.of[1].guest = m.of[2].guest = true;
	return (m);
}

START_TEST(test_little_to_do_stays)
{
	struct machine m = gathered();

	for (unsigned i = 0; i < N; i++)
		m.offered[i] = 300;
	windows(&m, SECONDS(10));
	ck_assert_uint_eq(m.own + m.guest, 0);
}
END_TEST

START_TEST(test_too_much_for_one_spreads)
{
	struct machine m = gathered();

	for (unsigned i = 0; i < N; i++)
		m.offered[i] = 900;
	windows(&m, SECONDS(2));
	ck_assert(!m.of[1].guest && !m.of[2].guest);
	windows(&m, SECONDS(10)); /* and it stays so */
	ck_assert_uint_eq(m.done, SECONDS(10) * 2700);
	m.offered[0] = m.offered[1] = m.offered[2] = 150;
	windows(&m, SECONDS(3));
	ck_assert(m.of[1].guest && m.of[2].guest);
}
END_TEST

/* Another thread adds nothing: few trials, and nearly all of the time in the better state. */
START_TEST(test_what_does_not_pay_is_rare)
{
	struct machine m = gathered();

	m.all = 1000;
	m.extra = 50;
	m.offered[0] = m.offered[1] = 2000;
	windows(&m, SECONDS(60));
	ck_assert(m.of[1].guest && m.of[2].guest);
	ck_assert_uint_eq(m.own, m.guest);
	ck_assert_uint_ge(m.own, 10);
	ck_assert_uint_le(m.own, 40);
	ck_assert_uint_gt(m.done, SECONDS(60) * 980);
}
END_TEST

/* Who was spread when it was of no use comes together again. */
START_TEST(test_joined_again_on_trial)
{
	struct machine m = gathered();

	m.of[1].guest = false;
	m.all = 1000;
	m.offered[0] = 500;
	m.offered[1] = 400;
	windows(&m, SECONDS(1));
	ck_assert(m.of[1].guest);
}
END_TEST

/* A full host whose guests have nothing to do keeps them: it would not help. */
START_TEST(test_idle_guests_are_no_help)
{
	struct machine m = gathered();

	m.offered[0] = 5000;
	windows(&m, SECONDS(10));
	ck_assert_uint_eq(m.own, 0);
}
END_TEST

START_TEST(test_trial_of_joining_may_fail)
{
	struct machine m = gathered();

	m.of[1].guest = m.of[2].guest = false;
	m.offered[0] = m.offered[1] = 650; /* 130 % of a thread */
	m.offered[2] = 900;
	windows(&m, SECONDS(30));
	ck_assert(!m.of[2].guest);
	ck_assert_uint_gt(m.done, SECONDS(30) * 2200 * 97 / 100);
}
END_TEST

UNIT_MAIN("seating",
    tcase_add_test(tc, test_little_to_do_stays);
    tcase_add_test(tc, test_too_much_for_one_spreads);
    tcase_add_test(tc, test_what_does_not_pay_is_rare);
    tcase_add_test(tc, test_joined_again_on_trial);
    tcase_add_test(tc, test_idle_guests_are_no_help);
    tcase_add_test(tc, test_trial_of_joining_may_fail);)
