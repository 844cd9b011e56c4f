#include "config.h"

#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/subject.h"
#include "common/trie.h"
#include "tests/unit/seed.h"

struct thing {
	struct trie_sub sub; /* first */
	struct qsbr_head retired;
	char subject[64], queue[16];
	bool in, seen;
};

static struct str
text(const char *s)
{
	return (str_of(s));
}

static void
add(struct trie *t, struct thing *x, const char *subject, const char *queue)
{
	memset(x, 0, sizeof(*x));
	snprintf(x->subject, sizeof(x->subject), "%s", subject);
	snprintf(x->queue, sizeof(x->queue), "%s", queue);
	ck_assert_int_eq(trie_insert(t, &x->sub, text(x->subject), text(x->queue)), 0);
	x->in = true;
}

START_TEST(test_plain_and_wildcards)
{
	struct qsbr *q = qsbr_new();
	struct trie *t = trie_new(q);
	struct trie_result r = { .subs = NULL };
	struct thing x[5];
	unsigned i;

	add(t, &x[0], "orders.new", "");
	add(t, &x[1], "orders.*", "");
	add(t, &x[2], "orders.>", "");
	add(t, &x[3], ">", "");
	add(t, &x[4], "orders.new.eu", "");
	ck_assert_int_eq(trie_match(t, STR("orders.new"), &r), 0);
	ck_assert_uint_eq(r.plain, 4);
	ck_assert_uint_eq(r.total, 4);
	ck_assert_int_eq(trie_match(t, STR("orders"), &r), 0);
	ck_assert_uint_eq(r.total, 1);
	ck_assert_int_eq(trie_match(t, STR("orders..new"), &r), 0);
	ck_assert_uint_eq(r.total, 0);
	ck_assert_int_eq(trie_match(t, STR(""), &r), 0);
	ck_assert_uint_eq(r.total, 0);
	ck_assert(trie_has(t, STR("anything")));
	trie_remove(t, &x[3].sub);
	ck_assert(!trie_has(t, STR("anything")));
	ck_assert(!trie_has(t, STR("orders.")));
	ck_assert(trie_has(t, STR("orders.new.eu")));
	/* a published * is a token like any other */
	ck_assert_int_eq(trie_match(t, STR("orders.*"), &r), 0);
	ck_assert_uint_eq(r.total, 2);
	for (i = 0; i < 5; i++) {
		if (i != 3)
			trie_remove(t, &x[i].sub);
	}
	trie_result_free(&r);
	trie_free(t);
	qsbr_free(q);
}
END_TEST

START_TEST(test_groups_of_several_nodes_are_joined)
{
	struct qsbr *q = qsbr_new();
	struct trie *t = trie_new(q);
	struct trie_result r = { .subs = NULL };
	struct thing x[6];
	uint32_t members[2] = { 0, 0 };
	unsigned i;

	add(t, &x[0], "a.b", "work");
	add(t, &x[1], "a.*", "work");
	add(t, &x[2], "a.>", "play");
	add(t, &x[3], "a.b", "play");
	add(t, &x[4], "a.b", "work");
	add(t, &x[5], "a.b", "");
	ck_assert_int_eq(trie_match(t, STR("a.b"), &r), 0);
	ck_assert_uint_eq(r.plain, 1);
	ck_assert_uint_eq(r.total, 6);
	ck_assert_uint_eq(r.nqueues, 2);
	for (i = 0; i < 2; i++) {
		members[str_eq(r.queues[i].name, STR("work"))] = r.queues[i].n;
		ck_assert_uint_ge(r.queues[i].first, r.plain);
	}
	ck_assert_uint_eq(members[0], 2);
	ck_assert_uint_eq(members[1], 3);
	for (i = 0; i < 6; i++)
		trie_remove(t, &x[i].sub);
	ck_assert(!trie_has(t, STR("a.b")));
	trie_result_free(&r);
	trie_free(t);
	qsbr_free(q);
}
END_TEST

START_TEST(test_generations)
{
	struct qsbr *q = qsbr_new();
	struct trie *t = trie_new(q);
	struct thing x[3];
	uint64_t before[256];
	unsigned i, changed = 0;

	for (i = 0; i < 256; i++)
		before[i] = trie_generation(t, (uint8_t)i);
	add(t, &x[0], "a.b.*", "");
	for (i = 0; i < 256; i++)
		changed += before[i] != trie_generation(t, (uint8_t)i);
	ck_assert_uint_eq(changed, 1);
	i = subject_first_hash(STR("a"));
	ck_assert_uint_ne(before[i], trie_generation(t, (uint8_t)i));

	for (i = 0; i < 256; i++)
		before[i] = trie_generation(t, (uint8_t)i);
	add(t, &x[1], "*.b", "");
	for (i = 0; i < 256; i++)
		ck_assert_uint_ne(before[i], trie_generation(t, (uint8_t)i));

	for (i = 0; i < 256; i++)
		before[i] = trie_generation(t, (uint8_t)i);
	add(t, &x[2], ">", "q");
	trie_remove(t, &x[2].sub);
	for (i = 0; i < 256; i++)
		ck_assert_uint_eq(before[i] + 2, trie_generation(t, (uint8_t)i));
	trie_remove(t, &x[0].sub);
	trie_remove(t, &x[1].sub);
	trie_free(t);
	qsbr_free(q);
}
END_TEST

static void
count(struct trie_sub *sub, void *ctx)
{
	struct thing *x = (struct thing *)sub;
	unsigned *n = ctx;

	ck_assert(x->in);
	ck_assert(!x->seen);
	x->seen = true;
	(*n)++;
}

START_TEST(test_a_subject_as_deep_as_a_line_can_be)
{
	struct qsbr *q = qsbr_new();
	struct trie *t = trie_new(q);
	struct thing x[2] = { { .in = true }, { .in = true } };
	size_t n = 400001, i;
	char *subject = malloc(n), *pattern = malloc(n);
	unsigned visited = 0;

	for (i = 0; i < n; i++) {
		subject[i] = i % 2 == 0 ? 'a' : '.';
		pattern[i] = i % 2 == 0 ? '*' : '.';
	}
	ck_assert_int_eq(trie_insert(t, &x[0].sub, (struct str){ pattern, n }, STR_NONE), 0);
	subject[n - 1] = 'b';
	ck_assert_int_eq(trie_insert(t, &x[1].sub, (struct str){ subject, n }, STR_NONE), 0);
	subject[n - 1] = 'a';
	ck_assert(trie_has(t, (struct str){ subject, n }));
	trie_visit(t, count, &visited);
	ck_assert_uint_eq(visited, 2);
	trie_remove(t, &x[0].sub);
	ck_assert(!trie_has(t, (struct str){ subject, n }));
	trie_remove(t, &x[1].sub);
	free(subject);
	free(pattern);
	trie_free(t);
	qsbr_free(q);
}
END_TEST

/* Few names, so that subjects meet; wildcards where allowed. */
static void
random_subject(struct seed *seed, char *out, bool pattern)
{
	static const char *names[] = { "a", "b", "cc", "ddd", "*a", ">>" };
	unsigned tokens = 1 + seed_below(seed, 4), i;
	char *at = out;

	for (i = 0; i < tokens; i++) {
		const char *token = names[seed_below(seed, 6)];

		if (pattern && seed_below(seed, 4) == 0)
			token = "*";
		if (pattern && i + 1 == tokens && seed_below(seed, 5) == 0)
			token = ">";
		at += sprintf(at, "%s%s", i == 0 ? "" : ".", token);
	}
}

#define THINGS 300

/* The slow and obvious answer: ask every subscription. */
static void
check_match(struct trie *t, struct thing *x, const char *subject, struct trie_result *r)
{
	uint32_t plain = 0, total = 0, i, k;
	struct trie_queue *queue;
	struct thing *hit;

	ck_assert_int_eq(trie_match(t, text(subject), r), 0);
	for (i = 0; i < THINGS; i++) {
		x[i].seen = false;
		if (!x[i].in || !subject_matches(text(subject), text(x[i].subject)))
			continue;
		total++;
		plain += x[i].queue[0] == '\0';
	}
	ck_assert_uint_eq(r->plain, plain);
	ck_assert_uint_eq(r->total, total);
	ck_assert_int_eq(trie_has(t, text(subject)), total > 0);
	for (i = 0; i < total; i++) {
		hit = (struct thing *)r->subs[i];
		ck_assert(hit->in && !hit->seen);
		ck_assert(subject_matches(text(subject), text(hit->subject)));
		ck_assert_int_eq(hit->queue[0] == '\0', i < plain);
		hit->seen = true;
	}
	k = plain;
	for (queue = r->queues; queue < r->queues + r->nqueues; queue++) {
		ck_assert_uint_eq(queue->first, k);
		ck_assert_uint_gt(queue->n, 0);
		for (i = 0; i < queue->n; i++, k++)
			ck_assert(str_eq(queue->name, text(((struct thing *)r->subs[k])->queue)));
	}
	ck_assert_uint_eq(k, total);
	for (i = 1; i < r->nqueues; i++) { /* joined: no name twice in a row after sorting */
		for (k = 0; k < i; k++)
			ck_assert(!str_eq(r->queues[i].name, r->queues[k].name));
	}
}

START_TEST(test_random_against_the_slow_answer)
{
	static const char *queues[] = { "", "", "q", "work" };
	struct seed seed = seed_start("trie");
	struct qsbr *q = qsbr_new();
	struct trie *t = trie_new(q);
	struct trie_result r = { .subs = NULL };
	struct trie_stats stats;
	struct thing *x = calloc(THINGS, sizeof(*x));
	char subject[64];
	unsigned turn, i, in = 0, visited = 0;

	for (turn = 0; turn < 20000; turn++) {
		i = seed_below(&seed, THINGS);
		if (x[i].in) {
			trie_remove(t, &x[i].sub);
			x[i].in = false;
			in--;
		} else {
			random_subject(&seed, subject, true);
			add(t, &x[i], subject, queues[seed_below(&seed, 4)]);
			in++;
		}
		random_subject(&seed, subject, false);
		if (turn % 8 == 0)
			check_match(t, x, subject, &r);
		qsbr_reclaim(q);
	}
	trie_stats(t, &stats);
	ck_assert_uint_eq(stats.subs, in);
	ck_assert_uint_eq(stats.inserts - stats.removes, in);
	for (i = 0; i < THINGS; i++)
		x[i].seen = false;
	trie_visit(t, count, &visited);
	ck_assert_uint_eq(visited, in);
	for (i = 0; i < THINGS; i++) {
		if (x[i].in)
			trie_remove(t, &x[i].sub);
	}
	trie_result_free(&r);
	trie_free(t);
	free(x);
	qsbr_free(q);
}
END_TEST

#ifdef NATSD_SANITIZED
#define MILLION 100000
#else
#define MILLION 1000000
#endif

/* Quadratic time anywhere would run into the timeout of this case. */
static void
fill_and_empty(bool subjects_differ, bool groups)
{
	struct qsbr *q = qsbr_new();
	struct trie *t = trie_new(q);
	struct trie_sub *subs = calloc(MILLION, sizeof(*subs));
	char subject[64], queue[32];
	unsigned i;

	for (i = 0; i < MILLION; i++) {
		snprintf(subject, sizeof(subject), "_INBOX.%u.*", subjects_differ ? i : 0);
		snprintf(queue, sizeof(queue), "q%u", i);
		if (!groups)
			queue[0] = '\0';
		ck_assert_int_eq(trie_insert(t, &subs[i], text(subject), text(queue)), 0);
	}
	for (i = 0; i < MILLION; i++)
		trie_remove(t, &subs[i * UINT64_C(7919) % MILLION]);
	trie_free(t);
	free(subs);
	qsbr_free(q);
}

START_TEST(test_a_million_on_one_node)
{
	fill_and_empty(false, false);
}
END_TEST

START_TEST(test_a_million_groups_on_one_node)
{
	fill_and_empty(false, true);
}
END_TEST

START_TEST(test_a_million_nodes)
{
	fill_and_empty(true, false);
}
END_TEST

/*
 * Readers match while writers come and go.  A subscription of a stable set is found every time; what
 * is found of the changing set is still readable, and stands under a subject that matches.
 */
#define STABLE 50
#define READERS 3
#define WRITERS 2
#define CHURN 15000

struct stage {
	struct qsbr *qsbr;
	struct trie *trie;
	_Atomic unsigned writers_left;
	uint64_t seeds[READERS + WRITERS];
	_Atomic unsigned next;
};

static void
free_thing(struct qsbr_head *head)
{
	struct thing *x = (struct thing *)((char *)head - offsetof(struct thing, retired));

	memset(x->subject, 'X', sizeof(x->subject) - 1);
	free(x);
}

static void
must(bool ok)
{
	if (!ok)
		abort(); /* not check's assertions: they are for its own thread */
}

static void
read_once(struct stage *st, struct trie_result *r, const char *subject)
{
	unsigned i, stable = 0;
	struct thing *x;

	must(trie_match(st->trie, text(subject), r) == 0);
	for (i = 0; i < r->total; i++) {
		x = (struct thing *)r->subs[i];
		must(subject_matches(text(subject), text(x->subject)));
		stable += x->in;
	}
	if (strcmp(subject, "a.b") == 0)
		must(stable == STABLE);
}

static void *
reader(void *arg)
{
	struct stage *st = arg;
	struct seed seed = { .state = st->seeds[atomic_fetch_add(&st->next, 1)] };
	struct qsbr_thread *self = qsbr_register(st->qsbr);
	struct trie_result r = { .subs = NULL };
	char subject[64] = "a.b";
	unsigned turn;

	qsbr_online(self);
	for (turn = 0; atomic_load(&st->writers_left) > 0; turn++) {
		if (turn % 4 == 0)
			strcpy(subject, "a.b");
		else
			random_subject(&seed, subject, false);
		read_once(st, &r, subject);
		qsbr_quiescent(self);
		qsbr_reclaim(st->qsbr);
		if (turn % 64 == 0) {
			qsbr_offline(self);
			qsbr_online(self);
		}
	}
	trie_result_free(&r);
	qsbr_unregister(self);
	return (NULL);
}

static void *
writer(void *arg)
{
	struct stage *st = arg;
	struct seed seed = { .state = st->seeds[atomic_fetch_add(&st->next, 1)] };
	struct thing *mine[64] = { NULL }, **x;
	unsigned i;

	for (i = 0; i < CHURN; i++) {
		x = &mine[i < CHURN - 64 ? seed_below(&seed, 64) : CHURN - 1 - i];
		if (*x != NULL) {
			trie_remove(st->trie, &(*x)->sub);
			qsbr_retire(st->qsbr, &(*x)->retired, free_thing);
			*x = NULL;
		} else if (i < CHURN - 64) {
			must((*x = calloc(1, sizeof(**x))) != NULL);
			random_subject(&seed, (*x)->subject, true);
			must(trie_insert(st->trie, &(*x)->sub, text((*x)->subject),
			    seed_below(&seed, 2) == 0 ? STR("q") : STR_NONE) == 0);
		}
	}
	atomic_fetch_sub(&st->writers_left, 1);
	return (NULL);
}

START_TEST(test_readers_and_writers)
{
	struct seed seed = seed_start("trie threads");
	struct stage st = { .qsbr = qsbr_new(), .writers_left = WRITERS };
	struct thing stable[STABLE];
	pthread_t threads[READERS + WRITERS];
	unsigned i;

	st.trie = trie_new(st.qsbr);
	for (i = 0; i < STABLE; i++)
		add(st.trie, &stable[i], i % 2 == 0 ? "a.b" : "a.*", i % 3 == 0 ? "q" : "");
	for (i = 0; i < READERS + WRITERS; i++)
		st.seeds[i] = seed_next(&seed);
	for (i = 0; i < READERS + WRITERS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL,
		    i < READERS ? reader : writer, &st), 0);
	for (i = 0; i < READERS + WRITERS; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < STABLE; i++)
		trie_remove(st.trie, &stable[i].sub);
	trie_free(st.trie);
	qsbr_free(st.qsbr);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("trie");
	TCase *tc = tcase_create("trie");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, test_plain_and_wildcards);
	tcase_add_test(tc, test_groups_of_several_nodes_are_joined);
	tcase_add_test(tc, test_generations);
	tcase_add_test(tc, test_a_subject_as_deep_as_a_line_can_be);
	tcase_add_test(tc, test_random_against_the_slow_answer);
	tcase_add_test(tc, test_a_million_on_one_node);
	tcase_add_test(tc, test_a_million_groups_on_one_node);
	tcase_add_test(tc, test_a_million_nodes);
	tcase_add_test(tc, test_readers_and_writers);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return (failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}
