#include "config.h"

#include <event2/event.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "natsd-front/monitor/http_conn.h"
#include "natsd-front/monitor/http_url.h"
#include "natsd-front/monitor/monitor.h"
#include "natsd-front/monitor/page.h"

#define STACK_BYTES (1u << 20)
#define JSON_HEADERS "Access-Control-Allow-Origin: *\r\nContent-Type: application/json\r\n"
#define EXPVAR_TYPE "Content-Type: application/json; charset=utf-8\r\n"
#define TEXT_TYPE "Content-Type: text/plain; charset=utf-8\r\n"
#define HTML_TYPE "Content-Type: text/html; charset=utf-8\r\n"
#define METRICS_TYPE "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"

struct waiting { /* a request that has no answer yet */
	struct http_conn *conn;
	struct waiting *next;
};

struct monitor {
	struct doorbell bell;
	atomic_bool stopping;
	atomic_bool poked; /* by main; the thread takes it back */
	struct mono turned; /* main's: the last time it saw that */
	pthread_t thread;
	bool started;

	/* from here on the thread's own */
	struct facts_source source;
	struct event_base *base;
	struct event *bell_event;
	struct http_server *http;
	struct facts facts;
	struct buf base_path;
	struct waiting *first, **last;
	bool busy; /* inside serve_waiting: an answer may bring the next request of its connection */
	struct event *again; /* serves those, when others had their turn */
};

static void *monitor_loop(void *);
static void on_bell(evutil_socket_t, short, void *);
static void on_request(struct http_conn *, void *);
static void on_gone(struct http_conn *, void *);
static void serve_waiting(struct monitor *);
static void on_again(evutil_socket_t, short, void *);
static void answer_bare(struct http_conn *, int status, bool close);
static const struct page *route(struct monitor *, struct http_conn *, struct str *query);
static void serve(struct monitor *, struct http_conn *, const struct page *, struct str query);
static void answer_page(struct monitor *, struct http_conn *, struct page_call *);

/* ---- start and stop ---- */

static unsigned
count_cores(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return (1);
	return ((unsigned)CPU_COUNT(&set));
}

static struct tls_context *
current_tls(void *arg)
{
	struct monitor *m = arg;

	return (status_tls(m->source.status));
}

static int
make_parts(struct monitor *m, int listen_fd, bool tls, const char *base_path, struct err *e)
{
	if (doorbell_make(&m->bell, e) != 0)
		return (-1);
	m->base_path = BUF_INIT(65536);
	if (http_base_clean(str_of(base_path), &m->base_path) != 0)
		return (err_set(e, "monitoring: http_base_path"));
	if ((m->base = event_base_new()) == NULL)
		return (err_set(e, "monitoring: no event loop"));
	m->bell_event = event_new(m->base, m->bell.wait, EV_READ | EV_PERSIST, on_bell, m);
	m->again = evtimer_new(m->base, on_again, m);
	if (m->bell_event == NULL || m->again == NULL || event_add(m->bell_event, NULL) != 0)
		return (err_set(e, "monitoring: no events"));
	m->http = http_server_new(m->base, listen_fd, on_request, on_gone,
	    tls ? current_tls : NULL, m, e);
	return (m->http == NULL ? -1 : 0);
}

static void
monitor_free(struct monitor *m)
{
	struct waiting *w;

	http_server_free(m->http);
	while ((w = m->first) != NULL) {
		m->first = w->next;
		free(w);
	}
	if (m->bell_event != NULL)
		event_free(m->bell_event);
	if (m->again != NULL)
		event_free(m->again);
	if (m->base != NULL)
		event_base_free(m->base);
	buf_free(&m->base_path);
	doorbell_close(&m->bell);
	free(m);
}

struct monitor *
monitor_new(int listen_fd, bool tls, const struct facts_source *source, const char *base_path,
    struct err *e)
{
	struct monitor *m = calloc(1, sizeof(*m));

	if (m == NULL) {
		err_set(e, "monitoring: no memory");
		return (NULL);
	}
	m->source = *source;
	m->bell = DOORBELL_NONE;
	m->last = &m->first;
	m->facts.cores = count_cores();
	m->facts.threads = source->shared->nworkers;
	if (make_parts(m, listen_fd, tls, base_path, e) != 0) {
		monitor_free(m);
		return (NULL);
	}
	return (m);
}

int
monitor_start(struct monitor *m, struct err *e)
{
	pthread_attr_t attr;
	int rc;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	rc = pthread_create(&m->thread, &attr, monitor_loop, m);
	pthread_attr_destroy(&attr);
	if (rc != 0)
		return (err_set(e, "monitoring: thread: %s", strerror(rc)));
	m->started = true;
	return (0);
}

void
monitor_quit(struct monitor *m)
{
	atomic_store(&m->stopping, true);
	doorbell_ring(&m->bell);
}

void
monitor_stop(struct monitor *m)
{
	if (m == NULL)
		return;
	monitor_quit(m);
	if (m->started)
		pthread_join(m->thread, NULL);
	monitor_free(m);
}

bool
monitor_turns(struct monitor *m, struct mono now)
{
	if (!atomic_load(&m->poked)) {
		m->turned = now;
		atomic_store(&m->poked, true);
		doorbell_ring(&m->bell);
	}
	return (mono_diff_ns(now, m->turned) < MONITOR_HANGS_S * NS_PER_S);
}

static void *
monitor_loop(void *arg)
{
	struct monitor *m = arg;

	pthread_setname_np(pthread_self(), "monitor");
	if (event_base_dispatch(m->base) == -1)
		log_error("monitoring: the event loop failed");
	return (NULL);
}

static void
on_bell(evutil_socket_t fd, short what, void *arg)
{
	struct monitor *m = arg;

	(void)fd;
	(void)what;
	doorbell_clear(&m->bell);
	atomic_store(&m->poked, false);
	if (atomic_load(&m->stopping))
		event_base_loopbreak(m->base);
}

/* ---- one request after the other ---- */

static void
on_request(struct http_conn *conn, void *ctx)
{
	struct monitor *m = ctx;
	struct waiting *w = malloc(sizeof(*w));

	if (w == NULL) {
		answer_bare(conn, 503, false);
		return;
	}
	*w = (struct waiting){ .conn = conn };
	*m->last = w;
	m->last = &w->next;
	if (!m->busy && !evtimer_pending(m->again, NULL))
		serve_waiting(m);
}

static void
on_gone(struct http_conn *conn, void *ctx)
{
	struct monitor *m = ctx;
	struct waiting **at, *w;

	for (at = &m->first; (w = *at) != NULL; at = &w->next) {
		if (w->conn != conn)
			continue;
		*at = w->next;
		if (*at == NULL)
			m->last = at;
		free(w);
		return;
	}
}

static void
serve_first(struct monitor *m)
{
	struct waiting *w = m->first;
	struct http_conn *conn = w->conn;
	const struct page *page;
	struct str query;

	m->first = w->next;
	if (m->first == NULL)
		m->last = &m->first;
	free(w);
	if ((page = route(m, conn, &query)) != NULL)
		serve(m, conn, page, query);
}

/* Those who wait now.  Who sent more requests than one is asked again behind the sockets: else a client
 * with a long row of them would keep everybody else from being read. */
static void
serve_waiting(struct monitor *m)
{
	static const struct timeval at_once;
	const struct waiting *w;
	unsigned n = 0;

	for (w = m->first; w != NULL; w = w->next)
		n++;
	m->busy = true;
	for (; n > 0 && m->first != NULL; n--)
		serve_first(m);
	m->busy = false;
	if (m->first != NULL && evtimer_add(m->again, &at_once) != 0)
		serve_waiting(m);
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	serve_waiting(arg);
}

static void
answer_bare(struct http_conn *conn, int status, bool close)
{
	http_conn_answer(conn, &(struct http_answer){ .status = status, .before = "", .after = "",
	    .close = close });
}

static void
answer_not_found(struct http_conn *conn)
{
	http_conn_answer(conn, &(struct http_answer){ .status = 404,
	    .before = TEXT_TYPE "X-Content-Type-Options: nosniff\r\n", .after = "",
	    .body = STR("404 page not found\n") });
}

static void
answer_refused(struct http_conn *conn, struct str why)
{
	http_conn_answer(conn, &(struct http_answer){ .status = 400, .before = "", .after = TEXT_TYPE,
	    .body = why });
}

/* To the cleaned path: with a body for GET, without for everything but GET and HEAD. */
static void
answer_moved(struct http_conn *conn, struct str path, struct str query)
{
	struct str method = http_conn_request(conn)->method;
	bool shown = str_eq(method, STR("GET")) || str_eq(method, STR("HEAD"));
	struct buf to = BUF_INIT(HTTP_HEAD_MAX * 4u), lines = BUF_INIT(HTTP_HEAD_MAX * 4u);
	struct buf body = BUF_INIT(HTTP_HEAD_MAX * 8u);
	struct http_answer a = { .status = 307, .after = "" };

	if (http_path_encode(path, &to) != 0 ||
	    (query.n > 0 && (buf_add_str(&to, STR("?")) != 0 || buf_add_str(&to, query) != 0)) ||
	    buf_addf(&lines, "%sLocation: " STR_FMT "\r\n", shown ? HTML_TYPE : "",
		STR_ARG(buf_str(&to))) != 0 || buf_add(&lines, "", 1) != 0 ||
	    (shown && (buf_add_str(&body, STR("<a href=\"")) != 0 ||
		http_html(buf_str(&to), &body) != 0 ||
		buf_add_str(&body, STR("\">Temporary Redirect</a>.\n\n")) != 0))) {
		a.status = 500;
		a.before = "";
	} else {
		a.before = (const char *)lines.data;
		a.body = buf_str(&body);
	}
	http_conn_answer(conn, &a);
	buf_free(&to);
	buf_free(&lines);
	buf_free(&body);
}

/* The path below the base; the root page stands at the base itself. */
static const struct page *
find_page(const struct monitor *m, struct str path)
{
	struct str base = buf_str(&m->base_path);

	if (base.n == 1)
		return (page_find(path));
	if (str_eq(path, base))
		return (page_find(STR("/")));
	if (!str_starts(path, base) || path.n - base.n < 2)
		return (NULL);
	return (page_find((struct str){ .p = path.p + base.n, .n = path.n - base.n }));
}

/* What is not about a path: *, and the host of CONNECT.  True: it has been answered. */
static bool
answer_pathless(struct http_conn *conn, const struct http_request *r)
{
	if (r->expects_more)
		answer_bare(conn, 417, true);
	else if (str_eq(r->target, STR("*")))
		answer_bare(conn, str_eq(r->method, STR("OPTIONS")) ? 200 : 400,
		    !str_eq(r->method, STR("OPTIONS")));
	else if (str_eq(r->method, STR("CONNECT")) && r->target.p[0] != '/')
		answer_not_found(conn);
	else
		return (false);
	return (true);
}

/* The page that is asked for; NULL: there is none, and that has been answered. */
static const struct page *
route(struct monitor *m, struct http_conn *conn, struct str *query)
{
	const struct page *page = NULL;
	const struct http_request *r = http_conn_request(conn);
	struct buf path = BUF_INIT(HTTP_HEAD_MAX), clean = BUF_INIT(HTTP_HEAD_MAX + 2u);
	struct str raw;

	if (answer_pathless(conn, r))
		return (NULL);
	if (http_target_split(r->target, &raw, query) != 0 ||
	    http_path_decode(raw, &path) != 0 || http_path_clean(raw, &clean) != 0) {
		http_conn_refuse(conn, "400 Bad Request");
	} else if (!str_eq(raw, buf_str(&clean))) {
		answer_moved(conn, buf_str(&clean), *query);
	} else if ((page = find_page(m, buf_str(&path))) == NULL) {
		answer_not_found(conn);
	}
	buf_free(&path);
	buf_free(&clean);
	return (page);
}

static void
serve(struct monitor *m, struct http_conn *conn, const struct page *page, struct str query)
{
	struct facts_needs needs = { .workers = false };
	struct page_call call;
	bool refused = page_begin(&call, page, query) != 0;
	struct err e;

	if (page->counter != FACTS_UNCOUNTED && (page->count_first || !refused || call.decoded))
		m->facts.requests[page->counter]++;
	if (refused) {
		answer_refused(conn, buf_str(&call.params.error));
		page_end(&call);
		return;
	}
	if (page->needs != NULL)
		page->needs(&call, &needs);
	if (facts_gather(&m->facts, &m->source, &needs, &e) == 0) {
		answer_page(m, conn, &call);
	} else {
		log_error("monitoring: %s: %s", page->path, e.text);
		answer_bare(conn, 500, false);
	}
	facts_forget(&m->facts);
	page_end(&call);
}

static void
set_headers(struct http_answer *a, const struct page_call *call)
{
	if (call->page->kind == PAGE_HTML)
		a->after = HTML_TYPE;
	else if (call->page->kind == PAGE_EXPVAR)
		a->before = EXPVAR_TYPE;
	else if (call->page->kind == PAGE_METRICS)
		a->after = METRICS_TYPE;
	else if (call->text)
		a->after = TEXT_TYPE;
	else
		a->before = JSON_HEADERS;
}

static void
answer_page(struct monitor *m, struct http_conn *conn, struct page_call *call)
{
	struct buf body = BUF_INIT(PAGE_BYTES_MAX);
	struct http_answer a = { .status = 500, .before = "", .after = "" };

	if (call->page->build(call, &m->facts, &body) == 0) {
		a.status = call->status;
		set_headers(&a, call);
		a.body = buf_str(&body);
	} else {
		log_error("monitoring: %s: no memory", call->page->path);
	}
	http_conn_answer(conn, &a);
	buf_free(&body);
}
