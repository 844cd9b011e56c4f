/*
 * What the files of a stream hold, and what the journal has on top of it.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cursor.h"
#include "natsd-js/store/store_priv.h"

static bool
number_parse(const char *name, uint32_t *number)
{
	*number = 0;
	for (unsigned i = 0; i < 8; i++) {
		if (name[i] >= '0' && name[i] <= '9')
			*number = *number << 4 | (uint32_t)(name[i] - '0');
		else if (name[i] >= 'a' && name[i] <= 'f')
			*number = *number << 4 | (uint32_t)(name[i] - 'a' + 10);
		else
			return (false);
	}
	return (strcmp(name + 8, ".blk") == 0 && *number != 0);
}

static void
forget_what_was_read(struct stream *s)
{
	for (uint32_t i = 0; i < s->block_count; i++)
		block_free(s->store, s->blocks[i]);
	s->block_count = s->gone_count = 0;
	subjects_clear(&s->subjects);
	seqset_clear(&s->removed);
	s->messages = s->bytes = 0;
}

static void
take_offline(struct stream *s, const struct err *err)
{
	forget_what_was_read(s);
	s->offline = true;
	snprintf(s->fence, sizeof(s->fence), "offline: %.140s", err->text);
}

int
stream_recover(struct stream *s, struct err *err)
{
	int folder = stream_folder(s, err), result = folder < 0 ? -1 : 0;

	if (result == 0)
		result = state_load(s, folder, err);
	for (uint32_t i = 0; i < s->block_count; i++) {
		s->messages += s->blocks[i]->live;
		s->bytes += s->blocks[i]->bytes;
	}
	if (result == 0)
		result = stream_sums_open(s, err);
	disk_close(s->store->disk, folder);
	if (result != 0)
		take_offline(s, err);
	return (result);
}

/* ---- what belongs to no checkpoint that was finished ---- */

struct extras {
	struct stream *stream;
	struct extra {
		uint32_t number;
		uint64_t last; /* highest sequence */
	} *list;
	uint32_t count, room;
	bool no_memory;
};

static bool
is_known(struct stream *s, uint32_t number)
{
	for (uint32_t i = 0; i < s->block_count; i++)
		if (s->blocks[i]->number == number && !s->blocks[i]->is_new)
			return (true); /* its end is looked at by itself */
	for (uint32_t i = 0; i < s->gone_count; i++)
		if (s->gone[i].number == number)
			return (s->gone[i].there = true);
	return (false);
}

/* Blocks that went before: only their files are of interest, if there still are any. */
static void
gone_keep_found(struct stream *s)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < s->gone_count; i++)
		if (s->gone[i].there || s->gone[i].keep)
			s->gone[kept++] = s->gone[i];
	s->gone_count = kept;
	if (kept > 0)
		stream_touch(s);
}

static bool
file_found(void *arg, const char *name, bool is_dir)
{
	struct extras *x = arg;
	struct extra *list;
	uint32_t number;

	if (is_dir || strlen(name) != 12 || !number_parse(name, &number) ||
	    is_known(x->stream, number))
		return (true);
	if (x->count == x->room) {
		x->room = x->room * 2 + 16;
		list = reallocarray(x->list, x->room, sizeof(*list));
		if (list == NULL) {
			x->no_memory = true;
			return (false);
		}
		x->list = list;
	}
	x->list[x->count++] = (struct extra){ .number = number };
	return (true);
}

/* Sequences up to its own were durable, if it is there. */
static bool
is_witness(const struct record *r)
{
	return (r->type == RECORD_HELD ||
	    (r->type == RECORD_MESSAGE && (r->flags & RECORD_EARLY) == 0));
}

/* The messages of the file from an offset on, as far as they verify. */
static void
extra_span(struct stream *s, int folder, struct extra *e, uint64_t from)
{
	struct record_bytes p = { .uid = s->uid, .file = RECORD_IN_BLOCK, .number = e->number };
	char name[BLOCK_NAME_BYTES];
	struct record r;
	uint8_t *data;
	size_t at;

	block_name(name, e->number);
	data = disk_load(s->store->disk, folder, name, (size_t)UINT32_MAX, &p.n);
	if (data == NULL)
		return;
	p.data = data;
	for (at = from < p.n ? record_find(&p, (size_t)from, &r) : p.n; at < p.n;
	     at = record_find(&p, at + record_padded(r.bytes), &r))
		if (is_witness(&r) && r.seq > e->last)
			e->last = r.seq;
	free(data);
}

/*
 * A file that no point names: of a checkpoint that was not finished, and then the journal brought
 * back all that is in it.  If it did not, something is lost: the file gets another name, and its
 * sequences are not used again (rule 7).
 */
static void
extra_settle(struct stream *s, const struct extra *e, bool is_file)
{
	struct block *b = s->block_count == 0 ? NULL : s->blocks[s->block_count - 1];
	bool lost = e->last > s->last_seq && e->last > s->cut_seq;
	uint64_t before = s->last_seq;

	if (e->number > s->last_block)
		s->last_block = e->number;
	if (lost) {
		store_report(s->store, true, "stream %016" PRIx64 ": block %08x holds sequences up to %"
		    PRIu64 " that belong to nothing", s->uid, e->number, e->last);
		for (uint32_t i = 0; i < s->block_count; i++)
			s->blocks[i]->broken |= s->blocks[i]->number == e->number;
		if (b != NULL)
			b->sealed = b->changed = true;
		if (stream_apply_advance(s, e->last) == 0)
			seqset_add(&s->lost, before + 1, e->last);
	}
	for (uint32_t i = 0; i < s->block_count; i++) {
		if (!is_file || s->blocks[i]->number != e->number)
			continue;
		/* That of a block which is to be written: it takes the place of this one. */
		s->blocks[i]->stale = true;
		is_file = s->blocks[i]->broken;
	}
	if (is_file && stream_gone_add(s, e->number, lost) == 0)
		stream_touch(s);
}

/* What stands behind the bytes that count, where something was to be appended. */
static void
ends_settle(struct stream *s, int folder)
{
	uint32_t count = s->block_count; /* what is lost does not add to them */

	for (uint32_t i = 0; i < count && i < s->block_count; i++) {
		struct block *b = s->blocks[i];
		struct extra end = { .number = b->number };

		if (b->is_new || (b->sealed && !b->broken))
			continue;
		extra_span(s, folder, &end, b->synced);
		if (end.last > s->last_seq)
			extra_settle(s, &end, false);
	}
}

void
stream_settle(struct stream *s)
{
	struct extras x = { .stream = s };
	int folder;

	s->sums_skip = false;
	if (s->offline)
		return;
	/* One that the catalogue does not know yet may have one, too. */
	folder = stream_folder(s, NULL);
	if (folder < 0)
		return;
	if (disk_list(s->store->disk, folder, file_found, &x) == 0 && !x.no_memory)
		for (uint32_t i = 0; i < x.count; i++)
			extra_span(s, folder, &x.list[i], 0);
	else
		x.count = 0;
	gone_keep_found(s);
	ends_settle(s, folder);
	for (uint32_t i = 0; i < x.count; i++)
		extra_settle(s, &x.list[i], true);
	disk_close(s->store->disk, folder);
	free(x.list);
}

/* ---- the journal ---- */

static int
replay_create(struct store *store, const struct journal_entry *e, struct err *err)
{
	struct rd in = rd_of(e->payload.p, e->payload.n);
	int64_t created = (int64_t)rd_u64(&in);
	uint64_t first = rd_u64(&in);
	struct str account = rd_str16(&in), name = rd_str16(&in);
	struct stream *s;

	/* The catalogue that knows it already may be in the page cache only: it is written again. */
	store->catalogue_dirty = true;
	if (rd_end(&in) != 0 || store_by_uid(store, e->owner) != NULL)
		return (0);
	for (struct dead_stream *d = store->dead; d != NULL; d = d->next)
		if (d->uid == e->owner)
			return (0);
	s = stream_new(store, e->owner, created, account, name);
	if (s == NULL || (first > 1 && stream_apply_advance(s, first - 1) != 0))
		return (err_set(err, "out of memory"));
	stream_touch(s);
	return (0);
}

static int
replay_delete(struct store *store, struct stream *s, struct err *err)
{
	if (store_dead_add(store, s->uid, true) != 0)
		return (err_set(err, "out of memory"));
	stream_free(s);
	store->catalogue_dirty = true;
	return (0);
}

/* Damage of the journal swallowed what stood between. */
static void
replay_gap(struct stream *s, uint64_t seq)
{
	store_report(s->store, true, "stream %016" PRIx64 ": sequences %" PRIu64 " to %" PRIu64
	    " are lost", s->uid, s->last_seq + 1, seq - 1);
	seqset_add(&s->lost, s->last_seq + 1, seq - 1);
	(void)stream_apply_advance(s, seq - 1);
}

static int
replay_message(struct stream *s, const struct journal_entry *e, struct err *err)
{
	struct rd in = rd_of(e->payload.p, e->payload.n);
	uint32_t block = rd_u32(&in), offset = rd_u32(&in);
	struct record r;

	if (record_decode(in.at, rd_left(&in),
		record_place(s->uid, RECORD_IN_BLOCK, block, offset), &r) != 0) {
		store_report(s->store, true, "stream %016" PRIx64 ": a message does not verify",
		    s->uid);
		return (0);
	}
	if (r.seq <= s->last_seq)
		return (0);
	if (r.seq > s->last_seq + 1)
		replay_gap(s, r.seq);
	return (stream_apply_message(s, &r, err));
}

/*
 * Its bytes are in a file, perhaps in one that goes on with this life: nothing may be written to
 * that any more, before they stand elsewhere.
 */
static void
large_keep(struct stream *s, const struct large_head *h)
{
	if (h->number > s->last_block)
		s->last_block = h->number;
	for (uint32_t i = 0; i < s->block_count; i++)
		if (s->blocks[i]->number == h->number)
			s->blocks[i]->broken = s->blocks[i]->changed = true;
}

static int
replay_large(struct stream *s, const struct journal_entry *e, struct err *err)
{
	struct large_head h;
	struct record r;
	uint8_t *data;
	int result;

	if (!large_parse(e, &h)) {
		store_report(s->store, true, "stream %016" PRIx64 ": a large message has no place",
		    s->uid);
		return (0);
	}
	large_keep(s, &h);
	if (h.seq <= s->last_seq)
		return (0);
	data = large_load(s->store, s->uid, &h, &r, err);
	if (data == NULL && !large_is_absent(err))
		return (-1);
	/* The sequences before it, and, when its bytes are gone, its own. */
	if (data == NULL || h.seq > s->last_seq + 1)
		replay_gap(s, data == NULL ? h.seq + 1 : h.seq);
	result = data == NULL ? 0 : stream_apply_message(s, &r, err);
	free(data);
	return (result);
}

static int
replay_remove(struct stream *s, struct rd *in, struct err *err)
{
	uint64_t first = rd_u64(in), last = rd_u64(in), done;

	if (last > s->last_seq)
		last = s->last_seq;
	if (rd_end(in) != 0 || first == 0 || first > last)
		return (0);
	return (stream_apply_remove(s, first, last, &done, err));
}

static int
replay_small(struct stream *s, struct rd *in)
{
	struct str key = rd_str16(in), value = rd_bytes(in, rd_left(in));

	if (key.n == 0)
		return (0);
	if (value.n > 0)
		return (small_set(s, key, value));
	small_unset(s, key);
	return (0);
}

static int
replay_id(struct stream *s, struct rd *in)
{
	struct id_entry e = ids_entry_get(in);

	/* Of a large message whose bytes are gone nobody was told. */
	return (rd_end(in) != 0 || seqset_has(&s->lost, e.seq) ? 0 : stream_ids_apply(s, &e));
}

static int
replay_mark(struct stream *s, struct rd *in)
{
	uint64_t life = rd_u64(in), ring = rd_u64(in), at = rd_u64(in);

	return (rd_end(in) != 0 ? 0 : mark_set(s, life, ring, at));
}

static int
replay_change(struct stream *s, const struct journal_entry *e, struct err *err)
{
	struct rd in = rd_of(e->payload.p, e->payload.n);
	uint64_t done;
	int result = 0;

	switch (e->type) {
	case STORE_J_MESSAGE:
		return (replay_message(s, e, err));
	case STORE_J_LARGE:
		return (replay_large(s, e, err));
	case STORE_J_REMOVE:
		return (replay_remove(s, &in, err));
	case STORE_J_CUT:
		return (stream_apply_cut(s, rd_u64(&in), &done, err));
	case STORE_J_ERASE:
		return (stream_apply_erase(s, rd_u64(&in), err));
	case STORE_J_ADVANCE:
		result = stream_apply_advance(s, rd_u64(&in));
		break;
	case STORE_J_MARK:
		result = replay_mark(s, &in);
		break;
	case STORE_J_SMALL:
		result = replay_small(s, &in);
		break;
	case STORE_J_ID:
		result = replay_id(s, &in);
		break;
	case STORE_J_SHOW:
		break; /* which its files know */
	default:
		store_report(s->store, true, "the journal has a record of type %u", e->type);
		break;
	}
	return (result == 0 ? 0 : err_set(err, "out of memory"));
}

int
store_replay(void *arg, const struct journal_entry *e, struct err *err)
{
	struct store *store = arg;
	struct stream *s = store_by_uid(store, e->owner);
	struct err why = { .sys = 0 };

	if (e->type == STORE_J_CREATE)
		return (replay_create(store, e, err));
	if (e->type == STORE_J_RESTORE ||
	    (s != NULL && s->hidden && e->type != STORE_J_DELETE))
		return (restore_replay(store, s, e, err));
	if (s == NULL) { /* deleted, which the catalogue knows already, if there is one */
		store->catalogue_dirty = true;
		if (e->type == STORE_J_DELETE && catalogue_is_twin(store, e->owner) &&
		    store_dead_add(store, e->owner, true) != 0)
			return (err_set(err, "out of memory"));
		return (0);
	}
	if (e->type == STORE_J_DELETE)
		return (replay_delete(store, s, err));
	if (s->offline) {
		store->hold = true;
		return (0);
	}
	/* What its files hold may be in the page cache only: they are synced again. */
	s->resync = true;
	stream_touch(s);
	if (e->commit <= s->point_commit)
		return (0);
	s->sums_skip = e->commit <= s->sums_commit;
	if (replay_change(s, e, &why) == 0)
		return (0);
	if (why.sys != 0 && why.sys != ENOMEM) { /* its files cannot be read: it is one stream */
		take_offline(s, &why);
		store->hold = true;
		store_report(store, true, "stream %016" PRIx64 ": %s", s->uid, s->fence);
		return (0);
	}
	if (err != NULL)
		*err = why;
	return (-1);
}
