/*
 * The pages of the monitoring port, built from facts made by hand; read back with a JSON parser.
 */
#include "config.h"

#include <check.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/access.h"
#include "natsd-front/monitor/page.h"
#include "natsd-front/shared.h"

#define SECOND NS_PER_S
#define START (1700000000 * SECOND)
#define NOW (START + 3600 * SECOND)

static struct account global = { .id = 1, .name = "$G" };
static struct account other = { .id = 2, .name = "$SYS" };

static struct snapshot_sub subs1[] = {
	{ .account = &global, .cid = 5, .msgs = 3, .subject = (char[]){ "foo" }, .queue = (char[]){ "" },
	    .sid = (char[]){ "1" } },
	{ .account = &global, .cid = 5, .max = 9, .subject = (char[]){ "foo.>" },
	    .queue = (char[]){ "q" }, .sid = (char[]){ "2" } },
};
static struct snapshot_sub subs2[] = {
	{ .account = &other, .cid = 6, .subject = (char[]){ "*.bar" }, .queue = (char[]){ "" },
	    .sid = (char[]){ "x" } },
};

#define CONN(id, ...) { .cid = (id), .kind = "Client", .type = "nats", .ip = "127.0.0.1",	\
	.port = 1000 + (id), .start_wall_ns = START + (id) * SECOND,				\
	.last_wall_ns = NOW - (id) * SECOND, __VA_ARGS__ }

static struct snapshot_conn conns1[] = {
	CONN(5, .account = "$G", .rtt_ns = 392456, .in_msgs = 1, .out_msgs = 20, .in_bytes = 5, .out_bytes = 7,
	    .pending_bytes = 30, .nsubs = 2, .name = (char[]){ "n1" }, .lang = (char[]){ "go" },
	    .version = (char[]){ "1.2" }, .subs = subs1),
	CONN(7, .account = "$G", .rtt_ns = 2 * NS_PER_MS, .in_msgs = 9, .stalls = 4),
};
static struct snapshot_conn conns2[] = {
	CONN(6, .out_bytes = 99, .nsubs = 1, .subs = subs2, .account = "$SYS"),
};
static struct snapshot_conn closed[] = {
	CONN(2, .stop_wall_ns = NOW - 50 * SECOND, .reason = "Stale Connection", .nsubs = 1,
	    .subs = subs2, .account = "$SYS"),
	CONN(3, .account = "$G", .stop_wall_ns = NOW - 40 * SECOND, .reason = "Client Closed"),
};

static struct facts_account accounts[] = {
	{ .name = "$G", .id = 1, .conns = 2, .stats = { .subs = 2, .inserts = 5, .removes = 3 } },
	{ .name = "$SYS", .id = 2, .conns = 1, .stats = { .subs = 1, .inserts = 1 } },
};
static struct tally tallies1[] = { { .in_msgs = 0 },
	{ .in_msgs = 10, .in_bytes = 50, .out_msgs = 20, .out_bytes = 7, .slow_consumers = 1 } };
static struct tally tallies2[] = { { .in_msgs = 0 }, { .in_msgs = 1 }, { .out_bytes = 99 } };

/* By account, of both workers; one has met fewer accounts than the other. */
static struct trie_cache_stats caches1[] = { { .hits = 0 }, { .hits = 9 },
	{ .hits = 1, .misses = 6, .entries = 2, .result_subs = 2, .max_fanout = 1 } };
static struct trie_cache_stats caches2[] = { { .hits = 0 }, { .hits = 4 },
	{ .hits = 1, .entries = 1, .result_subs = 1, .max_fanout = 2 }, { .hits = 7 } };

static struct snapshot_part parts[2];
static struct snapshot workers;
static struct options opts;

/* Fresh facts: two workers with three connections, two closed ones. */
static struct facts
make_facts(void)
{
	struct facts f = { .cores = 4, .threads = 2, .now = { .ns = NOW },
		.listening = true, .closed = closed, .nclosed = 2, .workers = &workers,
		.usage = { .cpu_permille = 125, .rss_bytes = 1 << 20 },
		.accounts = accounts, .naccounts = 2 };
	struct err e;

	parts[0] = (struct snapshot_part){ .done = true, .conns = conns1, .nconns = 2,
		.conns_open = 2, .subs = 2, .tallies = tallies1, .ntallies = 2,
		.caches = caches1, .ncaches = 3, .cache = { .hits = 30, .misses = 10, .entries = 3,
		    .result_subs = 6, .max_fanout = 4 },
		.stats = { .in_msgs = 10, .in_bytes = 50, .out_msgs = 20, .out_bytes = 7,
		    .total_conns = 3, .slow_consumers = 1 } };
	parts[1] = (struct snapshot_part){ .done = true, .conns = conns2, .nconns = 1,
		.conns_open = 1, .subs = 1, .tallies = tallies2, .ntallies = 3,
		.caches = caches2, .ncaches = 4, .cache = { .misses = 10, .entries = 1,
		    .max_fanout = 1 },
		.stats = { .out_bytes = 99, .total_conns = 2, .stale_conns = 1 } };
	workers = (struct snapshot){ .nparts = 2, .parts = parts };
	ck_assert_int_eq(options_init(&opts, &e), 0);
	f.o = &opts;
	accounts[0].said = &opts.access->accounts[0];
	accounts[1].said = &opts.access->accounts[1];
	free(opts.server_id);
	opts.server_id = strdup("NABC");
	free(opts.bound_host);
	opts.bound_host = strdup("127.0.0.1");
	opts.bound_port = 4222;
	opts.start_wall_ns = START;
	opts.config_load_wall_ns = START;
	return (f);
}

/* What page_<path>?query answers; the status in *status, refused options give their text. */
static char *
get(struct facts *f, const char *path, const char *query, int *status)
{
	struct buf out = BUF_INIT(1u << 20);
	struct page_call call;
	char *text;

	ck_assert_ptr_nonnull(page_find(str_of(path)));
	if (page_begin(&call, page_find(str_of(path)), str_of(query)) != 0) {
		*status = 400;
		text = strndup((const char *)call.params.error.data, call.params.error.len);
	} else {
		ck_assert_int_eq(call.page->build(&call, f, &out), 0);
		*status = call.status;
		text = strndup((const char *)out.data, out.len);
	}
	page_end(&call);
	buf_free(&out);
	return (text);
}

static json_t *
get_json(struct facts *f, const char *path, const char *query)
{
	json_error_t error;
	json_t *j;
	int status;
	char *text = get(f, path, query, &status);

	ck_assert_int_eq(status, 200);
	j = json_loads(text, 0, &error);
	ck_assert_msg(j != NULL, "%s in %s", error.text, text);
	free(text);
	return (j);
}

static long long
number(const json_t *j, const char *key)
{
	ck_assert_msg(json_is_integer(json_object_get(j, key)), "%s is no number", key);
	return (json_integer_value(json_object_get(j, key)));
}

static const char *
string(const json_t *j, const char *key)
{
	ck_assert_msg(json_is_string(json_object_get(j, key)), "%s is no string", key);
	return (json_string_value(json_object_get(j, key)));
}

static void
forget(json_t *j)
{
	json_decref(j);
	options_free(&opts);
}

/* ---- refused options ---- */

static const struct {
	const char *path, *query, *text;
} refused[] = {
	{ "/connz", "auth=xxx", "Error decoding boolean for 'auth': strconv.ParseBool: parsing \"xxx\": "
				"invalid syntax" },
	{ "/connz", "subs=xx", "Error decoding boolean for 'subs': strconv.ParseBool: parsing \"xx\": "
			       "invalid syntax" },
	{ "/connz", "offset=abc", "Error decoding int for 'offset': strconv.Atoi: parsing \"abc\": "
				  "invalid syntax" },
	{ "/connz", "limit=99999999999999999999", "Error decoding int for 'limit': strconv.Atoi: "
	    "parsing \"99999999999999999999\": value out of range" },
	{ "/connz", "limit=--3", "Error decoding int for 'limit': strconv.Atoi: parsing \"--3\": "
				 "invalid syntax" },
	{ "/connz", "cid=-1", "Error decoding uint64 for 'cid': strconv.ParseUint: parsing \"-1\": "
			      "invalid syntax" },
	{ "/connz", "cid=99999999999999999999", "Error decoding uint64 for 'cid': strconv.ParseUint: "
	    "parsing \"99999999999999999999\": value out of range" },
	{ "/connz", "state=foo", "Error decoding state for foo" },
	{ "/connz", "sort=foo", "invalid sorting option: foo" },
	{ "/connz", "sort=stop", "sort by stop only valid on closed connections" },
	{ "/connz", "sort=reason&state=all", "sort by reason only valid on closed connections" },
	{ "/subsz", "test=foo.*", "invalid test subject, must be valid publish subject: foo.*" },
	{ "/subsz", "test=foo..bar", "invalid test subject, must be valid publish subject: foo..bar" },
	{ "/subscriptionsz", "subs=%22", "Error decoding boolean for 'subs': strconv.ParseBool: parsing "
					 "\"\\\"\": invalid syntax" },
	{ "/accstatz", "unused=2", "Error decoding boolean for 'unused': strconv.ParseBool: parsing "
				   "\"2\": invalid syntax" },
	{ "/jsz", "leader-only=true", "filtered response: not leader" },
	{ "/jsz", "limit=1.5", "Error decoding int for 'limit': strconv.Atoi: parsing \"1.5\": invalid syntax" },
	{ "/leafz", "subs=detail", "Error decoding boolean for 'subs': strconv.ParseBool: parsing "
				   "\"detail\": invalid syntax" },
	{ "/ipqueuesz", "all=y", "Error decoding boolean for 'all': strconv.ParseBool: parsing "
				 "\"y\": invalid syntax" },
	{ "/metrics", "limit=x", "Error decoding int for 'limit': strconv.Atoi: parsing \"x\": "
				 "invalid syntax" },
	{ "/healthz", "details=2", "Error decoding boolean for 'details': strconv.ParseBool: parsing "
				   "\"2\": invalid syntax" },
};

START_TEST(test_refused)
{
	struct facts f = make_facts();
	int status;
	char *text = get(&f, refused[_i].path, refused[_i].query, &status);

	ck_assert_int_eq(status, 400);
	ck_assert_str_eq(text, refused[_i].text);
	free(text);
	options_free(&opts);
}
END_TEST

/* ---- /connz: the order of connection ids that an answer has, and its totals ---- */

static const struct {
	const char *query, *cids;
	int total;
} listed[] = {
	{ "", "5 6 7 ", 3 },
	{ "sort=cid", "5 6 7 ", 3 },
	{ "sort=start&limit=2", "5 6 ", 3 },
	{ "offset=1&limit=1", "6 ", 3 },
	{ "offset=-1&limit=-1", "5 6 7 ", 3 },
	{ "offset=%2B1", "6 7 ", 3 },
	{ "offset=9223372036854775807&limit=9223372036854775807", "", 3 },
	{ "sort=subs", "5 6 7 ", 3 },
	{ "sort=pending", "5 6 7 ", 3 },
	{ "sort=msgs_to", "5 6 7 ", 3 },
	{ "sort=msgs_from", "7 5 6 ", 3 },
	{ "sort=bytes_to", "6 5 7 ", 3 },
	{ "sort=bytes_from", "5 6 7 ", 3 },
	{ "sort=last", "5 6 7 ", 3 },
	{ "sort=idle", "7 6 5 ", 3 },
	{ "sort=uptime", "7 6 5 ", 3 },
	{ "sort=rtt", "7 5 6 ", 3 },
	{ "cid=6", "6 ", 3 },
	{ "cid=99", "", 3 },
	{ "cid=2", "", 3 },
	{ "cid=2&state=any", "2 ", 5 },
	{ "state=ALL", "2 3 5 6 7 ", 5 },
	{ "state=closed", "2 3 ", 2 },
	{ "state=closed&sort=stop", "3 2 ", 2 },
	{ "state=closed&sort=reason", "3 2 ", 2 },
	{ "state=closed&sort=uptime", "2 3 ", 2 },
	{ "state=closed&acc=$G", "", 0 },
	{ "state=closed&acc=$SYS", "2 ", 1 },
	{ "acc=$G", "5 7 ", 2 },
	{ "acc=$SYS", "6 ", 1 },
	{ "acc=$SYS&cid=5", "", 1 },
	{ "user=ivan", "", 3 },
	{ "mqtt_client=m", "", 3 },
};

START_TEST(test_listed)
{
	struct facts f = make_facts();
	char cids[64] = "", *at = cids;
	json_t *j, *c;
	size_t i;

	if (strstr(listed[_i].query, "state") == NULL) /* what facts_gather would bring */
		f.nclosed = 0;
	if (strstr(listed[_i].query, "state=closed") != NULL)
		parts[0].nconns = parts[1].nconns = 0;
	j = get_json(&f, "/connz", listed[_i].query);
	json_array_foreach (json_object_get(j, "connections"), i, c)
		at += sprintf(at, "%lld ", number(c, "cid"));
	ck_assert_msg(strcmp(cids, listed[_i].cids) == 0, "%s: %s", listed[_i].query, cids);
	ck_assert_int_eq(number(j, "total"), listed[_i].total);
	ck_assert_uint_eq((size_t)number(j, "num_connections"),
	    json_array_size(json_object_get(j, "connections")));
	forget(j);
}
END_TEST

START_TEST(test_connection)
{
	struct facts f = make_facts();
	json_t *j = get_json(&f, "/connz", "cid=5&auth=1");
	json_t *c = json_array_get(json_object_get(j, "connections"), 0);

	ck_assert_str_eq(string(j, "server_id"), "NABC");
	ck_assert_str_eq(string(c, "kind"), "Client");
	ck_assert_str_eq(string(c, "type"), "nats");
	ck_assert_str_eq(string(c, "ip"), "127.0.0.1");
	ck_assert_int_eq(number(c, "port"), 1005);
	ck_assert_str_eq(string(c, "rtt"), "392\xc2\xb5s");
	ck_assert_str_eq(string(c, "uptime"), "59m55s");
	ck_assert_str_eq(string(c, "idle"), "5s");
	ck_assert_int_eq(number(c, "pending_bytes"), 30);
	ck_assert_int_eq(number(c, "in_msgs"), 1);
	ck_assert_int_eq(number(c, "out_bytes"), 7);
	ck_assert_int_eq(number(c, "subscriptions"), 2);
	ck_assert_str_eq(string(c, "name"), "n1");
	ck_assert_str_eq(string(c, "lang"), "go");
	ck_assert_str_eq(string(c, "version"), "1.2");
	ck_assert_str_eq(string(c, "name_tag"), "$G");
	ck_assert_ptr_null(json_object_get(c, "account"));
	ck_assert_ptr_null(json_object_get(c, "stalls"));
	ck_assert_ptr_null(json_object_get(c, "stop"));
	ck_assert_ptr_null(json_object_get(c, "subscriptions_list"));
	forget(j);
}
END_TEST

START_TEST(test_closed_connection)
{
	struct facts f = make_facts();
	json_t *j = get_json(&f, "/connz", "cid=2&state=all&subs=Detail&auth=1");
	json_t *c = json_array_get(json_object_get(j, "connections"), 0);
	json_t *s = json_array_get(json_object_get(c, "subscriptions_list_detail"), 0);

	ck_assert_str_eq(string(c, "reason"), "Stale Connection");
	ck_assert_str_eq(string(c, "rtt"), "0s");
	ck_assert_str_eq(string(c, "uptime"), "59m8s");
	ck_assert_str_eq(string(c, "account"), "$SYS");
	ck_assert_str_eq(string(s, "account"), "$SYS");
	ck_assert_str_eq(string(s, "sid"), "x");
	forget(j);
}
END_TEST

START_TEST(test_subscriptions_of_a_connection)
{
	struct facts f = make_facts();
	json_t *j = get_json(&f, "/connz", "cid=5&subs=true");
	json_t *c = json_array_get(json_object_get(j, "connections"), 0), *s;

	ck_assert_uint_eq(json_array_size(json_object_get(c, "subscriptions_list")), 2);
	json_decref(j);
	j = get_json(&f, "/connz", "cid=5&subs=detail");
	c = json_array_get(json_object_get(j, "connections"), 0);
	s = json_array_get(json_object_get(c, "subscriptions_list_detail"), 1);
	ck_assert_str_eq(string(s, "subject"), "foo.>");
	ck_assert_str_eq(string(s, "qgroup"), "q");
	ck_assert_int_eq(number(s, "max"), 9);
	ck_assert_ptr_null(json_object_get(s, "account"));
	forget(j);
}
END_TEST

START_TEST(test_unknown_account)
{
	struct facts f = make_facts();
	json_t *j = get_json(&f, "/connz", "acc=NOPE&offset=3");

	ck_assert_str_eq(string(j, "server_id"), "");
	ck_assert(json_is_null(json_object_get(j, "connections")));
	ck_assert_int_eq(number(j, "offset"), 3);
	ck_assert_int_eq(number(j, "total"), 0);
	forget(j);
}
END_TEST

/* ---- /subsz ---- */

START_TEST(test_subsz)
{
	struct facts f = make_facts();
	json_t *j = get_json(&f, "/subsz", "");

	ck_assert_int_eq(number(j, "num_subscriptions"), 3);
	ck_assert_int_eq(number(j, "num_inserts"), 6);
	ck_assert_int_eq(number(j, "num_removes"), 3);
	ck_assert_int_eq(number(j, "num_cache"), 4);
	ck_assert_int_eq(number(j, "num_matches"), 50);
	ck_assert(json_number_value(json_object_get(j, "cache_hit_rate")) > 0.59);
	ck_assert_int_eq(number(j, "max_fanout"), 4);
	ck_assert(json_number_value(json_object_get(j, "avg_fanout")) > 1.49);
	ck_assert_int_eq(number(j, "total"), 0);
	ck_assert_ptr_null(json_object_get(j, "subscriptions_list"));
	json_decref(j);
	j = get_json(&f, "/subsz", "acc=$SYS");
	ck_assert_int_eq(number(j, "num_matches"), 8);
	ck_assert_int_eq(number(j, "num_inserts"), 1);
	json_decref(j);
	j = get_json(&f, "/subsz", "acc=NOPE");
	ck_assert_int_eq(number(j, "num_matches"), 0);
	ck_assert_int_eq(number(j, "num_subscriptions"), 0);
	forget(j);
}
END_TEST

static const struct {
	const char *query;
	int total;
	size_t listed;
} subszs[] = {
	{ "subs=1", 3, 3 },
	{ "subs=1&limit=2", 3, 2 },
	{ "subs=1&offset=2", 3, 1 },
	{ "subs=1&offset=9223372036854775807", 3, 0 },
	{ "subs=1&acc=$SYS", 1, 1 },
	{ "subs=1&acc=NOPE", 0, 0 },
	{ "subs=1&test=foo.bar", 2, 2 },
	{ "subs=1&test=foo.bar&acc=$G", 1, 1 },
	{ "subs=1&test=nobody", 0, 0 },
};

START_TEST(test_subsz_list)
{
	struct facts f = make_facts();
	json_t *j = get_json(&f, "/subscriptionsz", subszs[_i].query);

	ck_assert_int_eq(number(j, "total"), subszs[_i].total);
	ck_assert_uint_eq(json_array_size(json_object_get(j, "subscriptions_list")),
	    subszs[_i].listed);
	forget(j);
}
END_TEST

/* ---- /varz ---- */

START_TEST(test_varz)
{
	static const char *const objects[] = { "cluster", "gateway", "leaf", "mqtt", "websocket",
		"jetstream" };
	struct facts f = make_facts();
	json_t *j;
	unsigned i;

	f.requests[FACTS_VARZ] = 2;
	free(opts.server_tags);
	opts.server_tags = strdup("a:1\nb");
	free(opts.server_metadata);
	opts.server_metadata = strdup("k\tv\nl\tw x");
	j = get_json(&f, "/varz", "");
	ck_assert_str_eq(string(j, "server_id"), "NABC");
	ck_assert_str_eq(string(j, "server_name"), "NABC");
	ck_assert_str_eq(string(j, "version"), NATS_VERSION);
	ck_assert_int_eq(number(j, "port"), 4222);
	ck_assert_int_eq(number(j, "max_payload"), 1048576);
	ck_assert_str_eq(string(j, "uptime"), "1h0m0s");
	ck_assert_str_eq(string(j, "start"), "2023-11-14T22:13:20Z");
	ck_assert_int_eq(number(j, "mem"), 1 << 20);
	ck_assert_int_eq(number(j, "cores"), 4);
	ck_assert(json_number_value(json_object_get(j, "cpu")) > 12.4);
	ck_assert_int_eq(number(j, "connections"), 3);
	ck_assert_int_eq(number(j, "total_connections"), 5);
	ck_assert_int_eq(number(j, "in_msgs"), 10);
	ck_assert_int_eq(number(j, "out_bytes"), 106);
	ck_assert_int_eq(number(j, "slow_consumers"), 1);
	ck_assert_int_eq(number(json_object_get(j, "stale_connection_stats"), "clients"), 1);
	ck_assert_int_eq(number(j, "subscriptions"), 3);
	ck_assert_int_eq(number(json_object_get(j, "http_req_stats"), "/varz"), 2);
	ck_assert_uint_eq(json_object_size(json_object_get(j, "http_req_stats")), 1);
	ck_assert_uint_eq(json_array_size(json_object_get(j, "tags")), 2);
	ck_assert_str_eq(string(json_object_get(j, "metadata"), "l"), "w x");
	for (i = 0; i < sizeof(objects) / sizeof(objects[0]); i++)
		ck_assert_uint_eq(json_object_size(json_object_get(j, objects[i])), 0);
	ck_assert_ptr_null(json_object_get(j, "natsd"));
	forget(j);
}
END_TEST

START_TEST(test_natsd_key_is_last)
{
	static const char *const paths[] = { "/varz", "/connz", "/subsz", "/healthz", "/routez",
		"/gatewayz", "/leafz", "/jsz", "/ipqueuesz" };
	struct facts f = make_facts();
	json_t *j, *role;
	const char *key, *last = NULL;
	json_t *value;

	f.roles[PEER_JS] = (struct status_role){ .known = true, .life = 3, .restarts = 2,
		.state = CTL_PEER_WAITING, .why = "killed by signal 9" };
	j = get_json(&f, paths[_i], "natsd=1");
	json_object_foreach (j, key, value)
		last = key;
	ck_assert_str_eq(last, "natsd");
	role = json_object_get(json_object_get(json_object_get(j, "natsd"), "roles"), "js");
	ck_assert_str_eq(string(role, "state"), "waiting");
	ck_assert_int_eq(number(role, "life"), 3);
	ck_assert_int_eq(number(role, "restarts"), 2);
	ck_assert_str_eq(string(role, "why"), "killed by signal 9");
	ck_assert_ptr_null(json_object_get(
	    json_object_get(json_object_get(j, "natsd"), "roles"), "raft"));
	forget(j);
}
END_TEST

/* ---- /healthz ---- */

static const struct {
	const char *query;
	bool listening;
	int status;
	const char *text;
} healths[] = {
	{ "", true, 200, "{\"status\":\"ok\"}" },
	{ "details=true&account=x", true, 200, "{\"status\":\"ok\"}" },
	{ "js-server-only=true", true, 200, "{\"status\":\"ok\"}" },
	{ "js-enabled-only=1", true, 200, "{\"status\":\"ok\"}" },
	{ "", false, 500, "{\"status\":\"error\",\"error\":\"failed to be ready for connections after "
			  "1ms: server\"}" },
	{ "details=1", false, 500, "{\"status\":\"error\",\"errors\":[{\"type\":\"CONNECTION\",\"error\":"
				   "\"failed to be ready for connections after 1ms: server\"}]}" },
	{ "stream=S", true, 400, "{\"status\":\"error\",\"error\":\"\\\"account\\\" must not be empty "
				 "when checking stream health\"}" },
	{ "stream=S&details=1", false, 400, "{\"status\":\"error\",\"errors\":[{\"type\":\"BAD_REQUEST\","
	    "\"error\":\"\\\"account\\\" must not be empty when checking stream health\"}]}" },
	{ "account=A&consumer=C", true, 400, "{\"status\":\"error\",\"error\":\"\\\"stream\\\" must not be "
	    "empty when checking consumer health\"}" },
};

START_TEST(test_healthz)
{
	struct facts f = make_facts();
	int status;
	char *text;

	f.listening = healths[_i].listening;
	text = get(&f, "/healthz", healths[_i].query, &status);
	ck_assert_int_eq(status, healths[_i].status);
	ck_assert_str_eq(text, healths[_i].text);
	free(text);
	options_free(&opts);
}
END_TEST

/* ---- the root page, times ---- */

START_TEST(test_root)
{
	struct facts f = make_facts();
	int status;
	char *text = get(&f, "/", "", &status), *p;

	ck_assert_int_eq(status, 200);
	for (p = text; *p != '\0'; p++)
		ck_assert_int_gt(*p, 0);
	ck_assert_ptr_nonnull(strstr(text, "href=./varz"));
	ck_assert_ptr_nonnull(strstr(text, "href=./debug/vars"));
	free(text);
	free(opts.http_base_path);
	opts.http_base_path = strdup("nats/");
	text = get(&f, "/", "", &status);
	ck_assert_ptr_nonnull(strstr(text, "href=./nats/connz>"));
	free(text);
	options_free(&opts);
}
END_TEST

START_TEST(test_accountz)
{
	struct facts f = make_facts();
	json_t *j = get_json(&f, "/accountz", ""), *a;
	char *text;
	int status;

	ck_assert_str_eq(string(j, "system_account"), "$SYS");
	ck_assert_uint_eq(json_array_size(json_object_get(j, "accounts")), 2);
	ck_assert_ptr_null(json_object_get(j, "account_detail"));
	json_decref(j);
	j = get_json(&f, "/accountz", "acc=$SYS");
	ck_assert_ptr_null(json_object_get(j, "accounts"));
	a = json_object_get(j, "account_detail");
	ck_assert_str_eq(string(a, "account_name"), "$SYS");
	ck_assert(json_is_true(json_object_get(a, "is_system")));
	ck_assert_int_eq(number(a, "client_connections"), 1);
	ck_assert_ptr_null(json_object_get(a, "mappings"));
	a = json_object_get(a, "sublist_stats");
	ck_assert_int_eq(number(a, "num_subscriptions"), 1);
	ck_assert_int_eq(number(a, "num_cache"), 3);
	ck_assert_int_eq(number(a, "num_matches"), 8);
	ck_assert(json_number_value(json_object_get(a, "cache_hit_rate")) == 0.25);
	ck_assert_int_eq(number(a, "max_fanout"), 2);
	ck_assert(json_number_value(json_object_get(a, "avg_fanout")) == 1);
	json_decref(j);
	text = get(&f, "/accountz", "acc=X%22", &status);
	ck_assert_int_eq(status, 400);
	ck_assert_str_eq(text, "Account X\" does not exist");
	free(text);
	options_free(&opts);
}
END_TEST

/* Weights are sums, small ones first; what they leave stays where it was. */
START_TEST(test_mappings)
{
	struct access_destination to[] = { { .subject = STR("b.$1"), .weight = 30 },
		{ .subject = STR("c.$1"), .weight = 10 },
		{ .subject = STR("e.$1"), .cluster = STR("east"), .weight = 100 } };
	struct access_destination lost[] = { { .subject = STR("b"), .weight = 30 },
		{ .subject = STR("a"), .weight = 20 } };
	struct access_mapping list[] = { { .source = STR("z.*"), .at = to, .n = 3 },
		{ .source = STR("a"), .at = lost, .n = 2 } };
	struct access_account said = { .mappings = list, .nmappings = 2 };
	struct facts f = make_facts();
	json_t *j, *m;
	char *text;

	accounts[0].said = &said;
	j = get_json(&f, "/accountz", "acc=$G");
	m = json_object_get(json_object_get(j, "account_detail"), "mappings");
	text = json_dumps(m, JSON_COMPACT);
	ck_assert_str_eq(text,
	    "{\"a\":[{\"subject\":\"a\",\"weight\":20},{\"subject\":\"b\",\"weight\":50}],"
	    "\"z.*\":[{\"subject\":\"c.$1\",\"weight\":10},{\"subject\":\"b.$1\",\"weight\":40},"
	    "{\"subject\":\"z.$1\",\"weight\":100},"
	    "{\"subject\":\"e.$1\",\"weight\":100,\"cluster\":\"east\"}]}");
	free(text);
	forget(j);
}
END_TEST

/* Pages of what this server does not have say so, as a nats-server without it does. */
START_TEST(test_features_that_are_off)
{
	struct facts f = make_facts();
	json_t *j = get_json(&f, "/jsz", "accounts=1&streams=1&config=1");
	char *text;
	int status;

	ck_assert(json_is_true(json_object_get(j, "disabled")));
	ck_assert_int_eq(number(json_object_get(j, "config"), "max_storage"), 0);
	ck_assert_ptr_null(json_object_get(j, "account_details"));
	json_decref(j);
	j = get_json(&f, "/routez", "subs=detail");
	ck_assert_int_eq(number(j, "num_routes"), 0);
	ck_assert(json_is_array(json_object_get(j, "routes")));
	json_decref(j);
	j = get_json(&f, "/gatewayz", "gw_name=x");
	ck_assert(json_is_object(json_object_get(j, "outbound_gateways")));
	ck_assert_ptr_null(json_object_get(j, "name"));
	json_decref(j);
	j = get_json(&f, "/leafz", "");
	ck_assert(json_is_array(json_object_get(j, "leafs")));
	json_decref(j);
	text = get(&f, "/raftz", "", &status);
	ck_assert_int_eq(status, 404);
	ck_assert_str_eq(text, "No Raft nodes registered");
	free(text);
	options_free(&opts);
}
END_TEST

START_TEST(test_ipqueuesz)
{
	static const struct {
		const char *query, *text;
	} cases[] = { { "", "{}" }, { "all=1", "{\n   \"SendQ\": {\n      \"pending\": 0\n   }\n}" },
		{ "all=1&queues=end", "{\n   \"SendQ\": {\n      \"pending\": 0\n   }\n}" },
		{ "all=1&queues=raft", "{}" }, { "queues=SendQ", "{}" } };
	struct facts f = make_facts();
	unsigned i;
	int status;
	char *text;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		text = get(&f, "/ipqueuesz", cases[i].query, &status);
		ck_assert_str_eq(text, cases[i].text);
		free(text);
	}
	opts.access->system_account = ACCESS_NO_ACCOUNT;
	text = get(&f, "/ipqueuesz", "all=1", &status);
	ck_assert_str_eq(text, "{}");
	free(text);
	options_free(&opts);
}
END_TEST

START_TEST(test_debug_vars)
{
	struct facts f = make_facts();
	json_t *j = get_json(&f, "/debug/vars", "");

	ck_assert_uint_eq(json_array_size(json_object_get(j, "cmdline")), 1);
	ck_assert_int_eq(number(json_object_get(j, "memstats"), "Sys"), 1 << 20);
	forget(j);
}
END_TEST

START_TEST(test_accstatz)
{
	struct facts f = make_facts();
	json_t *j, *a, *sent;

	accounts[1].conns = 0;
	j = get_json(&f, "/accstatz", "");
	ck_assert_uint_eq(json_array_size(json_object_get(j, "account_statz")), 1);
	json_decref(j);
	j = get_json(&f, "/accstatz", "unused=1");
	accounts[1].conns = 1;
	ck_assert_uint_eq(json_array_size(json_object_get(j, "account_statz")), 2);
	a = json_array_get(json_object_get(j, "account_statz"), 0);
	ck_assert_str_eq(string(a, "acc"), "$G");
	ck_assert_int_eq(number(a, "conns"), 2);
	ck_assert_int_eq(number(a, "slow_consumers"), 1);
	ck_assert_int_eq(number(json_object_get(a, "received"), "msgs"), 11);
	sent = json_object_get(a, "sent");
	ck_assert_int_eq(number(sent, "bytes"), 7);
	ck_assert_int_eq(number(json_object_get(sent, "routes"), "msgs"), 0);
	forget(j);
}
END_TEST

START_TEST(test_issuer)
{
	struct facts f = make_facts();
	json_t *j, *c;

	conns2[0].issuer = "$SYS";
	j = get_json(&f, "/connz", "cid=6&auth=1");
	c = json_array_get(json_object_get(j, "connections"), 0);
	ck_assert_str_eq(string(c, "issuer_key"), "$SYS");
	json_decref(j);
	j = get_json(&f, "/connz", "cid=6");
	conns2[0].issuer = NULL;
	c = json_array_get(json_object_get(j, "connections"), 0);
	ck_assert_ptr_null(json_object_get(c, "issuer_key"));
	forget(j);
}
END_TEST

/* ---- /metrics ---- */

static const char *const metrics_lines[] = {
	"# HELP gnatsd_varz_in_msgs in_msgs\n# TYPE gnatsd_varz_in_msgs gauge\n"
	"gnatsd_varz_in_msgs{server_id=\"NABC\"} 10\n",
	"gnatsd_varz_server_name{server_id=\"NABC\",value=\"NABC\"} 1\n",
	"gnatsd_varz_cpu{server_id=\"NABC\"} 12.5\n",
	"gnatsd_varz_slow_consumer_stats_clients{server_id=\"NABC\"} 1\n",
	"gnatsd_varz_http_req_stats_varz{server_id=\"NABC\"} 9\n",
	"gnatsd_varz_start{server_id=\"NABC\"} 1700000000000\n",
	"gnatsd_subsz_num_subscriptions{server_id=\"NABC\"} 3\n",
	"gnatsd_subsz_cache_hit_rate{server_id=\"NABC\"} 0.6\n",
	"# TYPE gnatsd_connz_in_msgs counter\ngnatsd_connz_in_msgs{server_id=\"NABC\"} 10\n",
	"gnatsd_connz_num_connections{server_id=\"NABC\"} 3\n",
	"gnatsd_accstatz_received_messages{server_id=\"NABC\",account=\"$G\",account_id=\"$G\","
	"account_name=\"$G\"} 11\n",
	"gnatsd_accstatz_sent_bytes{server_id=\"NABC\",account=\"$SYS\",account_id=\"$SYS\","
	"account_name=\"$SYS\"} 99\n",
	"gnatsd_healthz_status{server_id=\"NABC\"} 0\n",
	"natsd_role_up{role=\"js\"} 0\n",
	"natsd_role_restarts_total{role=\"js\"} 7\n",
	"natsd_ring_used_bytes{worker=\"1\",role=\"raft\"} 64\n",
	"natsd_waiting_connections{worker=\"0\",for=\"role\"} 5\n",
	"natsd_closed_connections_total 12\n",
};

static struct facts
make_metrics_facts(void)
{
	struct facts f = make_facts();

	f.requests[FACTS_VARZ] = 9;
	f.closed_total = 12;
	f.roles[PEER_JS] = (struct status_role){ .known = true, .state = CTL_PEER_GONE,
		.restarts = 7 };
	parts[0].waiting[WAIT_ROLE] = 5;
	parts[1].ring_bytes[PEER_RAFT] = 64;
	return (f);
}

START_TEST(test_metrics)
{
	struct facts f = make_metrics_facts();
	int status;
	char *text = get(&f, "/metrics", "", &status);

	ck_assert_int_eq(status, 200);
	ck_assert_msg(strstr(text, metrics_lines[_i]) != NULL, "%s in %s", metrics_lines[_i], text);
	ck_assert_ptr_null(strstr(text, "cid="));
	free(text);
	options_free(&opts);
}
END_TEST

/* Each line is a comment or name, labels, number; no family comes twice, and none is without samples. */
START_TEST(test_metrics_grammar)
{
	struct facts f = make_metrics_facts();
	char *text = get(&f, "/metrics", "connz=detailed", &(int){ 0 }), *rest = text, *line, *end;
	char name[256] = "", head[300], *again;
	size_t samples = 1, n;

	while ((line = strsep(&rest, "\n")) != NULL && rest != NULL) {
		if (strncmp(line, "# HELP ", 7) == 0) {
			ck_assert_msg(samples > 0, "%s has no samples", name);
			n = strcspn(line + 7, " ");
			snprintf(name, sizeof(name), "%.*s", (int)n, line + 7);
			snprintf(head, sizeof(head), "# HELP %s ", name);
			again = strstr(rest, head);
			ck_assert_msg(again == NULL, "%s comes twice", name);
			samples = 0;
			continue;
		}
		if (line[0] == '#')
			continue;
		ck_assert_msg(strncmp(line, name, strlen(name)) == 0, "%s is not of %s", line, name);
		n = strlen(name);
		ck_assert_msg(line[n] == ' ' || line[n] == '{', "%s", line);
		(void)strtod(strrchr(line, ' ') + 1, &end);
		ck_assert_msg(*end == '\0', "%s", line);
		samples++;
	}
	free(text);
	options_free(&opts);
}
END_TEST

/* What a client says of itself cannot end a label or a line, and is UTF-8. */
START_TEST(test_metrics_escapes)
{
	struct facts f = make_metrics_facts();
	char *text, *before = conns1[0].name;
	int status;

	conns1[0].name = (char[]){ "a\"b\\c\nd\xff\xc3\xa9}" };
	text = get(&f, "/metrics", "connz=detailed&limit=1", &status);
	conns1[0].name = before;
	ck_assert_ptr_nonnull(strstr(text, "gnatsd_connz_rtt{server_id=\"NABC\",cid=\"5\","
	    "kind=\"Client\",type=\"nats\",ip=\"127.0.0.1\",port=\"1005\","
	    "name=\"a\\\"b\\\\c\\nd\xef\xbf\xbd\xc3\xa9}\",name_tag=\"$G\",account=\"$G\","
	    "account_id=\"$G\",lang=\"go\",version=\"1.2\",tls_version=\"\","
	    "tls_cipher_suite=\"\"} 392\n"));
	ck_assert_ptr_null(strstr(text, "cid=\"6\""));
	free(text);
	options_free(&opts);
}
END_TEST

START_TEST(test_times)
{
	static const struct {
		int64_t s;
		const char *text;
	} uptimes[] = { { -1, "0s" }, { 22, "22s" }, { 22 + 240, "4m22s" },
		{ 22 + 240 + 4 * 3600, "4h4m22s" }, { 22 + 240 + 4 * 3600 + 32 * 86400, "32d4h4m22s" },
		{ 22 + 240 + 4 * 3600 + 32 * 86400 + 22LL * 365 * 86400, "22y32d4h4m22s" } };
	char text[PAGE_TIME_MAX];
	unsigned i;

	for (i = 0; i < sizeof(uptimes) / sizeof(uptimes[0]); i++) {
		page_uptime(text, uptimes[i].s * SECOND);
		ck_assert_str_eq(text, uptimes[i].text);
	}
	page_rtt(text, 0);
	ck_assert_str_eq(text, "0s");
	page_rtt(text, 999);
	ck_assert_str_eq(text, "999ns");
	page_rtt(text, 1500);
	ck_assert_str_eq(text, "1\xc2\xb5s");
	page_rtt(text, 1500001);
	ck_assert_str_eq(text, "1.500001ms");
	ck_assert_ptr_null(page_find(STR("/varz/")));
	ck_assert_ptr_null(page_find(STR("/stacksz")));
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof((table)[0]))

int
main(void)
{
	Suite *suite = suite_create("pages");
	TCase *tc = tcase_create("pages");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_loop_test(tc, test_refused, 0, ROWS(refused));
	tcase_add_loop_test(tc, test_listed, 0, ROWS(listed));
	tcase_add_test(tc, test_connection);
	tcase_add_test(tc, test_closed_connection);
	tcase_add_test(tc, test_subscriptions_of_a_connection);
	tcase_add_test(tc, test_unknown_account);
	tcase_add_test(tc, test_subsz);
	tcase_add_loop_test(tc, test_subsz_list, 0, ROWS(subszs));
	tcase_add_test(tc, test_varz);
	tcase_add_test(tc, test_accountz);
	tcase_add_test(tc, test_mappings);
	tcase_add_test(tc, test_features_that_are_off);
	tcase_add_test(tc, test_ipqueuesz);
	tcase_add_test(tc, test_debug_vars);
	tcase_add_test(tc, test_accstatz);
	tcase_add_test(tc, test_issuer);
	tcase_add_loop_test(tc, test_metrics, 0, ROWS(metrics_lines));
	tcase_add_test(tc, test_metrics_grammar);
	tcase_add_test(tc, test_metrics_escapes);
	tcase_add_loop_test(tc, test_natsd_key_is_last, 0, 9);
	tcase_add_loop_test(tc, test_healthz, 0, ROWS(healths));
	tcase_add_test(tc, test_root);
	tcase_add_test(tc, test_times);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return (failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}
