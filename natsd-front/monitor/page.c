#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "natsd-front/monitor/page.h"
#include "natsd-front/text.h"

static const struct {
	const char *path;
	const struct page *page;
} pages[] = {
	{ "/", &page_root },
	{ "/varz", &page_varz },
	{ "/connz", &page_connz },
	{ "/subsz", &page_subsz },
	{ "/subscriptionsz", &page_subsz },
	{ "/accountz", &page_accountz },
	{ "/accstatz", &page_accstatz },
	{ "/healthz", &page_healthz },
	{ "/routez", &page_routez },
	{ "/gatewayz", &page_gatewayz },
	{ "/leafz", &page_leafz },
	{ "/jsz", &page_jsz },
	{ "/raftz", &page_raftz },
	{ "/ipqueuesz", &page_ipqueuesz },
	{ "/debug/vars", &page_debug_vars },
	{ "/metrics", &page_metrics },
};

const struct page *
page_find(struct str path)
{
	unsigned i;

	for (i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		if (str_eq(path, str_of(pages[i].path)))
			return (pages[i].page);
	}
	return (NULL);
}

int
page_begin(struct page_call *call, const struct page *page, struct str query)
{
	*call = (struct page_call){ .page = page, .status = 200 };
	params_init(&call->params, query);
	call->natsd = params_is_true(&call->params, "natsd");
	return (page->parse == NULL ? 0 : page->parse(call));
}

void
page_end(struct page_call *call)
{
	params_free(&call->params);
	free(call->acc);
	free(call->connz.user);
	free(call->connz.acc);
	free(call->connz.mqtt_client);
	free(call->subsz.acc);
	free(call->subsz.test);
	free(call->healthz.account);
	free(call->healthz.stream);
	free(call->healthz.consumer);
	free(call->queues);
	*call = (struct page_call){ .page = NULL };
}

int
page_parse_subs(struct params *p, bool *subs, bool *detail)
{
	char *text = params_text(p, "subs");
	int rc = 0;

	if (text != NULL && strcasecmp(text, "detail") == 0)
		*subs = *detail = true;
	else
		rc = params_bool(p, "subs", subs);
	free(text);
	return (rc);
}

static const char *
state_text(uint32_t state)
{
	switch (state) {
	case CTL_PEER_STARTING:
		return ("starting");
	case CTL_PEER_UP:
		return ("up");
	case CTL_PEER_WAITING:
		return ("waiting");
	default:
		return ("gone");
	}
}

static void
role_json(struct json_out *j, const char *name, const struct status_role *r)
{
	json_key(j, name);
	json_object_begin(j);
	json_kstr(j, "state", str_of(state_text(r->state)));
	json_ku64(j, "life", r->life);
	json_ku64(j, "restarts", r->restarts);
	json_kstr_oe(j, "why", str_of(r->why));
	json_object_end(j);
}

void
page_natsd(struct json_out *j, const struct page_call *call, const struct facts *f)
{
	static const char *const names[STATUS_ROLES] = { [STATUS_FRONT] = "front", [PEER_JS] = "js",
		[PEER_RAFT] = "raft" };
	unsigned i;

	if (!call->natsd)
		return;
	json_key(j, "natsd");
	json_object_begin(j);
	json_kstr(j, "version", STR(PACKAGE_VERSION));
	json_ku64(j, "front_threads", f->threads);
	if (f->usage.token != 0) /* a page that asked the supervisor */
		json_ku64(j, "log_lines_dropped", f->usage.log_dropped);
	json_key(j, "roles");
	json_object_begin(j);
	for (i = 0; i < STATUS_ROLES; i++) {
		if (f->roles[i].known)
			role_json(j, names[i], &f->roles[i]);
	}
	json_object_end(j);
	json_object_end(j);
}

void
page_uptime(char out[PAGE_TIME_MAX], int64_t ns)
{
	long long s = ns < 0 ? 0 : ns / NS_PER_S;
	long long y = s / (365 * 86400), d = s % (365 * 86400) / 86400;
	long long h = s / 3600 % 24, m = s / 60 % 60;

	if (y > 0)
		snprintf(out, PAGE_TIME_MAX, "%lldy%lldd%lldh%lldm%llds", y, d, h, m, s % 60);
	else if (d > 0)
		snprintf(out, PAGE_TIME_MAX, "%lldd%lldh%lldm%llds", d, h, m, s % 60);
	else if (h > 0)
		snprintf(out, PAGE_TIME_MAX, "%lldh%lldm%llds", h, m, s % 60);
	else if (m > 0)
		snprintf(out, PAGE_TIME_MAX, "%lldm%llds", m, s % 60);
	else
		snprintf(out, PAGE_TIME_MAX, "%llds", s);
}

void
page_rtt(char out[PAGE_TIME_MAX], int64_t ns)
{
	if (ns < 0)
		ns = 0;
	if (ns > NS_PER_US && ns < NS_PER_MS)
		ns -= ns % NS_PER_US;
	text_duration(out, ns);
}

void
page_sub_json(struct json_out *j, const struct snapshot_sub *s, bool with_account)
{
	json_object_begin(j);
	if (with_account) {
		json_kstr_oe(j, "account", str_of(s->account->name));
		json_kstr_oe(j, "account_tag", str_of(s->account->name));
	}
	json_kstr(j, "subject", str_of(s->subject));
	json_kstr_oe(j, "qgroup", str_of(s->queue));
	json_kstr(j, "sid", str_of(s->sid));
	json_ku64(j, "msgs", s->msgs);
	json_ku64_oe(j, "max", s->max);
	json_ku64(j, "cid", s->cid);
	json_object_end(j);
}

static double
ratio(uint64_t part, uint64_t whole)
{
	return (whole == 0 ? 0 : (double)part / (double)whole);
}

void
page_sublist_json(struct json_out *j, const struct trie_stats *t, const struct trie_cache_stats *c)
{
	json_ku64(j, "num_subscriptions", t->subs);
	json_ku64(j, "num_cache", c->entries);
	json_ku64(j, "num_inserts", t->inserts);
	json_ku64(j, "num_removes", t->removes);
	json_ku64(j, "num_matches", c->hits + c->misses);
	json_knum(j, "cache_hit_rate", ratio(c->hits, c->hits + c->misses));
	json_ku64(j, "max_fanout", c->max_fanout);
	json_knum(j, "avg_fanout", ratio(c->result_subs, c->entries));
}

void
page_range(int64_t *offset, int64_t *limit)
{
	if (*offset < 0)
		*offset = 0;
	if (*limit <= 0)
		*limit = PAGE_LIMIT;
}
