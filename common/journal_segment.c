/*
 * Segments: made of zeros, filled once, used again.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/journal_priv.h"

#define FILL_BYTES (256u << 10)

void
segment_name(char name[JOURNAL_NAME_BYTES], uint32_t slot)
{
	snprintf(name, JOURNAL_NAME_BYTES, "%08x.jnl", slot);
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (c - '0');
	if (c >= 'a' && c <= 'f')
		return (c - 'a' + 10);
	return (-1);
}

bool
segment_name_parse(const char *name, uint32_t *slot)
{
	int digit;

	*slot = 0;
	for (unsigned i = 0; i < 8; i++) {
		digit = hex_digit(name[i]);
		if (digit < 0)
			return (false);
		*slot = *slot << 4 | (uint32_t)digit;
	}
	return (strcmp(name + 8, ".jnl") == 0);
}

void
segment_count_free(struct journal *j)
{
	unsigned files = 0, free_files = 0;

	for (unsigned i = 0; i < j->segment_count; i++) {
		files += j->segments[i].state != SEGMENT_NONE;
		free_files += j->segments[i].state == SEGMENT_FREE &&
		    j->segments[i].bytes >= j->options.segment_bytes;
	}
	if (files < j->options.segments)
		free_files += j->options.segments - files;
	atomic_store(&j->free_segments, free_files);
}

static int
fill(struct disk *disk, int handle, uint64_t bytes)
{
	static const uint8_t zeros[FILL_BYTES];
	uint64_t at, n;

	for (at = 0; at < bytes; at += n) {
		n = bytes - at < FILL_BYTES ? bytes - at : FILL_BYTES;
		if (disk_write_all(disk, handle, zeros, (size_t)n, at) != 0)
			return (-1);
	}
	return (disk_sync(disk, handle));
}

int
segment_blank_fill(struct journal *j, struct segment *s, struct err *err)
{
	s->bytes = j->options.segment_bytes;
	if (fill(j->disk, s->handle, s->bytes) != 0) {
		s->state = SEGMENT_ALIEN;
		return (err_sys(err, "fill journal segment %08x", s->slot));
	}
	s->state = SEGMENT_FREE;
	return (0);
}

static uint32_t
slot_unused(const struct journal *j)
{
	uint32_t slot = 0;

	for (unsigned i = 0; i < j->segment_count;) {
		if (j->segments[i].state != SEGMENT_NONE && j->segments[i].slot == slot) {
			slot++;
			i = 0;
		} else {
			i++;
		}
	}
	return (slot);
}

static void
segment_forget(struct journal *j, struct segment *s)
{
	char name[JOURNAL_NAME_BYTES];

	segment_name(name, s->slot);
	disk_close(j->disk, s->handle);
	s->handle = -1;
	/* One that stays is tried again; it holds nothing that counts. */
	if (disk_unlink(j->disk, j->dir, name) == 0)
		s->state = SEGMENT_NONE;
}

/* It gets its name when it is filled: a segment without its bytes is damage, not an accident of ours. */
static int
segment_make(struct journal *j, struct segment *s, struct err *err)
{
	char name[JOURNAL_NAME_BYTES], fresh[JOURNAL_NAME_BYTES];
	uint32_t slot = slot_unused(j);
	int handle;

	segment_name(name, slot);
	snprintf(fresh, sizeof(fresh), "%08x.new", slot);
	if (disk_unlink(j->disk, j->dir, fresh) != 0 && errno != ENOENT)
		return (err_sys(err, "remove journal segment %s", fresh));
	handle = disk_open(j->disk, j->dir, fresh, DISK_CREATE);
	if (handle < 0)
		return (err_sys(err, "create journal segment %s", fresh));
	if (fill(j->disk, handle, j->options.segment_bytes) != 0 ||
	    disk_rename(j->disk, j->dir, fresh, j->dir, name) != 0 ||
	    disk_sync(j->disk, j->dir) != 0) {
		err_sys(err, "fill journal segment %s", name);
		disk_close(j->disk, handle);
		/* What is left holds nothing that counts. */
		(void)disk_unlink(j->disk, j->dir, fresh);
		(void)disk_unlink(j->disk, j->dir, name);
		return (-1);
	}
	*s = (struct segment){ .state = SEGMENT_FREE, .slot = slot, .handle = handle,
		.bytes = j->options.segment_bytes };
	return (0);
}

/* A file more, if the options allow one. */
static struct segment *
segment_grow(struct journal *j, struct err *err)
{
	struct segment *none = NULL;
	unsigned files = 0;

	for (unsigned i = 0; i < j->segment_count; i++) {
		if (j->segments[i].state == SEGMENT_NONE)
			none = &j->segments[i];
		else
			files++;
	}
	if (none == NULL || files >= j->options.segments) {
		errno = ENOSPC;
		err_sys(err, "all %u journal segments are in use", files);
		return (NULL);
	}
	return (segment_make(j, none, err) == 0 ? none : NULL);
}

static struct segment *
segment_free_one(struct journal *j)
{
	for (unsigned i = 0; i < j->segment_count; i++)
		if (j->segments[i].state == SEGMENT_FREE &&
		    j->segments[i].bytes >= j->options.segment_bytes)
			return (&j->segments[i]);
	return (NULL);
}

bool
segment_prepare(struct journal *j)
{
	bool made = segment_free_one(j) == NULL && segment_grow(j, NULL) != NULL;

	if (made)
		segment_count_free(j);
	return (made);
}

static bool
frees_another(const struct journal *j)
{
	uint64_t released = atomic_load(&j->released);

	for (unsigned i = 0; i < j->segment_count; i++)
		if (j->segments[i].state != SEGMENT_FREE && j->segments[i].state != SEGMENT_NONE &&
		    j->segments[i].last != 0 && j->segments[i].last <= released)
			return (true);
	return (false);
}

/* The last free segment is for a commit that says what was released: else that could never be said
 * and the journal were full for good. */
static struct segment *
segment_take(struct journal *j, struct err *err)
{
	struct segment *s;

	for (unsigned i = 0; i < j->segment_count; i++)
		if (j->segments[i].state == SEGMENT_BROKEN && j->segments[i].last == 0)
			segment_forget(j, &j->segments[i]);
	segment_count_free(j);
	if (journal_free_segments(j) < 2 && !frees_another(j)) {
		errno = ENOSPC;
		err_sys(err, "all %u journal segments are in use", j->options.segments);
		return (NULL);
	}
	s = segment_free_one(j);
	return (s == NULL ? segment_grow(j, err) : s);
}

int
segment_next(struct journal *j, uint64_t first, struct err *err)
{
	struct segment *s;

	if (j->active != NULL && j->active->state == SEGMENT_ACTIVE)
		j->active->state = SEGMENT_FULL;
	s = segment_take(j, err);
	if (s == NULL)
		return (-1);
	s->state = SEGMENT_ACTIVE;
	s->head_due = true;
	s->serial = ++j->serial;
	s->first = first;
	s->released = atomic_load(&j->released);
	s->last = 0;
	j->active = s;
	j->at = JOURNAL_SECTOR;
	j->record_link = 0;
	segment_count_free(j);
	return (0);
}

void
segment_broken(struct journal *j)
{
	struct segment *s = j->active;

	s->state = SEGMENT_BROKEN;
	j->active = NULL;
	/* The commit that failed is the only one it may hold, and goes elsewhere. */
	if (s->last == 0)
		segment_forget(j, s);
	segment_count_free(j);
}

/* What cannot be overwritten is given up: it is never written again, and goes. */
void
segment_wipe_free(struct journal *j)
{
	for (unsigned i = 0; i < j->segment_count; i++) {
		struct segment *s = &j->segments[i];

		if (!s->wipe || s->state != SEGMENT_FREE)
			continue;
		s->wipe = false;
		if (fill(j->disk, s->handle, s->bytes) == 0)
			continue;
		if (s == j->active)
			j->active = NULL;
		s->state = SEGMENT_BROKEN;
		s->last = 0;
		segment_forget(j, s);
	}
	segment_count_free(j);
}

void
segment_wipe_all(struct journal *j)
{
	for (unsigned i = 0; i < j->segment_count; i++)
		j->segments[i].wipe = j->segments[i].state != SEGMENT_NONE &&
		    j->segments[i].state != SEGMENT_ALIEN;
	/* The next commit goes elsewhere, so that this one becomes free. */
	if (j->active != NULL && j->active->last != 0)
		j->active->state = SEGMENT_FULL;
	segment_wipe_free(j);
}

void
segment_recycle(struct journal *j, uint64_t released)
{
	for (unsigned i = 0; i < j->segment_count; i++) {
		struct segment *s = &j->segments[i];

		if (s->last > released)
			continue;
		if (s->state == SEGMENT_FULL)
			s->state = SEGMENT_FREE;
		else if (s->state == SEGMENT_BROKEN)
			segment_forget(j, s);
	}
	segment_wipe_free(j);
}
