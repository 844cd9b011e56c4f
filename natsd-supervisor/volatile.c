#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "natsd-supervisor/volatile.h"

/* ---- a tmpfs of our own, attached to no place ---- */

static int
configure_mount(int fs, uint64_t bytes)
{
	char size[32];

	snprintf(size, sizeof(size), "%llu", (unsigned long long)bytes);
	if (syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "size", size, 0) != 0 ||
	    syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "mode", "0700", 0) != 0)
		return (-1);
	return ((int)syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
}

/* What fsmount gives only names the place (O_PATH): owners and landlock want it opened. */
static int
open_root(int mount)
{
	int fd = openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	close(mount);
	return (fd);
}

static int
make_mount(uint64_t bytes)
{
	int fs = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC), mount = -1;

	if (fs == -1)
		return (-1);
	if (configure_mount(fs, bytes) == 0)
		mount = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC,
		    MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	close(fs);
	return (mount == -1 ? -1 : open_root(mount));
}

/* ---- a private directory in somebody's tmpfs ---- */

static int
make_dir(struct volatile_store *v, uint64_t bytes)
{
	static const char *const places[] = { "/dev/shm", "/run", "/tmp" };
	struct statfs fs;

	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (statfs(places[i], &fs) != 0 || fs.f_type != TMPFS_MAGIC ||
		    (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize < bytes)
			continue;
		snprintf(v->path, sizeof(v->path), "%s/natsd-XXXXXX", places[i]);
		if (mkdtemp(v->path) != NULL)
			return (open(v->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	}
	v->path[0] = '\0';
	return (-1);
}

int
volatile_make(struct volatile_store *v, uint64_t bytes, unsigned uid, unsigned gid, struct err *e)
{
	*v = (struct volatile_store){ .kind = VOLATILE_MOUNT, .fd = make_mount(bytes) };
	if (v->fd == -1) {
		v->kind = VOLATILE_DIR;
		v->fd = make_dir(v, bytes);
	}
	if (v->fd == -1) {
		v->kind = VOLATILE_MEMFD;
		v->fd = memfd_create("natsd-volatile", MFD_CLOEXEC);
	}
	if (v->fd == -1)
		return (err_sys(e, "volatile store"));
	if (geteuid() == 0 && fchown(v->fd, uid, gid) != 0)
		return (err_sys(e, "volatile store: owner"));
	return (0);
}

/* ---- the end ---- */

static void
remove_entries(int dir)
{
	int copy = dup(dir);
	struct dirent *d;
	DIR *entries;

	if (copy == -1 || (entries = fdopendir(copy)) == NULL) {
		if (copy != -1)
			close(copy);
		return;
	}
	rewinddir(entries);
	while ((d = readdir(entries)) != NULL)
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			unlinkat(dir, d->d_name, 0);
	closedir(entries);
}

void
volatile_remove(struct volatile_store *v)
{
	if (v->fd == -1)
		return;
	if (v->kind == VOLATILE_DIR) {
		remove_entries(v->fd);
		rmdir(v->path);
	}
	close(v->fd);
	v->fd = -1;
}

const char *
volatile_text(const struct volatile_store *v)
{
	switch (v->kind) {
	case VOLATILE_MOUNT:
		return ("a tmpfs of its own");
	case VOLATILE_DIR:
		return (v->path);
	case VOLATILE_MEMFD:
		return ("one memory file");
	}
	return ("?");
}
