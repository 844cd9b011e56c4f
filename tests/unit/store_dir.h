/*
 * store_dir - a directory of the machine's, for tests that need one; gone at the end.
 */
#ifndef TESTS_UNIT_STORE_DIR_H
#define TESTS_UNIT_STORE_DIR_H

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/disk.h"

#define STORE_DIR_INIT "/tmp/natsd-store-XXXXXX"

static inline int
store_dir_remove_one(const char *name, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return (remove(name));
}

/* path: STORE_DIR_INIT, which becomes the name. */
static inline struct disk *
store_dir_open(const char *path)
{
	return (disk_posix(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
}

static inline void
store_dir_remove(const char *path)
{
	nftw(path, store_dir_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
