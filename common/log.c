#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/log.h"
#include "common/mono.h"

/*
 * The one global of the program, with the levels: a log line can come from anywhere.  Where lines go
 * is set before a second thread exists; the counters and levels are atomic.
 */
static struct {
	int fd; /* the supervisor's socket, -1: none */
	void (*fn)(enum log_level, int64_t, const char *, void *);
	void *arg;
	_Atomic int min; /* enum log_level */
	_Atomic uint64_t dropped; /* since the start */
	_Atomic uint64_t untold;  /* of them, not yet told of */
} sink = { .fd = -1, .min = LOG_LVL_INFO };

_Atomic unsigned char log_quiet_levels;

void
log_to_supervisor(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags != -1)
		fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	sink.fd = fd;
	sink.fn = NULL;
}

void
log_to_function(void (*fn)(enum log_level, int64_t, const char *, void *), void *arg)
{
	sink.fn = fn;
	sink.arg = arg;
	sink.fd = -1;
}

void
log_set_levels(enum log_level min, bool debug, bool trace)
{
	bool all = min <= LOG_LVL_INFO;
	unsigned char quiet = (unsigned char)((debug && all ? 1u << LOG_LVL_DEBUG : 0) |
	    (trace && all ? 1u << LOG_LVL_TRACE : 0));

	atomic_store_explicit(&sink.min, (int)min, memory_order_relaxed);
	atomic_store_explicit(&log_quiet_levels, quiet, memory_order_relaxed);
}

bool
log_wants(enum log_level level)
{
	switch (level) {
	case LOG_LVL_TRACE:
		return (log_traces());
	case LOG_LVL_DEBUG:
		return (log_debugs());
	case LOG_LVL_INFO:
	case LOG_LVL_WARN:
	case LOG_LVL_ERROR:
		return ((int)level >= atomic_load_explicit(&sink.min, memory_order_relaxed));
	case LOG_LVL_FATAL:
		break;
	}
	return (true);
}

uint64_t
log_dropped(void)
{
	return (atomic_load_explicit(&sink.dropped, memory_order_relaxed));
}

size_t
log_escape(char *to, const char *text, size_t len)
{
	static const char hex[] = "0123456789abcdef", cut[] = "...";
	const size_t most = LOG_TEXT_MAX - sizeof(cut);
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		bool control = c < 0x20 || c == 0x7f;

		if (n + (control ? 4 : 1) > most) {
			memcpy(to + n, cut, sizeof(cut));
			return (n + sizeof(cut) - 1);
		}
		if (!control) {
			to[n++] = (char)c;
			continue;
		}
		to[n++] = '\\';
		to[n++] = 'x';
		to[n++] = hex[c >> 4];
		to[n++] = hex[c & 15];
	}
	to[n] = '\0';
	return (n);
}

static bool
send_record(enum log_level level, int64_t wall_ns, const char *line, size_t n)
{
	char head[LOG_RECORD_HEAD] = { (char)level };
	struct iovec iov[2] = {
		{ .iov_base = head, .iov_len = sizeof(head) },
		{ .iov_base = (void *)(uintptr_t)line, .iov_len = n },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

	memcpy(head + 8, &wall_ns, sizeof(wall_ns));
	return (sendmsg(sink.fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) != -1);
}

/* The next line that fits is preceded by the number of those that did not. */
static void
tell_dropped(int64_t wall_ns)
{
	uint64_t missing;
	char line[80];
	int n;

	if (!log_wants(LOG_LVL_WARN))
		return;
	missing = atomic_exchange_explicit(&sink.untold, 0, memory_order_relaxed);
	if (missing == 0)
		return;
	n = snprintf(line, sizeof(line), "%llu log lines dropped", (unsigned long long)missing);
	if (!send_record(LOG_LVL_WARN, wall_ns, line, (size_t)n))
		atomic_fetch_add_explicit(&sink.untold, missing, memory_order_relaxed);
}

static void
write_stderr(const char *line, size_t n)
{
	struct iovec iov[2] = {
		{ .iov_base = (void *)(uintptr_t)line, .iov_len = n },
		{ .iov_base = (void *)(uintptr_t) "\n", .iov_len = 1 },
	};

	if (writev(STDERR_FILENO, iov, 2) == -1)
		atomic_fetch_add_explicit(&sink.dropped, 1, memory_order_relaxed);
}

static void
emit(enum log_level level, const char *line, size_t n)
{
	int64_t wall_ns = wall_now().ns;

	if (sink.fn != NULL) {
		sink.fn(level, wall_ns, line, sink.arg);
		return;
	}
	if (sink.fd == -1) {
		write_stderr(line, n);
		return;
	}
	tell_dropped(wall_ns);
	if (!send_record(level, wall_ns, line, n)) {
		atomic_fetch_add_explicit(&sink.dropped, 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&sink.untold, 1, memory_order_relaxed);
	}
}

void
log_bytes(enum log_level level, const char *text, size_t n)
{
	char line[LOG_TEXT_MAX];
	int saved_errno = errno;

	if (log_wants(level))
		emit(level, line, log_escape(line, text, n));
	errno = saved_errno;
}

void
log_at(enum log_level level, const char *fmt, va_list ap)
{
	char text[LOG_TEXT_MAX];
	int saved_errno = errno;

	if (log_wants(level)) {
		if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
			text[0] = '\0';
		log_bytes(level, text, strlen(text));
	}
	errno = saved_errno;
}

#define LOG_FUNCTION(NAME, LEVEL)		\
	void					\
	NAME(const char *fmt, ...)		\
	{					\
		va_list ap;			\
						\
		va_start(ap, fmt);		\
		log_at(LEVEL, fmt, ap);		\
		va_end(ap);			\
	}
LOG_FUNCTION(log_trace, LOG_LVL_TRACE)
LOG_FUNCTION(log_debug, LOG_LVL_DEBUG)
LOG_FUNCTION(log_info, LOG_LVL_INFO)
LOG_FUNCTION(log_warn, LOG_LVL_WARN)
LOG_FUNCTION(log_error, LOG_LVL_ERROR)

void
fatal(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_at(LOG_LVL_FATAL, fmt, ap);
	va_end(ap);
	exit(1);
}

void
bug(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_at(LOG_LVL_FATAL, fmt, ap);
	va_end(ap);
	abort();
}
