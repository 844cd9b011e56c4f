/*
 * Requests, targets, and the connections that carry them.  The expected answers are those that
 * nats-server 2.15.2 gave to the same bytes.
 */
#include "config.h"

#include <check.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "natsd-front/monitor/http_chunks.h"
#include "natsd-front/monitor/http_conn.h"
#include "natsd-front/monitor/http_request.h"
#include "natsd-front/monitor/http_url.h"

static const struct {
	const char *head, *why; /* NULL: fine */
	bool keep_alive;
	uint64_t body_n;
} heads[] = {
	{ "GET / HTTP/1.1\r\nHost: h\r\n\r\n", NULL, true, 0 },
	{ "GET / HTTP/1.1\nHost: h\n\n", NULL, true, 0 },
	{ "GET / HTTP/1.2\r\nhost:h\r\n\r\n", NULL, true, 0 },
	{ "GET / HTTP/1.0\r\n\r\n", NULL, false, 0 },
	{ "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", NULL, true, 0 },
	{ "GET / HTTP/1.1\r\nHost: h\r\nConnection: foo, close\r\n\r\n", NULL, false, 0 },
	{ "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n", NULL, true, 3 },
	{ "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\ncontent-length: 3\r\n\r\n", NULL, true, 3 },
	{ "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", NULL, true, 0 },
	{ "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n",
	    NULL, true, 0 },
	{ "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", "501 Not Implemented\nUnsupported transfer encoding",
	    false, 0 },
	{ "POST / HTTP/1.0\r\nTransfer-Encoding: gzip\r\nContent-Length: 3\r\n\r\n", NULL, false, 3 },
	{ "GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n", NULL, false, 3 },
	{ "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n folded\r\n\r\n", NULL, true, 0 },
	{ "GET / HTTP/1.1\r\nHost:\r\n\r\n", NULL, true, 0 },
	{ "GET / HTTP/1.1\r\n\r\n", "400 Bad Request: missing required Host header", false, 0 },
	{ "GET /\r\n\r\n", "400 Bad Request", false, 0 },
	{ "BOGUS\r\n\r\n", "400 Bad Request", false, 0 },
	{ "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "400 Bad Request", false, 0 },
	{ " GET / HTTP/1.1\r\nHost: h\r\n\r\n", "400 Bad Request", false, 0 },
	{ "GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n", "400 Bad Request", false, 0 },
	{ "G(T / HTTP/1.1\r\nHost: h\r\n\r\n", "400 Bad Request", false, 0 },
	{ "GET  HTTP/1.1\r\nHost: h\r\n\r\n", "400 Bad Request", false, 0 },
	{ "GET / HTTP/1.10\r\nHost: h\r\n\r\n", "400 Bad Request", false, 0 },
	{ "GET / HTTP/2.0\r\nHost: h\r\n\r\n",
	    "505 HTTP Version Not Supported: unsupported protocol version", false, 0 },
	{ "GET / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n", "400 Bad Request", false, 0 },
	{ "GET / HTTP/1.1\r\nHost: h\r\nBad name: x\r\n\r\n", "400 Bad Request: invalid header name",
	    false, 0 },
	{ "GET / HTTP/1.1\r\nHost: h\r\nX: a\x01\r\n\r\n", "400 Bad Request", false,
	    0 },
	{ "GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n", "400 Bad Request", false, 0 },
	{ "GET / HTTP/1.1\r\n continued: x\r\nHost: h\r\n\r\n", "400 Bad Request", false, 0 },
	{ "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n", "400 Bad Request", false, 0 },
	{ "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", "400 Bad Request", false, 0 },
	{ "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
	    "400 Bad Request", false, 0 },
	{ "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", "501 Not Implemented\nUnsupported transfer encoding", false, 0 },
};

START_TEST(test_head)
{
	struct str head = str_of(heads[_i].head);
	struct http_request r;
	const char *why;
	int rc;

	ck_assert_uint_eq(http_head_end(head, 0), head.n);
	rc = http_request_parse(head, &r, &why);
	if (heads[_i].why != NULL) {
		ck_assert_int_eq(rc, -1);
		ck_assert_str_eq(why, heads[_i].why);
		return;
	}
	ck_assert_msg(rc == 0, "%s", why);
	ck_assert_int_eq(r.keep_alive, heads[_i].keep_alive);
	ck_assert_uint_eq(r.body_n, heads[_i].body_n);
}
END_TEST

START_TEST(test_head_end_at_every_split)
{
	struct str head = STR("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
	size_t first, n;

	for (first = 0; first < head.n; first++) {
		n = http_head_end((struct str){ head.p, first }, 0);
		ck_assert_uint_eq(n, 0);
		ck_assert_uint_eq(http_head_end(head, first), head.n);
	}
}
END_TEST

static void
want(struct buf *got, const char *expected)
{
	ck_assert_msg(str_eq(buf_str(got), str_of(expected)), "got \"" STR_FMT "\", want \"%s\"",
	    STR_ARG(buf_str(got)), expected);
	buf_free(got);
}

static const struct {
	const char *path, *clean, *base;
} paths[] = {
	{ "/", "/", "/" },
	{ "", "/", "/" },
	{ "//varz", "/varz", "/varz" },
	{ "/varz/", "/varz/", "/varz" },
	{ "/./connz/../healthz", "/healthz", "/healthz" },
	{ "/../../etc", "/etc", "/etc" },
	{ "/a/b/..", "/a", "/a" },
	{ "/a/..", "/", "/" },
	{ "/a//", "/a/", "/a" },
	{ "nats", "/nats", "/nats" },
	{ "/nats/x/../", "/nats/", "/nats" },
	{ "/..a", "/..a", "/..a" },
};

START_TEST(test_path)
{
	struct buf out = BUF_INIT(4096);

	ck_assert_int_eq(http_path_clean(str_of(paths[_i].path), &out), 0);
	want(&out, paths[_i].clean);
	ck_assert_int_eq(http_base_clean(str_of(paths[_i].path), &out), 0);
	want(&out, paths[_i].base);
}
END_TEST

START_TEST(test_target)
{
	struct buf out = BUF_INIT(4096);
	struct str path, query;

	ck_assert_int_eq(http_target_split(STR("/a?b?c"), &path, &query), 0);
	ck_assert(str_eq(path, STR("/a")) && str_eq(query, STR("b?c")));
	ck_assert_int_eq(http_target_split(STR("http://h:1/x"), &path, &query), 0);
	ck_assert(str_eq(path, STR("/x")) && query.n == 0);
	ck_assert_int_eq(http_target_split(STR("healthz"), &path, &query), -1);
	ck_assert_int_eq(http_target_split(STR("http://h"), &path, &query), -1);
	ck_assert_int_eq(http_path_decode(STR("/h%65a+%2F"), &out), 0);
	want(&out, "/hea+/");
	ck_assert_int_eq(http_path_decode(STR("/%zz"), &out), -1);
	ck_assert_int_eq(http_path_decode(STR("/%2"), &out), -1);
	ck_assert_int_eq(http_path_encode(STR("/a b\"<\xc3"), &out), 0);
	want(&out, "/a%20b%22%3C%C3");
	ck_assert_int_eq(http_path_encode(STR("/a%20b"), &out), 0);
	want(&out, "/a%20b");
	ck_assert_int_eq(http_html(STR("<a&\"'>"), &out), 0);
	want(&out, "&lt;a&amp;&#34;&#39;&gt;");
}
END_TEST

static const struct {
	const char *query, *key, *value; /* NULL: not there */
} queries[] = {
	{ "a=1&b=2", "b", "2" },
	{ "a=1&a=2", "a", "1" },
	{ "a=&a=2", "a", NULL },
	{ "a", "a", NULL },
	{ "", "a", NULL },
	{ "x=%41+b", "x", "A b" },
	{ "%61=1", "a", "1" },
	{ "a=%zz&a=3", "a", "3" },
	{ "a=1;b&c=3", "a", NULL },
	{ "a=1;b&c=3", "c", "3" },
	{ "&&a=1=2&", "a", "1=2" },
};

START_TEST(test_query)
{
	struct buf out = BUF_INIT(4096);
	bool found = http_query_get(str_of(queries[_i].query), queries[_i].key, &out);

	ck_assert_int_eq(found, queries[_i].value != NULL);
	want(&out, found ? queries[_i].value : "");
}
END_TEST

/* ---- connections: a server in a thread whose pages repeat the target ---- */

struct echo {
	struct event_base *base;
	struct http_server *server;
	struct event *stop;
	int stop_pipe[2];
	uint16_t port;
	pthread_t thread;
};

static void
on_request(struct http_conn *c, void *ctx)
{
	struct http_answer a = { .status = 200, .before = "", .after = "X: y\r\n" };

	(void)ctx;
	a.body = http_conn_request(c)->target;
	http_conn_answer(c, &a);
}

static void
on_gone(struct http_conn *c, void *ctx)
{
	(void)c;
	(void)ctx;
}

static void
on_stop(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	event_base_loopbreak(((struct echo *)arg)->base);
}

static void *
echo_run(void *arg)
{
	event_base_dispatch(((struct echo *)arg)->base);
	return (NULL);
}

static struct echo *
echo_start(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct echo *s = calloc(1, sizeof(*s));
	socklen_t n = sizeof(sin);
	struct err e;
	int fd;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	ck_assert_int_eq(listen(fd, 16), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sin, &n), 0);
	s->port = sin.sin_port;
	s->base = event_base_new();
	ck_assert_int_eq(pipe(s->stop_pipe), 0);
	s->stop = event_new(s->base, s->stop_pipe[0], EV_READ, on_stop, s);
	event_add(s->stop, NULL);
	s->server = http_server_new(s->base, fd, on_request, on_gone, NULL, NULL, &e);
	ck_assert_ptr_nonnull(s->server);
	ck_assert_int_eq(pthread_create(&s->thread, NULL, echo_run, s), 0);
	return (s);
}

static void
echo_stop(struct echo *s)
{
	ck_assert_int_eq(write(s->stop_pipe[1], "x", 1), 1);
	pthread_join(s->thread, NULL);
	http_server_free(s->server);
	event_free(s->stop);
	event_base_free(s->base);
	close(s->stop_pipe[0]);
	close(s->stop_pipe[1]);
	free(s);
}

static int
dial(struct echo *s)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = s->port };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return (fd);
}

/* Reads until the text has come, or the connection is closed. */
static bool
hear(int fd, char *got, size_t size, const char *until)
{
	size_t n = 0;
	ssize_t more;

	got[0] = '\0';
	while (n + 1 < size && strstr(got, until) == NULL) {
		more = recv(fd, got + n, size - n - 1, 0);
		if (more <= 0)
			return (false);
		n += (size_t)more;
		got[n] = '\0';
	}
	return (true);
}

static void
say(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

START_TEST(test_keep_alive_and_bodies)
{
	struct echo *s = echo_start();
	char got[4096];
	int fd = dial(s);

	say(fd, "GET /one HTTP/1.1\r\nHost: h\r\n\r\nPOST /two HTTP/1.1\r\nHost: h\r\n"
		"Content-Length: 5\r\n\r\nabc");
	ck_assert(hear(fd, got, sizeof(got), "/two"));
	ck_assert_ptr_nonnull(strstr(got, "HTTP/1.1 200 OK\r\nDate: "));
	ck_assert_ptr_nonnull(strstr(got, "Content-Length: 4\r\nX: y\r\n\r\n/one"));
	say(fd, "deGET /three HTTP/1.1\r\nHost: h\r\n\r\n");
	ck_assert(hear(fd, got, sizeof(got), "/three"));
	say(fd, "HEAD /four HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
	ck_assert(!hear(fd, got, sizeof(got), "/four"));
	ck_assert_ptr_nonnull(strstr(got, "Content-Length: 5\r\nX: y\r\nConnection: close\r\n\r\n"));
	close(fd);
	echo_stop(s);
}
END_TEST

START_TEST(test_one_byte_at_a_time)
{
	static const char request[] = "GET /slow HTTP/1.0\r\n\r\n";
	struct echo *s = echo_start();
	char got[4096];
	int fd = dial(s), i;

	for (i = 0; request[i] != '\0'; i++)
		ck_assert_int_eq(send(fd, &request[i], 1, MSG_NOSIGNAL), 1);
	ck_assert(hear(fd, got, sizeof(got), "/slow"));
	ck_assert_ptr_nonnull(strstr(got, "HTTP/1.0 200 OK\r\n"));
	close(fd);
	echo_stop(s);
}
END_TEST

START_TEST(test_many_requests_at_once)
{
	struct echo *s = echo_start();
	enum { N = 2000 };
	char *got = malloc(1u << 20), request[64];
	char *all = malloc(N * sizeof(request));
	bool seen = false;
	size_t n = 0;
	int fd = dial(s), i;

	for (i = 0; i < N; i++)
		n += (size_t)snprintf(all + n, sizeof(request), "GET /%d HTTP/1.1\r\nHost: h\r\n\r\n", i);
	n += (size_t)snprintf(all + n, sizeof(request), "GET /end HTTP/1.0\r\n\r\n");
	ck_assert_int_eq(send(fd, all, n, MSG_NOSIGNAL), (ssize_t)n);
	seen = hear(fd, got, 1u << 20, "\r\n\r\n/end");
	ck_assert(seen);
	free(all);
	free(got);
	close(fd);
	echo_stop(s);
}
END_TEST

START_TEST(test_too_large_a_head)
{
	struct echo *s = echo_start();
	char *head = malloc(HTTP_HEAD_MAX + 65536u);
	char got[4096];
	size_t sent = 0;
	ssize_t n;
	int fd = dial(s);

	memset(head, 'a', HTTP_HEAD_MAX + 65536u);
	memcpy(head, "GET / HTTP/1.1\r\nX: ", 19);
	while (sent < HTTP_HEAD_MAX + 65536u) {
		n = send(fd, head + sent, HTTP_HEAD_MAX + 65536u - sent, MSG_NOSIGNAL);
		if (n <= 0)
			break;
		sent += (size_t)n;
	}
	hear(fd, got, sizeof(got), "\r\n\r\n431");
	ck_assert_ptr_nonnull(strstr(got, "HTTP/1.1 431 Request Header Fields Too Large\r\n"));
	free(head);
	close(fd);
	echo_stop(s);
}
END_TEST

/* ---- chunked bodies ---- */

static const struct {
	const char *body;
	int rc;
	size_t used;
} bodies[] = {
	{ "0\r\n\r\nGET", 1, 5 },
	{ "3\r\nabc\r\n0\r\n\r\n", 1, 13 },
	{ "a;x=\"y\"\r\n0123456789\r\n00\r\nT: x\r\nU: y\r\n\r\nrest", 1, 39 },
	{ "3 \r\nabc\r\n", 0, 9 },
	{ "3\r\nabcd", -1, 0 },
	{ "3\nabc", -1, 0 },
	{ "\r\n", -1, 0 },
	{ ";x\r\n", -1, 0 },
	{ "g\r\n", -1, 0 },
	{ "3x\r\n", -1, 0 },
	{ "00000000000000003\r\n", -1, 0 },
	{ "0\r\n\n", -1, 0 },
	{ "0\r\nT: x\n", -1, 0 },
};

/* Whatever the pieces it comes in. */
START_TEST(test_chunks)
{
	size_t n = strlen(bodies[_i].body), piece, at, used;
	struct http_chunks c;
	int rc;

	for (piece = 1; piece <= n; piece++) {
		c = (struct http_chunks){ .state = HTTP_CHUNKS_SIZE };
		rc = 0;
		for (at = 0; rc == 0 && at < n; at += used)
			rc = http_chunks_skip(&c, (struct str){ bodies[_i].body + at,
				piece < n - at ? piece : n - at }, &used);
		ck_assert_int_eq(rc, bodies[_i].rc);
		if (rc >= 0)
			ck_assert_uint_eq(at, bodies[_i].used);
	}
}
END_TEST

START_TEST(test_chunks_have_bounds)
{
	struct http_chunks c = { .state = HTTP_CHUNKS_SIZE };
	struct str data = STR("ffffffffffffffff\r\n"), extension = STR("1;");
	size_t used, n = 0;

	ck_assert_int_eq(http_chunks_skip(&c, data, &used), 0);
	while (http_chunks_skip(&c, data, &used) == 0)
		n += used;
	ck_assert_uint_le(n, HTTP_BODY_SKIPPED_MAX);
	c = (struct http_chunks){ .state = HTTP_CHUNKS_SIZE };
	for (n = 0; http_chunks_skip(&c, extension, &used) == 0; n += used)
		continue;
	ck_assert_uint_le(n, 16384);
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof((table)[0]))

int
main(void)
{
	Suite *suite = suite_create("http");
	TCase *tc = tcase_create("http");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, test_head, 0, ROWS(heads));
	tcase_add_test(tc, test_head_end_at_every_split);
	tcase_add_loop_test(tc, test_chunks, 0, ROWS(bodies));
	tcase_add_test(tc, test_chunks_have_bounds);
	tcase_add_loop_test(tc, test_path, 0, ROWS(paths));
	tcase_add_test(tc, test_target);
	tcase_add_loop_test(tc, test_query, 0, ROWS(queries));
	tcase_add_test(tc, test_keep_alive_and_bodies);
	tcase_add_test(tc, test_one_byte_at_a_time);
	tcase_add_test(tc, test_many_requests_at_once);
	tcase_add_test(tc, test_too_large_a_head);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return (failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}
