/*
 * supervise_reload - all or nothing: every program keeps the next options beside the ones in use and
 * says whether it could live with them; only when all can are they committed and taken into use.  It is
 * over when every thread of the front has changed over, so that "Reloaded" in the log is true.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "natsd-supervisor/supervise_priv.h"

static void
tell_verdict(struct supervise *s, unsigned i, bool use)
{
	struct supervised *sd = &s->children[i];
	struct ctl_config_use u = { .generation = s->next.generation };
	struct ctl_config_drop d = { .generation = s->next.generation };
	struct err e;
	int rc;

	if (sd->child.ctl == NULL)
		return; /* its next life starts with what is committed */
	rc = use ? ctl_send_config_use(sd->child.ctl, &u, &e) :
		   ctl_send_config_drop(sd->child.ctl, &d, &e);
	if (rc != 0)
		child_kill(&sd->child, e.text);
	supervise_flush(sd);
}

static void
over(struct supervise *s)
{
	s->reloading = s->using = false;
	s->reload_done(s->reload_ctx, s->refused);
}

static void
finish(struct supervise *s)
{
	static const unsigned order[] = { SUPERVISE_JS, SUPERVISE_RAFT, SUPERVISE_FRONT };
	bool use = s->refused[0] == '\0';

	for (unsigned i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (s->children[order[i]].wanted)
			tell_verdict(s, order[i], use);
	if (use) {
		options_free(&s->options);
		s->options = s->next;
	} else
		options_free(&s->next);
	s->using = use && s->children[SUPERVISE_FRONT].child.ctl != NULL;
	if (!s->using)
		over(s);
}

static void
finish_when_all_answered(struct supervise *s)
{
	if (!s->reloading)
		return;
	for (unsigned i = 0; i < SUPERVISE_CHILDREN; i++)
		if (s->children[i].wanted && !s->children[i].answered)
			return;
	finish(s);
}

void
reload_answered(struct supervise *s, struct supervised *sd, uint32_t generation, struct str why)
{
	if (!s->reloading || s->using || sd->answered || generation != s->next.generation)
		return;
	sd->answered = true;
	if (why.n > 0 && s->refused[0] == '\0')
		snprintf(s->refused, sizeof(s->refused), STR_FMT, STR_ARG(why));
	finish_when_all_answered(s);
}

void
reload_used(struct supervise *s, uint32_t generation)
{
	if (s->using && generation == s->options.generation)
		over(s);
}

void
reload_lost(struct supervise *s, struct supervised *sd)
{
	if (s->using) {
		if (sd == &s->children[SUPERVISE_FRONT])
			over(s); /* its next life starts with what is committed */
		return;
	}
	if (!s->reloading || sd->answered)
		return;
	sd->answered = true;
	finish_when_all_answered(s);
}

int
supervise_reload(struct supervise *s, const struct options *next,
    void (*done)(void *ctx, const char *why), void *ctx, struct err *e)
{
	if (s->reloading)
		return (err_set(e, "another reload is under way"));
	if (options_copy(&s->next, next, e) != 0)
		return (-1);
	s->reloading = true;
	s->refused[0] = '\0';
	s->reload_done = done;
	s->reload_ctx = ctx;
	for (unsigned i = 0; i < SUPERVISE_CHILDREN; i++) {
		struct supervised *sd = &s->children[i];
		struct err why;

		sd->answered = !sd->wanted || sd->child.ctl == NULL;
		if (sd->answered)
			continue;
		if (handover_config(sd, next, &why) != 0) {
			child_kill(&sd->child, why.text);
			sd->answered = true;
		}
		supervise_flush(sd);
	}
	finish_when_all_answered(s);
	return (0);
}
