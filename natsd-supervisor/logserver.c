#include "config.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/mono.h"
#include "natsd-supervisor/logserver.h"

#define LOGSERVER_LATE_NS (10 * NS_PER_S)
#define RECEIVE_BYTES (1 << 20) /* lines that wait while the disk is slow */

struct reader {
	LIST_ENTRY(reader) entry;
	struct logserver *server;
	struct event *ev;
	int fd;
	bool raw; /* a child's stderr: no record, only text */
};

struct logserver {
	struct event_base *base;
	struct logfile *file;
	LIST_HEAD(, reader) readers;
	uint8_t record[LOG_RECORD_HEAD + LOG_TEXT_MAX];
	char line[LOG_TEXT_MAX];
};

static void
reader_free(struct reader *r)
{
	LIST_REMOVE(r, entry);
	if (r->ev != NULL)
		event_free(r->ev);
	close(r->fd);
	free(r);
}

/* What a child says is escaped here again: no bytes of its make a line of their own. */
static void
put_text(struct logserver *s, enum log_level level, int64_t wall_ns, const uint8_t *text, size_t n)
{
	size_t len;

	while (n > 0 && text[n - 1] == '\n')
		n--;
	len = log_escape(s->line, (const char *)text, n);
	logfile_write(s->file, level, wall_ns, (struct str){ .p = s->line, .n = len });
}

/* Nor is its clock believed further than a line may have waited for us. */
static void
put_record(struct logserver *s, size_t n)
{
	int64_t now = wall_now().ns, wall_ns;

	memcpy(&wall_ns, s->record + 8, sizeof(wall_ns));
	if (wall_ns > now || wall_ns < now - LOGSERVER_LATE_NS)
		wall_ns = now;
	put_text(s, s->record[0] <= LOG_LVL_FATAL ? (enum log_level)s->record[0] : LOG_LVL_ERROR, wall_ns,
	    s->record + LOG_RECORD_HEAD, n - LOG_RECORD_HEAD);
}

/* One record; 1, 0 when there is none now, -1 when the child is gone. */
static int
read_one(struct reader *r)
{
	struct logserver *s = r->server;
	ssize_t n = recv(r->fd, s->record, sizeof(s->record), MSG_DONTWAIT);

	if (n == 0)
		return (-1);
	if (n < 0)
		return (0);
	if (r->raw)
		put_text(s, LOG_LVL_ERROR, wall_now().ns, s->record, (size_t)n);
	else if (n >= LOG_RECORD_HEAD)
		put_record(s, (size_t)n);
	return (1);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct reader *r = arg;
	int rc = 1;

	(void)fd;
	(void)what;
	for (unsigned n = 0; n < LOGSERVER_BATCH && rc == 1; n++)
		rc = read_one(r);
	if (rc < 0)
		reader_free(r);
}

static void
own_line(enum log_level level, int64_t wall_ns, const char *line, void *arg)
{
	struct logserver *s = arg;

	logfile_write(s->file, level, wall_ns, str_of(line));
}

struct logserver *
logserver_new(struct event_base *base, struct logfile *file, struct err *e)
{
	struct logserver *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		err_set(e, "log: no memory");
		return (NULL);
	}
	s->base = base;
	s->file = file;
	LIST_INIT(&s->readers);
	log_to_function(own_line, s);
	return (s);
}

void
logserver_free(struct logserver *s)
{
	if (s == NULL)
		return;
	while (!LIST_EMPTY(&s->readers))
		reader_free(LIST_FIRST(&s->readers));
	log_to_function(NULL, NULL);
	free(s);
}

static int
add_reader(struct logserver *s, bool raw, struct err *e)
{
	struct reader *r = calloc(1, sizeof(*r));
	int pair[2], bytes = RECEIVE_BYTES;

	if (r == NULL || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
		free(r);
		return (err_sys(e, "log socket"));
	}
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	r->server = s;
	r->fd = pair[0];
	r->raw = raw;
	LIST_INSERT_HEAD(&s->readers, r, entry);
	r->ev = event_new(s->base, r->fd, EV_READ | EV_PERSIST, on_readable, r);
	if (r->ev == NULL || event_add(r->ev, NULL) != 0) {
		reader_free(r);
		close(pair[1]);
		return (err_set(e, "log socket: no memory"));
	}
	return (pair[1]);
}

int
logserver_child(struct logserver *s, struct err *e)
{
	return (add_reader(s, false, e));
}

int
logserver_stderr(struct logserver *s, struct err *e)
{
	return (add_reader(s, true, e));
}

void
logserver_drain(struct logserver *s)
{
	struct reader *r;

	LIST_FOREACH(r, &s->readers, entry)
		while (read_one(r) == 1)
			;
}

uint64_t
logserver_dropped(const struct logserver *s)
{
	return (logfile_dropped(s->file));
}
