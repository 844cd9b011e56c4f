#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "natsd-front/conn.h"
#include "natsd-front/tally.h"
#include "natsd-front/worker.h"

#define SIZE_FIRST 16u

void
tallies_free(struct tallies *t)
{
	free(t->at);
	*t = (struct tallies){ .size = 0 };
}

/* NULL: no memory. */
static struct tally *
tally_of(struct worker *w, const struct account *a)
{
	struct tallies *t = &w->tallies;
	uint32_t size = t->size == 0 ? SIZE_FIRST : t->size;
	struct tally *at;

	if (a->id < t->size)
		return (&t->at[a->id]);
	while (size <= a->id)
		size *= 2;
	if ((at = reallocarray(t->at, size, sizeof(*at))) == NULL)
		return (NULL);
	memset(at + t->size, 0, (size - t->size) * sizeof(*at));
	t->at = at;
	t->size = size;
	return (&at[a->id]);
}

void
tally_leave(struct conn *c)
{
	struct tally *t;

	if ((c->in_msgs | c->out_msgs) == 0 || (t = tally_of(c->worker, c->account)) == NULL)
		return;
	t->in_msgs += c->in_msgs;
	t->in_bytes += c->in_bytes;
	t->out_msgs += c->out_msgs;
	t->out_bytes += c->out_bytes;
}

/* Below nothing for a while: its own counters come on top of that. */
void
tally_join(struct conn *c)
{
	struct tally *t;

	if ((c->in_msgs | c->out_msgs) == 0 || (t = tally_of(c->worker, c->account)) == NULL)
		return;
	t->in_msgs -= c->in_msgs;
	t->in_bytes -= c->in_bytes;
	t->out_msgs -= c->out_msgs;
	t->out_bytes -= c->out_bytes;
}

void
tally_slow(struct worker *w, const struct account *a)
{
	struct tally *t = tally_of(w, a);

	if (t != NULL)
		t->slow_consumers++;
}

static void
add_conn(struct tally *out, uint32_t n, const struct conn *c)
{
	struct tally *t;

	if (c->account->id >= n)
		return;
	t = &out[c->account->id];
	t->in_msgs += c->in_msgs;
	t->in_bytes += c->in_bytes;
	t->out_msgs += c->out_msgs;
	t->out_bytes += c->out_bytes;
}

void
tally_sum(const struct worker *w, struct tally *out, uint32_t n)
{
	const struct tallies *t = &w->tallies;
	const struct conn *c;
	uint32_t i;

	memset(out, 0, n * sizeof(*out));
	if (t->size != 0)
		memcpy(out, t->at, (n < t->size ? n : t->size) * sizeof(*out));
	for (i = 0; i < w->conns.size; i++) {
		if ((c = slots_at(&w->conns, i)) != NULL)
			add_conn(out, n, c);
	}
}
