/*
 * Connections that do nothing: each has said CONNECT and PING and had its PONG, so that the server
 * keeps what it keeps for a client.
 */
#include "config.h"

#include <sys/resource.h>

#include <stdlib.h>

#include "tests/bench/load.h"
#include "tests/bench/load_conn.h"

#define DESCRIPTORS_BESIDE 32u

static int
raise_descriptors(unsigned wanted, struct err *e)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return (err_sys(e, "limit of descriptors"));
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		return (err_sys(e, "limit of descriptors"));
	if (limit.rlim_cur < wanted + DESCRIPTORS_BESIDE)
		return (err_set(e, "%u connections need more than the %llu descriptors allowed",
		    wanted, (unsigned long long)limit.rlim_cur));
	return (0);
}

int
load_idle_run(const struct load_plan *plan, struct load_result *r, struct err *e)
{
	struct load_net net;
	struct load_conn *conns = NULL;
	struct mono start = mono_now();
	unsigned open = 0;
	int rc = -1;

	if (raise_descriptors(plan->connections, e) != 0 ||
	    load_net_open(&net, plan->host, plan->port, plan->tls, e) != 0)
		return (-1);
	conns = calloc(plan->connections, sizeof(*conns));
	if (conns == NULL) {
		err_sys(e, "connections");
		goto close_net;
	}
	for (; open < plan->connections; open++)
		if (load_conn_open(&conns[open], &net, 0, e) != 0) {
			err_wrap(e, "connection %u", open);
			goto close_conns;
		}
	r->ns = mono_diff_ns(mono_now(), start);
	r->cpu_ns = load_cpu_ns();
	r->ops = r->published = open;
	rc = load_wait(plan, e);
	if (rc == 0)
		load_report(plan, r);
close_conns:
	while (open > 0)
		load_conn_close(&conns[--open]);
	free(conns);
close_net:
	load_net_close(&net);
	return (rc);
}
