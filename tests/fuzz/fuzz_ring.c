/*
 * A ring whose other side writes anything anywhere.  The input is a script: what the attacker stores,
 * in turns with what the victims do at both ends.
 *
 *	0 at u8 value u64	store into the head of the memory, at the at-th word
 *	1 at u16 value u64	store into the data, at the at-th word
 *	2			take a record, move on
 *	3			release what was read
 *	4			sleep, wake
 *	5 len u16		reserve, commit, publish
 *	6			ask for room, look at what is used
 *	7			the consumer dies and comes back
 *	8			the producer dies and comes back
 *	9 value u64		a verdict for the record last taken
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cursor.h"
#include "common/ring.h"
#include "common/ring_shared.h"
#include "tests/fuzz/fuzz.h"

#define SIZE RING_BYTES_MIN
#define HEAD_WORDS (sizeof(struct ring_shared) / 8)

struct scene {
	int fd;
	uint64_t *memory;
	struct ring *producer, *consumer; /* NULL: refused at attach */
	struct buf scratch;
	uint64_t last_at, released;
	bool has_last;
};

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
store(struct scene *s, size_t word, uint64_t value)
{
	__atomic_store_n(&s->memory[word], value, __ATOMIC_RELAXED);
}

static void
take(struct scene *s)
{
	struct ring_rec rec;
	int got;

	if (s->consumer == NULL)
		return;
	got = ring_take(s->consumer, &s->scratch, &rec);
	must(got != -1 || ring_dead(s->consumer));
	if (got != 1)
		return;
	must(rec.len <= ring_record_max(s->consumer) && rec.len == s->scratch.len);
	must(rec.len == 0 || rec.data == s->scratch.data);
	must(rec.type != 0 && rec.end > rec.at && rec.end - rec.at <= SIZE / 4);
	ring_next(s->consumer, &rec);
	s->last_at = rec.at;
	s->has_last = true;
}

static void
release(struct scene *s)
{
	if (s->consumer == NULL)
		return;
	ring_release(s->consumer, ring_read_at(s->consumer));
	s->has_last = false;
}

static void
sleep_and_wake(struct scene *s)
{
	if (s->consumer == NULL)
		return;
	ring_sleep(s->consumer);
	ring_wake(s->consumer);
	ring_write_seen(s->consumer);
}

static void
put(struct scene *s, uint32_t len)
{
	uint8_t *p;

	if (s->producer == NULL || (p = ring_reserve(s->producer, len)) == NULL)
		return;
	memset(p, 0xff, len);
	ring_commit(s->producer, 1, 0, len);
	ring_publish(s->producer);
}

static void
look(struct scene *s)
{
	if (s->producer == NULL)
		return;
	ring_want_room(s->producer);
	must(ring_used(s->producer) <= SIZE);
	ring_released(s->producer);
	ring_rest(s->producer);
}

static void
attach(struct scene *s, struct ring **end, enum ring_side side)
{
	struct err err = { 0 };

	ring_detach(*end);
	*end = ring_attach(s->fd, side, NULL, &err);
	must(*end != NULL || err.text[0] != '\0');
	s->has_last = s->has_last && side == RING_PRODUCER;
}

static void
verdict(struct scene *s, uint64_t value)
{
	if (s->consumer != NULL && s->has_last && value != 0)
		ring_set_verdict(s->consumer, s->last_at, value);
}

static void
step(struct scene *s, struct rd *in)
{
	size_t at;

	switch (rd_u8(in)) {
	case 0:
		at = rd_u8(in) % HEAD_WORDS;
		store(s, at, rd_u64(in));
		break;
	case 1:
		at = rd_u16(in) % (SIZE / 8);
		store(s, RING_HEAD_BYTES / 8 + at, rd_u64(in));
		break;
	case 2:
		take(s);
		break;
	case 3:
		release(s);
		break;
	case 4:
		sleep_and_wake(s);
		break;
	case 5:
		put(s, rd_u16(in));
		break;
	case 6:
		look(s);
		break;
	case 7:
		attach(s, &s->consumer, RING_CONSUMER);
		break;
	case 8:
		attach(s, &s->producer, RING_PRODUCER);
		break;
	case 9:
		verdict(s, rd_u64(in));
		break;
	default:
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in = rd_of(data, size);
	struct scene s = { .scratch = BUF_INIT(SIZE) };

	must((s.fd = ring_make(SIZE, 1, NULL)) != -1);
	s.memory = mmap(NULL, RING_HEAD_BYTES + SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, s.fd, 0);
	must(s.memory != MAP_FAILED);
	attach(&s, &s.producer, RING_PRODUCER);
	attach(&s, &s.consumer, RING_CONSUMER);
	while (rd_left(&in) > 0 && !in.short_)
		step(&s, &in);
	ring_detach(s.producer);
	ring_detach(s.consumer);
	munmap(s.memory, RING_HEAD_BYTES + SIZE);
	close(s.fd);
	buf_free(&s.scratch);
	return (0);
}
