#include "config.h"

#include <check.h>
#include <stdlib.h>
#include <time.h>

#include "common/subject.h"
#include "common/trie_cache.h"
#include "tests/unit/seed.h"

struct bench {
	struct qsbr *qsbr;
	struct qsbr_thread *self;
	struct trie *trie;
	struct trie_cache *cache;
};

static struct bench
start(uint32_t entries)
{
	struct bench b = { .qsbr = qsbr_new() };

	b.self = qsbr_register(b.qsbr);
	qsbr_online(b.self);
	b.trie = trie_new(b.qsbr);
	b.cache = trie_cache_new(entries);
	return (b);
}

static void
end(struct bench *b)
{
	trie_cache_free(b->cache);
	qsbr_unregister(b->self);
	trie_free(b->trie);
	qsbr_free(b->qsbr);
}

static uint32_t
total(struct bench *b, const char *subject)
{
	const struct trie_result *r = trie_cache_match(b->cache, 1, b->trie, str_of(subject));

	ck_assert_ptr_nonnull(r);
	return (r->total);
}

static uint64_t
hits(struct bench *b)
{
	struct trie_cache_stats s;

	trie_cache_stats(b->cache, &s);
	return (s.hits);
}

START_TEST(test_a_change_makes_a_miss)
{
	struct bench b = start(TRIE_CACHE_ENTRIES);
	struct trie_sub subs[4] = { { .node = NULL } };

	ck_assert_uint_eq(total(&b, "a.b"), 0);
	ck_assert_uint_eq(total(&b, "a.b"), 0);
	ck_assert_uint_eq(hits(&b), 1); /* nothing is a result too */
	trie_insert(b.trie, &subs[0], STR("a.*"), STR_NONE);
	ck_assert_uint_eq(total(&b, "a.b"), 1);
	trie_insert(b.trie, &subs[1], STR("*.b"), STR("q"));
	ck_assert_uint_eq(total(&b, "a.b"), 2);
	ck_assert_uint_eq(hits(&b), 1);
	trie_insert(b.trie, &subs[2], STR("other"), STR_NONE);
	ck_assert_uint_ne(subject_first_hash(STR("other")), subject_first_hash(STR("a")));
	ck_assert_uint_eq(total(&b, "a.b"), 2);
	ck_assert_uint_eq(hits(&b), 2); /* an inbox that comes empties nothing */
	trie_remove(b.trie, &subs[1]);
	ck_assert_uint_eq(total(&b, "a.b"), 1);
	trie_remove(b.trie, &subs[0]);
	trie_remove(b.trie, &subs[2]);
	ck_assert_uint_eq(total(&b, "a.b"), 0);
	end(&b);
}
END_TEST

START_TEST(test_accounts_are_apart)
{
	struct bench b = start(64);
	struct trie *other = trie_new(b.qsbr);
	struct trie_sub sub = { .node = NULL };

	trie_insert(other, &sub, STR("a"), STR_NONE);
	ck_assert_uint_eq(trie_cache_match(b.cache, 1, b.trie, STR("a"))->total, 0);
	ck_assert_uint_eq(trie_cache_match(b.cache, 2, other, STR("a"))->total, 1);
	ck_assert_uint_eq(trie_cache_match(b.cache, 1, b.trie, STR("a"))->total, 0);
	ck_assert_uint_eq(hits(&b), 1);
	trie_remove(other, &sub);
	trie_free(other);
	end(&b);
}
END_TEST

START_TEST(test_stats)
{
	struct bench b = start(64);
	struct trie_sub subs[5] = { { .node = NULL } };
	struct trie_cache_stats s;
	unsigned i;

	for (i = 0; i < 5; i++)
		trie_insert(b.trie, &subs[i], STR("x"), i < 3 ? STR("q") : STR_NONE);
	total(&b, "x");
	total(&b, "x");
	total(&b, "y");
	trie_cache_stats(b.cache, &s);
	ck_assert_uint_eq(s.entries, 2);
	ck_assert_uint_eq(s.hits, 1);
	ck_assert_uint_eq(s.misses, 2);
	ck_assert_uint_eq(s.max_fanout, 3);
	ck_assert_uint_eq(s.result_subs, 3);
	for (i = 0; i < 5; i++)
		trie_remove(b.trie, &subs[i]);
	end(&b);
}
END_TEST

/* Hits of entries that went, or are of another generation now, still count for their account. */
START_TEST(test_shares_of_accounts)
{
	struct bench b = start(8);
	struct trie *other = trie_new(b.qsbr);
	struct trie_sub subs[2] = { { .node = NULL } };
	struct trie_cache_stats s[40], all;
	char subject[8];
	unsigned i;

	trie_insert(other, &subs[0], STR("x"), STR_NONE);
	trie_insert(b.trie, &subs[1], STR("x.>"), STR_NONE);
	for (i = 0; i < 3; i++)
		ck_assert_uint_eq(trie_cache_match(b.cache, 37, other, STR("x"))->total, 1);
	for (i = 0; i < 64; i++) { /* one set: all of them at some time take another one's place */
		snprintf(subject, sizeof(subject), "x.%u", i);
		total(&b, subject);
		total(&b, subject);
		total(&b, subject);
	}
	trie_cache_shares(b.cache, s, 40);
	trie_cache_stats(b.cache, &all);
	ck_assert_uint_eq(s[37].hits, 2);
	ck_assert_uint_eq(s[37].misses, 1);
	ck_assert_uint_eq(s[1].hits + s[1].misses, 3 * 64);
	ck_assert_uint_gt(s[1].hits, 64);
	ck_assert_uint_eq(s[1].hits + s[37].hits, all.hits);
	ck_assert_uint_eq(s[1].misses + s[37].misses, all.misses);
	ck_assert_uint_eq(s[1].entries + s[37].entries, all.entries);
	ck_assert_uint_eq(s[1].max_fanout, 1);
	ck_assert_uint_eq(s[1].result_subs, s[1].entries);
	ck_assert_uint_eq(s[2].hits + s[2].misses + s[2].entries, 0);
	trie_cache_shares(b.cache, s, 2);
	ck_assert_uint_eq(s[1].hits + s[1].misses, 3 * 64);
	trie_remove(other, &subs[0]);
	trie_remove(b.trie, &subs[1]);
	trie_free(other);
	end(&b);
}
END_TEST

START_TEST(test_off_and_long_subjects)
{
	struct bench b = start(0);
	struct bench c = start(64);
	struct trie_sub sub = { .node = NULL };
	char subject[TRIE_CACHE_SUBJECT_MAX + 2];

	total(&b, "a");
	total(&b, "a");
	ck_assert_uint_eq(hits(&b), 0);
	memset(subject, 'x', sizeof(subject) - 1);
	subject[sizeof(subject) - 1] = '\0';
	trie_insert(c.trie, &sub, str_of(subject), STR_NONE);
	ck_assert_uint_eq(total(&c, subject), 1);
	ck_assert_uint_eq(total(&c, subject), 1);
	ck_assert_uint_eq(hits(&c), 0);
	subject[TRIE_CACHE_SUBJECT_MAX] = '\0';
	ck_assert_uint_eq(total(&c, subject), 0);
	ck_assert_uint_eq(total(&c, subject), 0);
	ck_assert_uint_eq(hits(&c), 1);
	trie_remove(c.trie, &sub);
	end(&b);
	end(&c);
}
END_TEST

/* Whatever is subscribed, dropped or looked up: the cache answers what the trie answers. */
START_TEST(test_random_against_the_trie)
{
	struct seed seed = seed_start("trie_cache");
	struct bench b = start(64);
	struct trie_sub subs[100] = { { .node = NULL } };
	struct trie_result want = { .subs = NULL };
	const struct trie_result *got;
	char subject[32];
	unsigned turn, i;

	for (turn = 0; turn < 50000; turn++) {
		i = seed_below(&seed, 100);
		if (seed_below(&seed, 8) == 0) {
			if (subs[i].node != NULL) {
				trie_remove(b.trie, &subs[i]);
			} else {
				snprintf(subject, sizeof(subject), i % 10 == 0 ? "*.%u" : "s%u.*",
				    i % 20);
				trie_insert(b.trie, &subs[i], str_of(subject),
				    i % 3 == 0 ? STR("q") : STR_NONE);
			}
			qsbr_quiescent(b.self);
			qsbr_reclaim(b.qsbr);
		}
		snprintf(subject, sizeof(subject), "s%u.%u", seed_below(&seed, 20),
		    seed_below(&seed, 20));
		ck_assert_int_eq(trie_match(b.trie, str_of(subject), &want), 0);
		got = trie_cache_match(b.cache, 1, b.trie, str_of(subject));
		ck_assert_uint_eq(got->total, want.total);
		ck_assert_uint_eq(got->plain, want.plain);
		ck_assert_uint_eq(got->nqueues, want.nqueues);
		for (i = 0; i < got->total; i++)
			ck_assert_ptr_eq(got->subs[i], want.subs[i]);
		for (i = 0; i < got->nqueues; i++)
			ck_assert(str_eq(got->queues[i].name, want.queues[i].name));
	}
	for (i = 0; i < 100; i++) {
		if (subs[i].node != NULL)
			trie_remove(b.trie, &subs[i]);
	}
	trie_result_free(&want);
	end(&b);
}
END_TEST

START_TEST(test_inboxes_used_once_drive_nothing_out)
{
	struct bench b = start(64);
	char subject[32];
	uint64_t before;
	unsigned i;

	for (i = 0; i < 1000; i++) {
		snprintf(subject, sizeof(subject), "orders.%u", i % 32);
		total(&b, subject);
	}
	before = hits(&b);
	for (i = 0; i < 100000; i++) {
		snprintf(subject, sizeof(subject), "inbox.%u", i);
		total(&b, subject);
	}
	for (i = 0; i < 32; i++) {
		snprintf(subject, sizeof(subject), "orders.%u", i);
		total(&b, subject);
	}
	ck_assert_uint_ge(hits(&b) - before, 28); /* a full set may hold a tag twice by chance */
	for (i = 0; i < 3; i++)
		total(&b, "latecomer");
	before = hits(&b);
	total(&b, "latecomer"); /* asked for again, it is kept however full the cache is */
	ck_assert_uint_eq(hits(&b) - before, 1);
	end(&b);
}
END_TEST

START_TEST(test_memory_is_bounded)
{
	struct bench b = start(TRIE_CACHE_ENTRIES);
	enum { SUBS = 20000 };
	struct trie_sub *subs = calloc(SUBS, sizeof(*subs));
	struct trie_cache_stats s;
	char subject[32];
	unsigned i;

	for (i = 0; i < SUBS; i++)
		trie_insert(b.trie, &subs[i], STR("fan.*"), STR_NONE);
	for (i = 0; i < 1000; i++) {
		snprintf(subject, sizeof(subject), "fan.%u", i);
		ck_assert_uint_eq(total(&b, subject), SUBS);
	}
	trie_cache_stats(b.cache, &s);
	ck_assert_uint_ge(s.entries, 1);
	ck_assert_uint_le(s.result_subs * sizeof(void *), 16u << 20);
	for (i = 0; i < SUBS; i++)
		trie_remove(b.trie, &subs[i]);
	free(subs);
	end(&b);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("trie_cache");
	TCase *tc = tcase_create("trie_cache");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_a_change_makes_a_miss);
	tcase_add_test(tc, test_accounts_are_apart);
	tcase_add_test(tc, test_stats);
	tcase_add_test(tc, test_shares_of_accounts);
	tcase_add_test(tc, test_off_and_long_subjects);
	tcase_add_test(tc, test_random_against_the_trie);
	tcase_add_test(tc, test_inboxes_used_once_drive_nothing_out);
	tcase_add_test(tc, test_memory_is_bounded);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return (failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}
