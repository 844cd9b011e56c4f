/*
 * log - one line for the operator, from any thread of any program.
 *
 * A child writes records to a socket that the supervisor handed it (SOCK_SEQPACKET, so that lines
 * of threads do not mix and a flood of them delays no control message).  The supervisor puts
 * time, pid and level before them and writes the file.  When the supervisor does not read fast
 * enough a line is dropped and counted; the next one that fits tells how many are missing.
 * Nothing on a path per message logs.  errno is preserved.
 *
 * Control characters in the text are written as \xNN: nobody forges a line (faults.md 93).
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_LVL_TRACE, LOG_LVL_DEBUG, LOG_LVL_INFO, LOG_LVL_WARN, LOG_LVL_ERROR,
	LOG_LVL_FATAL };

#define LOG_TEXT_MAX 16384 /* bytes of one line; longer ones are cut, with "..." */

/*
 * log_to_supervisor - from now on lines go to this socket (taken over, made non-blocking).
 * log_to_function - or to a function: the supervisor's own lines, and unit tests.
 * Without either they go to stderr, one write(2) each.
 */
void log_to_supervisor(int fd);
void log_to_function(void (*)(enum log_level, int64_t wall_ns, const char *line, void *), void *);

/*
 * log_set_levels - which lines are written at all; safe from any thread.  min: LOG_LVL_INFO, WARN or
 * ERROR; what is below vanishes, debug and trace lines too.  With INFO these two go by their flags.
 * log_wants - whether lines of that level are written; LOG_LVL_FATAL always is.
 */
void log_set_levels(enum log_level min, bool debug, bool trace);
bool log_wants(enum log_level);

/* log_debugs, log_traces - whether they are; one load, for paths per message. */
extern _Atomic unsigned char log_quiet_levels; /* bits 1 << enum log_level */

static inline bool
log_debugs(void)
{
	return ((atomic_load_explicit(&log_quiet_levels, memory_order_relaxed) &
	    1u << LOG_LVL_DEBUG) != 0);
}

static inline bool
log_traces(void)
{
	return ((atomic_load_explicit(&log_quiet_levels, memory_order_relaxed) &
	    1u << LOG_LVL_TRACE) != 0);
}

/* log_escape - len bytes with control characters as \xNN into to[LOG_TEXT_MAX], cut with "..." when
 * they do not fit; its length.  Both ends of the log socket use it: a child is not believed. */
size_t log_escape(char *to, const char *text, size_t len);

/* log_dropped - lines lost since the start because nobody read them. */
uint64_t log_dropped(void);

void log_trace(const char *, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *, ...) __attribute__((format(printf, 1, 2)));  /* nats-server's notice */
void log_warn(const char *, ...) __attribute__((format(printf, 1, 2)));  /* theirs: go on */
void log_error(const char *, ...) __attribute__((format(printf, 1, 2)));
void log_at(enum log_level, const char *, va_list) __attribute__((format(printf, 2, 0)));
/* log_bytes - a line as it stands, zero bytes included. */
void log_bytes(enum log_level, const char *text, size_t n);

/* fatal - the machine's trouble: log, exit 1; the supervisor starts us again. */
void fatal(const char *, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* bug - ours: log, abort(3); a core here is worth more than tidiness. */
void bug(const char *, ...) __attribute__((noreturn, format(printf, 1, 2)));

/*
 * The record on the socket; host order, both ends are one build:
 *   0       1        8          16
 *   | level | zeros  | wall_ns  | text, no terminator
 */
#define LOG_RECORD_HEAD 16

#endif
