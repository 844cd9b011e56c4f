#include "config.h"

#include "natsd-supervisor/reload.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/log.h"
#include "common/mono.h"
#include "natsd-supervisor/advertise.h"
#include "natsd-supervisor/notify.h"
#include "natsd-supervisor/options_load.h"
#include "natsd-supervisor/pidfile.h"
#include "natsd-supervisor/reload_diff.h"
#include "natsd-supervisor/server.h"

/* ---- may it be taken? ---- */

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
	if (options_check(next, e) != 0 || reload_diff_check(&s->options, next, &s->cli, e) != 0)
		return (-1);
	if (access_check_system(next, e) != 0)
		return (-1);
	if (advertise_check(next->client_advertise, &why) != 0)
		return (err_set(e, "invalid ClientAdvertise value of %s, err=%s", next->client_advertise,
		    why.text));
	return (check_log_file(&s->options, next, e));
}

/* ---- what changed ---- */

static void
apply_files(struct server *s, const struct options *old, const struct options *next)
{
	struct err e;

	if (next->pid_file[0] != '\0' && strcmp(old->pid_file, next->pid_file) != 0 &&
	    pidfile_write(next->pid_file, &e) != 0)
		log_error("Failed to write pidfile: %s", e.text);
	s->client.scheme = server_client_scheme(next);
	if (strcmp(old->ports_file_dir, next->ports_file_dir) != 0 &&
	    portsfile_write(&s->ports, next->ports_file_dir, s->argv0, &s->client, &s->monitor, &e) != 0)
		log_error("Error writing ports file %s", e.text);
}

static void
apply_log(struct server *s, const struct options *old, const struct options *next)
{
	struct logfile_options o;
	struct err e;

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
	options_set_log(&s->options);
	reload_diff_log(&old, &s->options); /* into the log as it was, as nats-server tells it */
	apply_log(s, &old, &s->options);
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
