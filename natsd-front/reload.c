/* A new configuration: kept beside the one in use, then handed to every worker, or dropped. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "common/access.h"
#include "common/log.h"
#include "common/shm.h"
#include "natsd-front/front.h"

static void
offer_drop(struct front *f)
{
	settings_release(f->next);
	f->next = NULL;
}

static int
offer_read(struct front *f, struct ctl_msg *m, struct err *e)
{
	uint8_t *p;
	size_t n;

	if (shm_read_all(m->fds[0], OPTIONS_ENCODED_MAX, &p, &n, e) != 0)
		return (-1);
	f->next = settings_new(p, n, e);
	explicit_bzero(p, n); /* passwords are in it */
	free(p);
	return (f->next == NULL ? -1 : settings_bind(f->next, f->shared, e));
}

static void
answer(struct front *f, uint32_t generation, const char *why)
{
	struct ctl_config_valid m = { .generation = generation, .why = str_of(why) };

	ctl_send_config_valid(f->ctl, &m, NULL);
}

void
reload_offer(struct front *f, struct ctl_msg *m)
{
	struct ctl_config c;
	struct err e = { .text = "" };

	if (ctl_get_config(m, &c) != 0)
		fatal("broken CONFIG");
	offer_drop(f);
	f->answer_later = 0;
	if (offer_read(f, m, &e) != 0)
		offer_drop(f);
	else if (f->old != NULL) {
		/* Some worker still uses the settings before these: reload_used() answers. */
		f->answer_later = c.generation;
		return;
	}
	answer(f, c.generation, e.text);
}

/* How many have to go when max_connections became smaller, and from which worker. */
static void
spread_closing(struct front *f, const struct settings *s, uint32_t *counts)
{
	uint64_t all = front_conns(f), max, over, left;
	unsigned i;
	uint32_t n;

	max = s->max_conns < 0 ? 0 : s->max_conns == 0 ? all : (uint64_t)s->max_conns;
	over = left = all > max ? all - max : 0;
	for (i = 0; i < f->shared->nworkers; i++) {
		n = atomic_load(&f->shared->pub[i].conns);
		counts[i] = all == 0 ? 0 : (uint32_t)(over * n / all);
		left -= counts[i];
	}
	for (i = 0; left > 0; i = (i + 1) % f->shared->nworkers) {
		n = atomic_load(&f->shared->pub[i].conns);
		if (counts[i] < n || i + 1 == f->shared->nworkers)
			counts[i]++;
		left--;
	}
	if (over != 0)
		log_info("Closed %llu connections to fall within max_connections",
		    (unsigned long long)over);
}

/* How long authentication may take concerns nobody who is there already. */
static bool
access_differs(const struct access *from, const struct access *to)
{
	struct access as_before = *from;

	as_before.timeout_ns = to->timeout_ns;
	return (!access_equal(&as_before, to));
}

static void
tell_workers(struct front *f)
{
	uint32_t counts[SHARED_WORKERS_MAX] = { 0 };
	struct local_settings m = { .settings = f->settings,
		.access_changed = access_differs(f->old->o.access, f->settings->o.access) };
	unsigned i;

	spread_closing(f, f->settings, counts);
	for (i = 0; i < f->shared->nworkers; i++) {
		m.close_random = counts[i];
		local_say(&f->threads[i].link, LOCAL_SETTINGS, &m, sizeof(m));
	}
	f->old_users = f->shared->nworkers;
	front_flush(f);
}

void
reload_use(struct front *f, uint32_t generation)
{
	if (f->next == NULL || f->next->o.generation != generation)
		fatal("CONFIG_USE of generation %u, which was not offered", generation);
	f->old = f->settings;
	f->settings = f->next;
	f->next = NULL;
	status_set_settings(f->status, f->settings);
	options_set_log(&f->settings->o);
	accept_settings(f);
	tell_workers(f);
}

void
reload_drop(struct front *f, uint32_t generation)
{
	if (f->next == NULL || f->next->o.generation != generation)
		return;
	offer_drop(f);
	f->answer_later = 0;
}

void
reload_used(struct front *f)
{
	struct ctl_config_used used;
	uint32_t unpinned;

	if (f->old_users == 0 || --f->old_users != 0)
		return;
	settings_release(f->old);
	f->old = NULL;
	used.generation = f->settings->o.generation;
	ctl_send_config_used(f->ctl, &used, NULL);
	unpinned = atomic_exchange(&f->shared->unpinned, 0);
	if (unpinned != 0)
		log_info("Disconnect %u clients due to pinned certs reload", unpinned);
	if (f->answer_later == 0)
		return;
	answer(f, f->answer_later, "");
	f->answer_later = 0;
}
