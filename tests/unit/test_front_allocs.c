/*
 * No allocation per message: a million messages through two workers, with malloc counted.
 *
 * The program's own malloc takes the place of libc's.  Under a sanitizer, which has one of its own,
 * nothing is counted and the test says so.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/front_rig.h"
#include "tests/unit/unit.h"

#define MESSAGES 1000000
#define BATCH 500
#define ALLOWED 500 /* growth to the working size, timers, a trim now and then */

#define QUIET "{\"verbose\":false,\"pedantic\":false,\"headers\":true}"

static _Atomic uint64_t calls;
static _Thread_local bool is_test; /* the test's own thread, whose calls do not count */

static void __attribute__((unused))
count_call(void)
{
	if (!is_test)
		atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed);
}

#ifdef NATSD_SANITIZED
#define COUNTS false
#else
#define COUNTS true

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);

void *
malloc(size_t n)
{
	count_call();
	return (__libc_malloc(n));
}

void *
calloc(size_t n, size_t size)
{
	count_call();
	return (__libc_calloc(n, size));
}

void *
realloc(void *p, size_t n)
{
	count_call();
	return (__libc_realloc(p, n));
}
#endif

/* Reads n bytes and forgets them. */
static void
swallow(int fd, size_t n)
{
	static char buf[65536];
	ssize_t got;

	while (n > 0) {
		got = read(fd, buf, n < sizeof(buf) ? n : sizeof(buf));
		ck_assert_int_gt(got, 0);
		n -= (size_t)got;
	}
}

static void
batch(int pub, const int *subs, unsigned nsubs)
{
	static const char one[] = "PUB some.subject 16\r\n0123456789abcdef\r\n";
	static const char got[] = "MSG some.subject 1 16\r\n0123456789abcdef\r\n";
	static char text[BATCH * (sizeof(one) - 1)];
	unsigned i;

	if (text[0] == '\0')
		for (i = 0; i < BATCH; i++)
			memcpy(text + i * (sizeof(one) - 1), one, sizeof(one) - 1);
	rig_send_bytes(pub, text, sizeof(text));
	for (i = 0; i < nsubs; i++)
		swallow(subs[i], BATCH * (sizeof(got) - 1));
}

START_TEST(test_a_million_messages)
{
	struct rig r;
	int pub, subs[2];
	uint64_t before;
	unsigned i;

	is_test = true;
	rig_start(&r, 2, NULL);
	pub = rig_connect(&r, 0, QUIET);
	for (i = 0; i < 2; i++) {
		subs[i] = rig_connect(&r, i, QUIET);
		rig_send(subs[i], "SUB some.* 1\r\n");
		rig_sync(subs[i]);
	}
	for (i = 0; i < 100; i++)
		batch(pub, subs, 2);
	before = atomic_load(&calls);
	for (i = 0; i < MESSAGES / BATCH; i++)
		batch(pub, subs, 2);
	printf("allocator calls for %d messages to 2 receivers: %llu%s\n", MESSAGES,
	    (unsigned long long)(atomic_load(&calls) - before), COUNTS ? "" : " (not counted)");
	ck_assert_uint_le(atomic_load(&calls) - before, ALLOWED);
	close(pub);
	close(subs[0]);
	close(subs[1]);
	rig_stop(&r);
}
END_TEST

UNIT_MAIN("front_allocs",
    signal(SIGPIPE, SIG_IGN);
    tcase_add_test(tc, test_a_million_messages);)
