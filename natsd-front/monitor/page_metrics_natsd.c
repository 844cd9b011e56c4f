/* natsd's own metrics: natsd_*. */
#include "config.h"

#include <stdio.h>

#include "natsd-front/monitor/page_metrics.h"

static const char *const role_names[STATUS_ROLES] = { [STATUS_FRONT] = "front", [PEER_JS] = "js",
	[PEER_RAFT] = "raft" };

static uint64_t is_up(const struct status_role *r) { return (r->state == CTL_PEER_UP); }
static uint64_t restarts(const struct status_role *r) { return (r->restarts); }

static void
family(struct metrics *m, const char *name, enum metrics_type type, const char *help)
{
	metrics_family(m, "natsd", str_of(name), type, help);
}

static void
of_roles(struct metrics *m, const struct facts *f, uint64_t (*value)(const struct status_role *))
{
	unsigned i;

	for (i = 0; i < STATUS_ROLES; i++) {
		if (!f->roles[i].known)
			continue;
		metrics_sample(m);
		metrics_label(m, "role", str_of(role_names[i]));
		metrics_u64(m, value(&f->roles[i]));
	}
}

static void
roles(struct metrics *m, const struct facts *f)
{
	family(m, "role_up", METRICS_GAUGE, "whether the process is there and ready");
	of_roles(m, f, is_up);
	family(m, "role_restarts_total", METRICS_COUNTER, "deaths that the supervisor made good");
	of_roles(m, f, restarts);
}

static void
worker_label(struct metrics *m, unsigned i)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", i);
	metrics_label(m, "worker", str_of(text));
}

static void
rings(struct metrics *m, const struct facts *f)
{
	const struct snapshot_part *parts = f->workers->parts;
	unsigned i, k;

	family(m, "ring_used_bytes", METRICS_GAUGE,
	    "in the ring of a worker to a role, not yet finished with");
	for (i = 0; i < f->workers->nparts; i++) {
		for (k = 0; k < PEER_COUNT; k++) {
			metrics_sample(m);
			worker_label(m, i);
			metrics_label(m, "role", str_of(role_names[k]));
			metrics_u64(m, parts[i].ring_bytes[k]);
		}
	}
	family(m, "ring_listed_bytes", METRICS_GAUGE, "that found no room in a ring and wait for it");
	for (i = 0; i < f->workers->nparts; i++) {
		metrics_sample(m);
		worker_label(m, i);
		metrics_u64(m, parts[i].waiting_bytes);
	}
}

static void
waiting(struct metrics *m, const struct facts *f)
{
	static const char *const names[SNAPSHOT_WAITS] = { [WAIT_RING] = "ring", [WAIT_ROLE] = "role",
		[WAIT_STALL] = "slow_receiver", [WAIT_AUTH] = "authentication" };
	unsigned i, k;

	family(m, "waiting_connections", METRICS_GAUGE,
	    "that wait for what is named before they are read again");
	for (i = 0; i < f->workers->nparts; i++) {
		for (k = 0; k < SNAPSHOT_WAITS; k++) {
			metrics_sample(m);
			worker_label(m, i);
			metrics_label(m, "for", str_of(names[k]));
			metrics_u64(m, f->workers->parts[i].waiting[k]);
		}
	}
}

static void
workers(struct metrics *m, const struct facts *f)
{
	unsigned i;

	family(m, "worker_connections", METRICS_GAUGE, "open, by worker thread");
	for (i = 0; i < f->workers->nparts; i++) {
		metrics_sample(m);
		worker_label(m, i);
		metrics_u64(m, f->workers->parts[i].conns_open);
	}
	family(m, "worker_dropped_messages_total", METRICS_COUNTER,
	    "for want of memory or of room towards another thread");
	for (i = 0; i < f->workers->nparts; i++) {
		metrics_sample(m);
		worker_label(m, i);
		metrics_u64(m, f->workers->parts[i].stats.dropped);
	}
}

void
page_metrics_natsd(struct metrics *m, const struct facts *f)
{
	family(m, "build_info", METRICS_GAUGE, "always 1");
	metrics_sample(m);
	metrics_label(m, "version", STR(PACKAGE_VERSION));
	metrics_u64(m, 1);
	roles(m, f);
	rings(m, f);
	waiting(m, f);
	workers(m, f);
	family(m, "closed_connections_total", METRICS_COUNTER, "that are gone");
	metrics_sample(m);
	metrics_u64(m, f->closed_total);
	family(m, "log_dropped_lines_total", METRICS_COUNTER, "that the log could not take");
	metrics_sample(m);
	metrics_u64(m, f->usage.log_dropped);
}
