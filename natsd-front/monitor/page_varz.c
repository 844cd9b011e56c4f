/*
 * /varz: the server at a glance (3).  Everything fresh with each request.
 */
#include "config.h"

#include <time.h>

#include "common/access.h"
#include "common/tls_options.h"
#include "natsd-front/monitor/page.h"
#include "natsd-front/server_info.h"

#define TLS_TIMEOUT_NS (2LL * NS_PER_S) /* without TLS */

static void
varz_needs(const struct page_call *call, struct facts_needs *needs)
{
	(void)call;
	needs->workers = needs->usage = needs->accounts = true;
	needs->what = SNAPSHOT_COUNTERS;
}

static void
empty(struct json_out *j, const char *key)
{
	json_key(j, key);
	json_object_begin(j);
	json_object_end(j);
}

static void
identity(struct json_out *j, const struct options *o)
{
	json_kstr(j, "server_id", str_of(o->server_id));
	json_kstr(j, "server_name", str_of(o->server_name[0] != '\0' ? o->server_name : o->server_id));
	json_kstr(j, "version", STR(NATS_VERSION));
	json_ku64(j, "proto", 1);
	json_kstr(j, "go", STR(PACKAGE_STRING));
	json_kstr(j, "host", str_of(o->bound_host));
	json_ki64(j, "port", o->bound_port);
	json_kbool_oe(j, "auth_required", access_required(o->access));
	json_kbool_oe(j, "tls_required", o->tls != NULL && !o->allow_non_tls);
	json_kbool_oe(j, "tls_verify", o->tls != NULL && o->tls->verify);
}

/* Seconds, as the file may say them with a fraction. */
static void
seconds(struct json_out *j, const char *key, int64_t ns)
{
	json_knum(j, key, (double)ns / NS_PER_S);
}

static struct str
policy_text(int64_t policy)
{
	if (policy == POLICY_CLOSE)
		return (STR("close"));
	if (policy == POLICY_RETRY)
		return (STR("retry"));
	return (STR_NONE);
}

static void
limits(struct json_out *j, const struct options *o)
{
	json_ki64(j, "max_connections", o->max_connections);
	json_ki64_oe(j, "max_subscriptions", o->max_subscriptions);
	json_ki64(j, "ping_interval", o->ping_interval);
	json_ki64(j, "ping_max", o->ping_max);
	json_kstr(j, "http_host", str_of(o->http_host));
	json_ki64(j, "http_port", o->http_port);
	json_kstr(j, "http_base_path", str_of(o->http_base_path));
	json_ki64(j, "https_port", o->https_port);
	seconds(j, "auth_timeout", o->access->timeout_ns);
	json_ki64(j, "max_control_line", o->max_control_line);
	json_ki64(j, "max_payload", o->max_payload);
	json_ki64(j, "max_pending", o->max_pending);
	empty(j, "cluster");
	empty(j, "gateway");
	empty(j, "leaf");
	empty(j, "mqtt");
	empty(j, "websocket");
	empty(j, "jetstream");
	seconds(j, "tls_timeout", o->tls == NULL ? TLS_TIMEOUT_NS : o->tls->timeout_ns);
	json_ki64(j, "write_deadline", o->write_deadline);
	json_kstr_oe(j, "write_timeout", policy_text(o->write_timeout));
}

static void
process(struct json_out *j, const struct facts *f)
{
	char uptime[PAGE_TIME_MAX];

	page_uptime(uptime, f->now.ns - f->o->start_wall_ns);
	json_ktime(j, "start", (struct wall){ .ns = f->o->start_wall_ns }, false);
	json_ktime(j, "now", f->now, false);
	json_kstr(j, "uptime", str_of(uptime));
	json_ku64(j, "mem", f->usage.rss_bytes);
	json_ku64(j, "cores", f->cores);
	json_ku64(j, "gomaxprocs", f->threads);
	json_knum(j, "cpu", (double)f->usage.cpu_permille / 10);
}

static void
traffic(struct json_out *j, uint64_t conns, const struct worker_stats *c)
{
	json_ku64(j, "connections", conns);
	json_ku64(j, "total_connections", c->total_conns);
	json_ku64(j, "routes", 0);
	json_ku64(j, "remotes", 0);
	json_ku64(j, "leafnodes", 0);
	json_ku64(j, "in_msgs", c->in_msgs);
	json_ku64(j, "in_bytes", c->in_bytes);
	json_ku64(j, "in_client_msgs", c->in_msgs);
	json_ku64(j, "in_client_bytes", c->in_bytes);
	json_ku64(j, "out_msgs", c->out_msgs);
	json_ku64(j, "out_bytes", c->out_bytes);
	json_ku64(j, "out_client_msgs", c->out_msgs);
	json_ku64(j, "out_client_bytes", c->out_bytes);
	json_ku64(j, "slow_consumers", c->slow_consumers);
	json_ku64(j, "stale_connections", c->stale_conns);
	json_ku64(j, "stalled_clients", c->stalled);
}

static void
requests(struct json_out *j, const struct facts *f)
{
	static const char *const names[FACTS_PAGES] = { [FACTS_ROOT] = "/",
		[FACTS_ACCOUNTZ] = "/accountz", [FACTS_ACCSTATZ] = "/accstatz",
		[FACTS_CONNZ] = "/connz", [FACTS_GATEWAYZ] = "/gatewayz",
		[FACTS_HEALTHZ] = "/healthz", [FACTS_JSZ] = "/jsz", [FACTS_LEAFZ] = "/leafz",
		[FACTS_ROUTEZ] = "/routez", [FACTS_SUBSZ] = "/subsz", [FACTS_VARZ] = "/varz" };
	unsigned i;

	json_key(j, "http_req_stats");
	json_object_begin(j);
	for (i = 0; i < FACTS_PAGES; i++)
		json_ku64_oe(j, names[i], f->requests[i]);
	json_object_end(j);
}

static void
kinds(struct json_out *j, const char *key, uint64_t clients)
{
	json_key(j, key);
	json_object_begin(j);
	json_ku64(j, "clients", clients);
	json_ku64(j, "routes", 0);
	json_ku64(j, "gateways", 0);
	json_ku64(j, "leafs", 0);
	json_object_end(j);
}

static void
configuration(struct json_out *j, const struct facts *f)
{
	const struct options *o = f->o;

	json_ktime(j, "config_load_time", (struct wall){ .ns = o->config_load_wall_ns }, false);
	json_kstr(j, "config_digest", str_of(o->config_digest));
	server_info_tags(j, o);
	server_info_metadata(j, o);
	server_info_features(j);
	json_kstr_oe(j, "system_account", facts_system_account(f));
}

static uint64_t
subscriptions(const struct facts *f)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < f->naccounts; i++)
		sum += f->accounts[i].stats.subs;
	return (sum);
}

/* Trusted ones; a block that names none is there, and empty. */
static void
proxies(struct json_out *j, const struct access *a)
{
	if (!a->has_proxies)
		return;
	json_key(j, "proxies");
	json_object_begin(j);
	if (a->nproxies > 0) {
		json_key(j, "trusted");
		json_array_begin(j);
		for (size_t i = 0; i < a->nproxies; i++) {
			json_object_begin(j);
			json_kstr(j, "key", a->proxies[i]);
			json_object_end(j);
		}
		json_array_end(j);
	}
	json_object_end(j);
}

/* A certificate may outlive what fits into nanoseconds. */
static void
expiry(struct json_out *j, int64_t s)
{
	char text[64];
	time_t when = (time_t)s;
	struct tm tm;

	if (gmtime_r(&when, &tm) == NULL ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return;
	json_kstr(j, "tls_cert_not_after", str_of(text));
}

static int
varz_build(struct page_call *call, const struct facts *f, struct buf *out)
{
	struct worker_stats c = facts_worker_stats(f);
	struct json_out j;

	json_begin(&j, out, 2);
	json_object_begin(&j);
	identity(&j, f->o);
	limits(&j, f->o);
	process(&j, f);
	traffic(&j, facts_conns(f), &c);
	json_ku64(&j, "subscriptions", subscriptions(f));
	requests(&j, f);
	configuration(&j, f);
	kinds(&j, "slow_consumer_stats", c.slow_consumers);
	kinds(&j, "stale_connection_stats", c.stale_conns);
	json_key(&j, "disk_io_wait_stats");
	json_object_begin(&j);
	json_ku64(&j, "waiters", 0);
	json_ku64(&j, "waits", 0);
	json_ku64(&j, "wait_time", 0);
	json_ku64(&j, "max_wait_time", 0);
	json_object_end(&j);
	proxies(&j, f->o->access);
	if (f->o->tls != NULL)
		expiry(&j, f->o->tls->not_after_s);
	page_natsd(&j, call, f);
	json_object_end(&j);
	return (json_end(&j));
}

const struct page page_varz = {
	.path = "/varz",
	.counter = FACTS_VARZ,
	.count_first = true,
	.needs = varz_needs,
	.build = varz_build,
};
