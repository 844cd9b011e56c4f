/*
 * disk - the only way from the journal and the store to a file: one table of functions, three
 * bodies.
 *
 * disk_posix	 the machine's file system
 * disk_memory	 files in memory, with a model of what a power cut may leave (disk_memory.h)
 * disk_faulty	 another disk whose n-th call fails (disk_faulty.h)
 *
 * Every call goes through the table, so that every one of them can be made to fail in a test
 * (faults.md 4).  No mapped writing.  Handles are small numbers that the disk hands out;
 * directories are opened beneath directories, and a name is one component: never empty, no '/', not
 * "." or "..", at most DISK_NAME_MAX bytes.  Another name is a bug of the caller, not input.
 *
 * Calls return -1 with errno on failure.  "Durable" after disk_sync() of the file returned 0, and,
 * for a name that was made, moved or removed, after disk_sync() of its directory did.
 *
 * Any thread; one handle may be read by several threads at once.
 */
#ifndef COMMON_DISK_H
#define COMMON_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "common/err.h"

#define DISK_NAME_MAX 63
#define DISK_SECTOR 512u /* what a torn write is a multiple of */

enum disk_open {
	DISK_DIR,    /* a directory that exists */
	DISK_READ,   /* a file that exists */
	DISK_WRITE,  /* the same, for reading and writing */
	DISK_CREATE, /* a file that must not exist yet, for reading and writing */
};

/* What a call is, for fault plans and counters. */
enum disk_call {
	DISK_CALL_OPEN,
	DISK_CALL_READ,
	DISK_CALL_WRITE,
	DISK_CALL_SYNC,
	DISK_CALL_TRUNCATE,
	DISK_CALL_RENAME,
	DISK_CALL_UNLINK,
	DISK_CALL_MKDIR,
	DISK_CALL_LIST,
	DISK_CALL_OTHER,
};
#define DISK_CALLS ((unsigned)DISK_CALL_OTHER + 1)

struct disk; /* the head of whatever a body keeps */

/* One entry of a directory: return true to go on. */
typedef bool disk_list_fn(void *arg, const char *name, bool is_dir);

struct disk_ops {
	int (*open)(struct disk *, int dir, const char *name, enum disk_open);
	int (*close)(struct disk *, int handle);
	ssize_t (*pread)(struct disk *, int handle, void *, size_t, uint64_t at);
	ssize_t (*pwritev)(struct disk *, int handle, const struct iovec *, int n, uint64_t at);
	int (*sync)(struct disk *, int handle);
	int (*truncate)(struct disk *, int handle, uint64_t bytes);
	int (*size)(struct disk *, int handle, uint64_t *bytes);
	int (*rename)(struct disk *, int from_dir, const char *from, int to_dir, const char *to);
	int (*unlink)(struct disk *, int dir, const char *name, bool is_dir);
	int (*mkdir)(struct disk *, int dir, const char *name);
	int (*list)(struct disk *, int dir, disk_list_fn *, void *arg);
	int (*lock)(struct disk *, int handle);
	int (*space)(struct disk *, int dir, uint64_t *bytes);
	void (*free)(struct disk *);
};

struct disk {
	const struct disk_ops *ops;
};

/* disk_posix - the files beneath dirfd, which becomes the handle `root` of disk_root(); yours to
 * disk_free().  NULL: no memory (dirfd is then still yours). */
struct disk *disk_posix(int dirfd);

/* disk_root - the handle of the directory everything lies beneath; never closed by callers. */
#define DISK_ROOT 0

void disk_free(struct disk *); /* NULL is fine */

/*
 * disk_open - a handle, yours to disk_close; -1.  Symbolic links are not followed.
 * disk_close - preserves errno; a handle of -1 is fine.
 */
int disk_open(struct disk *, int dir, const char *name, enum disk_open);
void disk_close(struct disk *, int handle);

/*
 * disk_read_all - exactly n bytes at `at`; fewer (end of file) is -1 with ENODATA.
 * disk_read - up to n bytes; fewer only at the end of the file.
 * disk_write_all - all n bytes; disk_writev_all - all of the vector, which it may change.
 */
int disk_read_all(struct disk *, int handle, void *, size_t n, uint64_t at);
ssize_t disk_read(struct disk *, int handle, void *, size_t n, uint64_t at);
int disk_write_all(struct disk *, int handle, const void *, size_t n, uint64_t at);
int disk_writev_all(struct disk *, int handle, struct iovec *, int n, uint64_t at);

int disk_sync(struct disk *, int handle); /* never retry it: see ARCHITECTURE.md 6 */
int disk_truncate(struct disk *, int handle, uint64_t bytes);
int disk_size(struct disk *, int handle, uint64_t *bytes);

int disk_rename(struct disk *, int from_dir, const char *from, int to_dir, const char *to);
int disk_unlink(struct disk *, int dir, const char *name);
int disk_rmdir(struct disk *, int dir, const char *name);
int disk_mkdir(struct disk *, int dir, const char *name); /* mode 0700 */
int disk_list(struct disk *, int dir, disk_list_fn *, void *arg); /* without "." and "..": 0, -1 */

/* disk_lock - an exclusive lock that lives as long as the handle; -1 with EWOULDBLOCK: held. */
int disk_lock(struct disk *, int handle);

/* disk_space - bytes that may still be written, as far as the system tells. */
int disk_space(struct disk *, int dir, uint64_t *bytes);

/*
 * disk_open_dir - opens the directory, which is made when it is absent; its parent is synced.
 * disk_replace - the file `name` holds exactly these bytes, or what it held before: written to
 *	name.new, synced, renamed, directory synced.  0; -1 with a reason.
 * disk_load - all of a file of at most max bytes in a malloc'ed block, yours; NULL with errno:
 *	ENOENT absent, EFBIG too large.
 */
int disk_open_dir(struct disk *, int dir, const char *name, struct err *);
int disk_replace(struct disk *, int dir, const char *name, const void *, size_t, struct err *);
uint8_t *disk_load(struct disk *, int dir, const char *name, size_t max, size_t *n);

#endif
