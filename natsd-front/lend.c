#include "config.h"

#include "natsd-front/conn.h"
#include "natsd-front/deliver.h"
#include "natsd-front/lend.h"

/* More than this is worth a processor of its own. */
#define LEND_BYTES 16384u

/* True: all of the ring is done. */
static bool
take_deliveries(struct worker *b, struct ring *r)
{
	uint64_t until = ring_write_seen(r), end = 0;
	struct ring_rec rec;

	while (ring_read_at(r) < until && ring_peek(r, &rec) == 1 && rec.type == LOCAL_DELIVER) {
		deliver_record(b, &rec);
		ring_next(r, &rec);
		end = rec.end;
	}
	if (end != 0)
		ring_release(r, end);
	return (ring_read_at(r) == until);
}

/* What of a turn can be done for somebody else.  True: nothing is left for its owner. */
static bool
lent_turn(struct worker *b, const struct worker *w)
{
	bool all;

	b->now = w->now;
	b->wall_ns = w->wall_ns;
	b->lent = true;
	all = take_deliveries(b, b->links[w->index].from);
	deliver_publish_rings(b);
	conn_flush_dirty(b);
	b->lent = false;
	return (all && b->dirty.head == NULL && b->closing.head == NULL && b->resume.head == NULL &&
	    b->traced == NULL);
}

static bool
lend(struct worker *w, unsigned to)
{
	struct worker_public *pub = &w->shared->pub[to];
	bool all;

	if (pthread_mutex_trylock(&pub->turn) != 0)
		return (false);
	all = lent_turn(pub->worker, w);
	pthread_mutex_unlock(&pub->turn);
	return (all);
}

void
lend_publish(struct worker *w)
{
	struct link *l;
	struct ring *r;
	unsigned i;

	for (i = 0; i < w->shared->nworkers; i++) {
		l = &w->links[i];
		if (!l->dirty || ring_out_listed_bytes(l->to) != 0)
			continue;
		r = ring_out_ring(l->to);
		if (ring_unpublished(r) > LEND_BYTES || !ring_is_asleep(r))
			continue;
		l->dirty = false;
		if (ring_publish_quiet(r) && !lend(w, i))
			ring_call(r);
	}
}
