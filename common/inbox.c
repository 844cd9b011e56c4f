#include "config.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/inbox.h"

#define OPEN_FIRST 64u

struct open_record {
	uint64_t at;
	bool done;
};

/* A circle of the open records in order; count slots of a power of two are in use from first on. */
struct inbox {
	struct ring *ring;
	uint64_t life;
	struct open_record *open;
	uint32_t slots;
	uint32_t first;
	uint32_t count;
};

struct inbox *
inbox_new(struct ring *consumer, uint64_t life)
{
	struct inbox *in;

	if ((in = calloc(1, sizeof(*in))) == NULL)
		return (NULL);
	if ((in->open = calloc(OPEN_FIRST, sizeof(*in->open))) == NULL) {
		free(in);
		return (NULL);
	}
	in->slots = OPEN_FIRST;
	in->ring = consumer;
	in->life = life;
	return (in);
}

void
inbox_free(struct inbox *in)
{
	if (in == NULL)
		return;
	ring_detach(in->ring);
	free(in->open);
	free(in);
}

struct ring *
inbox_ring(struct inbox *in)
{
	return (in->ring);
}

static struct open_record *
nth(const struct inbox *in, uint32_t n)
{
	return (&in->open[(in->first + n) & (in->slots - 1)]);
}

/* Doubles the circle; what wrapped around comes to stand behind the rest. */
static bool
grow(struct inbox *in)
{
	struct open_record *open;

	if (in->slots > UINT32_MAX / 2)
		return (false);
	if ((open = calloc((size_t)in->slots * 2, sizeof(*open))) == NULL)
		return (false);
	for (uint32_t i = 0; i < in->count; i++)
		open[i] = *nth(in, i);
	free(in->open);
	in->open = open;
	in->slots *= 2;
	in->first = 0;
	return (true);
}

int
inbox_take(struct inbox *in, struct buf *scratch, struct ring_rec *rec)
{
	int got;

	if (in->count == in->slots && !grow(in))
		return (-1);
	if ((got = ring_take(in->ring, scratch, rec)) != 1)
		return (got);
	*nth(in, in->count) = (struct open_record){ .at = rec->at };
	in->count++;
	ring_next(in->ring, rec);
	return (1);
}

struct ingress
inbox_ingress(const struct inbox *in, const struct ring_rec *rec)
{
	return ((struct ingress){ .life = in->life, .ring = ring_serial(in->ring), .at = rec->at });
}

void
inbox_verdict(struct inbox *in, uint64_t at, uint64_t verdict)
{
	ring_set_verdict(in->ring, at, verdict);
}

/* The first open record at or behind `at`, by halving: positions rise. */
static uint32_t
find(const struct inbox *in, uint64_t at)
{
	uint32_t low = 0, high = in->count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (nth(in, mid)->at < at)
			low = mid + 1;
		else
			high = mid;
	}
	return (low);
}

void
inbox_done(struct inbox *in, uint64_t at, uint64_t end)
{
	uint32_t i = find(in, at);

	assert(i < in->count && nth(in, i)->at == at && at < end);
	for (; i < in->count && nth(in, i)->at < end; i++) {
		assert(!nth(in, i)->done);
		nth(in, i)->done = true;
	}
	if (!in->open[in->first].done)
		return;
	while (in->count > 0 && in->open[in->first].done) {
		in->first = (in->first + 1) & (in->slots - 1);
		in->count--;
	}
	ring_release(in->ring,
	    in->count > 0 ? in->open[in->first].at : ring_read_at(in->ring));
}

uint32_t
inbox_open(const struct inbox *in)
{
	return (in->count);
}
