#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/err.h"
#include "common/log.h"
#include "common/role.h"
#include "tests/unit/unit.h"

START_TEST(err_tells_from_outside_in)
{
	struct err err;

	errno = ENOSPC;
	ck_assert_int_eq(err_sys(&err, "write %d at %d", 4096, 81920), -1);
	ck_assert_int_eq(errno, ENOSPC);
	ck_assert_int_eq(err_wrap(&err, "block %u", 12u), -1);
	ck_assert_int_eq(err_wrap(&err, "stream %s", "ORDERS"), -1);
	ck_assert_str_eq(err.text,
	    "stream ORDERS: block 12: write 4096 at 81920: no space left on device");
	ck_assert_int_eq(err.sys, ENOSPC);
	ck_assert_int_eq(err_set(&err, "ours"), -1);
	ck_assert_str_eq(err.text, "ours");
	ck_assert_int_eq(err.sys, 0);
}
END_TEST

START_TEST(err_is_cut_never_overrun)
{
	struct err err;
	char text[2 * ERR_TEXT_MAX];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	err_set(&err, "%s", text);
	ck_assert_uint_eq(strlen(err.text), ERR_TEXT_MAX - 1);
	err_wrap(&err, "%s", text);
	ck_assert_uint_eq(strlen(err.text), ERR_TEXT_MAX - 1);
	err_sys(&err, "%s", text);
	ck_assert_uint_eq(strlen(err.text), ERR_TEXT_MAX - 1);
	err_set(&err, "%.*s", ERR_TEXT_MAX - 4, text);
	err_wrap(&err, "ab");
	ck_assert_uint_eq(strlen(err.text), ERR_TEXT_MAX - 1);
	ck_assert_int_eq(strncmp(err.text, "ab: xxx", 7), 0);
}
END_TEST

START_TEST(err_may_be_absent)
{
	ck_assert_int_eq(err_set(NULL, "x"), -1);
	ck_assert_int_eq(err_sys(NULL, "x"), -1);
	ck_assert_int_eq(err_wrap(NULL, "x"), -1);
}
END_TEST

struct seen {
	enum log_level level;
	unsigned lines;
	char line[LOG_TEXT_MAX];
};

static void
see(enum log_level level, int64_t wall_ns, const char *line, void *arg)
{
	struct seen *seen = arg;

	ck_assert_int_gt(wall_ns, 0);
	seen->level = level;
	seen->lines++;
	strcpy(seen->line, line);
}

START_TEST(log_refuses_forged_lines)
{
	struct seen seen = { 0 };

	log_to_function(see, &seen);
	errno = EAGAIN;
	log_warn("bad name %s", "a\r\n[1] [INF] forged\t\x7f");
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_str_eq(seen.line, "bad name a\\x0d\\x0a[1] [INF] forged\\x09\\x7f");
	ck_assert_int_eq(seen.level, LOG_LVL_WARN);
}
END_TEST

START_TEST(log_levels)
{
	struct seen seen = { 0 };

	log_to_function(see, &seen);
	log_debug("no");
	log_trace("no");
	ck_assert_uint_eq(seen.lines, 0);
	log_set_levels(LOG_LVL_INFO, true, false);
	log_debug("yes");
	log_trace("no");
	ck_assert_uint_eq(seen.lines, 1);
	log_set_levels(LOG_LVL_INFO, true, true);
	log_trace("yes");
	log_info("yes");
	log_error("yes");
	ck_assert_uint_eq(seen.lines, 4);
}
END_TEST

START_TEST(log_least_level)
{
	struct seen seen = { 0 };

	log_to_function(see, &seen);
	log_set_levels(LOG_LVL_WARN, true, true);
	ck_assert(!log_debugs() && !log_traces());
	log_debug("no");
	log_trace("no");
	log_info("no");
	ck_assert_uint_eq(seen.lines, 0);
	log_warn("yes");
	log_set_levels(LOG_LVL_ERROR, false, false);
	log_warn("no");
	log_error("yes");
	ck_assert_uint_eq(seen.lines, 2);
	ck_assert(log_wants(LOG_LVL_FATAL));
	log_set_levels(LOG_LVL_INFO, true, true);
	log_debug("yes");
	ck_assert_uint_eq(seen.lines, 3);
}
END_TEST

START_TEST(log_cuts_long_lines)
{
	struct seen seen = { 0 };
	char text[LOG_TEXT_MAX * 2];

	log_to_function(see, &seen);
	memset(text, '\n', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_info("%s", text);
	ck_assert_uint_lt(strlen(seen.line), LOG_TEXT_MAX);
	ck_assert_str_eq(seen.line + strlen(seen.line) - 7, "\\x0a...");
}
END_TEST

static ssize_t
next_record(int fd, char *record, size_t size)
{
	return (recv(fd, record, size, MSG_DONTWAIT));
}

START_TEST(log_drops_and_tells)
{
	char record[LOG_RECORD_HEAD + LOG_TEXT_MAX];
	uint64_t sent = 0, got = 0;
	ssize_t n;
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	log_to_supervisor(fds[1]);
	while (log_dropped() < 5) {
		log_info("line %llu", (unsigned long long)sent);
		sent++;
	}
	while ((n = next_record(fds[0], record, sizeof(record))) > 0)
		got++;
	ck_assert_uint_eq(got, sent - 5);
	log_error("after");
	n = next_record(fds[0], record, sizeof(record));
	ck_assert_int_eq(n, LOG_RECORD_HEAD + (int)strlen("5 log lines dropped"));
	ck_assert_int_eq(record[0], LOG_LVL_WARN);
	ck_assert_mem_eq(record + LOG_RECORD_HEAD, "5 log lines dropped", 19);
	n = next_record(fds[0], record, sizeof(record));
	ck_assert_int_eq(n, LOG_RECORD_HEAD + 5);
	ck_assert_int_eq(record[0], LOG_LVL_ERROR);
	ck_assert_int_eq(next_record(fds[0], record, sizeof(record)), -1);
	ck_assert_uint_eq(log_dropped(), 5);
	close(fds[0]);
	log_info("nobody reads any more");
	ck_assert_uint_eq(log_dropped(), 6);
}
END_TEST

START_TEST(role_names)
{
	ck_assert_str_eq(role_name(ROLE_FRONT), "front");
	ck_assert_str_eq(role_program(ROLE_SUPERVISOR), "natsd-supervisor");
	ck_assert_str_eq(role_name((enum role)3), "?");
	ck_assert_str_eq(role_program((enum role)0), "?");
}
END_TEST

UNIT_MAIN("err, log, role",
    tcase_add_test(tc, err_tells_from_outside_in);
    tcase_add_test(tc, err_is_cut_never_overrun);
    tcase_add_test(tc, err_may_be_absent);
    tcase_add_test(tc, log_refuses_forged_lines);
    tcase_add_test(tc, log_levels);
    tcase_add_test(tc, log_least_level);
    tcase_add_test(tc, log_cuts_long_lines);
    tcase_add_test(tc, log_drops_and_tells);
    tcase_add_test(tc, role_names);)
