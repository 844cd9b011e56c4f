#include "config.h"

#include "natsd-front/seating.h"

#define FULL_PERCENT 2u	       /* of its time asleep, at most: one thread is not enough */
#define FULL_WINDOWS 2u
#define SHARE_LEAST 10u	       /* one message in so many is the guest's: else it would not help */
#define PAYS_PERCENT 115u      /* messages with a thread more, of those without */
#define KEEPS_PERCENT 90u      /* messages with a thread less, likewise */
#define IDLE_PERCENT 60u       /* of one thread, that two of them are awake: one is enough */
#define IDLE_WINDOWS 3u
#define MAYBE_PERCENT 140u     /* likewise: one might be enough */
#define TRIAL_SKIP 1u	       /* windows in which caches get warm */
#define TRIAL_WINDOWS 3u       /* with it */

static uint64_t
all_msgs(const struct seating_worker *of, unsigned n)
{
	uint64_t msgs = 0;

	for (unsigned i = 0; i < n; i++)
		msgs += of[i].msgs;
	return (msgs);
}

static uint64_t
a_second(uint64_t msgs, int64_t ns)
{
	return (ns <= 0 ? 0 : msgs * 1000000 / ((uint64_t)(ns / NS_PER_US) + 1));
}

static unsigned
awake_percent(const struct seating_worker *w, int64_t ns)
{
	int64_t awake = ns - w->slept_ns;

	return (awake <= 0 ? 0 : (unsigned)(awake * 100 / ns));
}

static void
paid(struct seating_pause *p)
{
	*p = (struct seating_pause){ .ns = 0 };
}

static void
did_not_pay(struct seating_pause *p, struct mono now)
{
	p->ns = p->ns == 0 ? SEATING_PAUSE_LEAST_NS : p->ns * 2;
	if (p->ns > SEATING_PAUSE_MOST_NS)
		p->ns = SEATING_PAUSE_MOST_NS;
	p->until = mono_add_ns(now, p->ns);
}

static enum seating_move
begin(struct seating *s, enum seating_move move, unsigned of, bool trial)
{
	s->full = s->idle = 0;
	s->of = of;
	s->windows = 0;
	s->msgs = 0;
	s->ns = 0;
	s->trial = trial ? move : SEATING_STAY;
	s->before = s->rate;
	return (move);
}

/* The guest with the most work; 0: none has enough of it. */
static unsigned
busiest_guest(const struct seating_worker *of, unsigned n)
{
	uint64_t all = all_msgs(of, n);
	unsigned best = 0;

	for (unsigned i = 1; i < n; i++)
		if (of[i].guest && of[i].msgs > 0 && of[i].msgs >= all / SHARE_LEAST &&
		    (best == 0 || of[i].msgs > of[best].msgs))
			best = i;
	return (best);
}

/* The one on its own thread that sleeps most; 0: there is none. */
static unsigned
idlest_other(const struct seating_worker *of, unsigned n)
{
	unsigned best = 0;

	for (unsigned i = 1; i < n; i++)
		if (!of[i].guest && (best == 0 || of[i].slept_ns > of[best].slept_ns))
			best = i;
	return (best);
}

static enum seating_move
judge(struct seating *s, struct mono now)
{
	uint64_t after = a_second(s->msgs, s->ns);
	enum seating_move trial = s->trial;

	s->trial = SEATING_STAY;
	if (trial == SEATING_OWN) {
		if (after * 100 >= s->before * PAYS_PERCENT) {
			paid(&s->own);
			did_not_pay(&s->guest, now); /* not to be asked the other way at once */
			return (SEATING_STAY);
		}
		did_not_pay(&s->own, now);
		return (SEATING_GUEST);
	}
	if (after * 100 >= s->before * KEEPS_PERCENT) {
		paid(&s->guest);
		did_not_pay(&s->own, now);
		return (SEATING_STAY);
	}
	did_not_pay(&s->guest, now);
	return (SEATING_OWN);
}

static enum seating_move
go_on(struct seating *s, struct mono now, int64_t ns, const struct seating_worker *of, unsigned n)
{
	if (of[s->of].guest != (s->trial == SEATING_GUEST))
		return (SEATING_STAY); /* on its way */
	if (++s->windows > TRIAL_SKIP) {
		s->msgs += all_msgs(of, n);
		s->ns += ns;
	}
	if (s->windows < TRIAL_WINDOWS)
		return (SEATING_STAY);
	return (judge(s, now));
}

static enum seating_move
steady(struct seating *s, struct mono now, int64_t ns, const struct seating_worker *of, unsigned n,
    unsigned *which)
{
	unsigned guest = busiest_guest(of, n), other = idlest_other(of, n);
	unsigned host = awake_percent(&of[0], ns), both;

	s->full = host >= 100 - FULL_PERCENT ? s->full + 1 : 0;
	if (guest != 0 && s->full >= FULL_WINDOWS && !mono_before(now, s->own.until)) {
		*which = guest;
		return (begin(s, SEATING_OWN, guest, true));
	}
	both = host + (other == 0 ? 0 : awake_percent(&of[other], ns));
	s->idle = other != 0 && both <= IDLE_PERCENT ? s->idle + 1 : 0;
	*which = other;
	if (s->idle >= IDLE_WINDOWS)
		return (begin(s, SEATING_GUEST, other, false));
	if (other != 0 && both <= MAYBE_PERCENT && !mono_before(now, s->guest.until))
		return (begin(s, SEATING_GUEST, other, true));
	return (SEATING_STAY);
}

enum seating_move
seating_next(struct seating *s, struct mono now, int64_t ns, const struct seating_worker *of, unsigned n,
    unsigned *which)
{
	enum seating_move move;

	if (s->trial != SEATING_STAY) {
		*which = s->of;
		move = go_on(s, now, ns, of, n);
	} else {
		move = steady(s, now, ns, of, n, which);
	}
	s->rate = a_second(all_msgs(of, n), ns);
	return (move);
}
