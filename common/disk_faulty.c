#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/disk_faulty.h"

struct faulty {
	struct disk disk;
	struct disk *below;
	pthread_mutex_t lock; /* of all below */
	struct fault_plan plan;
	uint64_t calls;
	bool hit;
	bool dead;
};

static struct faulty *
faulty_of(struct disk *disk)
{
	return ((struct faulty *)disk);
}

/* What is to happen to this call; errno is set for the failures. */
static enum fault
verdict(struct faulty *f, enum disk_call call)
{
	enum fault what = FAULT_NONE;
	int error = EIO;

	pthread_mutex_lock(&f->lock);
	if (f->dead) {
		what = FAULT_ERROR;
	} else if ((f->plan.kinds & 1u << call) != 0) {
		f->calls++;
		if (f->plan.nth != 0 &&
		    (f->calls == f->plan.nth || (f->plan.for_good && f->calls > f->plan.nth))) {
			what = f->plan.what;
			error = f->plan.error;
			f->hit = true;
		}
	}
	if (what >= FAULT_DIE) {
		f->dead = true;
		error = EIO;
	}
	pthread_mutex_unlock(&f->lock);
	errno = error;
	return (what);
}

/* For calls that cannot be done by half: `done` is what DIE_AFTER still does. */
#define SIMPLE(call, done)                                                                         \
	do {                                                                                       \
		enum fault what_ = verdict(faulty_of(disk), call);                                 \
		int error_ = errno;                                                                \
                                                                                                   \
		if (what_ == FAULT_NONE)                                                           \
			return (done);                                                             \
		if (what_ == FAULT_DIE_AFTER)                                                      \
			(void)(done);                                                              \
		errno = error_;                                                                    \
		return (-1);                                                                       \
	} while (0)

#define BELOW (faulty_of(disk)->below)

static int
faulty_open(struct disk *disk, int dir, const char *name, enum disk_open how)
{
	if (verdict(faulty_of(disk), DISK_CALL_OPEN) != FAULT_NONE)
		return (-1);
	return (BELOW->ops->open(BELOW, dir, name, how));
}

static int
faulty_close(struct disk *disk, int handle)
{
	return (BELOW->ops->close(BELOW, handle));
}

static ssize_t
faulty_pread(struct disk *disk, int handle, void *to, size_t n, uint64_t at)
{
	enum fault what = verdict(faulty_of(disk), DISK_CALL_READ);

	if (what == FAULT_NONE)
		return (BELOW->ops->pread(BELOW, handle, to, n, at));
	if (what == FAULT_SHORT)
		return (BELOW->ops->pread(BELOW, handle, to, n > 1 ? n / 2 : n, at));
	return (-1);
}

/* The first half of the vector's bytes, at least one. */
static ssize_t
write_half(struct disk *below, int handle, const struct iovec *iov, int n, uint64_t at)
{
	struct iovec part[8];
	size_t total = 0, half, take;
	int used = 0;

	for (int i = 0; i < n; i++)
		total += iov[i].iov_len;
	half = total > 1 ? total / 2 : total;
	for (int i = 0; i < n && half > 0 && used < 8; i++) {
		take = iov[i].iov_len < half ? iov[i].iov_len : half;
		part[used].iov_base = iov[i].iov_base;
		part[used].iov_len = take;
		used++;
		half -= take;
	}
	return (below->ops->pwritev(below, handle, part, used, at));
}

static ssize_t
faulty_pwritev(struct disk *disk, int handle, const struct iovec *iov, int n, uint64_t at)
{
	enum fault what = verdict(faulty_of(disk), DISK_CALL_WRITE);
	int error = errno;

	if (what == FAULT_NONE)
		return (BELOW->ops->pwritev(BELOW, handle, iov, n, at));
	if (what == FAULT_SHORT)
		return (write_half(BELOW, handle, iov, n, at));
	if (what == FAULT_HALF_ERROR || what == FAULT_DIE_HALF)
		(void)write_half(BELOW, handle, iov, n, at);
	if (what == FAULT_DIE_AFTER)
		(void)BELOW->ops->pwritev(BELOW, handle, iov, n, at);
	errno = error;
	return (-1);
}

static int
faulty_sync(struct disk *disk, int handle)
{
	SIMPLE(DISK_CALL_SYNC, BELOW->ops->sync(BELOW, handle));
}

static int
faulty_truncate(struct disk *disk, int handle, uint64_t bytes)
{
	SIMPLE(DISK_CALL_TRUNCATE, BELOW->ops->truncate(BELOW, handle, bytes));
}

static int
faulty_size(struct disk *disk, int handle, uint64_t *bytes)
{
	SIMPLE(DISK_CALL_OTHER, BELOW->ops->size(BELOW, handle, bytes));
}

static int
faulty_rename(struct disk *disk, int from_dir, const char *from, int to_dir, const char *to)
{
	SIMPLE(DISK_CALL_RENAME, BELOW->ops->rename(BELOW, from_dir, from, to_dir, to));
}

static int
faulty_unlink(struct disk *disk, int dir, const char *name, bool is_dir)
{
	SIMPLE(DISK_CALL_UNLINK, BELOW->ops->unlink(BELOW, dir, name, is_dir));
}

static int
faulty_mkdir(struct disk *disk, int dir, const char *name)
{
	SIMPLE(DISK_CALL_MKDIR, BELOW->ops->mkdir(BELOW, dir, name));
}

static int
faulty_list(struct disk *disk, int dir, disk_list_fn *fn, void *arg)
{
	SIMPLE(DISK_CALL_LIST, BELOW->ops->list(BELOW, dir, fn, arg));
}

static int
faulty_lock(struct disk *disk, int handle)
{
	SIMPLE(DISK_CALL_OTHER, BELOW->ops->lock(BELOW, handle));
}

static int
faulty_space(struct disk *disk, int dir, uint64_t *bytes)
{
	SIMPLE(DISK_CALL_OTHER, BELOW->ops->space(BELOW, dir, bytes));
}

static void
faulty_free(struct disk *disk)
{
	pthread_mutex_destroy(&faulty_of(disk)->lock);
	free(disk);
}

static const struct disk_ops faulty_ops = {
	.open = faulty_open,
	.close = faulty_close,
	.pread = faulty_pread,
	.pwritev = faulty_pwritev,
	.sync = faulty_sync,
	.truncate = faulty_truncate,
	.size = faulty_size,
	.rename = faulty_rename,
	.unlink = faulty_unlink,
	.mkdir = faulty_mkdir,
	.list = faulty_list,
	.lock = faulty_lock,
	.space = faulty_space,
	.free = faulty_free,
};

struct disk *
disk_faulty(struct disk *below)
{
	struct faulty *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return (NULL);
	f->disk.ops = &faulty_ops;
	f->below = below;
	pthread_mutex_init(&f->lock, NULL);
	return (&f->disk);
}

void
disk_faulty_plan(struct disk *disk, const struct fault_plan *plan)
{
	struct faulty *f = faulty_of(disk);

	pthread_mutex_lock(&f->lock);
	f->plan = *plan;
	f->calls = 0;
	f->hit = f->dead = false;
	pthread_mutex_unlock(&f->lock);
}

uint64_t
disk_faulty_calls(struct disk *disk)
{
	struct faulty *f = faulty_of(disk);
	uint64_t calls;

	pthread_mutex_lock(&f->lock);
	calls = f->calls;
	pthread_mutex_unlock(&f->lock);
	return (calls);
}

bool
disk_faulty_hit(struct disk *disk)
{
	struct faulty *f = faulty_of(disk);
	bool hit;

	pthread_mutex_lock(&f->lock);
	hit = f->hit;
	pthread_mutex_unlock(&f->lock);
	return (hit);
}
