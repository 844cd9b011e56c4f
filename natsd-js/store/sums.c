#include "config.h"

#include <assert.h>
#include <errno.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "common/cursor.h"
#include "natsd-js/store/sums.h"

#define MAP_BYTES ((size_t)64 << 30) /* of address space; nothing is written through it */
#define KEY_TEXT_MAX 400u	     /* LMDB takes 511 bytes, of which 17 are ours */
#define KEY_MAX (9u + KEY_TEXT_MAX + 8u)
#define VALUE_BYTES 32u
#define POINT_BYTES 32u
#define REMOVE_AT_ONCE 4096u
#define TAG_POINT 0
#define TAG_WHOLE 1

struct sums {
	MDB_env *env;
	MDB_dbi table;
	MDB_txn *reader; /* the owner's, reset between two look-ups */
	MDB_txn *walk;	 /* of sums_verify; NULL: none */
	MDB_cursor *at;
	uint64_t walk_uid, walk_seen;
	struct sums_point walk_point;
	char deaths[512]; /* path of the file that counts them; empty: this life is good */
};

static int
failed(struct err *err, const char *what, int error)
{
	return (err_set(err, "index: %s: %s", what, mdb_strerror(error)));
}

/* ---- keys and values ---- */

/* uid in order of its bytes, what it is, the subject or its beginning and hash. */
static size_t
key_make(uint8_t *key, uint64_t uid, uint8_t tag, struct str subject)
{
	size_t n = subject.n < KEY_TEXT_MAX ? subject.n : KEY_TEXT_MAX;
	uint64_t hash;

	for (unsigned i = 0; i < 8; i++)
		key[i] = (uint8_t)(uid >> (56 - 8 * i));
	key[8] = tag;
	if (n > 0)
		memcpy(key + 9, subject.p, n);
	if (subject.n <= KEY_TEXT_MAX)
		return (9 + n);
	/* A long one stands in order with its beginning; its tag is in the value. */
	hash = XXH3_64bits(subject.p, subject.n);
	memcpy(key + 9 + n, &hash, sizeof(hash));
	return (9 + n + sizeof(hash));
}

static uint64_t
check_of(const void *key, size_t n, const uint8_t *value)
{
	return (XXH3_64bits_withSeed(value, VALUE_BYTES - 8, XXH3_64bits(key, n)));
}

/* count holds two flags at its top. */
static void
value_make(uint8_t *value, const void *key, size_t n, const struct sum *s)
{
	struct wr out = wr_of(value, VALUE_BYTES);

	assert(s->count >> 62 == 0);
	wr_u64(&out, s->first);
	wr_u64(&out, s->last);
	wr_u64(&out, s->count | (uint64_t)s->first_old << 63 | (uint64_t)s->last_old << 62);
	wr_u64(&out, check_of(key, n, value));
}

static int
value_read(const MDB_val *key, const MDB_val *value, struct sum *s)
{
	struct rd in = rd_of(value->mv_data, value->mv_size);
	uint64_t count;

	s->first = rd_u64(&in);
	s->last = rd_u64(&in);
	count = rd_u64(&in);
	if (value->mv_size != VALUE_BYTES ||
	    rd_u64(&in) != check_of(key->mv_data, key->mv_size, value->mv_data))
		return (-1);
	s->count = count & (UINT64_MAX >> 2);
	s->first_old = (count >> 63 & 1) != 0;
	s->last_old = (count >> 62 & 1) != 0;
	return (s->count == 0 || s->first == 0 || s->last < s->first ? -1 : 0);
}

/* ---- opening ---- */

/* Reading beyond its end would kill us. */
static int
size_check(MDB_env *env, const char *path)
{
	MDB_envinfo info;
	MDB_stat stat_;
	struct stat st;

	if (mdb_env_info(env, &info) != 0 || mdb_env_stat(env, &stat_) != 0)
		return (-1);
	if (stat(path, &st) != 0)
		return (-1);
	return ((uint64_t)st.st_size < (info.me_last_pgno + 1) * stat_.ms_psize ? -1 : 0);
}

static int
try_open(struct sums *s, const char *folder, struct err *err)
{
	char path[512];
	MDB_txn *txn;
	int error = mdb_env_create(&s->env);

	if (error != 0)
		return (failed(err, "make", error));
	error = mdb_env_set_mapsize(s->env, MAP_BYTES);
	if (error == 0)
		error = mdb_env_open(s->env, folder, MDB_NOTLS | MDB_NORDAHEAD, 0600);
	if (error != 0)
		return (failed(err, "open", error));
	snprintf(path, sizeof(path), "%s/data.mdb", folder);
	if (size_check(s->env, path) != 0)
		return (err_set(err, "index: the file is cut"));
	error = mdb_txn_begin(s->env, NULL, 0, &txn);
	if (error != 0)
		return (failed(err, "begin", error));
	error = mdb_dbi_open(txn, NULL, 0, &s->table);
	if (error == 0)
		error = mdb_txn_commit(txn);
	else
		mdb_txn_abort(txn);
	if (error == 0)
		error = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &s->reader);
	if (error != 0)
		return (failed(err, "open its table", error));
	mdb_txn_reset(s->reader);
	return (0);
}

static void
walk_end(struct sums *s)
{
	if (s->walk == NULL)
		return;
	mdb_cursor_close(s->at);
	mdb_txn_abort(s->walk);
	s->walk = NULL;
	s->walk_uid = 0;
}

static void
env_close(struct sums *s)
{
	walk_end(s);
	if (s->reader != NULL)
		mdb_txn_abort(s->reader);
	if (s->env != NULL)
		mdb_env_close(s->env);
	s->reader = NULL;
	s->env = NULL;
}

/* It holds nothing that cannot be made again, but is an operator's to look at. */
static void
set_aside(const char *folder)
{
	char from[512], to[520];

	snprintf(from, sizeof(from), "%s/data.mdb", folder);
	snprintf(to, sizeof(to), "%s.damaged", from);
	(void)rename(from, to);
	snprintf(from, sizeof(from), "%s/lock.mdb", folder);
	(void)remove(from);
}

/* A file of one byte a life that has not come to a good end yet; how many there were before. */
static unsigned
deaths_count(struct sums *s, const char *folder)
{
	struct stat st;
	FILE *f;

	snprintf(s->deaths, sizeof(s->deaths), "%s/lives", folder);
	if (stat(s->deaths, &st) != 0)
		st.st_size = 0;
	f = fopen(s->deaths, "ae");
	if (f != NULL) {
		fputc('.', f);
		fclose(f);
	}
	return (st.st_size > SUMS_DEATHS ? SUMS_DEATHS : (unsigned)st.st_size);
}

void
sums_good(struct sums *s)
{
	if (s->deaths[0] != '\0')
		(void)remove(s->deaths);
	s->deaths[0] = '\0';
}

struct sums *
sums_open(const char *folder, struct err *err)
{
	struct sums *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		err_set(err, "index: out of memory");
		return (NULL);
	}
	if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
		err_sys(err, "make the folder of the index");
		free(s);
		return (NULL);
	}
	if (deaths_count(s, folder) == SUMS_DEATHS)
		set_aside(folder);
	if (try_open(s, folder, err) == 0)
		return (s);
	env_close(s);
	set_aside(folder);
	if (try_open(s, folder, err) == 0)
		return (s);
	sums_close(s);
	return (NULL);
}

void
sums_close(struct sums *s)
{
	if (s == NULL)
		return;
	env_close(s);
	sums_good(s);
	free(s);
}

/* ---- reading ---- */

static enum sums_result
get(struct sums *s, MDB_val *key, MDB_val *value)
{
	int error = mdb_txn_renew(s->reader);

	if (error == 0)
		error = mdb_get(s->reader, s->table, key, value);
	if (error == 0)
		return (SUMS_OK);
	mdb_txn_reset(s->reader);
	return (error == MDB_NOTFOUND ? SUMS_NONE : SUMS_ERROR);
}

static int
point_read(const MDB_val *key, const MDB_val *value, struct sums_point *p)
{
	struct rd in = rd_of(value->mv_data, value->mv_size);

	p->commit = rd_u64(&in);
	p->subjects = rd_u64(&in);
	p->life = rd_u64(&in);
	if (value->mv_size != POINT_BYTES ||
	    rd_u64(&in) != check_of(key->mv_data, key->mv_size, value->mv_data))
		return (-1);
	return (0);
}

enum sums_result
sums_point(struct sums *s, uint64_t uid, struct sums_point *p)
{
	uint8_t bytes[KEY_MAX];
	MDB_val key = { .mv_size = key_make(bytes, uid, TAG_POINT, STR_NONE), .mv_data = bytes };
	MDB_val value;
	enum sums_result result = get(s, &key, &value);

	if (result != SUMS_OK)
		return (result);
	if (point_read(&key, &value, p) != 0)
		result = SUMS_ERROR;
	mdb_txn_reset(s->reader);
	return (result);
}

enum sums_result
sums_find(struct sums *s, uint64_t uid, struct str subject, struct sum *sum)
{
	uint8_t bytes[KEY_MAX];
	MDB_val key = { .mv_size = key_make(bytes, uid, TAG_WHOLE, subject), .mv_data = bytes };
	MDB_val value;
	enum sums_result result = get(s, &key, &value);

	if (result != SUMS_OK)
		return (result);
	if (value_read(&key, &value, sum) != 0)
		result = SUMS_ERROR;
	mdb_txn_reset(s->reader);
	return (result);
}

enum sums_result
sums_each(struct sums *s, uint64_t uid, struct str prefix,
    bool (*fn)(void *, struct str, bool, const struct sum *), void *arg)
{
	uint8_t bytes[KEY_MAX];
	struct str begin = { .p = prefix.p,
		.n = prefix.n < KEY_TEXT_MAX ? prefix.n : KEY_TEXT_MAX };
	size_t n = key_make(bytes, uid, TAG_WHOLE, begin);
	MDB_val key = { .mv_size = n, .mv_data = bytes }, value;
	enum sums_result result = SUMS_OK;
	MDB_cursor *cursor;
	struct sum sum;
	int error = mdb_txn_renew(s->reader);

	if (error != 0 || mdb_cursor_open(s->reader, s->table, &cursor) != 0) {
		mdb_txn_reset(s->reader);
		return (SUMS_ERROR);
	}
	for (error = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE); error == 0;
	     error = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
		struct str text;

		if (key.mv_size < n || memcmp(key.mv_data, bytes, n) != 0)
			break;
		if (value_read(&key, &value, &sum) != 0) {
			result = SUMS_ERROR;
			break;
		}
		text = (struct str){ .p = (const char *)key.mv_data + 9, .n = key.mv_size - 9 };
		if (!fn(arg, text, text.n <= KEY_TEXT_MAX, &sum))
			break;
	}
	if (error != 0 && error != MDB_NOTFOUND)
		result = SUMS_ERROR;
	mdb_cursor_close(cursor);
	mdb_txn_reset(s->reader);
	return (result);
}

/* ---- is it all there ---- */

static int
walk_begin(struct sums *s, uint64_t uid)
{
	uint8_t bytes[KEY_MAX];
	MDB_val key = { .mv_size = key_make(bytes, uid, TAG_POINT, STR_NONE), .mv_data = bytes };
	MDB_val value;

	if (mdb_txn_begin(s->env, NULL, MDB_RDONLY, &s->walk) != 0) {
		s->walk = NULL;
		return (-1);
	}
	if (mdb_cursor_open(s->walk, s->table, &s->at) != 0) {
		mdb_txn_abort(s->walk);
		s->walk = NULL;
		return (-1);
	}
	s->walk_uid = uid;
	s->walk_seen = 0;
	return (mdb_cursor_get(s->at, &key, &value, MDB_SET_KEY) == 0 &&
	    point_read(&key, &value, &s->walk_point) == 0 ? 0 : -1);
}

/* The next key of the stream; 1: there is none; -1: damage. */
static int
walk_one(struct sums *s)
{
	MDB_val key, value, found;
	uint8_t bytes[8];
	struct sum sum;
	int error = mdb_cursor_get(s->at, &key, &value, MDB_NEXT);

	for (unsigned i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(s->walk_uid >> (56 - 8 * i));
	if (error == MDB_NOTFOUND ||
	    (error == 0 && (key.mv_size < 9 || memcmp(key.mv_data, bytes, 8) != 0)))
		return (1);
	if (error != 0 || value_read(&key, &value, &sum) != 0)
		return (-1);
	s->walk_seen++;
	return (mdb_get(s->walk, s->table, &key, &found) == 0 && found.mv_data == value.mv_data ?
	    0 : -1);
}

enum sums_result
sums_verify(struct sums *s, uint64_t uid, unsigned n)
{
	int ended = 0;

	if (s->walk == NULL || s->walk_uid != uid) {
		walk_end(s);
		ended = walk_begin(s, uid);
	}
	while (n-- > 0 && ended == 0)
		ended = walk_one(s);
	if (ended == 0)
		return (SUMS_OK);
	/* One of several parts (commit 0) counts more than is there yet. */
	if (ended > 0 && s->walk_point.commit != 0 && s->walk_seen != s->walk_point.subjects)
		ended = -1;
	walk_end(s);
	return (ended > 0 ? SUMS_NONE : SUMS_ERROR);
}

/* ---- writing ---- */

struct pair {
	const uint8_t *key, *value; /* value NULL: it goes */
	size_t n;
};

int
sums_put(struct buf *b, uint64_t uid, struct str subject, const struct sum *sum)
{
	uint8_t bytes[2 + KEY_MAX + 1 + VALUE_BYTES];
	size_t n = key_make(bytes + 2, uid, TAG_WHOLE, subject), at = 2 + n;

	bytes[0] = (uint8_t)(n & 0xff);
	bytes[1] = (uint8_t)(n >> 8);
	bytes[at++] = sum->count > 0;
	if (sum->count > 0) {
		value_make(bytes + at, bytes + 2, n, sum);
		at += VALUE_BYTES;
	}
	return (buf_add(b, bytes, at));
}

static int
by_key(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	size_t n = x->n < y->n ? x->n : y->n;
	int c = memcmp(x->key, y->key, n);

	return (c != 0 ? c : (x->n > y->n) - (x->n < y->n));
}

/* The batch in the order of its keys, to be freed; NULL: no memory. */
static struct pair *
batch_sort(const struct buf *b, size_t *count)
{
	struct pair *list;
	size_t at, i = 0;

	*count = 0;
	for (at = 0; at < b->len; (*count)++) {
		at += 2 + (size_t)(b->data[at] | b->data[at + 1] << 8);
		at += b->data[at] != 0 ? 1 + VALUE_BYTES : 1;
	}
	list = calloc(*count + 1, sizeof(*list));
	for (at = 0; list != NULL && at < b->len; i++) {
		list[i].n = (size_t)(b->data[at] | b->data[at + 1] << 8);
		list[i].key = b->data + at + 2;
		at += 2 + list[i].n;
		if (b->data[at] != 0)
			list[i].value = b->data + at + 1;
		at += b->data[at] != 0 ? 1 + VALUE_BYTES : 1;
	}
	if (list != NULL)
		qsort(list, *count, sizeof(*list), by_key);
	return (list);
}

static MDB_val
val(const uint8_t *p, size_t n)
{
	MDB_val v = { .mv_size = n };

	memcpy(&v.mv_data, &p, sizeof(p)); /* only read from */
	return (v);
}

static int
put_all(struct sums *s, MDB_txn *txn, const struct pair *list, size_t count)
{
	MDB_val key, value;
	int error = 0;

	for (size_t i = 0; i < count && error == 0; i++) {
		key = val(list[i].key, list[i].n);
		if (list[i].value != NULL) {
			value = val(list[i].value, VALUE_BYTES);
			error = mdb_put(txn, s->table, &key, &value, 0);
		} else {
			error = mdb_del(txn, s->table, &key, NULL);
			error = error == MDB_NOTFOUND ? 0 : error;
		}
	}
	return (error);
}

static int
put_point(struct sums *s, MDB_txn *txn, uint64_t uid, const struct sums_point *p)
{
	uint8_t bytes[KEY_MAX], value[POINT_BYTES];
	size_t n = key_make(bytes, uid, TAG_POINT, STR_NONE);
	struct wr out = wr_of(value, sizeof(value));
	MDB_val k = val(bytes, n), v = val(value, sizeof(value));

	wr_u64(&out, p->commit);
	wr_u64(&out, p->subjects);
	wr_u64(&out, p->life);
	wr_u64(&out, check_of(bytes, n, value));
	return (mdb_put(txn, s->table, &k, &v, 0));
}

/* Up to `most` keys of the stream; *none when there are no more. */
static int
remove_some(struct sums *s, MDB_txn *txn, uint64_t uid, size_t most, bool *none)
{
	uint8_t bytes[KEY_MAX];
	MDB_val key = { .mv_size = key_make(bytes, uid, TAG_POINT, STR_NONE), .mv_data = bytes };
	MDB_val value;
	MDB_cursor *cursor;
	int error = mdb_cursor_open(txn, s->table, &cursor);

	*none = false;
	if (error != 0)
		return (error);
	error = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
	for (size_t i = 0; error == 0 && i < most; i++) {
		if (key.mv_size < 8 || memcmp(key.mv_data, bytes, 8) != 0) {
			error = MDB_NOTFOUND;
			break;
		}
		error = mdb_cursor_del(cursor, 0);
		if (error == 0)
			error = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
	}
	mdb_cursor_close(cursor);
	*none = error == MDB_NOTFOUND;
	return (*none ? 0 : error);
}

static int
write_one(struct sums *s, MDB_txn *txn, const struct sums_batch *b)
{
	size_t count;
	struct pair *list = batch_sort(b->sums, &count);
	bool none;
	int error = list == NULL ? ENOMEM : 0;

	if (error == 0 && b->clear)
		error = remove_some(s, txn, b->uid, SIZE_MAX, &none);
	if (error == 0)
		error = put_all(s, txn, list, count);
	if (error == 0)
		error = put_point(s, txn, b->uid, &b->point);
	free(list);
	return (error);
}

int
sums_write(struct sums *s, const struct sums_batch *batches, unsigned n, struct err *err)
{
	MDB_txn *txn;
	int error = mdb_txn_begin(s->env, NULL, 0, &txn);

	if (error != 0)
		return (failed(err, "begin", error));
	for (unsigned i = 0; i < n && error == 0; i++)
		error = write_one(s, txn, &batches[i]);
	if (error == 0)
		error = mdb_txn_commit(txn);
	else
		mdb_txn_abort(txn);
	return (error == 0 ? 0 : failed(err, "write", error));
}

enum sums_result
sums_remove(struct sums *s, uint64_t uid)
{
	MDB_txn *txn;
	bool none;

	if (mdb_txn_begin(s->env, NULL, 0, &txn) != 0)
		return (SUMS_ERROR);
	if (remove_some(s, txn, uid, REMOVE_AT_ONCE, &none) != 0) {
		mdb_txn_abort(txn);
		return (SUMS_ERROR);
	}
	if (mdb_txn_commit(txn) != 0)
		return (SUMS_ERROR);
	return (none ? SUMS_NONE : SUMS_OK);
}
