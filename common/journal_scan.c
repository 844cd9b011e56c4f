/*
 * Reading a journal back: which commits count, what is torn, what is damaged (faults.md rule 3).
 *
 * Two passes over the segments in the order of their serials, one segment in memory at a time: the
 * first learns from all headers what is durable and what is released, the second hands out the
 * records.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/journal_priv.h"

#define RESYNC_FACTOR 64u /* bytes hashed for each byte looked at, before it is given up */

struct scan {
	struct journal *j;
	const struct journal_replay *replay;
	struct err *err;
	uint8_t *data; /* of the segment in work */
	const struct segment *loaded; /* which that is */
	uint64_t bytes;
	unsigned oldest; /* of the segments that count */
	uint64_t durable, released;
	uint64_t expected; /* number of the next commit to be handed out */
	bool ended;	   /* at the torn end: nothing more counts */
	bool damage;
	bool link_known;
	uint64_t link; /* check of the record before */
	uint64_t commit_before, commit_check;
};

static void __attribute__((format(printf, 3, 4)))
report(struct scan *s, bool damage, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	s->damage |= damage;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (s->replay->report != NULL)
		s->replay->report(s->replay->arg, damage, text);
}

/* ---- files ---- */

struct slots {
	uint32_t *list;
	unsigned count, room;
	bool no_memory;
};

static bool
slot_found(void *arg, const char *name, bool is_dir)
{
	struct slots *slots = arg;
	uint32_t slot, *list;

	if (is_dir || !segment_name_parse(name, &slot))
		return (true);
	if (slots->count == slots->room) {
		slots->room = slots->room * 2 + 16;
		list = reallocarray(slots->list, slots->room, sizeof(*list));
		if (list == NULL) {
			slots->no_memory = true;
			return (false);
		}
		slots->list = list;
	}
	slots->list[slots->count++] = slot;
	return (true);
}

static bool
all_zero(const uint8_t *p, size_t n)
{
	return (n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0));
}

/* Decides what the file is; -1 when it cannot be read. */
static int
segment_identify(struct scan *s, struct segment *g)
{
	uint8_t sector[JOURNAL_SECTOR] = { 0 };
	struct segment_head h;
	ssize_t n;

	if (disk_size(s->j->disk, g->handle, &g->bytes) != 0)
		return (err_sys(s->err, "size of journal segment %08x", g->slot));
	n = disk_read(s->j->disk, g->handle, sector, sizeof(sector), 0);
	if (n < 0)
		return (err_sys(s->err, "read journal segment %08x", g->slot));
	if (all_zero(sector, sizeof(sector))) {
		if (g->bytes < JOURNAL_SEGMENT_MIN)
			report(s, true, "journal segment %08x is cut to %" PRIu64 " bytes",
			    g->slot, g->bytes);
		g->state = SEGMENT_BLANK;
		return (0);
	}
	g->state = SEGMENT_ALIEN;
	if (segment_head_decode(sector, &h) != 0) {
		report(s, true, "journal segment %08x: its header is damaged", g->slot);
		return (0);
	}
	if (s->j->id == 0)
		s->j->id = h.id;
	if (h.id != s->j->id) {
		report(s, false, "journal segment %08x belongs to another journal", g->slot);
		return (0);
	}
	if (g->bytes < h.bytes)
		report(s, true, "journal segment %08x is cut to %" PRIu64 " bytes", g->slot,
		    g->bytes);
	if (g->bytes > JOURNAL_SEGMENT_MAX) {
		report(s, true, "journal segment %08x is too large", g->slot);
		return (0);
	}
	g->state = SEGMENT_FULL;
	g->serial = h.serial;
	g->first = h.first;
	g->released = h.released;
	return (0);
}

static int
segments_find(struct scan *s)
{
	struct journal *j = s->j;
	struct slots slots = { .count = 0 };
	char name[JOURNAL_NAME_BYTES];
	int result = disk_list(j->disk, j->dir, slot_found, &slots);

	if (result != 0)
		err_sys(s->err, "list the journal");
	if (slots.no_memory)
		result = err_set(s->err, "list the journal: out of memory");
	j->segments = result != 0 ? NULL :
	    calloc(slots.count + j->options.segments, sizeof(*j->segments));
	if (result == 0 && j->segments == NULL)
		result = err_set(s->err, "journal: out of memory");
	for (unsigned i = 0; result == 0 && i < slots.count; i++) {
		struct segment *g = &j->segments[j->segment_count];

		g->slot = slots.list[i];
		segment_name(name, g->slot);
		g->handle = disk_open(j->disk, j->dir, name,
		    j->options.read_only ? DISK_READ : DISK_WRITE);
		if (g->handle < 0) {
			result = err_sys(s->err, "open journal segment %s", name);
			break;
		}
		g->state = SEGMENT_ALIEN;
		j->segment_count++;
		result = segment_identify(s, g);
	}
	if (result == 0)
		j->segment_count += j->options.segments;
	free(slots.list);
	return (result);
}

static int
by_serial(const void *a, const void *b)
{
	const struct segment *x = a, *y = b;
	bool x_used = x->state == SEGMENT_FULL, y_used = y->state == SEGMENT_FULL;

	if (x_used != y_used)
		return (x_used ? -1 : 1);
	if (x->serial != y->serial)
		return (x->serial < y->serial ? -1 : 1);
	return (x->slot < y->slot ? -1 : x->slot > y->slot);
}

/* Those that count come first, in order; a copy of another one does not count. */
static unsigned
segments_order(struct scan *s)
{
	struct journal *j = s->j;
	unsigned used = 0;

	qsort(j->segments, j->segment_count, sizeof(*j->segments), by_serial);
	for (unsigned i = 1; i < j->segment_count; i++) {
		struct segment *g = &j->segments[i];

		if (g->state != SEGMENT_FULL || g->serial != j->segments[i - 1].serial)
			continue;
		report(s, true, "journal segment %08x is a copy of another", g->slot);
		g->state = SEGMENT_ALIEN;
		g->serial = 0;
		qsort(j->segments, j->segment_count, sizeof(*j->segments), by_serial);
		i = 0;
	}
	while (used < j->segment_count && j->segments[used].state == SEGMENT_FULL)
		used++;
	return (used);
}

static int
segment_load(struct scan *s, const struct segment *g)
{
	uint8_t *data;

	if (s->loaded == g)
		return (0);
	s->loaded = NULL;
	data = realloc(s->data, (size_t)g->bytes + 1);
	if (data == NULL)
		return (err_set(s->err, "journal: out of memory"));
	s->data = data;
	s->bytes = g->bytes;
	if (disk_read_all(s->j->disk, g->handle, data, (size_t)g->bytes, 0) != 0)
		return (err_sys(s->err, "read journal segment %08x", g->slot));
	s->loaded = g;
	return (0);
}

/* ---- headers ---- */

static uint64_t
place(const struct scan *s, const struct segment *g, uint64_t at)
{
	return (journal_place(s->j->id, g->serial, at));
}

/* Where the next valid header stands, from `at` on; the end when there is none. */
static uint64_t
header_find(const struct scan *s, const struct segment *g, uint64_t at, struct commit_head *h)
{
	for (; at + JOURNAL_COMMIT_HEAD <= s->bytes; at += JOURNAL_SECTOR)
		if (commit_head_decode(s->data + at, (size_t)(s->bytes - at), place(s, g, at),
			h) == 0)
			return (at);
	return (s->bytes);
}

/* Commits of this number and above in segment i are void. */
static uint64_t
void_from(const struct journal *j, unsigned i, unsigned used)
{
	uint64_t first = UINT64_MAX;

	for (unsigned k = i + 1; k < used; k++)
		if (j->segments[k].first < first)
			first = j->segments[k].first;
	return (first);
}

static void
headers_learn_one(struct scan *s, const struct segment *g, uint64_t limit)
{
	struct commit_head h;
	uint64_t at;

	if (g->released > s->released)
		s->released = g->released;
	for (at = header_find(s, g, JOURNAL_SECTOR, &h); at < s->bytes;
	     at = header_find(s, g, at + journal_pad(h.bytes, JOURNAL_SECTOR), &h)) {
		if (h.number >= limit)
			continue;
		if (h.durable > s->durable)
			s->durable = h.durable;
		if (h.released > s->released)
			s->released = h.released;
	}
}

/*
 * The newest one first: nothing in a segment before one that begins with a released commit counts
 * any more, so that reading back costs what is still needed and not what there is.
 */
static int
headers_learn(struct scan *s, unsigned used)
{
	struct journal *j = s->j;

	s->oldest = used;
	while (s->oldest > 0 &&
	    (s->oldest == used || j->segments[s->oldest].first > s->released + 1)) {
		s->oldest--;
		if (segment_load(s, &j->segments[s->oldest]) != 0)
			return (-1);
		headers_learn_one(s, &j->segments[s->oldest], void_from(j, s->oldest, used));
	}
	if (s->released > s->durable)
		s->durable = s->released;
	s->expected = s->released + 1;
	return (0);
}

/* ---- records ---- */

static struct journal_entry
entry_of(const uint8_t *p, const struct journal_record_head *h, uint64_t commit)
{
	return ((struct journal_entry){ .commit = commit, .owner = h->owner, .type = h->type,
	    .payload = { .p = (const char *)p + JOURNAL_RECORD_HEAD,
		.n = h->bytes - JOURNAL_RECORD_HEAD } });
}

static int
record_hand_out(struct scan *s, const uint8_t *p, const struct journal_record_head *h,
    uint64_t commit)
{
	struct journal_entry e = entry_of(p, h, commit);

	if (s->link_known && h->link != s->link)
		report(s, true, "journal commit %" PRIu64 ": the link of a record is wrong",
		    commit);
	s->link = h->check;
	s->link_known = true;
	return (s->replay->apply(s->replay->arg, &e, s->err));
}

/* The next place from `at` on where a record verifies; `end` when there is none. */
static uint64_t
record_find(struct scan *s, const struct segment *g, uint64_t at, uint64_t end,
    struct journal_record_head *h)
{
	uint64_t budget = (end - at) * RESYNC_FACTOR, cost;

	for (; at + JOURNAL_RECORD_HEAD <= end; at += 8) {
		cost = journal_record_bytes(s->data + at);
		if (cost < JOURNAL_RECORD_HEAD || cost > end - at)
			continue;
		if (cost > budget) {
			report(s, true, "journal segment %08x: gave up looking at %" PRIu64,
			    g->slot, at);
			return (end);
		}
		budget -= cost;
		if (journal_record_decode(s->data + at, (size_t)(end - at), place(s, g, at),
			h) == 0)
			return (at);
	}
	return (end);
}

/* All records that verify in a run of bytes where not all do. */
static int
records_rescue(struct scan *s, const struct segment *g, uint64_t at, uint64_t end, uint64_t commit)
{
	struct journal_record_head h;

	s->link_known = false;
	for (at = record_find(s, g, at, end, &h); at < end;
	     at = record_find(s, g, at + journal_pad(h.bytes, 8), end, &h)) {
		if (record_hand_out(s, s->data + at, &h, commit) != 0)
			return (-1);
		s->link_known = false;
	}
	return (0);
}

static bool
commit_is_whole(struct scan *s, const struct segment *g, uint64_t at, const struct commit_head *c)
{
	uint64_t p = at + JOURNAL_COMMIT_HEAD, end = at + c->bytes;
	struct journal_record_head h;

	for (uint32_t i = 0; i < c->records; i++) {
		if (p >= end ||
		    journal_record_decode(s->data + p, (size_t)(end - p), place(s, g, p), &h) != 0)
			return (false);
		p += journal_pad(h.bytes, 8);
	}
	return (p == end);
}

/* What the records of a whole commit speak of stands, too. */
static bool
commit_holds(struct scan *s, const struct segment *g, uint64_t at, const struct commit_head *c)
{
	uint64_t p = at + JOURNAL_COMMIT_HEAD, end = at + c->bytes;
	struct journal_record_head h;
	struct journal_entry e;

	for (; p < end && s->replay->holds != NULL; p += journal_pad(h.bytes, 8)) {
		if (journal_record_decode(s->data + p, (size_t)(end - p), place(s, g, p), &h) != 0)
			return (false);
		e = entry_of(s->data + p, &h, c->number);
		if (!s->replay->holds(s->replay->arg, &e))
			return (false);
	}
	return (true);
}

static int
commit_hand_out(struct scan *s, const struct segment *g, uint64_t at, const struct commit_head *c)
{
	uint64_t p = at + JOURNAL_COMMIT_HEAD, end = at + c->bytes;
	struct journal_record_head h;

	if (!commit_is_whole(s, g, at, c)) {
		report(s, true,
		    "journal segment %08x: commit %" PRIu64 " at %" PRIu64 " is damaged", g->slot,
		    c->number, at);
		return (records_rescue(s, g, p, end, c->number));
	}
	for (; p < end; p += journal_pad(h.bytes, 8)) {
		if (journal_record_decode(s->data + p, (size_t)(end - p), place(s, g, p), &h) != 0)
			break;
		if (record_hand_out(s, s->data + p, &h, c->number) != 0)
			return (-1);
	}
	return (0);
}

/* ---- which commits ---- */

static void
torn(struct scan *s, const struct segment *g, uint64_t at, uint64_t bytes)
{
	report(s, false,
	    "journal segment %08x: dropped %" PRIu64 " bytes at %" PRIu64
	    ", commit %" PRIu64 " was never finished", g->slot, bytes, at, s->expected);
	s->ended = true;
}

/* Commits from s->expected up to one before n are not there. */
static void
missing(struct scan *s, const struct segment *g, uint64_t at, uint64_t n)
{
	uint64_t last = n - 1 < s->durable ? n - 1 : s->durable;

	if (s->expected <= last) {
		report(s, true, "journal: commits %" PRIu64 " to %" PRIu64 " are missing",
		    s->expected, last);
		s->expected = last + 1;
	}
	if (s->expected < n)
		torn(s, g, at, s->bytes - at);
}

static void
commit_link_check(struct scan *s, const struct commit_head *c)
{
	if (s->commit_before == c->number - 1 && c->link != 0 && c->link != s->commit_check)
		report(s, true, "journal commit %" PRIu64 ": its link is wrong", c->number);
	s->commit_before = c->number;
	s->commit_check = c->check;
}

static int
commit_visit(struct scan *s, const struct segment *g, uint64_t at, const struct commit_head *c)
{
	commit_link_check(s, c);
	if (c->number < s->expected) {
		s->link_known = false;
		return (0);
	}
	if (c->number > s->expected)
		missing(s, g, at, c->number);
	if (s->ended)
		return (0);
	if (c->number > s->durable && !(commit_is_whole(s, g, at, c) && commit_holds(s, g, at, c))) {
		torn(s, g, at, c->bytes);
		return (0);
	}
	if (commit_hand_out(s, g, at, c) != 0)
		return (-1);
	s->expected = c->number + 1;
	return (0);
}

static int
segment_visit(struct scan *s, const struct segment *g, uint64_t limit)
{
	uint64_t pos = JOURNAL_SECTOR, at;
	struct commit_head c;

	s->link = 0;
	s->link_known = true;
	while (!s->ended && pos < s->bytes) {
		at = header_find(s, g, pos, &c);
		if (at > pos && s->expected <= s->durable && s->expected < limit &&
		    records_rescue(s, g, pos, at, s->expected) != 0)
			return (-1);
		if (at == s->bytes)
			break;
		if (c.number < limit && commit_visit(s, g, at, &c) != 0)
			return (-1);
		pos = at + journal_pad(c.bytes, JOURNAL_SECTOR);
	}
	return (0);
}

static int
segments_visit(struct scan *s, unsigned used)
{
	for (unsigned i = s->oldest; i < used && !s->ended; i++) {
		struct segment *g = &s->j->segments[i];

		if (segment_load(s, g) != 0 ||
		    segment_visit(s, g, void_from(s->j, i, used)) != 0)
			return (-1);
	}
	if (s->expected <= s->durable) {
		report(s, true, "journal: commits %" PRIu64 " to %" PRIu64 " are missing",
		    s->expected, s->durable);
		s->expected = s->durable + 1;
	}
	return (0);
}

/* What was handed out must not vanish in the next power cut: it may be in the page cache only. */
static int
segments_settle(struct scan *s, unsigned used)
{
	struct journal *j = s->j;

	if (j->options.policy != JOURNAL_NONE && disk_sync(j->disk, j->dir) != 0)
		return (err_sys(s->err, "sync the folder of the journal"));
	for (unsigned i = 0; i < j->segment_count; i++) {
		struct segment *g = &j->segments[i];

		if (g->state == SEGMENT_BLANK && s->damage) {
			report(s, false, "journal segment %08x is left as it is", g->slot);
			g->state = SEGMENT_ALIEN;
		} else if (g->state == SEGMENT_BLANK) {
			(void)segment_blank_fill(j, g, NULL); /* else one file less */
		} else if (g->state == SEGMENT_FULL) {
			g->last = i + 1 < used ? void_from(j, i, used) - 1 : j->number;
			if (g->last <= s->released)
				g->state = SEGMENT_FREE;
			else if (j->options.policy != JOURNAL_NONE &&
			    disk_sync(j->disk, g->handle) != 0)
				return (err_sys(s->err, "sync journal segment %08x", g->slot));
		}
	}
	return (0);
}

int
journal_scan(struct journal *j, const struct journal_replay *replay, struct err *err)
{
	struct scan s = { .j = j, .replay = replay, .err = err };
	unsigned used = 0;
	int result = segments_find(&s);

	if (result == 0)
		used = segments_order(&s);
	if (result == 0)
		result = headers_learn(&s, used);
	if (result == 0)
		result = segments_visit(&s, used);
	if (result == 0) {
		j->number = s.expected - 1;
		j->serial = used > 0 ? j->segments[used - 1].serial : 0;
		atomic_store(&j->synced, j->number);
		atomic_store(&j->released, s.released);
		if (!j->options.read_only)
			result = segments_settle(&s, used);
	}
	free(s.data);
	return (result);
}
