/* start_server - the phases that make a running server, and what happens to it later. */
#include "config.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/access.h"
#include "common/killpoint.h"
#include "common/log.h"
#include "common/mono.h"
#include "common/tls_options.h"
#include "natsd-supervisor/advertise.h"
#include "natsd-supervisor/notify.h"
#include "natsd-supervisor/pidfile.h"
#include "natsd-supervisor/reload.h"
#include "natsd-supervisor/server.h"
#include "natsd-supervisor/signals.h"
#include "natsd-supervisor/start.h"
#include "natsd-supervisor/wrapper.h"

#define PAYLOAD_FRIENDLY (8 << 20)

/* ---- the process ---- */

/* A daemon started with a closed stdin would give that number to a socket. */
static void
open_standard_fds(void)
{
	struct stat st;

	for (int fd = 0; fd <= 2; fd++)
		if (fstat(fd, &st) != 0 && open("/dev/null", O_RDWR) != fd)
			_exit(1);
}

static void
raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit); /* the soft one stays, then: fewer connections */
}

/* Half of the machine, unless the file says how many. */
static int64_t
default_threads(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	return (cores < 4 ? 1 : cores > 256 ? 128 : cores / 2);
}

/* While there is nobody to act on them, signals wait: they neither end us half started nor half
 * stopped. */
static void
hold_signals(int how)
{
	static const int held[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2 };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(held) / sizeof(held[0]); i++)
		sigaddset(&set, held[i]);
	sigprocmask(how, &set, NULL);
}

void
start_process(struct server *s)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	hold_signals(SIG_BLOCK);
	open_standard_fds();
	raise_descriptors();
	sigaction(SIGPIPE, &ignore, NULL);
	notify_init();
	s->start_wall_ns = wall_now().ns;
	s->client = s->monitor = LISTENER_NONE;
	s->ports = PORTSFILE_NONE;
	if (s->options.front_threads == 0)
		s->options.front_threads = default_threads();
	if ((s->base = event_base_new()) == NULL)
		fatal("event loop: out of memory");
}

/* There is no log yet to say it in. */
static void
refuse_log(const struct err *e)
{
	time_t now = time(NULL);
	struct tm tm;
	char text[32] = "";

	if (localtime_r(&now, &tm) != NULL)
		strftime(text, sizeof(text), "%Y/%m/%d %H:%M:%S ", &tm);
	fprintf(stderr, "%serror opening file: %s\n", text, e->text);
	exit(1);
}

void
start_log(struct server *s)
{
	struct logfile_options o;
	struct err e;

	server_log_options(&s->options, &o);
	if ((s->logfile = logfile_open(&o, &e)) == NULL)
		refuse_log(&e);
	if ((s->log = logserver_new(s->base, s->logfile, &e)) == NULL)
		fatal("%s", e.text);
	options_set_log(&s->options);
}

/* ---- who and where ---- */

/* The lines that tools and people look for, in nats-server's order (client.md 18.6). */
static void
log_banner(const struct server *s)
{
	const struct options *o = &s->options;

	log_info("Starting nats-server");
	log_info("  Version:  %s", NATS_VERSION);
	log_info("  Git:      [not set]");
	log_debug("  Go build: c17 %s", __VERSION__);
	log_info("  natsd:    %s", PACKAGE_VERSION);
	log_info("  Name:     %s", o->server_name[0] != '\0' ? o->server_name : s->identity.server_id);
	log_info("  ID:       %s", s->identity.server_id);
	if (!access_required(o->access))
		log_info("Authentication is off: every client is let in");
	if (access_warns(o))
		log_warn("Plaintext passwords detected, use nkeys or bcrypt");
	if (s->cli.config != NULL)
		log_info("Using configuration file: %s (%s)", s->cli.config, o->config_digest);
	if (o->max_payload > PAYLOAD_FRIENDLY)
		log_warn("Maximum payloads over 8.00 MB are generally discouraged and could lead to poor "
		    "performance");
}

void
start_identity(struct server *s)
{
	struct err e;

	if (identity_make(&s->identity, &e) != 0)
		fatal("%s", e.text);
	log_banner(s);
	if (s->options.pid_file[0] != '\0' && pidfile_write(s->options.pid_file, &e) != 0)
		fatal("Could not write pidfile: %s", e.text);
}

static void
start_monitor(struct server *s)
{
	const struct options *o = &s->options;
	bool tls = o->https_port != 0;
	struct err e;

	if (o->http_port != 0 && tls)
		fatal("Can't start monitoring: can't specify both HTTP (%lld) and HTTPs (%lld) ports",
		    (long long)o->http_port, (long long)o->https_port);
	if (tls && o->tls == NULL)
		fatal("Can't start monitoring: TLS cert and key required for HTTPS");
	if (o->http_port == 0 && !tls)
		return;
	if (listen_open(&s->monitor, o->http_host, tls ? o->https_port : o->http_port, &e) != 0)
		fatal("Can't start monitoring: can't listen to the monitor port: %s", e.text);
	s->monitor.scheme = tls ? "https" : "http";
	log_info("Starting %s monitor on %s", s->monitor.scheme, s->monitor.address);
}

/* What a client has to expect there. */
static void
log_client_listener(const struct server *s)
{
	const struct options *o = &s->options;
	bool strict = o->tls != NULL && o->tls->first && o->tls->first_delay_ns == 0;

	log_info("Listening for client connections on %s", s->client.address);
	if (o->proxy_protocol)
		log_info("PROXY protocol enabled for client connections");
	if (o->tls != NULL)
		log_info("TLS %s for client connections",
		    o->allow_non_tls && !strict ? "available" : "required");
	if (strict)
		log_warn("Clients that are not using \"TLS Handshake First\" option will fail to "
		    "connect");
}

void
start_listeners(struct server *s)
{
	const struct options *o = &s->options;
	struct err e;

	if (advertise_check(o->client_advertise, &e) != 0)
		fatal("Error setting server INFO with ClientAdvertise value of %s, err=%s",
		    o->client_advertise, e.text);
	start_monitor(s);
	if (listen_open(&s->client, o->host, o->port, &e) != 0)
		fatal("Error listening on port: %s, \"%s\"", s->client.address, e.text);
	s->options.port = s->client.port; /* a reload that says -1 again changes nothing */
	s->client.scheme = server_client_scheme(&s->options);
	log_client_listener(s);
}

/* ---- the other programs ---- */

/* Once: every program is up and the listening sockets are open. */
static void
on_ready(void *ctx)
{
	struct server *s = ctx;
	struct err e;

	s->ready = true;
	if (portsfile_write(&s->ports, s->options.ports_file_dir, s->argv0, &s->client, &s->monitor,
	    &e) != 0)
		log_error("Error writing ports file %s", e.text);
	log_info("Server is ready");
	notify_send("READY=1");
}

static void
on_stopped(void *ctx)
{
	struct server *s = ctx;

	event_base_loopbreak(s->base);
}

static void
stop(struct server *s)
{
	if (s->stopping)
		return;
	s->stopping = true;
	notify_send("STOPPING=1");
	log_info("Initiating Shutdown...");
	portsfile_remove(&s->ports);
	supervise_stop(s->supervise);
}

static void
on_lame_done(void *ctx)
{
	stop(ctx);
}

void
start_children(struct server *s)
{
	struct options resolved;
	struct supervise_setup setup;
	struct err e;

	if (server_resolve(s, &s->options, &resolved, &e) != 0)
		fatal("%s", e.text);
	setup = (struct supervise_setup){
		.base = s->base,
		.options = &resolved,
		.identity = &s->identity,
		.log = s->log,
		.client_listener = s->client.fd,
		.monitor_listener = s->monitor.fd,
		.front_threads = (uint32_t)s->options.front_threads,
		.dev_roles = s->cli.dev_roles,
		.on_ready = on_ready,
		.on_lame_done = on_lame_done,
		.on_stopped = on_stopped,
		.ctx = s,
	};
	if (KILLPOINT_BUILD)
		wrapper_from_environment(&setup);
	if ((s->supervise = supervise_new(&setup, &e)) == NULL ||
	    supervise_start(s->supervise, &e) != 0)
		fatal("%s", e.text);
	options_free(&resolved);
}

/* ---- what operators say ---- */

static void
on_quit(void *ctx)
{
	stop(ctx);
}

/* A lame duck is on its way out already, and at its own pace. */
static void
on_term(void *ctx)
{
	struct server *s = ctx;

	if (!s->lame_duck)
		stop(s);
}

static void
on_reopen(void *ctx)
{
	struct server *s = ctx;
	struct err e;

	if (logfile_reopen(s->logfile, &e) != 0)
		log_error("File log not re-opened: %s", e.text);
}

static void
on_ldm(void *ctx)
{
	struct server *s = ctx;

	if (s->lame_duck || s->stopping)
		return;
	s->lame_duck = true;
	listen_close(&s->client); /* with the front's: who comes now is refused, not left waiting */
	notify_send("STOPPING=1");
	supervise_lame_duck(s->supervise);
}

static void
on_reload(void *ctx)
{
	struct server *s = ctx;

	if (!s->stopping && !s->lame_duck)
		reload_begin(s);
}

static const struct signal_actions actions = {
	.quit = on_quit,
	.term = on_term,
	.reopen = on_reopen,
	.ldm = on_ldm,
	.reload = on_reload,
};

static void
on_child(evutil_socket_t number, short what, void *ctx)
{
	struct server *s = ctx;

	(void)number;
	(void)what;
	supervise_reap(s->supervise);
}

/* The service manager hears from this loop itself: when it hangs, nothing is said. */
static void
on_watchdog(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	(void)ctx;
	notify_send("WATCHDOG=1");
}

static void
start_watchdog(struct server *s)
{
	uint64_t us = notify_watchdog_us() / 2;
	struct timeval every = { .tv_sec = (time_t)(us / 1000000),
		.tv_usec = (suseconds_t)(us % 1000000) };

	if (us == 0)
		return;
	s->watchdog_event = event_new(s->base, -1, EV_PERSIST, on_watchdog, NULL);
	if (s->watchdog_event == NULL || event_add(s->watchdog_event, &every) != 0)
		fatal("watchdog: out of memory");
}

void
start_signals(struct server *s)
{
	struct err e;

	if ((s->signals = signals_new(s->base, &actions, s, &e)) == NULL)
		fatal("%s", e.text);
	s->child_event = evsignal_new(s->base, SIGCHLD, on_child, s);
	if (s->child_event == NULL || event_add(s->child_event, NULL) != 0)
		fatal("signals: out of memory");
	start_watchdog(s);
	supervise_reap(s->supervise); /* who died before we listened */
	hold_signals(SIG_UNBLOCK);
}

int
start_end(struct server *s)
{
	hold_signals(SIG_BLOCK);
	portsfile_remove(&s->ports);
	listen_close(&s->client);
	listen_close(&s->monitor);
	supervise_free(s->supervise); /* nobody is left; memory and the volatile store go */
	logserver_drain(s->log);
	log_info("Server Exiting..");
	signals_free(s->signals);
	event_free(s->child_event);
	if (s->watchdog_event != NULL)
		event_free(s->watchdog_event);
	logserver_free(s->log);
	logfile_close(s->logfile);
	event_base_free(s->base);
	options_free(&s->options);
	return (0);
}
