/*
 * cli - the command line, with the manners of Go's flag package (client.md 18.1).
 */
#ifndef SUPERVISOR_CLI_H
#define SUPERVISOR_CLI_H

#include <stdbool.h>

#include "common/err.h"
#include "common/options.h"

#define CLI_NAME "nats-server" /* what stands before every message, as tools expect it */
#define CLI_FLAGS_MAX 64

struct cli_value {
	bool given;
	int64_t number; /* of an int or a bool */
	const char *string;
};

struct cli {
	struct cli_value values[CLI_FLAGS_MAX]; /* one a row of the table in cli.c; the last one wins */
	bool version, help, help_tls;
	bool test; /* -t */
	bool dev_roles;
	const char *config; /* NULL: no file */
	const char *signal; /* NULL: start a server */
	const char *command; /* the first argument that is no flag; NULL */
};

/* cli_parse - into *c; keeps pointers into argv.  -1: a flag is wrong, said in nats-server's words. */
int cli_parse(struct cli *c, int argc, char *argv[], struct err *);

/*
 * cli_apply - the flags over what the file said.  reload: only those that nats-server keeps across
 * one (config.md 7.1).
 * cli_check - refuses flags whose feature is not built.  0; -1.
 */
int cli_apply(const struct cli *, struct options *, bool reload, struct err *);
int cli_check(const struct cli *, struct err *);

/* cli_tls_flag - nats-server's name of the first flag about TLS that was given, and its value as a
 * reload prints it; NULL: none was. */
#define CLI_VALUE_MAX 4200
const char *cli_tls_flag(const struct cli *, char value[CLI_VALUE_MAX]);

const char *cli_usage(void);
const char *cli_help_tls(void);

#endif
