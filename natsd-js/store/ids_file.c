/*
 * The files of the log of ids, for the thread of the jobs.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>

#include "natsd-js/store/store_priv.h"

void
ids_file_name(char name[BLOCK_NAME_BYTES], uint32_t number)
{
	snprintf(name, BLOCK_NAME_BYTES, "%08x.ids", number);
}

int
job_ids_write(struct disk *disk, int folder, const struct job *j, struct err *err)
{
	char name[BLOCK_NAME_BYTES];
	int handle = -1, result = 0;

	if (!j->with_ids)
		return (0);
	ids_file_name(name, j->ids_number);
	if (j->ids_new)
		handle = disk_open(disk, folder, name, DISK_CREATE);
	if (handle < 0 && (!j->ids_new || errno == EEXIST))
		handle = disk_open(disk, folder, name, DISK_WRITE);
	if (handle < 0)
		return (err_sys(err, "open %s", name));
	/* A checkpoint that was not finished left it. */
	if (j->ids_new && disk_truncate(disk, handle, 0) != 0)
		result = err_sys(err, "empty %s", name);
	else if (j->ids.len > 0 &&
	    disk_write_all(disk, handle, j->ids.data, j->ids.len, j->ids_at) != 0)
		result = err_sys(err, "write %s", name);
	else if (disk_sync(disk, handle) != 0)
		result = err_sys(err, "sync %s", name);
	else if (j->ids_new && disk_sync(disk, folder) != 0)
		result = err_sys(err, "sync the folder");
	disk_close(disk, handle);
	return (result);
}

int
job_ids_unlink(struct disk *disk, int folder, const struct job *j, struct err *err)
{
	char name[BLOCK_NAME_BYTES];

	for (uint32_t n = j->ids_unlink_from; n < j->ids_unlink_to; n++) {
		ids_file_name(name, n);
		if (disk_unlink(disk, folder, name) != 0 && errno != ENOENT)
			return (err_sys(err, "remove %s", name));
	}
	return (0);
}
