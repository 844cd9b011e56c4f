/*
 * What all disks share: whole reads and writes, and small files replaced as one.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/disk.h"

static void
name_check(const char *name)
{
	size_t n = strlen(name);

	assert(n > 0 && n <= DISK_NAME_MAX && strchr(name, '/') == NULL);
	assert(strcmp(name, ".") != 0 && strcmp(name, "..") != 0);
	(void)n;
}

void
disk_free(struct disk *disk)
{
	if (disk != NULL)
		disk->ops->free(disk);
}

int
disk_open(struct disk *disk, int dir, const char *name, enum disk_open how)
{
	name_check(name);
	return (disk->ops->open(disk, dir, name, how));
}

void
disk_close(struct disk *disk, int handle)
{
	int saved = errno;

	if (handle >= 0)
		disk->ops->close(disk, handle);
	errno = saved;
}

ssize_t
disk_read(struct disk *disk, int handle, void *to, size_t n, uint64_t at)
{
	uint8_t *p = to;
	size_t done = 0;
	ssize_t got;

	while (done < n) {
		got = disk->ops->pread(disk, handle, p + done, n - done, at + done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return (-1);
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return ((ssize_t)done);
}

int
disk_read_all(struct disk *disk, int handle, void *to, size_t n, uint64_t at)
{
	ssize_t got = disk_read(disk, handle, to, n, at);

	if (got < 0)
		return (-1);
	if ((size_t)got != n) {
		errno = ENODATA;
		return (-1);
	}
	return (0);
}

/* Forgets the first n bytes of the vector; the parts that are left. */
static int
vector_skip(struct iovec **iov, int count, size_t n)
{
	while (count > 0 && n >= (*iov)->iov_len) {
		n -= (*iov)->iov_len;
		(*iov)++;
		count--;
	}
	if (count > 0) {
		(*iov)->iov_base = (uint8_t *)(*iov)->iov_base + n;
		(*iov)->iov_len -= n;
	}
	return (count);
}

#define VECTOR_MAX 1024 /* IOV_MAX of every system we know */

int
disk_writev_all(struct disk *disk, int handle, struct iovec *iov, int count, uint64_t at)
{
	ssize_t put;

	count = vector_skip(&iov, count, 0);
	while (count > 0) {
		put = disk->ops->pwritev(disk, handle, iov, count < VECTOR_MAX ? count : VECTOR_MAX,
		    at);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return (-1);
		if (put == 0) {
			errno = ENOSPC;
			return (-1);
		}
		at += (uint64_t)put;
		count = vector_skip(&iov, count, (size_t)put);
	}
	return (0);
}

int
disk_write_all(struct disk *disk, int handle, const void *from, size_t n, uint64_t at)
{
	struct iovec iov = { .iov_base = NULL, .iov_len = n };

	memcpy(&iov.iov_base, &from, sizeof(from)); /* only read from: the cast const needs */
	return (disk_writev_all(disk, handle, &iov, 1, at));
}

int
disk_sync(struct disk *disk, int handle)
{
	return (disk->ops->sync(disk, handle));
}

int
disk_truncate(struct disk *disk, int handle, uint64_t bytes)
{
	return (disk->ops->truncate(disk, handle, bytes));
}

int
disk_size(struct disk *disk, int handle, uint64_t *bytes)
{
	return (disk->ops->size(disk, handle, bytes));
}

int
disk_rename(struct disk *disk, int from_dir, const char *from, int to_dir, const char *to)
{
	name_check(from);
	name_check(to);
	return (disk->ops->rename(disk, from_dir, from, to_dir, to));
}

int
disk_unlink(struct disk *disk, int dir, const char *name)
{
	name_check(name);
	return (disk->ops->unlink(disk, dir, name, false));
}

int
disk_rmdir(struct disk *disk, int dir, const char *name)
{
	name_check(name);
	return (disk->ops->unlink(disk, dir, name, true));
}

int
disk_mkdir(struct disk *disk, int dir, const char *name)
{
	name_check(name);
	return (disk->ops->mkdir(disk, dir, name));
}

int
disk_list(struct disk *disk, int dir, disk_list_fn *fn, void *arg)
{
	return (disk->ops->list(disk, dir, fn, arg));
}

int
disk_lock(struct disk *disk, int handle)
{
	return (disk->ops->lock(disk, handle));
}

int
disk_space(struct disk *disk, int dir, uint64_t *bytes)
{
	return (disk->ops->space(disk, dir, bytes));
}

int
disk_open_dir(struct disk *disk, int dir, const char *name, struct err *err)
{
	int handle;

	if (disk_mkdir(disk, dir, name) != 0 && errno != EEXIST)
		return (err_sys(err, "make directory %s", name));
	handle = disk_open(disk, dir, name, DISK_DIR);
	if (handle < 0)
		return (err_sys(err, "open directory %s", name));
	/* One that is there may be so in the page cache only: who made it may have been killed. */
	if (disk_sync(disk, dir) != 0) {
		err_sys(err, "sync the directory of %s", name);
		disk_close(disk, handle);
		return (-1);
	}
	return (handle);
}

int
disk_replace(struct disk *disk, int dir, const char *name, const void *p, size_t n,
    struct err *err)
{
	char fresh[DISK_NAME_MAX + 1];
	int handle;

	snprintf(fresh, sizeof(fresh), "%s.new", name);
	/* What an earlier try left behind holds nothing that anybody was promised. */
	if (disk_unlink(disk, dir, fresh) != 0 && errno != ENOENT)
		return (err_sys(err, "remove %s", fresh));
	handle = disk_open(disk, dir, fresh, DISK_CREATE);
	if (handle < 0)
		return (err_sys(err, "create %s", fresh));
	if (disk_write_all(disk, handle, p, n, 0) != 0) {
		err_sys(err, "write %s", fresh);
		disk_close(disk, handle);
		return (-1);
	}
	if (disk_sync(disk, handle) != 0) {
		err_sys(err, "sync %s", fresh);
		disk_close(disk, handle);
		return (-1);
	}
	disk_close(disk, handle);
	if (disk_rename(disk, dir, fresh, dir, name) != 0)
		return (err_sys(err, "rename %s", fresh));
	if (disk_sync(disk, dir) != 0)
		return (err_sys(err, "sync the directory of %s", name));
	return (0);
}

uint8_t *
disk_load(struct disk *disk, int dir, const char *name, size_t max, size_t *n)
{
	int handle = disk_open(disk, dir, name, DISK_READ);
	uint8_t *p = NULL;
	uint64_t bytes;

	if (handle < 0)
		return (NULL);
	if (disk_size(disk, handle, &bytes) != 0)
		goto out;
	if (bytes > max) {
		errno = EFBIG;
		goto out;
	}
	p = malloc(bytes == 0 ? 1 : (size_t)bytes);
	if (p != NULL && disk_read_all(disk, handle, p, (size_t)bytes, 0) != 0) {
		free(p);
		p = NULL;
	}
	*n = (size_t)bytes;
out:
	disk_close(disk, handle);
	return (p);
}
