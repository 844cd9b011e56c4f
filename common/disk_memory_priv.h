/*
 * What the files of disk_memory share; the lock of the disk is held for all of it.
 */
#ifndef COMMON_DISK_MEMORY_PRIV_H
#define COMMON_DISK_MEMORY_PRIV_H

#include <pthread.h>

#include "common/disk_memory.h"

#define NODES_MAX 4096
#define HANDLES_MAX 4096
#define SECTOR ((size_t)DISK_SECTOR)

struct entry {
	char name[DISK_NAME_MAX + 1];
	unsigned node;
};

struct entries {
	struct entry *list;
	size_t count, room;
};

struct change { /* of a file, since its last sync */
	bool is_size;
	uint64_t number; /* the sector, or the size */
	uint8_t data[DISK_SECTOR];
};

struct bytes {
	uint8_t *data;
	size_t len, room; /* zeros between len and room */
};

struct node {
	bool is_dir;
	unsigned locked_by; /* handle + 1 */
	struct bytes now, hard;
	struct change *changes;
	size_t change_count, change_room;
	struct entries names, hard_names; /* of a directory */
};

enum name_op { NAME_LINK, NAME_UNLINK, NAME_RENAME };

struct name_change {
	enum name_op op;
	unsigned dir, dir2, node;
	char name[DISK_NAME_MAX + 1], name2[DISK_NAME_MAX + 1];
};

struct memory {
	struct disk disk;
	pthread_mutex_t lock; /* of all below */
	struct node *nodes[NODES_MAX];
	unsigned node_count;
	unsigned handles[HANDLES_MAX]; /* node + 1; handle 0 is the root */
	struct name_change *log;
	size_t log_count, log_room;
	uint64_t capacity;
	void (*on_change)(void *, struct disk *);
	void *on_change_arg;
};

static inline struct memory *
memory_of(struct disk *disk)
{
	return ((struct memory *)disk);
}

/* A new disk without its root.  A test that runs out of memory has nothing to learn: it aborts. */
struct memory *memory_make(uint64_t capacity);
unsigned memory_node_make(struct memory *, bool is_dir); /* its number */
void memory_bytes_resize(struct bytes *, size_t len);
void memory_names_copy(struct entries *to, const struct entries *from);
void memory_name_apply(struct memory *, const struct name_change *, bool hard);

#endif
