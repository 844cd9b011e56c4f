/*
 * Permissions against a slow, obvious reference (T-PERM of faults.md), and the tables of client.md
 * 11 word by word.
 */
#include "config.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/subject.h"
#include "common/subject_set.h"
#include "natsd-front/grants.h"
#include "natsd-front/permit.h"
#include "natsd-front/permit_cache.h"
#include "tests/unit/seed.h"

#define LIST_MAX 12

/* ---- the reference: every entry is looked at, tokens are cut by hand ---- */

/* A subject with an empty token meets nothing, not even what it met before that token. */
static bool
ref_broken(const char *subject)
{
	size_t n = strlen(subject);

	return (n == 0 || subject[0] == '.' || subject[n - 1] == '.' ||
	    strstr(subject, "..") != NULL);
}

static bool
ref_meets(const char *subject, const char *pattern)
{
	size_t s, p;

	if (ref_broken(subject))
		return (false);
	for (;;) {
		s = strcspn(subject, ".");
		p = strcspn(pattern, ".");
		if (p == 1 && pattern[0] == '>')
			return (true);
		if (!(p == 1 && pattern[0] == '*') &&
		    (s != p || strncmp(subject, pattern, s) != 0))
			return (false);
		subject += s;
		pattern += p;
		if (*subject == '\0' || *pattern == '\0')
			return (*subject == *pattern);
		subject++;
		pattern++;
	}
}

static bool
ref_queue(const char *queue, const char *pattern)
{
	if (strcmp(queue, pattern) == 0)
		return (true);
	return (subject_has_wildcard(str_of(pattern)) &&
	    subject_subset(str_of(queue), str_of(pattern)));
}

struct entry {
	const char *subject, *queue;
};

struct list {
	struct entry at[LIST_MAX];
	size_t n;
	bool given;
};

struct rules {
	struct list pub_allow, pub_deny, sub_allow, sub_deny;
};

static unsigned
ref_plain(const struct list *l, const char *subject)
{
	unsigned n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += l->at[i].queue[0] == '\0' && ref_meets(subject, l->at[i].subject);
	return (n);
}

/* -1: no entry with a queue is about this subject. */
static int
ref_queued(const struct list *l, const char *subject, const char *queue)
{
	int r = -1;

	for (size_t i = 0; i < l->n; i++)
		if (l->at[i].queue[0] != '\0' && ref_meets(subject, l->at[i].subject) && r != 1)
			r = ref_queue(queue, l->at[i].queue);
	return (r);
}

static bool
ref_publish(const struct rules *r, const char *subject)
{
	if (r->pub_allow.given && ref_plain(&r->pub_allow, subject) == 0)
		return (false);
	return (!r->pub_deny.given || ref_plain(&r->pub_deny, subject) == 0);
}

static bool
ref_denied(const struct list *deny, const char *subject, const char *queue)
{
	if (!deny->given)
		return (false);
	if (ref_plain(deny, subject) != 0)
		return (true);
	return (queue[0] != '\0' && ref_queued(deny, subject, queue) == 1);
}

static bool
ref_subscribe(const struct rules *r, const char *subject, const char *queue)
{
	bool ok = true;

	if (r->sub_allow.given) {
		ok = ref_plain(&r->sub_allow, subject) != 0;
		if (queue[0] != '\0' && ref_queued(&r->sub_allow, subject, queue) != -1)
			ok = ref_queued(&r->sub_allow, subject, queue) == 1;
	}
	return (ok && !ref_denied(&r->sub_deny, subject, queue));
}

static bool
ref_overlaps(const struct rules *r, const char *subject, const char *queue)
{
	if (!r->sub_deny.given ||
	    (queue[0] == '\0' && !subject_has_wildcard(str_of(subject))))
		return (false);
	for (size_t i = 0; i < r->sub_deny.n; i++)
		if (subject_collide(str_of(r->sub_deny.at[i].subject), str_of(subject)))
			return (true);
	return (false);
}

/* ---- a permit of the same rules ---- */

static void
list_to(struct access_list *to, struct access_subject *space, const struct list *from)
{
	for (size_t i = 0; i < from->n; i++)
		space[i] = (struct access_subject){ .subject = str_of(from->at[i].subject),
			.queue = str_of(from->at[i].queue) };
	*to = (struct access_list){ .at = space, .n = from->n, .given = from->given };
}

static struct permit *
permit_of(const struct rules *r, int64_t max, int64_t ttl_ns)
{
	struct access_subject space[4][LIST_MAX];
	struct access_permissions a = { .responses = max != 0, .responses_max = max,
		.responses_ttl_ns = ttl_ns };
	struct permit *p;
	struct err e;

	list_to(&a.pub_allow, space[0], &r->pub_allow);
	list_to(&a.pub_deny, space[1], &r->pub_deny);
	list_to(&a.sub_allow, space[2], &r->sub_allow);
	list_to(&a.sub_deny, space[3], &r->sub_deny);
	p = permit_new(&a, &e);
	ck_assert_msg(p != NULL, "%s", e.text);
	return (p);
}

static struct list
list_of(const char *text)
{
	static char space[64][64];
	static unsigned used;
	struct list l = { .given = text != NULL };
	char *at, *next, *queue;

	if (text == NULL)
		return (l);
	used = (used + 1) % 64;
	snprintf(space[used], sizeof(space[used]), "%s", text);
	for (at = space[used]; at != NULL && *at != '\0'; at = next) {
		if ((next = strchr(at, ',')) != NULL)
			*next++ = '\0';
		if ((queue = strchr(at, ' ')) != NULL)
			*queue++ = '\0';
		l.at[l.n++] = (struct entry){ at, queue == NULL ? "" : queue };
	}
	return (l);
}

/* ---- tables ---- */

static const struct {
	const char *allow, *deny, *subject, *queue;
	bool ok, overlaps;
} subscribes[] = {
	{ "foo", NULL, "foo", "q", true, false },
	{ "foo bar", NULL, "foo", "", false, false },
	{ "foo bar.*", NULL, "foo", "bar.fizz", true, false },
	{ "foo,foo v1", NULL, "foo", "v2", false, false },
	{ "foo,foo v1", NULL, "foo", "v1", true, false },
	{ "foo,foo v1", NULL, "foo", "", true, false },
	{ ">", "> >", "foo", "", true, false },
	{ ">", "> >", "foo", "bar", false, true },
	{ NULL, "foo >", "foo", "bar", false, true },
	{ ">", "foo.bar", "foo.*", "", true, true },
	{ ">", "foo.*", "foo.>", "", false, true },
	{ "foo.*", NULL, "foo.>", "", true, false },
	{ "foo.bar", NULL, "foo.*", "", false, false },
	{ NULL, "foo", "foo.>", "", true, false },
	{ NULL, "foo.a", "foo.>", "", true, true },
	{ NULL, "a.b.c", "*.b.>", "", true, true },
	{ NULL, "a.b.c", "*.b", "", true, false },
	{ NULL, "foo q", "foo", "r", true, true },
	{ NULL, "foo q", "foo", "q", false, true },
	{ "", NULL, "foo", "", false, false },
	{ "foo *.dev,foo v2.*", NULL, "foo", "a.dev", true, false },
	{ "foo *.dev,foo v2.*", NULL, "foo", "a.prod", false, false },
	{ "foo v1.*", NULL, "foo", "v1.*", true, false },
};

START_TEST(test_subscribe_table)
{
	for (size_t i = 0; i < sizeof(subscribes) / sizeof(subscribes[0]); i++) {
		struct rules r = { .sub_allow = list_of(subscribes[i].allow),
			.sub_deny = list_of(subscribes[i].deny) };
		struct permit *p = permit_of(&r, 0, 0);
		struct str subject = str_of(subscribes[i].subject);
		struct str queue = str_of(subscribes[i].queue);

		ck_assert_msg(permit_subscribe(p, subject, queue) == subscribes[i].ok, "row %zu", i);
		ck_assert_msg(permit_overlaps(p, subject, queue) == subscribes[i].overlaps,
		    "row %zu overlaps", i);
		permit_free(p);
	}
}
END_TEST

START_TEST(test_publish_table)
{
	static const struct {
		const char *allow, *deny, *subject;
		bool ok;
	} rows[] = {
		{ NULL, NULL, "a", true },
		{ "a.*", NULL, "a.b", true },
		{ "a.*", NULL, "a.b.c", false },
		{ "a.>", "a.b.>", "a.b", true },
		{ "a.>", "a.b.>", "a.b.c", false },
		{ "", NULL, "a", false },
		{ NULL, ">", "a", false },
		{ NULL, ">", "a..b", true }, /* it meets nothing, not even > */
		{ ">", NULL, "a..b", false },
		{ ">", NULL, "*", true },
		{ "a", NULL, "*", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rules r = { .pub_allow = list_of(rows[i].allow),
			.pub_deny = list_of(rows[i].deny) };
		struct permit *p = permit_of(&r, 0, 0);

		ck_assert_msg(permit_publish(p, str_of(rows[i].subject)) == rows[i].ok, "row %zu", i);
		permit_free(p);
	}
}
END_TEST

START_TEST(test_bad_subject_is_refused)
{
	struct access_subject s = { .subject = STR("a..b") };
	struct access_permissions a = { .pub_allow = { .at = &s, .n = 1, .given = true } };
	struct err e;

	ck_assert_ptr_null(permit_new(&a, &e));
	ck_assert_str_eq(e.text, "permissions: \"a..b\" is not a valid subject");
}
END_TEST

/* ---- random rules ---- */

static const char *const tokens[] = { "a", "b", "c", "*", ">", "aa", "" };

/* A subject of 1 to 4 tokens; wild: wildcards, where they may stand. */
static void
random_subject(struct seed *s, char *out, bool wild, bool broken)
{
	unsigned i, n = 1 + seed_below(s, 4);
	size_t at = 0;

	for (i = 0; i < n; i++) {
		unsigned t = seed_below(s, broken && seed_below(s, 20) == 0 ? 7 : 6);

		while (t < 6 && ((!wild && (t == 3 || t == 4)) || (t == 4 && i + 1 != n)))
			t = seed_below(s, 6);
		at += (size_t)sprintf(out + at, "%s%s", i == 0 ? "" : ".", tokens[t]);
	}
}

static void
random_list(struct seed *s, struct list *l, char (*space)[2][32], bool queues)
{
	*l = (struct list){ .given = seed_below(s, 3) != 0 };
	if (!l->given)
		return;
	l->n = seed_below(s, LIST_MAX + 1);
	for (size_t i = 0; i < l->n; i++) {
		random_subject(s, space[i][0], true, false);
		space[i][1][0] = '\0';
		if (queues && seed_below(s, 3) == 0)
			random_subject(s, space[i][1], true, false);
		l->at[i] = (struct entry){ space[i][0], space[i][1] };
	}
}

static void
ask_all(struct seed *s, const struct rules *r, const struct permit *p, struct permit_cache *cache)
{
	char subject[32], queue[32];
	struct str sub, q;

	for (unsigned i = 0; i < 40; i++) {
		random_subject(s, subject, seed_below(s, 2) == 0, true);
		queue[0] = '\0';
		if (seed_below(s, 2) == 0)
			random_subject(s, queue, seed_below(s, 2) == 0, false);
		sub = str_of(subject);
		q = str_of(queue);
		ck_assert_msg(permit_publish(p, sub) == ref_publish(r, subject), "PUB %s", subject);
		ck_assert(permit_cache_publish(cache, p, sub) == ref_publish(r, subject));
		ck_assert_msg(permit_deliver(p, sub, q) == !ref_denied(&r->sub_deny, subject, queue),
		    "MSG %s %s", subject, queue);
		ck_assert(permit_cache_deliver(cache, p, sub, q) ==
		    !ref_denied(&r->sub_deny, subject, queue));
		if (!subject_valid_sub(sub))
			continue;
		ck_assert_msg(permit_subscribe(p, sub, q) == ref_subscribe(r, subject, queue),
		    "SUB %s %s", subject, queue);
		ck_assert_msg(permit_overlaps(p, sub, q) == ref_overlaps(r, subject, queue),
		    "overlap %s %s", subject, queue);
	}
}

START_TEST(test_random_rules)
{
	struct seed s = seed_start("permit");
	struct permit_cache *cache = permit_cache_new();
	char space[4][LIST_MAX][2][32];
	struct rules r;
	struct permit *p;

	for (unsigned i = 0; i < 4000; i++) {
		random_list(&s, &r.pub_allow, space[0], false);
		random_list(&s, &r.pub_deny, space[1], false);
		random_list(&s, &r.sub_allow, space[2], true);
		random_list(&s, &r.sub_deny, space[3], true);
		p = permit_of(&r, 0, 0);
		ask_all(&s, &r, p, cache);
		permit_free(p);
	}
	permit_cache_free(cache);
}
END_TEST

/* ---- replies ---- */

static const struct mono t0 = { .ns = 1000 * NS_PER_S };

START_TEST(test_reply_once)
{
	struct rules r = { .pub_allow = { .given = true } };
	struct permit *p = permit_of(&r, 1, 2 * NS_PER_S);
	struct grants *g = NULL;
	struct str reply = STR("_INBOX.x");

	ck_assert(!grants_publish(g, p, NULL, reply, t0));
	ck_assert_int_eq(grants_delivered(&g, p, NULL, reply, t0), 0);
	ck_assert(!grants_publish(g, p, NULL, STR("_INBOX.y"), t0));
	ck_assert(grants_publish(g, p, NULL, reply, t0));
	ck_assert(!grants_publish(g, p, NULL, reply, t0));

	/* A second delivery with the same reply uses up the one answer. */
	grants_delivered(&g, p, NULL, reply, t0);
	grants_delivered(&g, p, NULL, reply, t0);
	ck_assert(!grants_publish(g, p, NULL, reply, t0));

	/* Too late. */
	grants_delivered(&g, p, NULL, reply, t0);
	ck_assert(!grants_publish(g, p, NULL, reply, mono_add_ns(t0, 2 * NS_PER_S + 1)));
	grants_free(g);
	permit_free(p);
}
END_TEST

START_TEST(test_replies_many)
{
	struct rules r = { .pub_allow = { .given = true } };
	struct permit *p = permit_of(&r, 2, -1);
	struct grants *g = NULL;
	char reply[160];

	for (unsigned i = 0; i < 3000; i++) {
		snprintf(reply, sizeof(reply), "%0*u", i % 3 == 0 ? 120 : 20, i);
		ck_assert_int_eq(grants_delivered(&g, p, NULL, str_of(reply), t0), 0);
	}
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(reply, sizeof(reply), "%0*u", i % 3 == 0 ? 120 : 20, i);
		ck_assert(grants_publish(g, p, NULL, str_of(reply), t0));
		ck_assert(grants_publish(g, p, NULL, str_of(reply), t0));
		ck_assert(!grants_publish(g, p, NULL, str_of(reply), t0));
	}
	grants_free(g);
	permit_free(p);
}
END_TEST

/* Those that are over do not stay: far more than the bound pass through. */
START_TEST(test_replies_are_pruned)
{
	struct rules r = { .pub_allow = { .given = true } };
	struct permit *p = permit_of(&r, 1, NS_PER_MS);
	struct grants *g = NULL;
	struct mono now = t0;
	char reply[32];

	for (unsigned i = 0; i < GRANTS_REPLIES_MAX + 100000; i++) {
		snprintf(reply, sizeof(reply), "r%u", i);
		now = mono_add_ns(now, NS_PER_MS / 8);
		ck_assert_int_eq(grants_delivered(&g, p, NULL, str_of(reply), now), 0);
	}
	ck_assert(grants_publish(g, p, NULL, str_of(reply), now));
	grants_free(g);
	permit_free(p);
}
END_TEST

START_TEST(test_moved)
{
	struct rules none = { .pub_allow = { .given = true } };
	struct rules deny = { .pub_allow = { .given = true }, .sub_deny = list_of("a.b") };
	struct permit *p = permit_of(&none, 1, -1), *same = permit_of(&deny, 1, -1);
	struct permit *other = permit_of(&none, 2, -1);
	struct grants *g = NULL;

	grants_delivered(&g, p, NULL, STR("r"), t0);
	grants_moved(g, p, same);
	ck_assert(!grants_filters(g));
	ck_assert_int_eq(grants_subscribed(&g, same, STR("a.*"), STR_NONE), 0);
	ck_assert(grants_filters(g));
	grants_moved(g, same, p);
	ck_assert(!grants_filters(g));
	ck_assert(grants_publish(g, p, NULL, STR("r"), t0));
	grants_delivered(&g, p, NULL, STR("s"), t0);
	grants_moved(g, p, other);
	ck_assert(!grants_publish(g, other, NULL, STR("s"), t0));
	grants_free(g);
	permit_free(p);
	permit_free(same);
	permit_free(other);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("permit");
	TCase *tc = tcase_create("permit");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, test_subscribe_table);
	tcase_add_test(tc, test_publish_table);
	tcase_add_test(tc, test_bad_subject_is_refused);
	tcase_add_test(tc, test_random_rules);
	tcase_add_test(tc, test_reply_once);
	tcase_add_test(tc, test_replies_many);
	tcase_add_test(tc, test_replies_are_pruned);
	tcase_add_test(tc, test_moved);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return (failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}
