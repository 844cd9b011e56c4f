#include "config.h"

#include "tests/attack/attack.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "common/frame.h"
#include "common/ring.h"

#define FLIPPING_MS 300

static uint8_t *
data_of(struct ring_shared *base)
{
	return ((uint8_t *)base + RING_HEAD_BYTES);
}

/* A record written past all checks of ring.c, and made visible. */
static void
forge(struct ring_shared *base, uint32_t len, uint16_t type, uint16_t flags)
{
	uint64_t at = atomic_load(&base->write);
	struct ring_record_head head = { .len = len, .type = type, .flags = flags };

	memcpy(data_of(base) + at % base->size, &head, sizeof(head));
	atomic_store(&base->write, at + RING_RECORD_HEAD + (((uint64_t)len + 7) & ~7ULL));
}

static void
write_back(struct ring_shared *base)
{
	atomic_store(&base->write, atomic_load(&base->write) - 64);
}

static void
write_two_rings_ahead(struct ring_shared *base)
{
	atomic_fetch_add(&base->write, 2ULL * base->size);
}

static void
write_not_aligned(struct ring_shared *base)
{
	atomic_fetch_add(&base->write, 3);
}

static void
write_huge(struct ring_shared *base)
{
	atomic_store(&base->write, UINT64_MAX - 7);
}

static void
length_minus_one(struct ring_shared *base)
{
	uint64_t at = atomic_load(&base->write);
	struct ring_record_head head = { .len = UINT32_MAX, .type = FRAME_PUB };

	memcpy(data_of(base) + at % base->size, &head, sizeof(head));
	atomic_store(&base->write, at + 64);
}

static void
length_sign_bit(struct ring_shared *base)
{
	uint64_t at = atomic_load(&base->write);
	struct ring_record_head head = { .len = 1u << 31, .type = FRAME_PUB };

	memcpy(data_of(base) + at % base->size, &head, sizeof(head));
	atomic_store(&base->write, at + 64);
}

static void
length_zero(struct ring_shared *base)
{
	forge(base, 0, FRAME_PUB, 0);
}

static void
record_cut(struct ring_shared *base)
{
	uint64_t at = atomic_load(&base->write);
	struct ring_record_head head = { .len = 4096, .type = FRAME_PUB };

	memcpy(data_of(base) + at % base->size, &head, sizeof(head));
	atomic_store(&base->write, at + 64);
}

static void
type_unknown(struct ring_shared *base)
{
	forge(base, 64, 0x7777, 0);
}

/* One of the two may not be said in this direction, the other does not decode. */
static void
type_msg(struct ring_shared *base)
{
	forge(base, 64, FRAME_MSG, 0);
}

static void
type_pub(struct ring_shared *base)
{
	forge(base, 64, FRAME_PUB, 0);
}

/* Nothing wrong with it: makes the victim use its other ring. */
static void
status_ask(struct ring_shared *base)
{
	uint64_t at = atomic_load(&base->write);

	memset(data_of(base) + at % base->size + RING_RECORD_HEAD, 0, 8);
	forge(base, 8, FRAME_STATUS_ASK, 0);
}

static void
contents_garbage(struct ring_shared *base)
{
	uint64_t at = atomic_load(&base->write);

	memset(data_of(base) + at % base->size, 0xa5, RING_RECORD_HEAD + 512);
	forge(base, 512, FRAME_PUB, 0);
}

static void
parts_of_nothing(struct ring_shared *base)
{
	forge(base, 64, FRAME_PUB, RING_FLAG_FRAGMENT);
	forge(base, 64, FRAME_STATUS, 0);
}

static void
skip_backwards(struct ring_shared *base)
{
	uint64_t at = atomic_load(&base->write);

	atomic_store(&base->skip_from, at);
	atomic_store(&base->skip_to, at - 8);
	forge(base, 64, FRAME_PUB, 0);
}

static void
skip_far(struct ring_shared *base)
{
	uint64_t at = atomic_load(&base->write);

	atomic_store(&base->skip_from, at);
	atomic_store(&base->skip_to, at + 16ULL * base->size);
	atomic_store(&base->write, at + 16ULL * base->size + 64);
}

/* Zeros instead of what was there: must be as harmless as any bytes. */
static void
hole(struct ring_shared *base)
{
	uint64_t at = atomic_load(&base->write);

	madvise(data_of(base), base->size, MADV_REMOVE);
	atomic_store(&base->write, at + 128);
}

/* The cursors go back to 0 from wherever they were: not from 0. */
static void
hole_in_the_head(struct ring_shared *base)
{
	usleep(50000); /* what was written before has been read */
	madvise(base, RING_HEAD_BYTES, MADV_REMOVE);
}

static void *
flip(void *arg)
{
	struct ring_shared *base = arg;
	struct timespec now, end;
	uint32_t x = 1;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_nsec += FLIPPING_MS * 1000000L;
	end.tv_sec += end.tv_nsec / 1000000000L;
	end.tv_nsec %= 1000000000L;
	do {
		for (unsigned i = 0; i < 10000; i++) {
			x = x * 1664525u + 1013904223u;
			data_of(base)[x % 65536u] = (uint8_t)(x >> 24);
		}
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < end.tv_sec ||
	    (now.tv_sec == end.tv_sec && now.tv_nsec < end.tv_nsec));
	return (NULL);
}

/* Bytes change between check and use while records are offered. */
static void
flipping(struct ring_shared *base)
{
	pthread_t thread;
	uint64_t at;

	if (pthread_create(&thread, NULL, flip, base) != 0)
		return;
	for (unsigned i = 0; i < 200; i++) {
		at = atomic_load(&base->write);
		if (at % base->size > 60000)
			break;
		forge(base, 200, FRAME_PUB, 0);
		usleep(100);
	}
	pthread_join(thread, NULL);
}

static void
released_back(struct ring_shared *base)
{
	atomic_store(&base->released, atomic_load(&base->released) - 64);
}

static void
released_ahead(struct ring_shared *base)
{
	atomic_store(&base->released, atomic_load(&base->write) + 2ULL * base->size);
}

static void
released_not_aligned(struct ring_shared *base)
{
	atomic_store(&base->released, atomic_load(&base->released) | 5);
}

static const struct {
	const char *name;
	bool producer;
	void (*run)(struct ring_shared *);
} attacks[] = {
	{ "write-back", true, write_back },
	{ "write-two-rings-ahead", true, write_two_rings_ahead },
	{ "write-not-aligned", true, write_not_aligned },
	{ "write-huge", true, write_huge },
	{ "length-minus-one", true, length_minus_one },
	{ "length-sign-bit", true, length_sign_bit },
	{ "length-zero", true, length_zero },
	{ "record-cut", true, record_cut },
	{ "type-unknown", true, type_unknown },
	{ "type-msg", true, type_msg },
	{ "type-pub", true, type_pub },
	{ "status-ask", true, status_ask },
	{ "contents-garbage", true, contents_garbage },
	{ "parts-of-nothing", true, parts_of_nothing },
	{ "skip-backwards", true, skip_backwards },
	{ "skip-far", true, skip_far },
	{ "hole", true, hole },
	{ "hole-in-the-head", true, hole_in_the_head },
	{ "flipping", true, flipping },
	{ "released-back", false, released_back },
	{ "released-ahead", false, released_ahead },
	{ "released-not-aligned", false, released_not_aligned },
};

bool
attack(const char *how, bool producer, struct ring_shared *base)
{
	for (unsigned i = 0; i < sizeof(attacks) / sizeof(*attacks); i++)
		if (attacks[i].producer == producer && strcmp(attacks[i].name, how) == 0) {
			attacks[i].run(base);
			return (true);
		}
	return (false);
}
