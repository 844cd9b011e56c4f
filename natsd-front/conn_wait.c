#include "config.h"

#include "common/log.h"
#include "natsd-front/conn.h"
#include "natsd-front/conn_input.h"
#include "natsd-front/text.h"

static struct conn_list *
wait_list(struct worker *w, unsigned bits)
{
	if (bits & CONN_PAUSE_AUTH)
		return (&w->auth_wait);
	if (bits & CONN_PAUSE_ROLE)
		return (&w->role_wait);
	if (bits & CONN_PAUSE_STALL)
		return (&w->stall_wait);
	if (bits & CONN_PAUSE_MARK)
		return (&w->mark_wait);
	return (&w->ring_wait);
}

/* A paused connection stands in the list of its strongest reason. */
static void
conn_place(struct conn *c)
{
	conn_list_remove(c);
	if (c->paused != 0)
		conn_list_add(wait_list(c->worker, c->paused), c);
	else
		conn_list_add(&c->worker->resume, c);
}

void
conn_pause(struct conn *c, enum conn_pause bit, struct mono until)
{
	if (c->state == CONN_CLOSING)
		return;
	if (c->paused == 0 || until.ns != 0)
		c->wait_until = until;
	c->paused |= (uint8_t)bit;
	conn_place(c);
	conn_arm(c);
}

void
conn_resume(struct conn *c, enum conn_pause bit)
{
	if (c->state == CONN_CLOSING || (c->paused & bit) == 0)
		return;
	c->paused = (uint8_t)(c->paused & ~(unsigned)bit);
	conn_place(c);
}

static void
resume_all(struct conn_list *list, enum conn_pause bit)
{
	while (list->head != NULL)
		conn_resume(list->head, bit);
}

static void
tell_stall_over(const struct conn *c)
{
	char span[TEXT_DURATION_MAX];

	if (!log_wants(LOG_LVL_DEBUG))
		return;
	text_duration(span, c->stall_us * NS_PER_US);
	conn_log(c, LOG_LVL_DEBUG, "Timed out of fast producer stall (%s)", span);
}

static void
resume_late(struct worker *w, struct conn_list *list, enum conn_pause bit)
{
	struct conn *c, *next;

	for (c = list->head; c != NULL; c = next) {
		next = c->next;
		if (mono_before(w->now, c->wait_until))
			continue;
		if (bit == CONN_PAUSE_ROLE)
			c->patience_epoch = w->role_epoch;
		else if (bit == CONN_PAUSE_STALL)
			tell_stall_over(c);
		conn_resume(c, bit);
	}
}

static void
conn_go_on(struct conn *c)
{
	conn_arm(c);
	conn_input_held(c);
}

void
conn_run_waiting(struct worker *w)
{
	struct conn_list now;
	struct conn *c;

	if (!w->congested)
		resume_all(&w->ring_wait, CONN_PAUSE_RING);
	if (!w->roles_unready)
		resume_all(&w->role_wait, CONN_PAUSE_ROLE);
	resume_late(w, &w->role_wait, CONN_PAUSE_ROLE);
	resume_late(w, &w->stall_wait, CONN_PAUSE_STALL);

	/* Once each: who is paused again, or wants to go on again, does so next turn. */
	now = w->resume;
	w->resume.head = NULL;
	if (now.head != NULL)
		now.head->at = &now.head;
	while ((c = now.head) != NULL) {
		conn_list_remove(c);
		if (c->state == CONN_OPEN)
			conn_go_on(c);
	}
}
