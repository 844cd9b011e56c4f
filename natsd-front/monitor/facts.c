#include "config.h"

#include "natsd-front/monitor/facts.h"

const struct facts_account *
facts_account_named(const struct facts *f, struct str name)
{
	unsigned i;

	for (i = 0; i < FACTS_ACCOUNTS; i++) {
		if (str_eq(str_of(f->accounts[i].name), name))
			return (&f->accounts[i]);
	}
	return (NULL);
}

struct worker_stats
facts_worker_stats(const struct facts *f)
{
	struct worker_stats sum = { .in_msgs = 0 };
	const struct worker_stats *s;
	unsigned i;

	for (i = 0; i < f->workers->nparts; i++) {
		s = &f->workers->parts[i].stats;
		sum.total_conns += s->total_conns;
		sum.in_msgs += s->in_msgs;
		sum.in_bytes += s->in_bytes;
		sum.out_msgs += s->out_msgs;
		sum.out_bytes += s->out_bytes;
		sum.slow_consumers += s->slow_consumers;
		sum.stalled += s->stalled;
		sum.stale_conns += s->stale_conns;
	}
	return (sum);
}

uint64_t
facts_conns(const struct facts *f)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < f->workers->nparts; i++)
		sum += f->workers->parts[i].conns_open;
	return (sum);
}
