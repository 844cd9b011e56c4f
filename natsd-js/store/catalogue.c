/*
 * Which streams there are: in memory, and in the file that says so.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "common/cursor.h"
#include "natsd-js/store/store_priv.h"

#define CATALOGUE_MAGIC "NATSDCAT"
#define CATALOGUE_VERSION 1u
#define CATALOGUE_HEAD 32u
#define CATALOGUE_MAX ((size_t)1 << 30)

static struct stream **
uid_bucket(struct store *store, uint64_t uid)
{
	return (&store->by_uid[uid % STORE_BUCKETS]);
}

static struct stream **
name_bucket(struct store *store, struct str account, struct str name)
{
	uint64_t h = XXH3_64bits_withSeed(name.p, name.n, XXH3_64bits(account.p, account.n));

	return (&store->by_name[h % STORE_BUCKETS]);
}

struct stream *
store_by_uid(struct store *store, uint64_t uid)
{
	struct stream *s = *uid_bucket(store, uid);

	while (s != NULL && s->uid != uid)
		s = s->next_uid;
	return (s);
}

struct stream *
stream_find(struct store *store, struct str account, struct str name)
{
	struct stream *s = *name_bucket(store, account, name);

	while (s != NULL && (s->hidden || !(str_eq(s->name, name) && str_eq(s->account, account))))
		s = s->next_name;
	return (s);
}

static void
link_in(struct store *store, struct stream *s)
{
	struct stream **bucket = uid_bucket(store, s->uid);

	s->next_uid = *bucket;
	*bucket = s;
	bucket = name_bucket(store, s->account, s->name);
	s->next_name = *bucket;
	*bucket = s;
	s->next_all = store->all;
	if (store->all != NULL)
		store->all->prev_all = s;
	store->all = s;
	store->stream_count++;
}

static void
link_out(struct store *store, struct stream *s)
{
	struct stream **at;

	for (at = uid_bucket(store, s->uid); *at != s; at = &(*at)->next_uid)
		;
	*at = s->next_uid;
	for (at = name_bucket(store, s->account, s->name); *at != s; at = &(*at)->next_name)
		;
	*at = s->next_name;
	if (s->prev_all != NULL)
		s->prev_all->next_all = s->next_all;
	else
		store->all = s->next_all;
	if (s->next_all != NULL)
		s->next_all->prev_all = s->prev_all;
	store->stream_count--;
	if (!s->dirty)
		return;
	for (at = &store->dirty; *at != s; at = &(*at)->next_dirty)
		;
	*at = s->next_dirty;
}

struct stream *
stream_new(struct store *store, uint64_t uid, int64_t created, struct str account,
    struct str name)
{
	struct stream *s = calloc(1, sizeof(*s));
	char *text = malloc(account.n + name.n + 1);

	if (s == NULL || text == NULL) {
		free(s);
		free(text);
		return (NULL);
	}
	if (account.n > 0)
		memcpy(text, account.p, account.n);
	if (name.n > 0)
		memcpy(text + account.n, name.p, name.n);
	s->store = store;
	s->uid = uid;
	s->created = created;
	s->account = (struct str){ .p = text, .n = account.n };
	s->name = (struct str){ .p = text + account.n, .n = name.n };
	link_in(store, s);
	return (s);
}

void
stream_free(struct stream *s)
{
	char *text;

	snapshots_end(s);
	link_out(s->store, s);
	if (s->job != NULL)
		s->job->stream = NULL;
	store_handles_drop(s->store, s->uid, 0);
	if (s->store->wheel != NULL)
		wheel_stop(s->store->wheel, &s->timer);
	for (uint32_t i = 0; i < s->block_count; i++)
		block_free(s->store, s->blocks[i]);
	free(s->blocks);
	free(s->gone);
	free(s->erasures);
	seqset_free(&s->removed);
	seqset_free(&s->removed_fresh);
	seqset_free(&s->lost);
	subjects_free(&s->subjects);
	stream_ids_free(s);
	small_free(s);
	memcpy(&text, &s->account.p, sizeof(text));
	free(text);
	free(s);
}

int
store_dead_add(struct store *store, uint64_t uid, bool named)
{
	struct dead_stream *d = malloc(sizeof(*d));

	if (d == NULL)
		return (-1);
	*d = (struct dead_stream){ .uid = uid, .next = store->dead, .named = named };
	store->dead = d;
	return (0);
}

/* ---- the file ---- */

enum entry { ENTRY_STREAM, ENTRY_DELETED, ENTRY_HIDDEN };

static int
entry_put(struct buf *b, uint64_t uid, int64_t created, enum entry what, struct str account,
    struct str name)
{
	size_t n = 8 + 8 + 1 + 4 + account.n + name.n;
	uint8_t *p = buf_room(b, n);
	struct wr out = wr_of(p, p == NULL ? 0 : n);

	wr_u64(&out, uid);
	wr_u64(&out, (uint64_t)created);
	wr_u8(&out, (uint8_t)what);
	wr_u16(&out, (uint16_t)account.n);
	wr_u16(&out, (uint16_t)name.n);
	wr_bytes(&out, account.p, account.n);
	wr_bytes(&out, name.p, name.n);
	if (wr_end(&out) != 0)
		return (-1);
	b->len += n;
	return (0);
}

static uint64_t
check_of(const uint8_t *p, size_t n)
{
	return (XXH3_64bits_withSeed(p + CATALOGUE_HEAD, n - CATALOGUE_HEAD, XXH3_64bits(p, 24)));
}

int
catalogue_encode(struct store *store, struct buf *b)
{
	uint8_t head[CATALOGUE_HEAD] = { 0 };
	struct wr out = wr_of(head, 24);
	uint32_t entries = 0;
	int result = buf_add(b, head, sizeof(head));

	for (struct stream *s = store->all; s != NULL && result == 0; s = s->next_all, entries++)
		result = entry_put(b, s->uid, s->created, s->hidden ? ENTRY_HIDDEN : ENTRY_STREAM,
		    s->account, s->name);
	for (struct dead_stream *d = store->dead; d != NULL && result == 0; d = d->next, entries++)
		result = entry_put(b, d->uid, 0, ENTRY_DELETED, STR_NONE, STR_NONE);
	if (result != 0)
		return (-1);
	wr_bytes(&out, CATALOGUE_MAGIC, 8);
	wr_u32(&out, CATALOGUE_VERSION);
	wr_u32(&out, entries);
	wr_u64(&out, store->id);
	memcpy(b->data, head, 24);
	out = wr_of(b->data + 24, 8);
	wr_u64(&out, check_of(b->data, b->len));
	return (0);
}

static int
entry_load(struct store *store, struct rd *in, struct err *err)
{
	uint64_t uid = rd_u64(in);
	int64_t created = (int64_t)rd_u64(in);
	uint8_t what = rd_u8(in);
	uint16_t account_len = rd_u16(in), name_len = rd_u16(in);
	struct str account = rd_bytes(in, account_len), name = rd_bytes(in, name_len);
	struct stream *s;

	if (in->short_ || uid == 0 || what > ENTRY_HIDDEN || store_by_uid(store, uid) != NULL)
		return (err_set(err, "catalogue: an entry makes no sense"));
	if (what == ENTRY_DELETED) {
		store->catalogue_dirty = true;
		return (store_dead_add(store, uid, true) == 0 ? 0 :
		    err_set(err, "catalogue: out of memory"));
	}
	if (what == ENTRY_STREAM && stream_find(store, account, name) != NULL)
		return (err_set(err, "catalogue: a name stands twice"));
	s = stream_new(store, uid, created, account, name);
	if (s == NULL)
		return (err_set(err, "catalogue: out of memory"));
	s->hidden = what == ENTRY_HIDDEN;
	s->has_folder = true;
	return (0);
}

int
catalogue_load(struct store *store, struct err *err)
{
	size_t n;
	uint8_t *p = disk_load(store->disk, store->top, "catalogue", CATALOGUE_MAX, &n);
	struct rd in;
	struct str magic;
	uint32_t version, entries;
	int result = 0;

	if (p == NULL)
		return (err_sys(err, "catalogue"));
	in = rd_of(p, n);
	magic = rd_bytes(&in, 8);
	version = rd_u32(&in);
	entries = rd_u32(&in);
	store->id = rd_u64(&in);
	if (rd_u64(&in) != (n < CATALOGUE_HEAD ? 0 : check_of(p, n)) || in.short_ ||
	    memcmp(magic.p, CATALOGUE_MAGIC, 8) != 0)
		result = err_set(err, "catalogue: damaged");
	else if (version != CATALOGUE_VERSION)
		result = err_set(err, "catalogue: version %u", version);
	for (uint32_t i = 0; i < entries && result == 0; i++)
		result = entry_load(store, &in, err);
	if (result == 0 && rd_end(&in) != 0)
		result = err_set(err, "catalogue: damaged");
	free(p);
	return (result);
}

/* ---- without the file ---- */

static bool
uid_parse(const char *name, uint64_t *uid)
{
	char again[20];
	char *end;

	*uid = 0;
	for (end = again; *name != '\0' && end < again + 16; name++, end++) {
		if (*name >= '0' && *name <= '9')
			*uid = *uid << 4 | (uint64_t)(*name - '0');
		else if (*name >= 'a' && *name <= 'f')
			*uid = *uid << 4 | (uint64_t)(*name - 'a' + 10);
		else
			return (false);
	}
	return (end == again + 16 && *name == '\0' && *uid != 0);
}

static void
twin_report(struct store *store, uint64_t uid)
{
	store_report(store, true, "folder %016" PRIx64 ": another stream has its name", uid);
}

/* One of the two was deleted, if all is well: the journal says which. */
static void
twin_add(struct store *store, uint64_t uid)
{
	struct dead_stream *d = malloc(sizeof(*d));

	if (d == NULL) {
		twin_report(store, uid);
		return;
	}
	*d = (struct dead_stream){ .uid = uid, .next = store->twins };
	store->twins = d;
}

static bool
is_in(const struct dead_stream *list, uint64_t uid)
{
	while (list != NULL && list->uid != uid)
		list = list->next;
	return (list != NULL);
}

bool
catalogue_is_twin(const struct store *store, uint64_t uid)
{
	return (is_in(store->twins, uid));
}

void
catalogue_settle(struct store *store)
{
	struct dead_stream *d;

	while ((d = store->twins) != NULL) {
		store->twins = d->next;
		if (store_by_uid(store, d->uid) == NULL && !is_in(store->dead, d->uid))
			twin_report(store, d->uid);
		free(d);
	}
}

static bool
folder_found(void *arg, const char *name, bool is_dir)
{
	struct store *store = arg;
	struct stream *s = NULL;
	struct record r;
	uint8_t *data;
	uint64_t uid;
	int folder;

	if (!is_dir || !uid_parse(name, &uid))
		return (true);
	folder = disk_open(store->disk, store->streams_dir, name, DISK_DIR);
	if (folder < 0 || state_identity(store, folder, uid, &r, &data) != 0) {
		store_report(store, store->catalogue_damaged,
		    "folder %s does not say which stream it is", name);
		disk_close(store->disk, folder);
		return (true);
	}
	disk_close(store->disk, folder);
	if (r.payload.n > 0 || stream_find(store, r.subject, r.headers) == NULL)
		s = stream_new(store, uid, r.time, r.subject, r.headers);
	else
		twin_add(store, uid);
	if (s != NULL) {
		s->has_folder = true;
		s->hidden = r.payload.n > 0;
	}
	free(data);
	return (true);
}

int
catalogue_rebuild(struct store *store, bool damaged, struct err *err)
{
	store->catalogue_damaged = damaged;
	store->catalogue_dirty = true;
	if (disk_list(store->disk, store->streams_dir, folder_found, store) != 0)
		return (err_sys(err, "list the streams"));
	return (0);
}
