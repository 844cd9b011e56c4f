/*
 * ids - which ids the messages of a stream had of late, so that a second one with the same id is
 * found out (FORMAT, section 8).
 *
 * An id is known from its message on for the window, whatever becomes of the message: 128 bits of
 * its hash, with sequence and time.  In memory that is one table; on the disk a log, whose files go
 * when all they say is over.  The log is read when somebody asks for the first time after the store
 * was opened.
 *
 * Owner: that of the stream.
 */
#ifndef NATSD_JS_STORE_IDS_H
#define NATSD_JS_STORE_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/cursor.h"
#include "common/str.h"

#define IDS_ENTRY_BYTES 32u
#define IDS_FILES 16u
#define IDS_RECORD_MAX 32768u /* entries of one record */
#define IDS_NOT_SAID (-1)
#define IDS_UNKNOWN INT64_MIN /* a time: the id is not known, whatever was said before */

/* What happened: an id was put; or, with a hash of 0, all ids of sequences above seq are void. */
struct id_entry {
	uint64_t hash[2];
	uint64_t seq;
	int64_t time;
};

struct id_file { /* a piece of the log */
	uint32_t number, bytes, link;
	int64_t first_time, last_time;
};

struct id_list {
	struct id_entry *list;
	uint32_t count, room;
};

struct ids {
	int64_t window; /* ns; 0: none are kept; IDS_NOT_SAID */
	int64_t now;	/* the latest time that was heard of */
	struct id_entry *slots; /* by hash; a power of two; hash 0: free */
	size_t size, used;
	bool known; /* what the files say is in the table */
	struct id_list fresh, flight; /* the end of the log: not in a file yet; on its way there */
	struct id_file files[IDS_FILES];
	uint32_t file_count;
	uint32_t last_file; /* number; never used again */
	uint32_t unlink_from; /* files from this number on up to the first may still be there */
	bool changed; /* the state file says something else */
	bool renew;   /* a file failed: what it should hold goes to another one */
	bool is_writing;
	bool alone; /* and there will be no other file */
	struct id_file writing; /* the last file, when what is on its way is in it */
};

struct id_entry ids_entry(struct str id, uint64_t seq, int64_t time);

/* ids_reserve - the next ids_add needs no memory.  -1: none.
 * ids_add - the next entry of the log, and its effect. */
int ids_reserve(struct ids *);
void ids_add(struct ids *, const struct id_entry *);

/* ids_fail - the entry of that sequence becomes one that says that its id is not known; false: there
 * is none. */
bool ids_fail(const struct ids *, uint64_t seq, struct id_entry *);

/* ids_find - known must be true; NULL: there is none, or it is over. */
const struct id_entry *ids_find(const struct ids *, const struct id_entry *);

/* ids_apply - the effect alone: of what is read back.  -1: no memory. */
int ids_apply(struct ids *, const struct id_entry *);

/* ids_list - all that are not over, to a list with nothing in it, to be freed.  -1: no memory. */
int ids_list(const struct ids *, struct id_list *);

/* ids_trim - what is over is forgotten, and memory for it given back. */
void ids_trim(struct ids *);
void ids_forget(struct ids *); /* all of it */
void ids_free(struct ids *);

void ids_entry_put(struct wr *, const struct id_entry *);
struct id_entry ids_entry_get(struct rd *);

#endif
