#include "config.h"

#include <assert.h>
#include <stdlib.h>

#include "common/wheel.h"

#define TICK_NS (WHEEL_TICK_MS * NS_PER_MS)
#define WORD_BITS 64
#define WORDS (WHEEL_SLOTS / WORD_BITS)

_Static_assert((WHEEL_SLOTS & (WHEEL_SLOTS - 1)) == 0, "a slot is the low bits of a tick");

/*
 * Tick n is the moment n * TICK_NS of the monotonic clock.  A timer waits in the slot of its tick,
 * whatever the round; a bit a slot says that somebody is there.
 */
struct wheel {
	int64_t now; /* everything up to this tick has fired */
	struct wheel_timer *firing;
	uint64_t busy[WORDS];
	struct wheel_timer *slots[WHEEL_SLOTS];
};

static int64_t tick_at_or_after(struct mono);
static unsigned slot_of(int64_t tick);
static void link_to(struct wheel_timer **, struct wheel_timer *);
static void unlink_timer(struct wheel *, struct wheel_timer *);
static void fire_slot(struct wheel *, unsigned slot, int64_t upto,
    void (*)(struct wheel_timer *, void *), void *);

struct wheel *
wheel_new(struct mono now)
{
	struct wheel *w = calloc(1, sizeof(*w));

	if (w != NULL)
		w->now = now.ns / TICK_NS;
	return (w);
}

void
wheel_free(struct wheel *w)
{
	free(w);
}

void
wheel_set(struct wheel *w, struct wheel_timer *t, struct mono when)
{
	unsigned slot;

	wheel_stop(w, t);
	t->tick = tick_at_or_after(when);
	if (t->tick <= w->now)
		t->tick = w->now + 1;
	slot = slot_of(t->tick);
	link_to(&w->slots[slot], t);
	w->busy[slot / WORD_BITS] |= UINT64_C(1) << slot % WORD_BITS;
}

void
wheel_stop(struct wheel *w, struct wheel_timer *t)
{
	if (t->tick != 0)
		unlink_timer(w, t);
}

bool
wheel_is_set(const struct wheel_timer *t)
{
	return (t->tick != 0);
}

void
wheel_run(struct wheel *w, struct mono now, void (*fn)(struct wheel_timer *, void *), void *ctx)
{
	int64_t upto = now.ns / TICK_NS;
	int64_t from = w->now + 1;
	int64_t tick;

	if (upto < from)
		return;
	assert(w->firing == NULL);
	if (upto - from >= WHEEL_SLOTS)
		from = upto - WHEEL_SLOTS + 1; /* each slot once is enough */
	for (tick = from; tick <= upto; tick++) {
		w->now = tick; /* what fn sets lies behind it: no endless round */
		fire_slot(w, slot_of(tick), tick, fn, ctx);
	}
}

bool
wheel_next(const struct wheel *w, struct mono *when)
{
	unsigned from = slot_of(w->now + 1);
	unsigned word = from / WORD_BITS;
	unsigned i, slot;
	uint64_t bits = w->busy[word] & UINT64_MAX << from % WORD_BITS;

	for (i = 0; i <= WORDS; i++) {
		if (bits != 0) {
			slot = word * WORD_BITS + (unsigned)__builtin_ctzll(bits);
			*when = (struct mono){ .ns =
			    (w->now + 1 + ((slot - from) & (WHEEL_SLOTS - 1))) * TICK_NS };
			return (true);
		}
		word = (word + 1) % WORDS;
		bits = w->busy[word];
	}
	return (false);
}

static int64_t
tick_at_or_after(struct mono t)
{
	return (t.ns / TICK_NS + (t.ns % TICK_NS > 0));
}

static unsigned
slot_of(int64_t tick)
{
	return ((unsigned)((uint64_t)tick & (WHEEL_SLOTS - 1)));
}

static void
link_to(struct wheel_timer **head, struct wheel_timer *t)
{
	t->next = *head;
	if (t->next != NULL)
		t->next->at = &t->next;
	t->at = head;
	*head = t;
}

static void
unlink_timer(struct wheel *w, struct wheel_timer *t)
{
	unsigned slot = slot_of(t->tick);

	*t->at = t->next;
	if (t->next != NULL)
		t->next->at = t->at;
	t->tick = 0;
	if (w->slots[slot] == NULL)
		w->busy[slot / WORD_BITS] &= ~(UINT64_C(1) << slot % WORD_BITS);
}

/* First all that is due moves to the list `firing`, where fn may still stop it. */
static void
fire_slot(struct wheel *w, unsigned slot, int64_t upto, void (*fn)(struct wheel_timer *, void *),
    void *ctx)
{
	struct wheel_timer *t, *next;
	int64_t tick;

	for (t = w->slots[slot]; t != NULL; t = next) {
		next = t->next;
		if (t->tick > upto)
			continue;
		tick = t->tick;
		unlink_timer(w, t);
		t->tick = tick;
		link_to(&w->firing, t);
	}
	while ((t = w->firing) != NULL) {
		unlink_timer(w, t);
		fn(t, ctx);
	}
}
