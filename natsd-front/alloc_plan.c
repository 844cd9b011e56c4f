/*
 * Test builds (--enable-killpoints): allocations that fail by order of a test (tests/system/memory.py).
 *
 * The linker sends the allocations of this program through here (-Wl,--wrap), libevent and jansson are told to
 * come too.  $NATSD_ALLOC_PLAN, which only a wrapper of the supervisor's can set, names a file of one struct
 * plan; it is mapped before the sandbox closes, and outlives lives: the count goes on.
 */
#include "config.h"

#include <sys/mman.h>

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct plan {
	_Atomic uint64_t asked;	      /* allocations so far */
	_Atomic uint64_t from, until; /* those of these numbers fail: [from, until), the first is 1 */
	_Atomic uint64_t failed;
};

static struct plan no_plan;
static struct plan *plan = &no_plan;

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
void *__real_reallocarray(void *, size_t, size_t);
void *__real_aligned_alloc(size_t, size_t);
char *__real_strdup(const char *);
char *__real_strndup(const char *, size_t);
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);
void *__wrap_reallocarray(void *, size_t, size_t);
void *__wrap_aligned_alloc(size_t, size_t);
char *__wrap_strdup(const char *);
char *__wrap_strndup(const char *, size_t);

static bool
refused(void)
{
	uint64_t number = atomic_fetch_add(&plan->asked, 1) + 1;

	if (number < atomic_load(&plan->from) || number >= atomic_load(&plan->until))
		return (false);
	atomic_fetch_add(&plan->failed, 1);
	errno = ENOMEM;
	return (true);
}

void *
__wrap_malloc(size_t n)
{
	return (refused() ? NULL : __real_malloc(n));
}

void *
__wrap_calloc(size_t n, size_t each)
{
	return (refused() ? NULL : __real_calloc(n, each));
}

void *
__wrap_realloc(void *p, size_t n)
{
	return (refused() ? NULL : __real_realloc(p, n));
}

void *
__wrap_reallocarray(void *p, size_t n, size_t each)
{
	return (refused() ? NULL : __real_reallocarray(p, n, each));
}

void *
__wrap_aligned_alloc(size_t align, size_t n)
{
	return (refused() ? NULL : __real_aligned_alloc(align, n));
}

char *
__wrap_strdup(const char *s)
{
	return (refused() ? NULL : __real_strdup(s));
}

char *
__wrap_strndup(const char *s, size_t n)
{
	return (refused() ? NULL : __real_strndup(s, n));
}

struct front;
struct err;
int __real_front_attach(struct front *, struct err *);
int __wrap_front_attach(struct front *, struct err *);

static void
read_plan(void)
{
	const char *path = getenv("NATSD_ALLOC_PLAN");
	void *at;
	int fd;

	if (path == NULL || (fd = open(path, O_RDWR | O_CLOEXEC)) == -1)
		return;
	at = mmap(NULL, sizeof(*plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (at == MAP_FAILED)
		return;
	event_set_mem_functions(__wrap_malloc, __wrap_realloc, free);
	json_set_alloc_funcs(__wrap_malloc, free);
	plan = at;
}

/* OpenSSL's own beginnings, thousands of allocations before this one, are not ours to try: it does not
 * survive a failure there, and tls/library.c ends the program instead. */
int
__wrap_front_attach(struct front *f, struct err *e)
{
	read_plan();
	return (__real_front_attach(f, e));
}
