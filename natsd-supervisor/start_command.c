/* start_command - the phases before there is a log: flags and configuration. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/quote.h"
#include "common/sandbox.h"
#include "natsd-supervisor/options_load.h"
#include "natsd-supervisor/server.h"
#include "natsd-supervisor/signal_command.h"
#include "natsd-supervisor/start.h"
#include "natsd-supervisor/tls_names.h"

static void __attribute__((noreturn))
die(const char *why)
{
	fprintf(stderr, "%s: %s\n", CLI_NAME, why);
	exit(1);
}

/* The first line is what tools parse. */
static void __attribute__((noreturn))
print_version(void)
{
	printf("%s: v%s\nnatsd: v%s\n", CLI_NAME, NATS_VERSION, PACKAGE_VERSION);
	exit(0);
}

static void __attribute__((noreturn))
print_usage(void)
{
	fputs(cli_usage(), stdout);
	exit(0);
}

static void
do_command(const char *command)
{
	char quoted[QUOTE_TEXT_MAX], text[QUOTE_TEXT_MAX + 64];

	if (strcasecmp(command, "version") == 0)
		print_version();
	if (strcasecmp(command, "help") == 0)
		print_usage();
	snprintf(text, sizeof(text), "unrecognized command: %s", quote(str_of(command), quoted));
	die(text);
}

static void
do_signal(const char *text)
{
	struct err e;

	if (signal_command(text, &e) != 0)
		die(e.text);
	exit(0);
}

void
start_command_line(struct server *s, int argc, char *argv[])
{
	struct err e;

	s->argv0 = argc > 0 ? argv[0] : CLI_NAME;
	if (cli_parse(&s->cli, argc, argv, &e) != 0) {
		fprintf(stderr, "%s\n", e.text);
		print_usage(); /* and success, which is what nats-server says to a wrong flag */
	}
	if (s->cli.version)
		print_version();
	if (s->cli.help)
		print_usage();
	if (s->cli.help_tls) {
		fputs(cli_help_tls(), stdout);
		tls_names_print(stdout);
		exit(0);
	}
	if (s->cli.command != NULL)
		do_command(s->cli.command);
	if (s->cli.signal != NULL)
		do_signal(s->cli.signal);
	if (cli_check(&s->cli, &e) != 0)
		die(e.text);
}

/* ---- configuration ---- */

/*
 * Warnings, then errors; one a line, and a line end behind the last, as nats-server.  What is wrong
 * with the flags comes when the file's warnings have been told.
 */
static void __attribute__((noreturn))
die_of(const struct report *r)
{
	struct str errors = buf_str(&r->errors);
	bool of_flags = errors.n > 0 && errors.p[errors.n - 1] != '\n';

	if (of_flags)
		fprintf(stderr, STR_FMT "%s: " STR_FMT "\n", STR_ARG(buf_str(&r->warnings)), CLI_NAME,
		    STR_ARG(errors));
	else
		fprintf(stderr, "%s: " STR_FMT STR_FMT "\n", CLI_NAME, STR_ARG(buf_str(&r->warnings)),
		    STR_ARG(errors));
	exit(1);
}

static void __attribute__((noreturn))
end_test(const struct server *s, const struct report *r)
{
	if (r->warnings.len > 0 || r->errors.len > 0)
		die_of(r);
	fprintf(stderr, "%s: configuration file %s is valid (%s)\n", CLI_NAME, s->cli.config,
	    s->options.config_digest);
	exit(0);
}

void
start_configuration(struct server *s)
{
	struct report report = REPORT_INIT;
	struct err e;
	int rc;

	if (s->cli.test && s->cli.config == NULL)
		die("must specify [-c, --config] option to check configuration file syntax");
	if (access_guest_make(s->guest, &e) != 0)
		die(e.text);
	rc = options_load(&s->options, &s->cli, s->guest, false, &report);
	if (s->cli.test)
		end_test(s, &report);
	if (rc != 0)
		die_of(&report);
	fprintf(stderr, STR_FMT, STR_ARG(buf_str(&report.warnings)));
	report_free(&report);
	if (options_check(&s->options, &e) != 0 || access_check_system(&s->options, &e) != 0 ||
	    sandbox_users_exist(&e) != 0)
		die(e.text);
}
