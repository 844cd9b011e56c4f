#include "config.h"

#include <string.h>

#include "natsd-front/client/client.h"
#include "natsd-front/confirm.h"
#include "natsd-front/conn.h"

#define WEIGHT ((uint64_t)1 << 48) /* of one fresh mark; split at most once per worker and hop */

bool
confirm_begin(struct conn *c)
{
	struct worker *w = c->worker;
	struct local_mark m = { .conn = c->handle, .worker = (uint16_t)w->index,
		.number = ++c->mark_number, .weight = WEIGHT };
	unsigned i;

	c->mark_open = 0;
	for (i = 0; i < w->shared->nworkers; i++)
		if (w->links[i].trusts && local_say(&w->links[i], LOCAL_MARK, &m, sizeof(m)))
			c->mark_open += WEIGHT;
	if (c->mark_open == 0)
		return (false);
	conn_pause(c, CONN_PAUSE_MARK, (struct mono){ 0 });
	return (true);
}

/* Has it worked through what was passed on to it? */
static bool
passed_on_is_open(struct link *l)
{
	return (l->to != NULL && l->passed &&
	    (l->passed_at == UINT64_MAX ||
		ring_released(ring_out_ring(l->to)) <= l->passed_at));
}

static void
on_marked(struct worker *w, const struct local_mark *m)
{
	struct conn *c = slots_find(&w->conns, m->conn);

	if (c == NULL || c->mark_number != m->number || (c->paused & CONN_PAUSE_MARK) == 0)
		return;
	c->mark_open -= m->weight;
	if (c->mark_open != 0)
		return;
	client_pong(c);
	conn_resume(c, CONN_PAUSE_MARK);
}

static void
on_mark(struct worker *w, struct local_mark *m)
{
	struct local_mark part = *m;
	unsigned i, open = 0;

	for (i = 0; i < w->shared->nworkers; i++)
		open += passed_on_is_open(&w->links[i]);
	part.weight = m->weight / (open + 1);
	for (i = 0; i < w->shared->nworkers && part.weight != 0; i++)
		if (passed_on_is_open(&w->links[i]) &&
		    local_say(&w->links[i], LOCAL_MARK, &part, sizeof(part)))
			m->weight -= part.weight;
	if (m->worker == w->index)
		on_marked(w, m);
	else
		local_say(&w->links[m->worker], LOCAL_MARKED, m, sizeof(*m));
}

void
confirm_record(struct worker *w, const struct ring_rec *rec)
{
	struct local_mark m;

	memcpy(&m, rec->data, sizeof(m));
	if (rec->type == LOCAL_MARK)
		on_mark(w, &m);
	else
		on_marked(w, &m);
}
