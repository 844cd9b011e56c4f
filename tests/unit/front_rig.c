#include "config.h"

#include <sys/socket.h>

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/access.h"
#include "tests/unit/front_rig.h"

static struct settings *
make_settings(void (*change)(struct options *))
{
	struct options o;
	struct settings *s;
	struct err e = { .text = "" };
	uint8_t *p;
	size_t n;

	ck_assert_int_eq(options_init(&o, &e), 0);
	if (change != NULL)
		change(&o);
	ck_assert_int_eq(options_encode(&o, ROLE_FRONT, &p, &n, &e), 0);
	s = settings_new(p, n, &e);
	ck_assert_msg(s != NULL, "%s", e.text);
	free(p);
	options_free(&o);
	return (s);
}

static void
rig_make(struct rig *r, unsigned n, void (*change)(struct options *))
{
	struct err e = { .text = "" };
	unsigned i, j;

	*r = (struct rig){ .n = n, .settings = make_settings(change) };
	r->shared = shared_new(n, 1, 100);
	ck_assert_ptr_nonnull(r->shared);
	ck_assert_msg(settings_bind(r->settings, r->shared, &e) == 0, "%s", e.text);
	r->shared->helpers = helpers_new(r->shared, 2, 1, &e);
	ck_assert_msg(r->shared->helpers != NULL, "%s", e.text);
	ck_assert_int_eq(doorbell_make(&r->main_bell, &e), 0);
	for (i = 0; i < n; i++) {
		ck_assert_int_eq(doorbell_make(&r->bells[i], &e), 0);
		r->shared->pub[i].bell = r->bells[i];
		r->workers[i] = worker_new(r->shared, i, r->settings, &e);
		ck_assert_msg(r->workers[i] != NULL, "%s", e.text);
	}
	for (i = 0; i < n; i++) {
		ck_assert_int_eq(link_make(&r->links[i], &r->main_bell, &r->workers[i]->main,
		    &r->bells[i], LOCAL_RING_BYTES_MAIN, &e), 0);
		for (j = i + 1; j < n; j++)
			ck_assert_int_eq(link_make(&r->workers[i]->links[j], &r->bells[i],
			    &r->workers[j]->links[i], &r->bells[j], LOCAL_RING_BYTES, &e), 0);
	}
}

static void
rig_run(struct rig *r)
{
	struct err e = { .text = "" };
	unsigned i;

	ck_assert_int_eq(helpers_start(r->shared->helpers, &e), 0);
	for (i = 0; i < r->n; i++)
		ck_assert_int_eq(pthread_create(&r->threads[i], NULL, worker_run,
		    r->workers[i]), 0);
}

void
rig_start(struct rig *r, unsigned n, void (*change)(struct options *))
{
	rig_make(r, n, change);
	rig_run(r);
}

void
rig_start_gathered(struct rig *r, unsigned n, gather_choice *choose, int64_t window_ns)
{
	rig_make(r, n, NULL);
	r->workers[0]->gather = gather_new(r->workers[0], choose, window_ns);
	ck_assert_ptr_nonnull(r->workers[0]->gather);
	rig_run(r);
}

/* Until every worker said that it changed over. */
static void
wait_used(struct rig *r)
{
	struct pollfd p = { .fd = r->main_bell.wait, .events = POLLIN };
	struct ring_rec rec;
	unsigned i, used = 0;

	while (used < r->n) {
		for (i = 0; i < r->n; i++)
			while (ring_peek(r->links[i].from, &rec) == 1) {
				used += rec.type == LOCAL_SETTINGS_USED;
				ring_next(r->links[i].from, &rec);
				ring_release(r->links[i].from, rec.end);
			}
		for (i = 0; used < r->n && i < r->n; i++)
			if (!ring_sleep(r->links[i].from))
				break;
		if (used < r->n && i == r->n)
			ck_assert_int_eq(poll(&p, 1, 10000), 1);
		doorbell_clear(&r->main_bell);
		for (i = 0; i < r->n; i++)
			ring_wake(r->links[i].from);
	}
}

void
rig_reload(struct rig *r, void (*change)(struct options *))
{
	struct settings *old = r->settings;
	struct err e = { .text = "" };
	struct local_settings m = { .settings = NULL };
	unsigned i;

	r->settings = make_settings(change);
	ck_assert_msg(settings_bind(r->settings, r->shared, &e) == 0, "%s", e.text);
	m.settings = r->settings;
	m.access_changed = !access_equal(old->o.access, r->settings->o.access);
	for (i = 0; i < r->n; i++) {
		ck_assert(local_say(&r->links[i], LOCAL_SETTINGS, &m, sizeof(m)));
		link_flush(&r->links[i]);
	}
	wait_used(r);
	settings_release(old);
}

void
rig_stop(struct rig *r)
{
	unsigned i;

	for (i = 0; i < r->n; i++) {
		ck_assert(local_say(&r->links[i], LOCAL_STOP, NULL, 0));
		link_flush(&r->links[i]);
	}
	for (i = 0; i < r->n; i++)
		pthread_join(r->threads[i], NULL);
	do
		helpers_stop(r->shared->helpers); /* on a busy machine once is not enough */
	while (helpers_stuck(r->shared->helpers));
	gather_free(r->workers[0]->gather);
	for (i = 0; i < r->n; i++) {
		worker_free(r->workers[i]);
		link_free(&r->links[i]);
		doorbell_close(&r->bells[i]);
	}
	doorbell_close(&r->main_bell);
	helpers_free(r->shared->helpers);
	shared_free(r->shared);
	settings_release(r->settings);
}

int
rig_connect_info(struct rig *r, unsigned worker, char *line, size_t size)
{
	struct local_adopt a = { .cid = ++r->cid, .family = AF_INET, .port = 1,
		.addr = { 127, 0, 0, 1 } };
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	ck_assert_int_ne(fcntl(fds[0], F_SETFL, O_NONBLOCK), -1);
	a.fd = fds[0];
	atomic_fetch_add(&r->shared->pub[worker].conns, 1);
	ck_assert(local_say(&r->links[worker], LOCAL_ADOPT, &a, sizeof(a)));
	link_flush(&r->links[worker]);
	rig_line(fds[1], line, size);
	ck_assert_int_eq(strncmp(line, "INFO {", 6), 0);
	return (fds[1]);
}

int
rig_connect(struct rig *r, unsigned worker, const char *connect)
{
	char line[2048];
	int fd = rig_connect_info(r, worker, line, sizeof(line));

	if (connect != NULL) {
		rig_send(fd, "CONNECT ");
		rig_send(fd, connect);
		rig_send(fd, "\r\n");
	}
	return (fd);
}

void
rig_send_bytes(int fd, const void *p, size_t n)
{
	const char *at = p;
	ssize_t done;

	while (n > 0) {
		done = send(fd, at, n, MSG_NOSIGNAL);
		ck_assert_int_gt(done, 0);
		at += done;
		n -= (size_t)done;
	}
}

void
rig_send(int fd, const char *text)
{
	rig_send_bytes(fd, text, strlen(text));
}

void
rig_expect(int fd, const char *text)
{
	char got[4096];
	size_t n = strlen(text), have = 0;
	ssize_t more;

	ck_assert_uint_lt(n, sizeof(got));
	while (have < n) {
		more = read(fd, got + have, n - have);
		got[have + (more > 0 ? (size_t)more : 0)] = '\0';
		ck_assert_msg(more > 0, "end after <%s>, want <%s>", got, text);
		have += (size_t)more;
		ck_assert_msg(memcmp(got, text, have) == 0, "got <%s>, want <%s>", got, text);
	}
}

void
rig_line(int fd, char *line, size_t size)
{
	size_t n = 0;
	char c = '\0';

	while (c != '\n') {
		ck_assert_int_eq(read(fd, &c, 1), 1);
		ck_assert_uint_lt(n + 1, size);
		line[n++] = c;
	}
	while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
		n--;
	line[n] = '\0';
}

void
rig_sync(int fd)
{
	rig_send(fd, "PING\r\n");
	rig_expect(fd, "PONG\r\n");
}
