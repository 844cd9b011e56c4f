/*
 * page - one page of monitoring: its options, what it needs, and how it is written.
 *
 *	page_find -> page_begin -> page_needs, facts_gather -> page_build -> page_end
 *
 * The monitoring thread.
 */
#ifndef FRONT_PAGE_H
#define FRONT_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/json_out.h"
#include "natsd-front/monitor/facts.h"
#include "natsd-front/monitor/params.h"

enum page_state { PAGE_OPEN, PAGE_CLOSED, PAGE_ALL };

struct page_connz { /* monitoring-events.md 4.1 */
	const struct connz_sort *sort;
	enum page_state state;
	bool auth, subs, detail;
	int64_t offset, limit;
	uint64_t cid;
	char *user, *acc, *mqtt_client;
};

struct page_subsz { /* 8.1 */
	bool subs;
	int64_t offset, limit;
	char *acc, *test;
};

struct page_healthz { /* 12.1 */
	bool details;
	char *account, *stream, *consumer;
};

struct page_metrics {
	bool detailed; /* a line for each connection too */
	int64_t limit; /* at most so many of them */
};

struct page;

struct page_call {
	const struct page *page;
	struct params params;
	bool natsd; /* the page's last key is natsd's own */
	bool decoded; /* every option could be read, though one may be refused for what it says */
	int status; /* of the answer; 200 unless the page says otherwise */
	bool text;  /* a page of JSON gave up: what it wrote says why */
	struct page_connz connz;
	struct page_subsz subsz;
	struct page_healthz healthz;
	struct page_metrics metrics;
	char *acc;   /* of accountz */
	bool unused; /* of accstatz */
	bool all;    /* of ipqueuesz */
	char *queues;
};

enum page_kind { PAGE_JSON, PAGE_HTML, PAGE_METRICS, PAGE_EXPVAR };

struct page {
	const char *path; /* below the base path; "/" is the root page */
	enum facts_page counter;
	bool count_first; /* also when the options are refused */
	enum page_kind kind;

	/* parse - options out of call->params.  0; -1: refused, params.error says why.  NULL: none. */
	int (*parse)(struct page_call *);
	/* needs - NULL: nothing but what is always there. */
	void (*needs)(const struct page_call *, struct facts_needs *);
	/* build - 0; -1: no memory. */
	int (*build)(struct page_call *, const struct facts *, struct buf *out);
};

#define PAGE_BYTES_MAX (512u << 20)

extern const struct page page_root, page_varz, page_connz, page_subsz, page_accountz, page_accstatz,
    page_healthz, page_metrics, page_routez, page_gatewayz, page_leafz, page_jsz, page_raftz,
    page_ipqueuesz, page_debug_vars;

/* page_find - by path below the base path; NULL: there is none. */
const struct page *page_find(struct str path);

/* page_begin - options; 0; -1: refused, the text is in call->params.error.  page_end - in any case. */
int page_begin(struct page_call *, const struct page *, struct str query);
void page_end(struct page_call *);

/* page_parse_subs - ?subs=: a truth, or "detail", which is both.  0; -1: refused. */
int page_parse_subs(struct params *, bool *subs, bool *detail);

/* page_natsd - natsd's own key, when it is asked for. */
void page_natsd(struct json_out *, const struct page_call *, const struct facts *);

/* page_uptime - "1d2h3m4s" (1.1) of a time in ns.  page_rtt - Go's text of a round trip (1.2). */
#define PAGE_TIME_MAX 64
void page_uptime(char out[PAGE_TIME_MAX], int64_t ns);
void page_rtt(char out[PAGE_TIME_MAX], int64_t ns);

/* page_sub_json - a subscription (8.3); with_account: its account keys too. */
void page_sub_json(struct json_out *, const struct snapshot_sub *, bool with_account);

/* page_sublist_json - the eight figures of how messages are matched (8.2). */
void page_sublist_json(struct json_out *, const struct trie_stats *, const struct trie_cache_stats *);

/* page_range - offset and limit as they count: negative ones and 0 give the defaults. */
#define PAGE_LIMIT 1024
void page_range(int64_t *offset, int64_t *limit);

#endif
