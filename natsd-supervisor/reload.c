#include "config.h"

#include "natsd-supervisor/reload.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/duration.h"
#include "common/log.h"
#include "common/mono.h"
#include "natsd-supervisor/advertise.h"
#include "natsd-supervisor/notify.h"
#include "natsd-supervisor/options_load.h"
#include "natsd-supervisor/pidfile.h"
#include "natsd-supervisor/server.h"

#define VALUE_TEXT_MAX 4200

/* ---- values in words ---- */

/* As Go's %v prints it. */
static const char *
print_value(const struct options *o, const struct option_row *r, char out[VALUE_TEXT_MAX])
{
	static const char *const policies[] = { [POLICY_DEFAULT] = "",
		[POLICY_CLOSE] = "close", [POLICY_RETRY] = "retry" };
	char duration[DURATION_TEXT_MAX];

	switch (r->type) {
	case OPTION_BOOL:
		return (option_number(o, r) != 0 ? "true" : "false");
	case OPTION_DUR:
		snprintf(out, VALUE_TEXT_MAX, "%s", duration_print(option_number(o, r), duration));
		break;
	case OPTION_POLICY:
		return (policies[option_number(o, r)]);
	case OPTION_INT:
	case OPTION_SIZE:
		snprintf(out, VALUE_TEXT_MAX, "%lld", (long long)option_number(o, r));
		break;
	case OPTION_STR:
	case OPTION_TAGS:
	case OPTION_MAP:
		snprintf(out, VALUE_TEXT_MAX, "%s", option_string(o, r));
		break;
	}
	return (out);
}

/* ---- may it be taken? ---- */

static int
check_unchanged(const struct options *old, const struct options *next, struct err *e)
{
	char from[VALUE_TEXT_MAX], to[VALUE_TEXT_MAX];
	const struct option_row *r;
	size_t n;

	r = options_rows(&n);
	for (size_t i = 0; i < n; i++)
		if (r[i].reload == OPTION_RELOAD_NO && option_differs(&r[i], old, next))
			return (err_set(e, "config reload not supported for %s: old=%s, new=%s", r[i].name,
			    print_value(old, &r[i], from), print_value(next, &r[i], to)));
	return (0);
}

/* A log file that cannot be written is found out before anything has changed. */
static int
check_log_file(const struct options *old, const struct options *next, struct err *e)
{
	int fd;

	if (next->log_file[0] == '\0' || strcmp(old->log_file, next->log_file) == 0)
		return (0);
	fd = open(next->log_file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
	if (fd == -1)
		return (err_sys(e, "log file: open %s", next->log_file));
	close(fd);
	return (0);
}

static int
check_next(struct server *s, struct options *next, struct err *e)
{
	struct err why;

	if (next->port == -1)
		next->port = s->options.port;
	if (next->front_threads == 0)
		next->front_threads = s->options.front_threads;
	if (options_check(next, e) != 0 || check_unchanged(&s->options, next, e) != 0)
		return (-1);
	if (advertise_check(next->client_advertise, &why) != 0)
		return (err_set(e, "invalid ClientAdvertise value of %s, err=%s", next->client_advertise,
		    why.text));
	return (check_log_file(&s->options, next, e));
}

/* ---- what changed ---- */

static const char *
log_text(const struct option_row *r, const struct options *o)
{
	if (strcmp(r->field, "no_fast_producer_stall") == 0)
		return (o->no_fast_producer_stall ? "Reloaded: fast producers will not be stalled" :
		    "Reloaded: fast producers will be stalled");
	if (r->type == OPTION_TAGS)
		return ("Reloaded: tags");
	if (r->type == OPTION_MAP)
		return ("Reloaded: metadata");
	return (NULL);
}

static void
log_change(const struct option_row *r, const struct options *o)
{
	const char *text = log_text(r, o);
	char value[VALUE_TEXT_MAX];

	if (text != NULL)
		log_info("%s", text);
	else /* nats-server's own spelling of that one */
		log_info("%s: %s = %s", strcmp(r->field, "client_advertise") == 0 ? "Reload" : "Reloaded",
		    r->field, print_value(o, r, value));
}

/* In the order of the table; users and accounts count as changed each time, as in nats-server. */
static void
log_changes(const struct options *old, const struct options *next)
{
	const struct option_row *r;
	size_t n;

	r = options_rows(&n);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(r[i].field, "ping_interval") == 0) {
			log_info("Reloaded: authorization users");
			log_info("Reloaded: accounts");
		}
		if (r[i].reload == OPTION_RELOAD_LIVE && option_differs(&r[i], old, next))
			log_change(&r[i], next);
	}
}

static void
apply_files(struct server *s, const struct options *old, const struct options *next)
{
	struct err e;

	if (next->pid_file[0] != '\0' && strcmp(old->pid_file, next->pid_file) != 0 &&
	    pidfile_write(next->pid_file, &e) != 0)
		log_error("Failed to write pidfile: %s", e.text);
	if (strcmp(old->ports_file_dir, next->ports_file_dir) != 0 &&
	    portsfile_write(&s->ports, next->ports_file_dir, s->argv0, &s->client, &s->monitor, &e) != 0)
		log_error("Error writing ports file: %s", e.text);
}

static void
apply_log(struct server *s, const struct options *old, const struct options *next)
{
	struct logfile_options o;
	struct err e;

	log_set_levels(next->debug, next->trace);
	if (strcmp(old->log_file, next->log_file) == 0 && old->logtime == next->logtime &&
	    old->logtime_utc == next->logtime_utc)
		return;
	server_log_options(next, &o);
	if (logfile_reconfigure(s->logfile, &o, &e) != 0)
		log_error("the log stays where it is: %s", e.text);
}

/* ---- one reload ---- */

static void
fail(const char *why)
{
	char line[1024];

	/* several reasons are several lines */
	for (size_t n; *why != '\0'; why += n + (why[n] == '\n' ? 1 : 0)) {
		n = strcspn(why, "\n");
		snprintf(line, sizeof(line), "%.*s", (int)(n < 1000 ? n : 1000), why);
		log_error("Failed to reload server configuration: %s", line);
	}
}

static void
finish(struct server *s)
{
	s->reloading = false;
	if (s->ready)
		notify_send("READY=1");
	if (!s->reload_again)
		return;
	s->reload_again = false;
	reload_begin(s);
}

/* All programs have answered. */
static void
on_done(void *ctx, const char *why)
{
	struct server *s = ctx;
	struct options old = s->options;

	if (why[0] != '\0') {
		fail(why);
		options_free(&s->next);
		finish(s);
		return;
	}
	s->options = s->next;
	memset(&s->next, 0, sizeof(s->next));
	apply_log(s, &old, &s->options);
	log_changes(&old, &s->options);
	apply_files(s, &old, &s->options);
	options_free(&old);
	log_info("Reloaded server configuration (%s)", s->options.config_digest);
	finish(s);
}

static int
load_next(struct server *s, struct report *report)
{
	struct err e;

	if (s->cli.config == NULL) {
		(void)buf_addf(&report->errors,
		    "can only reload config when a file is provided using -c or --config");
		return (-1);
	}
	if (options_load(&s->next, &s->cli, s->guest, true, report) != 0)
		return (-1);
	if (check_next(s, &s->next, &e) == 0)
		return (0);
	(void)buf_addf(&report->errors, "%s", e.text);
	options_free(&s->next);
	return (-1);
}

/* Warnings are not told at a reload: nats-server drops them too. */
static int
load(struct server *s)
{
	struct report report = REPORT_INIT;
	int rc = load_next(s, &report);

	if (rc != 0) {
		(void)buf_add(&report.errors, "", 1);
		fail(report.errors.data == NULL ? "out of memory" : (const char *)report.errors.data);
	}
	report_free(&report);
	return (rc);
}

/* The manager wants to know when by its own clock. */
static void
tell_manager(void)
{
	char text[64];

	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
	    (long long)(mono_now().ns / NS_PER_US));
	notify_send(text);
}

void
reload_begin(struct server *s)
{
	struct options offer;
	struct err e;

	if (s->reloading) {
		s->reload_again = true;
		return;
	}
	tell_manager();
	s->reloading = true;
	if (load(s) != 0) {
		finish(s);
		return;
	}
	if (server_resolve(s, &s->next, &offer, &e) != 0) {
		fail(e.text);
		options_free(&s->next);
		finish(s);
		return;
	}
	if (supervise_reload(s->supervise, &offer, on_done, s, &e) != 0) {
		fail(e.text);
		options_free(&s->next);
		finish(s);
	}
	options_free(&offer);
}
