/*
 * disk_memory - a disk in memory that knows what a power cut may leave; for tests.
 *
 * Two layers.  Durable is what was synced.  Above it lie, in order, every change since: of a
 * 512-byte sector, of a length, of a name.  A power cut keeps, for each sector and each length by
 * itself, the durable state or that after any of its changes, and of the changes of names any
 * subset: sync is the only order there is.  A rename is one change; syncing either directory keeps
 * it.
 *
 * disk_memory_image() makes one such state.  Which, is a row of choices: by chance from a seed, or
 * one after the other until all have been (choice_next).
 *
 *	struct choice c = choice_all();
 *	do {
 *		image = disk_memory_image(disk, &c);
 *		...open it, check it...
 *		disk_free(image);
 *	} while (choice_next(&c));
 *
 * Any thread may use the disk.  Handles of a disk do not exist in its images.
 */
#ifndef COMMON_DISK_MEMORY_H
#define COMMON_DISK_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/disk.h"

#define CHOICES_MAX 4096u

struct choice {
	bool chance;	   /* by seed instead of all */
	uint64_t seed;
	unsigned kind;	   /* with a seed: 0 keeps nothing un-synced, 1 all, 2 each by a coin */
	unsigned made, depth;
	uint8_t taken[CHOICES_MAX], of[CHOICES_MAX];
};

struct choice choice_all(void);
struct choice choice_seed(uint64_t seed);
bool choice_next(struct choice *); /* false: all have been, or made by a seed */

struct disk *disk_memory(uint64_t capacity_bytes); /* beyond it: ENOSPC.  NULL: no memory */

/* disk_memory_image - a new disk, durable as a whole; yours.  NULL: no memory. */
struct disk *disk_memory_image(struct disk *, struct choice *);

/* disk_memory_on_change - fn runs in front of every call that changes something or syncs, on the
 * thread of the call: the moments at which a cut differs from the one before.  NULL: no more. */
void disk_memory_on_change(struct disk *, void (*fn)(void *, struct disk *), void *arg);

void disk_memory_set_capacity(struct disk *, uint64_t bytes);

/*
 * disk_memory_each - for every file: its path ("a/b/c", of the moment) and contents as they would
 * be read now.  fn may change the bytes, which are then durable too: damage of the medium.
 */
void disk_memory_each(struct disk *,
    void (*fn)(void *arg, const char *path, uint8_t *data, size_t n), void *arg);

/* disk_memory_copy - the same disk, all of it durable.  NULL: no memory. */
struct disk *disk_memory_copy(struct disk *);

#endif
