#include "config.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/shm.h"

/* One interface for both kinds of memory objects; the bodies are at the end of the file. */
static int object_make(const char *name, struct err *);
static int object_seal(int fd, bool contents, struct err *);
static int object_sealed(int fd, bool contents, struct err *);

static int
make(const char *name, size_t bytes, struct err *err)
{
	int fd;

	if ((fd = object_make(name, err)) == -1)
		return (-1);
	if (ftruncate(fd, (off_t)bytes) != 0) {
		err_sys(err, "resize %s to %zu bytes", name, bytes);
		close(fd);
		return (-1);
	}
	return (fd);
}

int
shm_make(const char *name, size_t bytes, struct err *err)
{
	int fd;

	if ((fd = make(name, bytes, err)) == -1)
		return (-1);
	if (object_seal(fd, false, err) != 0) {
		close(fd);
		return (-1);
	}
	return (fd);
}

static int
write_all(int fd, const void *p, size_t n, struct err *err)
{
	const uint8_t *at = p;
	size_t done = 0;

	while (done < n) {
		ssize_t w = pwrite(fd, at + done, n - done, (off_t)done);

		if (w == -1 && errno == EINTR)
			continue;
		if (w == -1)
			return (err_sys(err, "write %zu bytes at %zu", n - done, done));
		done += (size_t)w;
	}
	return (0);
}

int
shm_make_sealed_copy(const char *name, const void *p, size_t n, struct err *err)
{
	int fd;

	if ((fd = make(name, n, err)) == -1)
		return (-1);
	if (write_all(fd, p, n, err) != 0 || object_seal(fd, true, err) != 0) {
		err_wrap(err, "%s", name);
		close(fd);
		return (-1);
	}
	return (fd);
}

static int
read_whole(int fd, uint8_t *to, size_t n, struct err *err)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r = pread(fd, to + done, n - done, (off_t)done);

		if (r == -1 && errno == EINTR)
			continue;
		if (r == -1)
			return (err_sys(err, "read %zu bytes at %zu", n - done, done));
		if (r == 0)
			return (err_set(err, "sealed memory ends at %zu of %zu", done, n));
		done += (size_t)r;
	}
	return (0);
}

int
shm_read_all(int fd, size_t max, uint8_t **p, size_t *n, struct err *err)
{
	struct stat st;
	uint8_t *to;

	if (object_sealed(fd, true, err) != 0)
		return (-1);
	if (fstat(fd, &st) != 0)
		return (err_sys(err, "fstat"));
	if (st.st_size < 0 || (uintmax_t)st.st_size > max)
		return (err_set(err, "%jd bytes, at most %zu are taken", (intmax_t)st.st_size, max));
	if ((to = malloc((size_t)st.st_size + 1)) == NULL)
		return (err_sys(err, "%jd bytes", (intmax_t)st.st_size));
	if (read_whole(fd, to, (size_t)st.st_size, err) != 0) {
		free(to);
		return (-1);
	}
	*p = to;
	*n = (size_t)st.st_size;
	return (0);
}

static int
check_length(int fd, size_t bytes, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return (err_sys(err, "fstat"));
	if (!S_ISREG(st.st_mode) || st.st_size < 0 || (uintmax_t)st.st_size != bytes)
		return (err_set(err, "%jd bytes where %zu are expected", (intmax_t)st.st_size,
		    bytes));
	return (0);
}

void *
shm_map(int fd, size_t bytes, bool writable, struct err *err)
{
	void *p;

	if (object_sealed(fd, false, err) != 0 || check_length(fd, bytes, err) != 0)
		return (NULL);
	p = mmap(NULL, bytes, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		err_sys(err, "map %zu bytes", bytes);
		return (NULL);
	}
	return (p);
}

void
shm_unmap(void *p, size_t bytes)
{
	if (p != NULL)
		munmap(p, bytes);
}

void *
shm_map_ring(int fd, size_t head, size_t size, struct err *err)
{
	const int prot = PROT_READ | PROT_WRITE;
	const off_t data = (off_t)head;
	uint8_t *all;

	assert(head > 0 && size > 0);
	if (object_sealed(fd, false, err) != 0 || check_length(fd, head + size, err) != 0)
		return (NULL);
	/* One reservation for all three, so that nothing else can come to lie between them. */
	all = mmap(NULL, head + 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED) {
		err_sys(err, "reserve %zu bytes of addresses", head + 2 * size);
		return (NULL);
	}
	if (mmap(all, head + size, prot, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED ||
	    mmap(all + head + size, size, prot, MAP_SHARED | MAP_FIXED, fd, data) == MAP_FAILED) {
		err_sys(err, "map %zu bytes twice", size);
		shm_unmap_ring(all, head, size);
		return (NULL);
	}
	return (all);
}

void
shm_unmap_ring(void *all, size_t head, size_t size)
{
	if (all != NULL)
		munmap(all, head + 2 * size);
}

#ifdef HAVE_MEMFD_CREATE
#define SEALS_SIZE (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static int
object_make(const char *name, struct err *err)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	return (fd == -1 ? err_sys(err, "memfd %s", name) : fd);
}

static int
object_seal(int fd, bool contents, struct err *err)
{
	int seals = SEALS_SIZE | (contents ? F_SEAL_WRITE : 0);

	return (fcntl(fd, F_ADD_SEALS, seals) == -1 ? err_sys(err, "seal") : 0);
}

static int
object_sealed(int fd, bool contents, struct err *err)
{
	int want = contents ? F_SEAL_SHRINK | F_SEAL_WRITE : SEALS_SIZE;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals == -1)
		return (err_sys(err, "seals of the memory"));
	if ((seals & want) != want)
		return (err_set(err, "the memory lacks seals (has %#x, needs %#x)",
		    (unsigned)seals, (unsigned)want));
	return (0);
}

int
shm_punch(void *from, size_t n)
{
	return (madvise(from, n, MADV_REMOVE));
}
#else
/* No seals: a peer that shrinks the object is our SIGBUS, and both sides are replaced (rule 20). */
static int
object_make(const char *name, struct err *err)
{
	char path[] = "/tmp/natsd.XXXXXXXXXX";
	int fd = shm_mkstemp(path);

	if (fd == -1)
		return (err_sys(err, "shared memory %s", name));
	shm_unlink(path);
	return (fd);
}

static int
object_seal(int fd, bool contents, struct err *err)
{
	(void)fd;
	(void)contents;
	(void)err;
	return (0);
}

static int
object_sealed(int fd, bool contents, struct err *err)
{
	(void)fd;
	(void)contents;
	(void)err;
	return (0);
}

int
shm_punch(void *from, size_t n)
{
	memset(from, 0, n);
	return (0);
}
#endif
