#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/access.h"
#include "common/tls_options.h"
#include "tests/unit/unit.h"

#define BYTES_MAX (1u << 20)

static struct str
text(struct access *a, const char *s)
{
	struct str to;

	ck_assert_int_eq(access_str(a, &to, str_of(s), NULL), 0);
	return (to);
}

static void
fill_list(struct access *a, struct access_list *l, const char *subject, const char *queue)
{
	l->given = true;
	l->n = 1;
	ck_assert_ptr_nonnull(l->at = access_alloc(a, sizeof(*l->at)));
	l->at[0] = (struct access_subject){ .subject = text(a, subject), .queue = text(a, queue) };
}

static void
fill_mapping(struct access *a, struct access_account *to)
{
	ck_assert_ptr_nonnull(to->mappings = access_alloc(a, sizeof(*to->mappings)));
	to->nmappings = 1;
	to->mappings[0].source = text(a, "a.*");
	to->mappings[0].n = 1;
	ck_assert_ptr_nonnull(
	    to->mappings[0].at = access_alloc(a, sizeof(*to->mappings[0].at)));
	to->mappings[0].at[0] = (struct access_destination){ .subject = text(a, "b.$1"),
		.cluster = text(a, "C"), .weight = 40 };
}

/* Something of everything. */
static struct access *
sample(void)
{
	struct access *a = access_new(NULL);
	struct access_permissions *p;
	struct access_account *account;
	struct access_user *u;

	ck_assert_ptr_nonnull(a);
	ck_assert_ptr_nonnull(account = access_add_account(a, STR("A"), NULL));
	account->max_conns = 5;
	account->trace_dest = text(a, "trace");
	account->trace_sampling = 50;
	account->nkey = text(a, "AKEY");
	fill_mapping(a, account);
	ck_assert_ptr_nonnull(p = access_add_permissions(a, NULL));
	fill_list(a, &p->pub_allow, "a", "");
	fill_list(a, &p->sub_deny, "b.>", "q");
	p->responses = true;
	ck_assert_ptr_nonnull(u = access_add_user(a, NULL));
	u->name = text(a, "joe");
	u->password = text(a, "secret");
	u->permissions = p;
	u->account = 2;
	ck_assert_ptr_nonnull(u = access_add_user(a, NULL));
	u->nkey = text(a, "UKEY");
	u->types = ACCESS_MQTT;
	a->has_users = true;
	a->no_auth_user = text(a, "joe");
	a->timeout_ns = 7;
	a->has_proxies = true;
	ck_assert_int_eq(access_add_proxy(a, STR("PKEY"), NULL), 0);
	return (a);
}

static size_t
encoded(const struct access *a, enum role role, uint8_t *bytes)
{
	struct wr out = wr_of(bytes, BYTES_MAX);

	access_encode(a, role, &out);
	ck_assert_int_eq(wr_end(&out), 0);
	return (wr_len(&out));
}

static struct access *
decoded(const uint8_t *bytes, size_t n, enum role role, bool whole)
{
	struct rd in = rd_of(bytes, n);
	struct access *a = access_decode(&in, role, NULL);

	if (a != NULL && whole)
		ck_assert_int_eq(rd_end(&in), 0);
	return (a);
}

START_TEST(a_new_one)
{
	struct access *a = access_new(NULL);

	ck_assert_uint_eq(a->naccounts, 2);
	ck_assert(str_eq(a->accounts[0].name, STR("$G")));
	ck_assert(str_eq(a->accounts[a->system_account].name, STR("$SYS")));
	ck_assert_int_eq(a->accounts[0].max_conns, ACCESS_NO_LIMIT);
	ck_assert(!access_required(a));
	ck_assert_uint_eq(access_find_account(a, STR("$SYS")), 1);
	ck_assert_uint_eq(access_find_account(a, STR("x")), ACCESS_NO_ACCOUNT);
	a->user = STR("x");
	ck_assert(access_required(a));
	access_free(a);
	a = access_new_bare(NULL);
	ck_assert_uint_eq(a->naccounts, 1);
	ck_assert_uint_eq(a->system_account, ACCESS_NO_ACCOUNT);
	a->has_users = true;
	ck_assert(access_required(a));
	access_free(a);
}
END_TEST

START_TEST(the_front_is_told_all)
{
	uint8_t *bytes = malloc(BYTES_MAX);
	struct access *a = sample(), *b = decoded(bytes, encoded(a, ROLE_FRONT, bytes), ROLE_FRONT, true);

	ck_assert_ptr_nonnull(b);
	ck_assert(access_equal(a, b));
	ck_assert(str_eq(b->users[0].permissions->sub_deny.at[0].queue, STR("q")));
	ck_assert_ptr_eq(b->users[0].permissions, b->permissions[0]);
	ck_assert_ptr_null(b->users[1].permissions);
	access_free(b);
	ck_assert_ptr_nonnull(b = access_copy(a, NULL));
	ck_assert(access_equal(a, b));
	access_free(a);
	ck_assert(str_eq(b->users[0].password, STR("secret")));
	access_free(b);
	free(bytes);
}
END_TEST

static bool
holds(const uint8_t *bytes, size_t n, const char *what)
{
	return (memmem(bytes, n, what, strlen(what)) != NULL);
}

START_TEST(others_hear_of_no_user)
{
	static const enum role roles[] = { ROLE_JS, ROLE_RAFT };
	uint8_t *bytes = malloc(BYTES_MAX);
	struct access *a = sample(), *b;
	size_t n = encoded(a, roles[_i], bytes);

	a->password = a->token = STR("hidden");
	ck_assert(holds(bytes, n, "$SYS"));
	ck_assert(!holds(bytes, n, "joe") && !holds(bytes, n, "secret") && !holds(bytes, n, "UKEY") &&
	    !holds(bytes, n, "hidden") && !holds(bytes, n, "AKEY"));
	ck_assert_ptr_null(decoded(bytes, n, ROLE_FRONT, false));
	ck_assert_ptr_nonnull(b = decoded(bytes, n, roles[_i], true));
	ck_assert_uint_eq(b->naccounts, 3);
	ck_assert_uint_eq(b->nusers, 0);
	ck_assert_int_eq(b->accounts[2].max_conns, 5);
	ck_assert_uint_eq(b->system_account, 1);
	access_free(a);
	access_free(b);
	free(bytes);
}
END_TEST

/* Every shorter run is refused; every wrong byte is refused or gives another valid one. */
START_TEST(short_and_wild_are_refused)
{
	uint8_t *bytes = malloc(BYTES_MAX);
	struct access *a = sample(), *b;
	size_t n = encoded(a, ROLE_FRONT, bytes);

	for (size_t i = 0; i < n; i++)
		ck_assert_ptr_null(decoded(bytes, i, ROLE_FRONT, false));
	for (size_t i = 0; i < n; i++) {
		bytes[i] ^= 0xff;
		if ((b = decoded(bytes, n, ROLE_FRONT, false)) != NULL)
			ck_assert(b->naccounts > 0 && b->users[0].account < b->naccounts);
		access_free(b);
		bytes[i] ^= 0xff;
	}
	access_free(a);
	free(bytes);
}
END_TEST

typedef void changer(struct access *);

static void
change_password(struct access *a)
{
	a->users[0].password = STR("secreT");
}
static void
change_subject(struct access *a)
{
	a->permissions[0]->pub_allow.at[0].subject = STR("b");
}
static void
change_queue(struct access *a)
{
	a->permissions[0]->sub_deny.at[0].queue = STR("r");
}
static void
change_given(struct access *a)
{
	a->permissions[0]->pub_deny.given = true;
}
static void
change_ttl(struct access *a)
{
	a->permissions[0]->responses_ttl_ns = 1;
}
static void
drop_permissions(struct access *a)
{
	a->users[0].permissions = NULL;
}
static void
change_types(struct access *a)
{
	a->users[1].types = 0;
}
static void
change_weight(struct access *a)
{
	a->accounts[2].mappings[0].at[0].weight = 41;
}
static void
change_limit(struct access *a)
{
	a->accounts[2].max_subs = 3;
}
static void
change_token(struct access *a)
{
	a->token = STR("t");
}
static void
add_user(struct access *a)
{
	ck_assert_ptr_nonnull(access_add_user(a, NULL));
}

static changer *const changes[] = { change_password, change_subject, change_queue, change_given,
	change_ttl, drop_permissions, change_types, change_weight, change_limit, change_token, add_user };

START_TEST(differences_are_seen)
{
	struct access *a = sample(), *b = sample();

	ck_assert(access_equal(a, b));
	changes[_i](b);
	ck_assert(!access_equal(a, b));
	access_free(a);
	access_free(b);
}
END_TEST

START_TEST(many_users)
{
	uint8_t *bytes = malloc(8 * BYTES_MAX);
	struct access *a = access_new(NULL), *b;
	struct wr out = wr_of(bytes, 8 * BYTES_MAX);
	struct rd in;
	char name[32];

	a->has_users = true;
	for (int i = 0; i < 100000; i++) {
		struct access_user *u = access_add_user(a, NULL);

		snprintf(name, sizeof(name), "user%d", i);
		u->name = text(a, name);
	}
	access_encode(a, ROLE_FRONT, &out);
	ck_assert_int_eq(wr_end(&out), 0);
	in = rd_of(bytes, wr_len(&out));
	ck_assert_ptr_nonnull(b = access_decode(&in, ROLE_FRONT, NULL));
	ck_assert(access_equal(a, b));
	access_free(a);
	access_free(b);
	free(bytes);
}
END_TEST

/* ---- TLS ---- */

static struct tls_options *
tls_sample(void)
{
	struct tls_options *t = tls_options_new(NULL);

	ck_assert_ptr_nonnull(t);
	ck_assert_int_eq(tls_string(&t->cert_pem, "CERT", NULL), 0);
	ck_assert_int_eq(tls_string(&t->key_pem, "KEY", NULL), 0);
	ck_assert_int_eq(tls_string(&t->ca_pem, "CA", NULL), 0);
	ck_assert_int_eq(tls_string(&t->ciphers, "A:B", NULL), 0);
	ck_assert_int_eq(tls_string(&t->cert_file, "file", NULL), 0);
	ck_assert_ptr_nonnull(t->more = calloc(1, sizeof(*t->more)));
	t->nmore = 1;
	ck_assert_int_eq(tls_string(&t->more[0].cert_pem, "CERT2", NULL), 0);
	ck_assert_int_eq(tls_string(&t->more[0].key_pem, "KEY2", NULL), 0);
	ck_assert_ptr_nonnull(t->pins = calloc(2, sizeof(*t->pins)));
	t->npins = 2;
	t->pins[1][31] = 9;
	t->verify = t->first = true;
	t->first_delay_ns = 50;
	t->min_version = 13;
	t->rate_limit = 3;
	t->not_after_s = 77;
	return (t);
}

static struct tls_options *
tls_decoded(const uint8_t *bytes, size_t n)
{
	struct rd in = rd_of(bytes, n);

	return (tls_options_decode(&in, NULL));
}

START_TEST(tls_round)
{
	struct tls_options *t = tls_sample(), *u, *empty = tls_options_new(NULL);
	uint8_t bytes[1024];
	struct wr out = wr_of(bytes, sizeof(bytes));

	tls_options_encode(t, &out);
	ck_assert_int_eq(wr_end(&out), 0);
	ck_assert_ptr_nonnull(u = tls_decoded(bytes, wr_len(&out)));
	ck_assert(tls_options_equal(t, u));
	tls_options_free(u);
	for (size_t i = 0; i < wr_len(&out); i++)
		ck_assert_ptr_null(tls_decoded(bytes, i));
	ck_assert_ptr_nonnull(u = tls_options_copy(t, NULL));
	ck_assert(tls_options_equal(t, u));
	u->more[0].key_pem[0] = 'k';
	ck_assert(!tls_options_equal(t, u));
	u->more[0].key_pem[0] = 'K';
	u->pins[0][0] = 1;
	ck_assert(!tls_options_equal(t, u));
	ck_assert(!tls_options_equal(t, NULL) && !tls_options_equal(NULL, t) &&
	    tls_options_equal(NULL, NULL) && !tls_options_equal(t, empty));
	ck_assert_ptr_null(tls_options_copy(NULL, NULL));
	tls_options_free(t);
	tls_options_free(u);

	out = wr_of(bytes, sizeof(bytes));
	tls_options_encode(empty, &out);
	ck_assert_ptr_nonnull(u = tls_decoded(bytes, wr_len(&out)));
	ck_assert(tls_options_equal(empty, u));
	ck_assert_int_eq(u->timeout_ns, 2000000000);
	ck_assert_ptr_null(u->cert_pem);
	tls_options_free(empty);
	tls_options_free(u);
}
END_TEST

UNIT_MAIN("access", tcase_add_test(tc, a_new_one); tcase_add_test(tc, the_front_is_told_all);
    tcase_add_loop_test(tc, others_hear_of_no_user, 0, 2);
    tcase_add_test(tc, short_and_wild_are_refused);
    unit_rows(tc, differences_are_seen, changes); tcase_add_test(tc, many_users);
    tcase_add_test(tc, tls_round);)
