/* Lame duck: no new clients, the old ones are told, then closed one after the other (client.md
 * 17). */
#include "config.h"

#include <event2/event.h>

#include "common/log.h"
#include "natsd-front/front.h"

static void
lame_wait(struct front *f, int64_t ns)
{
	struct timeval tv = { .tv_sec = ns / NS_PER_S, .tv_usec = ns % NS_PER_S / NS_PER_US };

	event_add(f->lame_event, &tv);
}

static void
lame_finish(struct front *f)
{
	struct ctl_lame_done done = { 0 };

	f->lame = LAME_DONE;
	ctl_send_lame_done(f->ctl, &done, NULL);
}

/* A random client of a worker that has some. */
static void
close_one(struct front *f)
{
	uint64_t all = front_conns(f), at;
	unsigned i;
	uint32_t n;

	if (all == 0)
		return;
	at = front_random(all);
	for (i = 0; i < f->shared->nworkers; i++) {
		n = atomic_load(&f->shared->pub[i].conns);
		if (at < n) {
			local_say(&f->threads[i].link, LOCAL_CLOSE_ANY, NULL, 0);
			return;
		}
		at -= n;
	}
}

/* Spread over what is left of the duration: at most one second apart, at least as one batch a
 * nanosecond. */
static void
lame_plan(struct front *f)
{
	const struct options *o = &f->settings->o;
	int64_t d = o->lame_duck_duration - o->lame_duck_grace_period;
	uint64_t n = front_conns(f);

	if (d <= 0)
		d = NS_PER_S;
	f->lame_left = n;
	f->lame_batch = 1;
	f->lame_step_ns = n == 0 ? 0 : d / (int64_t)n;
	if (f->lame_step_ns > NS_PER_S)
		f->lame_step_ns = NS_PER_S;
	if (f->lame_step_ns < NS_PER_US) { /* our clock's grain */
		f->lame_step_ns = NS_PER_US;
		f->lame_batch = (uint32_t)(n * NS_PER_US / (uint64_t)d) + 1;
	}
}

static void
lame_step(struct front *f)
{
	uint32_t i;

	for (i = 0; i < f->lame_batch && f->lame_left > 0; i++, f->lame_left--)
		close_one(f);
	front_flush(f);
	if (f->lame_left == 0 || front_conns(f) == 0)
		lame_finish(f);
	else
		lame_wait(f, f->lame_step_ns / 2 + (int64_t)front_random(
			(uint64_t)f->lame_step_ns / 2 + 1));
}

static void
on_lame(evutil_socket_t fd, short what, void *arg)
{
	struct front *f = arg;

	(void)fd;
	(void)what;
	if (f->lame == LAME_GRACE) {
		log_info("Closing existing clients");
		f->lame = LAME_CLOSING;
		lame_plan(f);
	}
	lame_step(f);
}

void
lame_begin(struct front *f)
{
	if (f->lame != LAME_NOT || f->stopping)
		return;
	log_info("Entering lame duck mode, stop accepting new clients");
	f->lame = LAME_GRACE;
	status_set_lame(f->status);
	accept_end(f);
	f->lame_event = event_new(f->base, -1, 0, on_lame, f);
	if (f->lame_event == NULL || front_conns(f) == 0) {
		lame_finish(f);
		return;
	}
	front_tell_all(f, LOCAL_LAME, NULL, 0);
	lame_wait(f, f->settings->o.lame_duck_grace_period);
}
