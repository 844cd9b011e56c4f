/*
 * Every allocation fails once: no crash, no leak, and what was there before is as it was (faults 77).
 *
 * The linker sends the allocations of libcommon.a through the functions below (-Wl,--wrap).  Each
 * scenario runs with its 1st, 2nd, ... allocation failing, and with all from that one on, until one
 * run asks for fewer.
 */
#include "config.h"

#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/access.h"
#include "common/buf.h"
#include "common/conf.h"
#include "common/frame_io.h"
#include "common/header.h"
#include "common/json_out.h"
#include "common/options.h"
#include "common/tls_options.h"
#include "common/pool.h"
#include "common/qsbr.h"
#include "common/ring_out.h"
#include "common/trie.h"
#include "common/trie_cache.h"
#include "common/wheel.h"
#include "tests/unit/unit.h"

#define RUNS_MAX 20000u /* a scenario that asks for more never ends */

static struct {
	bool on;	/* only inside a scenario */
	bool for_good;	/* all from the n-th on fail */
	unsigned nth;	/* from 1 */
	unsigned asked; /* allocations so far */
	unsigned failed;
	long living;	/* allocations not freed */
} plan;

static bool
refused(void)
{
	if (!plan.on)
		return (false);
	plan.asked++;
	if (plan.asked != plan.nth && !(plan.for_good && plan.asked > plan.nth))
		return (false);
	plan.failed++;
	return (true);
}

/* check's own assertions allocate: a scenario uses this one. */
static void
insist(bool ok, const char *what)
{
	if (ok)
		return;
	plan.on = false;
	ck_abort_msg("%s, when the %u-th allocation failed", what, plan.nth);
}
#define INSIST(condition) insist((condition), #condition)

static void *
counted(void *p)
{
	if (p != NULL)
		plan.living++;
	return (p);
}

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
void *__real_reallocarray(void *, size_t, size_t);
void *__real_aligned_alloc(size_t, size_t);
char *__real_strdup(const char *);
char *__real_strndup(const char *, size_t);
void __real_free(void *);
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);
void *__wrap_reallocarray(void *, size_t, size_t);
void *__wrap_aligned_alloc(size_t, size_t);
char *__wrap_strdup(const char *);
char *__wrap_strndup(const char *, size_t);
void __wrap_free(void *);

void *
__wrap_malloc(size_t n)
{
	return (refused() ? NULL : counted(__real_malloc(n)));
}

void *
__wrap_calloc(size_t n, size_t each)
{
	return (refused() ? NULL : counted(__real_calloc(n, each)));
}

void *
__wrap_realloc(void *p, size_t n)
{
	if (refused())
		return (NULL);
	return (p == NULL ? counted(__real_realloc(p, n)) : __real_realloc(p, n));
}

void *
__wrap_reallocarray(void *p, size_t n, size_t each)
{
	if (refused())
		return (NULL);
	return (p == NULL ? counted(__real_reallocarray(p, n, each)) :
			    __real_reallocarray(p, n, each));
}

void *
__wrap_aligned_alloc(size_t align, size_t n)
{
	return (refused() ? NULL : counted(__real_aligned_alloc(align, n)));
}

char *
__wrap_strdup(const char *s)
{
	return (refused() ? NULL : counted(__real_strdup(s)));
}

char *
__wrap_strndup(const char *s, size_t n)
{
	return (refused() ? NULL : counted(__real_strndup(s, n)));
}

void
__wrap_free(void *p)
{
	if (p != NULL)
		plan.living--;
	__real_free(p);
}

/* The scenario checks itself; it leaves nothing behind, whether it came through or not. */
static void
sweep(void (*scenario)(void))
{
	for (unsigned for_good = 0; for_good < 2; for_good++)
		for (plan.nth = 1; plan.nth < RUNS_MAX; plan.nth++) {
			plan.for_good = for_good == 1;
			plan.asked = plan.failed = 0;
			plan.living = 0;
			scenario();
			plan.on = false;
			ck_assert_msg(plan.living == 0, "%ld allocations left over when the %u-th failed",
			    plan.living, plan.nth);
			if (plan.failed == 0)
				break;
		}
	ck_assert_uint_lt(plan.nth, RUNS_MAX);
	ck_assert_msg(plan.nth > 1, "the scenario never allocates: the wrapping does not work");
}

/* ---- configuration ---- */

static void
conf_scenario(void)
{
	static const char text[] =
	    "a: 1\nb { c: [1, 2, three, { d: \"x\\ty\" }], e: $a }\n"
	    "f = (\nblock\n)\ng: 10MB\nh: -1.5\ni: true\nj: $b\nk { l { m { n: \"deep\" } } }\n"
	    "o: [[], {}, 'q', 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17\n]\n";
	char digest[CONF_DIGEST_BYTES];
	struct err e;
	struct conf *c;
	char *printed;

	plan.on = true;
	if ((c = conf_parse_text(STR(text), "oom.conf", &conf_reader_files, &e)) == NULL) {
		insist(plan.failed > 0, e.text);
		return;
	}
	if (conf_digest(c, digest, &e) != 0)
		INSIST(plan.failed > 0);
	if ((printed = conf_print(c)) == NULL)
		INSIST(plan.failed > 0);
	free(printed);
	conf_free(c);
}

START_TEST(oom_conf)
{
	sweep(conf_scenario);
}
END_TEST

/* A user with permissions, and TLS. */
static int
fill_parts(struct options *o, struct err *e)
{
	struct access_permissions *p = access_add_permissions(o->access, e);
	struct access_user *u = p == NULL ? NULL : access_add_user(o->access, e);

	if (u == NULL || access_str(o->access, &u->name, STR("joe"), e) != 0)
		return (-1);
	u->permissions = p;
	o->access->has_users = true;
	if ((o->tls = tls_options_new(e)) == NULL || tls_string(&o->tls->cert_pem, "C", e) != 0 ||
	    tls_string(&o->tls->key_pem, "K", e) != 0)
		return (-1);
	return (0);
}

static void
options_scenario(void)
{
	struct options o, back, copy = { .port = 0 };
	uint8_t *bytes = NULL;
	struct err e;
	size_t n;

	plan.on = true;
	if (options_init(&o, &e) != 0) {
		INSIST(plan.failed > 0);
		return;
	}
	if (options_init(&back, &e) != 0) {
		INSIST(plan.failed > 0);
		options_free(&o);
		return;
	}
	if (fill_parts(&o, &e) == 0 && options_encode(&o, ROLE_FRONT, &bytes, &n, &e) == 0 &&
	    options_decode(&back, bytes, n, &e) == 0 && options_copy(&copy, &back, &e) == 0)
		INSIST(access_equal(o.access, copy.access) && tls_options_equal(o.tls, copy.tls));
	else
		INSIST(plan.failed > 0);
	plan.on = false;
	free(bytes);
	options_free(&copy);
	options_free(&o);
	options_free(&back);
}

START_TEST(oom_options)
{
	sweep(options_scenario);
}
END_TEST

/* ---- subscriptions ---- */

struct thing {
	struct trie_sub sub; /* first */
	const char *subject, *queue;
};

static uint32_t
reached(struct trie *t, const char *subject)
{
	struct trie_result r = { .subs = NULL };
	uint32_t n;

	INSIST(trie_match(t, str_of(subject), &r) == 0);
	n = r.total;
	trie_result_free(&r);
	return (n);
}

/* Inserts that fail leave the matches of what stands there as they were. */
static void
trie_scenario(void)
{
	struct thing things[] = { { .subject = "a.b.c", .queue = "" }, { .subject = "a.*.c", .queue = "q" },
		{ .subject = ">", .queue = "" }, { .subject = "a.b.d.e.f.g", .queue = "q" },
		{ .subject = "a.b.c", .queue = "q" }, { .subject = "x.>", .queue = "r" } };
	const unsigned n = sizeof(things) / sizeof(*things);
	struct trie_result r = { .subs = NULL };
	struct qsbr_thread *me;
	struct qsbr *q = qsbr_new();
	struct trie *t = trie_new(q);
	uint32_t before;
	bool in[sizeof(things) / sizeof(*things)] = { false };

	me = qsbr_register(q);
	qsbr_online(me);
	for (unsigned i = 0; i < n; i++) {
		before = reached(t, "a.b.c");
		plan.on = true;
		in[i] = trie_insert(t, &things[i].sub, str_of(things[i].subject),
			    str_of(things[i].queue)) == 0;
		plan.on = false;
		if (!in[i]) {
			INSIST(plan.failed > 0);
			INSIST(reached(t, "a.b.c") == before);
			INSIST(things[i].sub.node == NULL);
		}
	}
	plan.on = true;
	if (trie_match(t, STR("a.b.c"), &r) != 0)
		INSIST(plan.failed > 0);
	plan.on = false;
	trie_result_free(&r);
	for (unsigned i = 0; i < n; i++)
		if (in[i])
			trie_remove(t, &things[i].sub);
	INSIST(reached(t, "a.b.c") == 0);
	qsbr_offline(me);
	qsbr_unregister(me);
	qsbr_reclaim(q);
	trie_free(t);
	qsbr_free(q);
}

START_TEST(oom_trie)
{
	sweep(trie_scenario);
}
END_TEST

static void
trie_make_scenario(void)
{
	struct qsbr_thread *me = NULL;
	struct trie_cache *c;
	struct qsbr *q;
	struct trie *t = NULL;

	plan.on = true;
	if ((q = qsbr_new()) != NULL) {
		me = qsbr_register(q);
		t = trie_new(q);
	}
	if ((c = trie_cache_new(64)) != NULL && t != NULL && me != NULL) {
		qsbr_online(me);
		for (unsigned i = 0; i < 3; i++)
			if (trie_cache_match(c, 1, t, STR("some.subject")) == NULL)
				INSIST(plan.failed > 0);
		qsbr_offline(me);
	}
	plan.on = false;
	if (c != NULL)
		trie_cache_free(c);
	if (me != NULL)
		qsbr_unregister(me);
	if (t != NULL)
		trie_free(t);
	if (q != NULL)
		qsbr_free(q);
}

START_TEST(oom_trie_cache)
{
	sweep(trie_make_scenario);
}
END_TEST

/* ---- bytes ---- */

static void
json_scenario(void)
{
	struct buf b = BUF_INIT(1 << 20), h = BUF_INIT(1 << 20);
	struct json_out j;
	size_t before;

	plan.on = true;
	json_begin(&j, &b, 2);
	json_object_begin(&j);
	for (unsigned i = 0; i < 100; i++)
		json_kstr(&j, "key", STR("a value that is long enough to make the buffer grow"));
	json_object_end(&j);
	if (json_end(&j) != 0)
		INSIST(plan.failed > 0);
	before = b.len;
	if (buf_addf(&b, "%s %4000d", "text", 1) != 0)
		INSIST(b.len == before);
	if (header_set(&h, STR("NATS/1.0\r\nA: b\r\n\r\n"), STR("Key"), STR("value")) != 0)
		INSIST(plan.failed > 0);
	plan.on = false;
	buf_free(&b);
	buf_free(&h);
}

START_TEST(oom_json)
{
	sweep(json_scenario);
}
END_TEST

static void
pool_scenario(void)
{
	struct wheel *w;
	struct pool *p;
	void *got[10];
	size_t n = 0;

	plan.on = true;
	w = wheel_new((struct mono){ .ns = 0 });
	if ((p = pool_new(100, 4, 0)) != NULL)
		while (n < 10 && (got[n] = pool_get(p)) != NULL)
			memset(got[n++], 0x5a, 100);
	plan.on = false;
	if (p != NULL) {
		INSIST(pool_used(p) == n);
		pool_free(p);
	}
	if (w != NULL)
		wheel_free(w);
}

START_TEST(oom_pool)
{
	sweep(pool_scenario);
}
END_TEST

/* ---- rings ---- */

/* More than fits: the list is needed; what is refused leaves what was accepted in order. */
static void
ring_scenario(void)
{
	struct ring *producer = NULL, *consumer = NULL;
	struct doorbell none = DOORBELL_NONE;
	struct ring_out *out = NULL;
	struct ring_rec rec;
	struct err e;
	uint8_t *p;
	uint32_t put = 0, got = 0;

	plan.on = true;
	if (ring_make_local(RING_BYTES_MIN, &none, &none, &producer, &consumer, &e) == 0 &&
	    (out = ring_out_new(producer, 1 << 20)) == NULL)
		ring_detach(producer);
	for (unsigned i = 0; out != NULL && i < 100; i++)
		if ((p = ring_out_reserve(out, 1000)) != NULL) {
			memset(p, (int)put, 1000);
			ring_out_commit(out, 1, 0, 1000, NULL);
			put++;
		}
	while (out != NULL && got < put) {
		bool all = ring_out_flush(out);
		uint32_t before = got;

		while (ring_peek(consumer, &rec) == 1) {
			INSIST(rec.data[0] == (got & 0xff));
			ring_next(consumer, &rec);
			ring_release(consumer, rec.end);
			got++;
		}
		INSIST(got > before || !all);
	}
	plan.on = false;
	if (out != NULL)
		ring_out_free(out);
	ring_detach(consumer);
}

START_TEST(oom_ring)
{
	sweep(ring_scenario);
}
END_TEST

static void
join_scenario(void)
{
	static const uint8_t part[3000];
	struct ring_rec rec = { .data = part, .len = sizeof(part), .type = FRAME_STATUS,
		.flags = RING_FLAG_FRAGMENT }, whole;
	struct frame_join join;
	struct err e;

	frame_join_init(&join);
	plan.on = true;
	for (unsigned i = 0; i < 5; i++) {
		rec.flags = i < 4 ? RING_FLAG_FRAGMENT : 0;
		if (frame_join(&join, &rec, &whole, &e) < 0) {
			INSIST(plan.failed > 0);
			break;
		}
	}
	plan.on = false;
	frame_join_free(&join);
}

START_TEST(oom_join)
{
	sweep(join_scenario);
}
END_TEST

UNIT_MAIN("oom", tcase_add_test(tc, oom_conf); tcase_add_test(tc, oom_options);
	  tcase_add_test(tc, oom_trie); tcase_add_test(tc, oom_trie_cache);
	  tcase_add_test(tc, oom_json); tcase_add_test(tc, oom_pool);
	  tcase_add_test(tc, oom_ring); tcase_add_test(tc, oom_join);)
