/*
 * count_calls - a library to preload into natsd-front: counts calls of the allocator and of locks into the
 * file $COUNT_CALLS, mapped before the sandbox closes (tests/system/per_message.py).
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

struct counts {
	_Atomic uint64_t allocations, frees, locks;
};

static struct counts before_start;
static struct counts *counts = &before_start;
static int (*real_lock)(pthread_mutex_t *);

static void __attribute__((constructor))
start(void)
{
	const char *path = getenv("COUNT_CALLS");
	void *at = MAP_FAILED;
	int fd;

	*(void **)&real_lock = dlsym(RTLD_NEXT, "pthread_mutex_lock");
	if (path == NULL || (fd = open(path, O_RDWR)) == -1)
		return;
	at = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (at != MAP_FAILED)
		counts = at;
}

void *
malloc(size_t n)
{
	counts->allocations++;
	return (__libc_malloc(n));
}

void *
calloc(size_t n, size_t each)
{
	counts->allocations++;
	return (__libc_calloc(n, each));
}

void *
realloc(void *p, size_t n)
{
	counts->allocations++;
	return (__libc_realloc(p, n));
}

void *
aligned_alloc(size_t align, size_t n)
{
	counts->allocations++;
	return (__libc_memalign(align, n));
}

void
free(void *p)
{
	counts->frees++;
	__libc_free(p);
}

int
pthread_mutex_lock(pthread_mutex_t *m)
{
	counts->locks++;
	return (real_lock(m));
}
