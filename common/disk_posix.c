/*
 * disk_posix - the machine's files; a handle is a descriptor, with a mark when it is of a directory, but
 * for DISK_ROOT.
 */
#include "config.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/disk.h"

struct posix {
	struct disk disk;
	int root;
};

static struct posix *
posix_of(struct disk *disk)
{
	return ((struct posix *)disk);
}

#define DIR_MARK (1 << 30)

/* DISK_ROOT is the number of a descriptor that is never ours: stdin. */
static int
fd_of(struct disk *disk, int handle)
{
	return (handle == DISK_ROOT ? posix_of(disk)->root : handle & ~DIR_MARK);
}

static int
posix_open(struct disk *disk, int dir, const char *name, enum disk_open how)
{
	static const int flags[] = {
		[DISK_DIR] = O_RDONLY | O_DIRECTORY,
		[DISK_READ] = O_RDONLY,
		[DISK_WRITE] = O_RDWR,
		[DISK_CREATE] = O_RDWR | O_CREAT | O_EXCL,
	};
	int fd = openat(fd_of(disk, dir), name, flags[how] | O_NOFOLLOW | O_CLOEXEC, 0600);
	int high;

	if (fd == DISK_ROOT) {
		high = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		close(fd);
		fd = high;
	}
	return (fd >= 0 && how == DISK_DIR ? fd | DIR_MARK : fd);
}

static int
posix_close(struct disk *disk, int handle)
{
	assert(handle != DISK_ROOT);
	return (close(fd_of(disk, handle)));
}

static ssize_t
posix_pread(struct disk *disk, int handle, void *to, size_t n, uint64_t at)
{
	(void)disk;
	return (pread(handle, to, n, (off_t)at));
}

static ssize_t
posix_pwritev(struct disk *disk, int handle, const struct iovec *iov, int n, uint64_t at)
{
	(void)disk;
	return (pwritev(handle, iov, n, (off_t)at));
}

/*
 * A directory has no data of its own: fsync, which on a file would also write its times.  A file is not
 * looked at (fstat) before: then each write would change its times by themselves, and make the sync longer.
 */
static int
posix_sync(struct disk *disk, int handle)
{
	int fd = fd_of(disk, handle);

	return (handle == DISK_ROOT || (handle & DIR_MARK) != 0 ? fsync(fd) : fdatasync(fd));
}

static int
posix_truncate(struct disk *disk, int handle, uint64_t bytes)
{
	(void)disk;
	return (ftruncate(handle, (off_t)bytes));
}

static int
posix_size(struct disk *disk, int handle, uint64_t *bytes)
{
	struct stat st;

	(void)disk;
	if (fstat(handle, &st) != 0)
		return (-1);
	*bytes = (uint64_t)st.st_size;
	return (0);
}

static int
posix_rename(struct disk *disk, int from_dir, const char *from, int to_dir, const char *to)
{
	return (renameat(fd_of(disk, from_dir), from, fd_of(disk, to_dir), to));
}

static int
posix_unlink(struct disk *disk, int dir, const char *name, bool is_dir)
{
	return (unlinkat(fd_of(disk, dir), name, is_dir ? AT_REMOVEDIR : 0));
}

static int
posix_mkdir(struct disk *disk, int dir, const char *name)
{
	return (mkdirat(fd_of(disk, dir), name, 0700));
}

static bool
entry_is_dir(int fd, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_type != DT_UNKNOWN)
		return (entry->d_type == DT_DIR);
	return (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode));
}

static int
posix_list(struct disk *disk, int dir, disk_list_fn *fn, void *arg)
{
	int fd = openat(fd_of(disk, dir), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), error;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (d == NULL) {
		error = errno;
		if (fd >= 0)
			close(fd);
		errno = error;
		return (-1);
	}
	for (;;) {
		errno = 0;
		entry = readdir(d);
		if (entry == NULL)
			break;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (!fn(arg, entry->d_name, entry_is_dir(dirfd(d), entry))) {
			errno = 0;
			break;
		}
	}
	error = errno;
	closedir(d);
	errno = error;
	return (error == 0 ? 0 : -1);
}

static int
posix_lock(struct disk *disk, int handle)
{
	return (flock(fd_of(disk, handle), LOCK_EX | LOCK_NB));
}

static int
posix_space(struct disk *disk, int dir, uint64_t *bytes)
{
	struct statvfs st;

	if (fstatvfs(fd_of(disk, dir), &st) != 0)
		return (-1);
	*bytes = (uint64_t)st.f_bavail * (uint64_t)st.f_frsize;
	return (0);
}

static void
posix_free(struct disk *disk)
{
	close(posix_of(disk)->root);
	free(disk);
}

static const struct disk_ops posix_ops = {
	.open = posix_open,
	.close = posix_close,
	.pread = posix_pread,
	.pwritev = posix_pwritev,
	.sync = posix_sync,
	.truncate = posix_truncate,
	.size = posix_size,
	.rename = posix_rename,
	.unlink = posix_unlink,
	.mkdir = posix_mkdir,
	.list = posix_list,
	.lock = posix_lock,
	.space = posix_space,
	.free = posix_free,
};

struct disk *
disk_posix(int dirfd)
{
	struct posix *p = malloc(sizeof(*p));

	if (p == NULL)
		return (NULL);
	*p = (struct posix){ .disk = { .ops = &posix_ops }, .root = dirfd };
	return (&p->disk);
}
