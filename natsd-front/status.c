#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/mono.h"
#include "natsd-front/settings.h"
#include "natsd-front/status.h"
#include "natsd-front/tls/context.h"

struct status {
	pthread_mutex_t lock;
	pthread_cond_t came; /* usage */
	struct status_role roles[STATUS_ROLES];
	const struct settings *settings; /* held */
	bool lame, listening;
	uint64_t asked, sent; /* tokens: wanted by the monitor, passed on by main */
	struct ctl_usage usage;
	const struct doorbell *main_bell;
};

struct status *
status_new(void)
{
	struct status *s = calloc(1, sizeof(*s));
	pthread_condattr_t attr;

	if (s == NULL)
		return (NULL);
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->came, &attr);
	pthread_condattr_destroy(&attr);
	return (s);
}

void
status_free(struct status *s)
{
	if (s == NULL)
		return;
	pthread_cond_destroy(&s->came);
	pthread_mutex_destroy(&s->lock);
	settings_release(s->settings);
	free(s);
}

void
status_set_settings(struct status *s, const struct settings *settings)
{
	const struct settings *before;

	pthread_mutex_lock(&s->lock);
	before = s->settings;
	s->settings = settings_hold(settings);
	pthread_mutex_unlock(&s->lock);
	settings_release(before);
}

const struct settings *
status_settings(struct status *s)
{
	const struct settings *settings;

	pthread_mutex_lock(&s->lock);
	settings = settings_hold(s->settings);
	pthread_mutex_unlock(&s->lock);
	return (settings);
}

struct tls_context *
status_tls(struct status *s)
{
	const struct settings *settings = status_settings(s);
	struct tls_context *tls = settings->tls == NULL ? NULL : tls_context_hold(settings->tls);

	settings_release(settings);
	return (tls);
}

void
status_set_role(struct status *s, unsigned index, const struct ctl_peer *p)
{
	struct status_role *r = &s->roles[index];

	pthread_mutex_lock(&s->lock);
	if (!r->known || r->state != p->state)
		r->since_mono_ns = mono_now().ns;
	r->known = true;
	r->life = p->life;
	r->state = p->state;
	r->restarts = p->restarts;
	snprintf(r->why, sizeof(r->why), STR_FMT, STR_ARG(p->why));
	pthread_mutex_unlock(&s->lock);
}

void
status_set_lame(struct status *s)
{
	pthread_mutex_lock(&s->lock);
	s->lame = true;
	pthread_mutex_unlock(&s->lock);
}

void
status_set_listening(struct status *s, bool listening)
{
	pthread_mutex_lock(&s->lock);
	s->listening = listening;
	pthread_mutex_unlock(&s->lock);
}

void
status_main_bell(struct status *s, const struct doorbell *bell)
{
	s->main_bell = bell;
}

uint64_t
status_usage_wanted(struct status *s)
{
	uint64_t token = 0;

	pthread_mutex_lock(&s->lock);
	if (s->asked != s->sent)
		token = s->sent = s->asked;
	pthread_mutex_unlock(&s->lock);
	return (token);
}

void
status_usage_came(struct status *s, const struct ctl_usage *u)
{
	pthread_mutex_lock(&s->lock);
	s->usage = *u;
	pthread_cond_broadcast(&s->came);
	pthread_mutex_unlock(&s->lock);
}

void
status_role(struct status *s, unsigned index, struct status_role *out)
{
	pthread_mutex_lock(&s->lock);
	*out = s->roles[index];
	pthread_mutex_unlock(&s->lock);
}

bool
status_lame(struct status *s)
{
	bool lame;

	pthread_mutex_lock(&s->lock);
	lame = s->lame;
	pthread_mutex_unlock(&s->lock);
	return (lame);
}

bool
status_listening(struct status *s)
{
	bool listening;

	pthread_mutex_lock(&s->lock);
	listening = s->listening;
	pthread_mutex_unlock(&s->lock);
	return (listening);
}

int
status_usage(struct status *s, struct ctl_usage *out, int timeout_ms)
{
	struct mono until = mono_add_ms(mono_now(), timeout_ms);
	struct timespec ts = { until.ns / NS_PER_S, until.ns % NS_PER_S };
	uint64_t token;
	int rc = 0;

	pthread_mutex_lock(&s->lock);
	token = ++s->asked;
	if (s->main_bell != NULL)
		doorbell_ring(s->main_bell);
	while (s->usage.token < token && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&s->came, &s->lock, &ts);
	rc = s->usage.token >= token ? 0 : -1;
	*out = s->usage;
	pthread_mutex_unlock(&s->lock);
	return (rc);
}
