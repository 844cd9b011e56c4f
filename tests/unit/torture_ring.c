/*
 * A producer and a consumer process share a ring; either is killed at any moment, many times, and
 * comes back on the same memory.  Nothing may be lost, changed, doubled once released, or come out
 * of order, and nobody may sleep through what there is to do.
 *
 *	torture_ring [kills [seed]]
 */
#include "config.h"

#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/mono.h"
#include "common/num.h"
#include "common/ring.h"
#include "common/ring_shared.h"

#define RING_BYTES (64u << 10)
#define KILLS_SHORT 400u
#define KILLS_LONG 20000u
#define SILENT_MS 20000

/* What outlives both: facts that each side writes down with single stores. */
struct ledger {
	_Atomic uint64_t sent_n[2];	/* numbers published when `write` is sent_write[i] */
	_Atomic uint64_t sent_write[2];
	_Atomic uint64_t goal;		/* the producer stops at this number */
	_Atomic uint64_t applied;	/* the consumer's effect: numbers below it were applied */
	_Atomic uint64_t verdict_n;	/* numbers below it have their verdict in the ring */
	_Atomic uint64_t released_n;	/* numbers below it were released */
	_Atomic uint64_t replayed;
};

struct torture {
	struct ledger *ledger;
	struct ring_shared *head;
	struct doorbell producer_bell, consumer_bell;
	uint32_t seed;
	int fd;
};

static void __attribute__((noreturn, format(printf, 1, 2)))
fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	_exit(2);
}

static uint32_t
chance(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return (*seed);
}

/* The contents of record n, the same in every life. */
static uint32_t
length_of(uint64_t n)
{
	uint32_t h = (uint32_t)(n * 0x9e3779b97f4a7c15ULL >> 40);

	return (h % 50 == 0 ? 8 + h % (RING_BYTES / 4 - 24) : 8 + h % 200);
}

static uint8_t
byte_of(uint64_t n, uint32_t i)
{
	return ((uint8_t)(n * 7 + i));
}

static void
wait_for(const struct doorbell *bell)
{
	struct pollfd p = { .fd = bell->wait, .events = POLLIN };

	if (poll(&p, 1, -1) != 1)
		fail("poll");
	doorbell_clear(bell);
}

/* ---- the producer ---- */

static void
note_intent(struct ledger *ledger, uint64_t *slot, uint64_t n, uint64_t write)
{
	atomic_store(&ledger->sent_write[*slot], UINT64_MAX);
	atomic_store(&ledger->sent_n[*slot], n);
	atomic_store(&ledger->sent_write[*slot], write);
	*slot ^= 1;
}

/* The number to go on with: what the life before had published when it died. */
static uint64_t
producer_resume(const struct torture *t, uint64_t *slot)
{
	uint64_t write = atomic_load(&t->head->write);

	for (*slot = 0; *slot < 2; ++*slot) {
		if (atomic_load(&t->ledger->sent_write[*slot]) == write) {
			uint64_t n = atomic_load(&t->ledger->sent_n[*slot]);

			*slot ^= 1; /* the slot that may be lost */
			return (n);
		}
	}
	fail("producer: nobody said that write would be %" PRIu64, write);
}

static void __attribute__((noreturn))
producer_run(struct torture *t)
{
	struct err err;
	struct ring *r = ring_attach(t->fd, RING_PRODUCER, &t->consumer_bell, &err);
	uint64_t n, slot, end = 0;
	uint32_t unpublished = 0;

	if (r == NULL)
		fail("producer: %s", err.text);
	n = producer_resume(t, &slot);
	while (n < atomic_load(&t->ledger->goal)) {
		uint32_t len = length_of(n);
		uint8_t *p = ring_reserve(r, len);

		if (p != NULL) {
			memcpy(p, &n, sizeof(n));
			for (uint32_t i = 8; i < len; i++)
				p[i] = byte_of(n, i);
			end = ring_commit(r, 1, 0, len) + RING_RECORD_HEAD + ((len + 7) & ~7u);
			n++;
			unpublished++;
		}
		if (unpublished > 0 && (p == NULL || chance(&t->seed) % 4 == 0)) {
			note_intent(t->ledger, &slot, n, end);
			ring_publish(r);
			unpublished = 0;
		} else if (p == NULL) {
			ring_want_room(r);
			if (ring_used(r) + length_of(n) + 24 > RING_BYTES)
				wait_for(&t->producer_bell);
		}
		if (ring_dead(r))
			fail("producer: %s", ring_why(r));
	}
	if (unpublished > 0) {
		note_intent(t->ledger, &slot, n, end);
		ring_publish(r);
	}
	for (;;)
		pause();
}

/* ---- the consumer ---- */

static uint64_t
check_record(struct torture *t, const struct ring_rec *rec)
{
	uint64_t n;

	if (rec->type != 1 || rec->len < 8)
		fail("consumer: record of type %u, %u bytes", rec->type, rec->len);
	memcpy(&n, rec->data, sizeof(n));
	if (rec->len != length_of(n))
		fail("consumer: number %" PRIu64 " has %u bytes", n, rec->len);
	for (uint32_t i = 8; i < rec->len; i++)
		if (rec->data[i] != byte_of(n, i))
			fail("consumer: number %" PRIu64 " differs at %u", n, i);
	if (n < atomic_load(&t->ledger->released_n))
		fail("consumer: number %" PRIu64 " again after its release", n);
	if (n < atomic_load(&t->ledger->verdict_n) && rec->verdict != n + 1)
		fail("consumer: number %" PRIu64 " has lost its verdict", n);
	if (rec->verdict != 0 && rec->verdict != n + 1)
		fail("consumer: number %" PRIu64 " has the verdict of another", n);
	return (n);
}

static void
apply(struct torture *t, struct ring *r, const struct ring_rec *rec, uint64_t n)
{
	uint64_t applied = atomic_load(&t->ledger->applied);

	if (n > applied)
		fail("consumer: numbers %" PRIu64 "..%" PRIu64 " are lost", applied, n - 1);
	if (n < applied)
		atomic_fetch_add(&t->ledger->replayed, 1);
	else
		atomic_store(&t->ledger->applied, n + 1);
	ring_set_verdict(r, rec->at, n + 1);
	if (n + 1 > atomic_load(&t->ledger->verdict_n))
		atomic_store(&t->ledger->verdict_n, n + 1);
}

static void __attribute__((noreturn))
consumer_run(struct torture *t)
{
	struct err err;
	struct ring *r = ring_attach(t->fd, RING_CONSUMER, &t->producer_bell, &err);
	struct buf scratch = BUF_INIT(RING_BYTES);
	uint64_t n, last = UINT64_MAX;
	struct ring_rec rec;

	if (r == NULL)
		fail("consumer: %s", err.text);
	for (;;) {
		int got = ring_take(r, &scratch, &rec);

		if (got < 0)
			fail("consumer: %s", ring_why(r));
		if (got == 0) {
			if (ring_sleep(r))
				wait_for(&t->consumer_bell);
			ring_wake(r);
			continue;
		}
		n = check_record(t, &rec);
		if (last != UINT64_MAX && n != last + 1)
			fail("consumer: %" PRIu64 " after %" PRIu64, n, last);
		last = n;
		ring_next(r, &rec);
		apply(t, r, &rec, n);
		if (chance(&t->seed) % 5 == 0 || rec.len > 1000 ||
		    n + 1 == atomic_load(&t->ledger->goal) || atomic_load(&t->head->want_room)) {
			ring_release(r, rec.end);
			atomic_store(&t->ledger->released_n, n + 1);
		}
	}
}

/* ---- the parent ---- */

static pid_t
start(struct torture *t, void (*run)(struct torture *))
{
	pid_t pid = fork();

	if (pid == -1)
		fail("fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		run(t);
	}
	chance(&t->seed);
	return (pid);
}

/* Waits for `applied` to reach n; a side that ends by itself, or silence, is a failure. */
static void
wait_applied(struct torture *t, uint64_t n)
{
	struct mono deadline = mono_add_ms(mono_now(), SILENT_MS);
	uint64_t seen = 0, applied;
	int status;

	while ((applied = atomic_load(&t->ledger->applied)) < n) {
		if (waitpid(-1, &status, WNOHANG) > 0)
			fail("a side ended by itself, status %#x", (unsigned)status);
		if (applied != seen) {
			seen = applied;
			deadline = mono_add_ms(mono_now(), SILENT_MS);
		} else if (mono_before(deadline, mono_now())) {
			fail("nothing moves at %" PRIu64, applied);
		}
		sched_yield();
	}
}

static void
end(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status))
		fail("a side ended by itself, status %#x", (unsigned)status);
}

static void
torture(struct torture *t, uint64_t kills)
{
	pid_t producer = start(t, producer_run), consumer = start(t, consumer_run);
	uint64_t producers = 0;

	for (uint64_t i = 0; i < kills; i++) {
		wait_applied(t, atomic_load(&t->ledger->applied) + chance(&t->seed) % 400);
		for (uint32_t spins = chance(&t->seed) % 2000; spins > 0; spins--)
			atomic_load(&t->ledger->applied);
		if (chance(&t->seed) % 2 == 0) {
			end(producer);
			producer = start(t, producer_run);
			producers++;
		} else {
			end(consumer);
			consumer = start(t, consumer_run);
		}
	}
	atomic_store(&t->ledger->goal, atomic_load(&t->ledger->applied) + 5000);
	end(producer);
	producer = start(t, producer_run);
	wait_applied(t, atomic_load(&t->ledger->goal));
	end(producer);
	end(consumer);
	printf("%" PRIu64 " kills of producers, %" PRIu64 " of consumers, %" PRIu64
	    " numbers, %" PRIu64 " of them read again\n", producers, kills - producers,
	    atomic_load(&t->ledger->applied), atomic_load(&t->ledger->replayed));
}

static uint64_t
argument(const char *text, uint64_t otherwise)
{
	uint64_t v;

	if (text == NULL)
		return (otherwise);
	if (num_parse_u64(str_of(text), 1, UINT32_MAX, &v) != 0)
		fail("usage: torture_ring [kills [seed]]");
	return (v);
}

int
main(int argc, char *argv[])
{
	const char *longer = getenv("NATSD_LONG");
	struct torture t = { 0 };
	uint64_t kills, seed;
	struct err err;

	kills = argument(argc > 1 ? argv[1] : NULL, longer != NULL ? KILLS_LONG : KILLS_SHORT);
	seed = argument(argc > 2 ? argv[2] : NULL, (uint32_t)mono_now().ns | 1);
	t.seed = (uint32_t)seed;
	printf("seed %u\n", t.seed);
	fflush(stdout);
	t.ledger = mmap(NULL, sizeof(*t.ledger), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (t.ledger == MAP_FAILED)
		fail("mmap");
	atomic_store(&t.ledger->goal, UINT64_MAX);
	if ((t.fd = ring_make(RING_BYTES, 1, &err)) == -1 ||
	    doorbell_make(&t.producer_bell, &err) != 0 ||
	    doorbell_make(&t.consumer_bell, &err) != 0)
		fail("%s", err.text);
	t.head = mmap(NULL, RING_HEAD_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, t.fd, 0);
	if (t.head == MAP_FAILED)
		fail("mmap");
	torture(&t, kills);
	return (0);
}
