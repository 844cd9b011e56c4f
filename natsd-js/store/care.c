/*
 * What is done for blocks nobody asks for, at a bounded rate: they are read, so that damage is found
 * while there is something to repair it from, and those with much that is dead are written anew.
 * And what replicas compare.
 */
#include "config.h"

#include <inttypes.h>
#include <xxhash.h>

#include "common/cursor.h"
#include "natsd-js/store/store_priv.h"

#define STEP_NS (100 * NS_PER_MS)
#define SPARSE_LEAST (64u << 10) /* smaller blocks are not written anew by themselves */
#define MERGED_NUMBERS_MAX (1u << 22) /* sequences of neighbours that become one */
#define MERGED_PART 4u /* of a block's size: what has more in it stays */

/* The block behind the last one, blocks[*i]; NULL: a round is over, or the stream has no more. */
static struct stream *
care_next(struct store *store, uint32_t *i)
{
	struct stream *s = store_by_uid(store, store->care_uid);

	if (s == NULL)
		s = store->all;
	else if (store->care_seq == UINT64_MAX)
		s = s->next_all;
	if (s == NULL || s->uid != store->care_uid || store->care_seq == UINT64_MAX)
		store->care_seq = 0;
	store->care_uid = s == NULL ? 0 : s->uid;
	if (s == NULL)
		return (NULL);
	*i = s->offline ? s->block_count : block_find_index(s, store->care_seq);
	store->care_seq = *i < s->block_count ? s->blocks[*i]->last + 1 : UINT64_MAX;
	return (*i < s->block_count ? s : NULL);
}

/* Of all its bytes less than half are of messages that live. */
static bool
is_sparse(const struct block *b)
{
	uint64_t dead = block_numbers(b) - b->live;

	return (b->sealed && !b->is_new && b->flight == NULL && b->len >= SPARSE_LEAST &&
	    dead > b->live && b->bytes < b->len / 2);
}

/* Bytes of its records that live, nearly. */
static uint64_t
live_bytes(const struct block *b)
{
	return (b->bytes + (uint64_t)b->live * (RECORD_HEAD / 2));
}

/* It may become one with its neighbours. */
static bool
is_little(const struct block *b)
{
	return (b->sealed && !b->is_new && !b->broken && b->flight == NULL && b->last >= b->first &&
	    live_bytes(b) < b->stream->store->options.block_bytes / MERGED_PART);
}

/*
 * How many neighbours from `at` on become one block: 0, or at least 2.  What is read at once is no
 * more than a block, and the largest no more than half of it: a message is moved a few times, not
 * once for each that comes behind it.
 */
static uint32_t
little_run(const struct stream *s, uint32_t at, uint64_t *bytes)
{
	uint32_t block_bytes = s->store->options.block_bytes, count = 0;
	uint64_t live = 0, most = 0, read = 0, one;
	const struct block *b;

	*bytes = 0;
	for (uint32_t i = at; i < s->block_count; i++) {
		b = s->blocks[i];
		one = live_bytes(b);
		read += b->len;
		live += one;
		if (!is_little(b) || read > block_bytes || live > block_bytes / 2 ||
		    b->last - s->blocks[at]->first >= MERGED_NUMBERS_MAX ||
		    (i > at && b->first <= s->blocks[i - 1]->last))
			break;
		most = one > most ? one : most;
		if (i > at && live >= 2 * most) {
			count = i - at + 1;
			*bytes = read;
		}
	}
	return (count);
}

/* How many bytes it took. */
static uint64_t
care_for(struct stream *s, uint32_t at)
{
	struct block *b = s->blocks[at];
	uint64_t bytes, len = b->len;
	uint32_t count = little_run(s, at, &bytes);

	if (count > 0 && blocks_rewrite(s, at, count, NULL) == 0) {
		stream_touch(s);
		return (bytes);
	}
	if (is_sparse(b) && block_rewrite(b, NULL) == 0)
		stream_touch(s);
	else
		(void)block_verify(b, NULL);
	return (len);
}

#define VERIFY_AT_ONCE 1000u

/* What an older life left in the index is looked at once, stream by stream. */
static void
sums_care(struct store *store)
{
	struct stream *s = store_by_uid(store, store->verify_uid);
	enum sums_result result;

	if (s == NULL || !s->sums_unseen)
		for (s = store->all; s != NULL && !s->sums_unseen; s = s->next_all)
			;
	store->verify_uid = s == NULL ? 0 : s->uid;
	if (s == NULL)
		return;
	result = sums_verify(store->sums, s->uid, VERIFY_AT_ONCE);
	s->sums_unseen = result == SUMS_OK;
	if (result != SUMS_ERROR)
		return;
	store_report(store, false, "stream %016" PRIx64 ": its index is damaged, and made again",
	    s->uid);
	s->sums_doubtful = true;
}

void
store_care(struct store *store, struct mono now)
{
	int64_t since = mono_diff_ns(now, store->care_at);
	struct stream *s;
	uint64_t bytes;
	uint32_t i;

	if (store->verify_uid != 0)
		sums_care(store);
	if (store->options.care_rate == 0 || store->cutting || since < STEP_NS)
		return;
	s = care_next(store, &i);
	store->care_at = now;
	if (s == NULL)
		return;
	/* The next step waits until this one fits into the rate. */
	bytes = care_for(s, i);
	store->care_at.ns += (int64_t)((double)bytes / (double)store->options.care_rate * 1e9);
}

enum store_result
stream_digest(struct stream *s, uint64_t first, uint64_t last, uint64_t *digest, struct err *err)
{
	enum store_result result;
	struct store_message m;
	uint8_t head[24];
	struct wr out;

	*digest = 0;
	for (uint64_t seq = stream_live_next(s, first); seq != 0 && seq <= last;
	     seq = stream_live_next(s, seq + 1)) {
		result = stream_load(s, seq, &m, err);
		if (result != STORE_OK)
			return (result);
		out = wr_of(head, sizeof(head));
		wr_u64(&out, m.seq);
		wr_u64(&out, (uint64_t)m.time);
		wr_u32(&out, (uint32_t)m.subject.n);
		wr_u32(&out, (uint32_t)m.headers.n);
		*digest = XXH3_64bits_withSeed(head, sizeof(head), *digest);
		*digest = XXH3_64bits_withSeed(m.subject.p, m.subject.n, *digest);
		*digest = XXH3_64bits_withSeed(m.headers.p, m.headers.n, *digest);
		*digest = XXH3_64bits_withSeed(m.payload.p, m.payload.n, *digest);
	}
	return (STORE_OK);
}
