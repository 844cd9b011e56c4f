#include "config.h"

#include "natsd-supervisor/cli.h"

#include <assert.h>
#include <string.h>

#include "common/num.h"
#include "common/quote.h"

enum flag_kind { FLAG_BOOL, FLAG_INT, FLAG_STR };

enum flag_use {
	FLAG_OPTION,  /* sets the option `what` */
	FLAG_TRACING, /* sets the options whose letters are in `what` */
	FLAG_FEATURE, /* needs the feature `what`, which is not built, unless it asks for nothing */
	FLAG_CONFIG,
	FLAG_TEST,
	FLAG_SIGNAL,
	FLAG_VERSION,
	FLAG_HELP,
	FLAG_HELP_TLS,
	FLAG_JETSTREAM,
	FLAG_DEV_ROLES,
};

struct flag {
	const char *names; /* separated by '|' */
	enum flag_kind kind;
	enum flag_use use;
	const char *what;
	bool once; /* forgotten at a reload */
};

static const struct flag flags[] = {
	{ "a|addr|net", FLAG_STR, FLAG_OPTION, "host", false },
	{ "p|port", FLAG_INT, FLAG_OPTION, "port", false },
	{ "n|name|server_name", FLAG_STR, FLAG_OPTION, "server_name", true },
	{ "client_advertise", FLAG_STR, FLAG_OPTION, "client_advertise", false },
	{ "P|pid", FLAG_STR, FLAG_OPTION, "pid_file", false },
	{ "ports_file_dir", FLAG_STR, FLAG_OPTION, "ports_file_dir", false },
	{ "m|http_port", FLAG_INT, FLAG_OPTION, "http_port", false },
	{ "l|log", FLAG_STR, FLAG_OPTION, "log_file", false },
	{ "T|logtime", FLAG_BOOL, FLAG_OPTION, "logtime", false },
	{ "logtime_utc", FLAG_BOOL, FLAG_OPTION, "logtime_utc", true },
	{ "log_size_limit", FLAG_INT, FLAG_OPTION, "log_size_limit", true },
	{ "max_traced_msg_len", FLAG_INT, FLAG_OPTION, "max_traced_msg_len", true },
	{ "D|debug", FLAG_BOOL, FLAG_TRACING, "d", false },
	{ "V|trace", FLAG_BOOL, FLAG_TRACING, "t", false },
	{ "VV", FLAG_BOOL, FLAG_TRACING, "tv", false },
	{ "DV", FLAG_BOOL, FLAG_TRACING, "dt", false },
	{ "DVV", FLAG_BOOL, FLAG_TRACING, "dtv", false },
	{ "sd|store_dir", FLAG_STR, FLAG_JETSTREAM, "store_dir", false },
	{ "js|jetstream", FLAG_BOOL, FLAG_JETSTREAM, NULL, false },
	{ "c|config", FLAG_STR, FLAG_CONFIG, NULL, false },
	{ "t", FLAG_BOOL, FLAG_TEST, NULL, false },
	{ "sl|signal", FLAG_STR, FLAG_SIGNAL, NULL, false },
	{ "v|version", FLAG_BOOL, FLAG_VERSION, NULL, false },
	{ "h|help", FLAG_BOOL, FLAG_HELP, NULL, false },
	{ "help_tls", FLAG_BOOL, FLAG_HELP_TLS, NULL, false },
	{ "dev-roles", FLAG_BOOL, FLAG_DEV_ROLES, NULL, false },
	{ "ms|https_port", FLAG_INT, FLAG_FEATURE, "TLS", false },
	{ "s|syslog", FLAG_BOOL, FLAG_FEATURE, "syslog", false },
	{ "r|remote_syslog", FLAG_STR, FLAG_FEATURE, "syslog", false },
	{ "user", FLAG_STR, FLAG_FEATURE, "authentication", false },
	{ "pass", FLAG_STR, FLAG_FEATURE, "authentication", false },
	{ "auth", FLAG_STR, FLAG_FEATURE, "authentication", false },
	{ "tls", FLAG_BOOL, FLAG_FEATURE, "TLS", false },
	{ "tlsverify", FLAG_BOOL, FLAG_FEATURE, "TLS", false },
	{ "tlscert", FLAG_STR, FLAG_FEATURE, "TLS", false },
	{ "tlskey", FLAG_STR, FLAG_FEATURE, "TLS", false },
	{ "tlscacert", FLAG_STR, FLAG_FEATURE, "TLS", false },
	{ "cluster", FLAG_STR, FLAG_FEATURE, "clustering", false },
	{ "cluster_listen", FLAG_STR, FLAG_FEATURE, "clustering", false },
	{ "cluster_name", FLAG_STR, FLAG_FEATURE, "clustering", false },
	{ "cluster_advertise", FLAG_STR, FLAG_FEATURE, "clustering", false },
	{ "routes", FLAG_STR, FLAG_FEATURE, "clustering", false },
	{ "no_advertise", FLAG_BOOL, FLAG_FEATURE, "clustering", false },
	{ "connect_retries", FLAG_INT, FLAG_FEATURE, "clustering", false },
	{ "profile", FLAG_INT, FLAG_FEATURE, "profiling", false },
};

#define NFLAGS (sizeof(flags) / sizeof(flags[0]))
static_assert(NFLAGS <= CLI_FLAGS_MAX, "each flag has its value");

/* ---- parsing ---- */

static bool
has_name(const char *names, struct str name)
{
	for (const char *at = names; *at != '\0';) {
		size_t n = strcspn(at, "|");

		if (str_eq(name, (struct str){ .p = at, .n = n }))
			return (true);
		at += n + (at[n] == '|' ? 1 : 0);
	}
	return (false);
}

static const struct flag *
find_flag(struct str name)
{
	for (size_t i = 0; i < NFLAGS; i++)
		if (has_name(flags[i].names, name))
			return (&flags[i]);
	return (NULL);
}

static int
parse_bool(const char *text, int64_t *out)
{
	static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True" };
	static const char *const no[] = { "0", "f", "F", "false", "FALSE", "False" };

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (strcmp(text, yes[i]) == 0 || strcmp(text, no[i]) == 0) {
			*out = strcmp(text, yes[i]) == 0;
			return (0);
		}
	}
	return (-1);
}

/* Takes a flag's text; value: NULL when there is none. */
static int
take_value(struct cli *c, const struct flag *f, struct str name, const char *value, struct err *e)
{
	struct cli_value *v = &c->values[f - flags];
	char quoted[QUOTE_TEXT_MAX];

	v->given = true;
	switch (f->kind) {
	case FLAG_BOOL:
		v->number = 1;
		if (value != NULL && parse_bool(value, &v->number) != 0)
			return (err_set(e, "invalid boolean value %s for -" STR_FMT ": parse error",
			    quote(str_of(value), quoted), STR_ARG(name)));
		break;
	case FLAG_INT:
		if (num_parse_go_int(str_of(value), &v->number) != 0)
			return (err_set(e, "invalid value %s for flag -" STR_FMT ": parse error",
			    quote(str_of(value), quoted), STR_ARG(name)));
		break;
	case FLAG_STR:
		v->string = value;
		break;
	}
	return (0);
}

/* One flag at argv[*i]; *i moves over a value of its own argument. */
static int
take_flag(struct cli *c, int argc, char *argv[], int *i, struct err *e)
{
	const char *text = argv[*i], *value;
	const struct flag *f;
	struct str name;

	text += text[1] == '-' ? 2 : 1;
	if (*text == '\0' || *text == '-' || *text == '=')
		return (err_set(e, "bad flag syntax: %s", argv[*i]));
	value = strchr(text, '=');
	name = (struct str){ .p = text, .n = value == NULL ? strlen(text) : (size_t)(value - text) };
	if (value != NULL)
		value++;
	if ((f = find_flag(name)) == NULL)
		return (err_set(e, "flag provided but not defined: -" STR_FMT, STR_ARG(name)));
	if (value == NULL && f->kind != FLAG_BOOL) {
		if (*i + 1 >= argc)
			return (err_set(e, "flag needs an argument: -" STR_FMT, STR_ARG(name)));
		value = argv[++*i];
	}
	return (take_value(c, f, name, value, e));
}

/* What is not an option of the server. */
static void
take_switches(struct cli *c)
{
	for (size_t i = 0; i < NFLAGS; i++) {
		const struct cli_value *v = &c->values[i];

		switch (flags[i].use) {
		case FLAG_CONFIG:
			c->config = v->given && v->string[0] != '\0' ? v->string : NULL;
			break;
		case FLAG_SIGNAL:
			c->signal = v->given && v->string[0] != '\0' ? v->string : NULL;
			break;
		case FLAG_TEST:
			c->test = v->number != 0;
			break;
		case FLAG_VERSION:
			c->version = v->number != 0;
			break;
		case FLAG_HELP:
			c->help = v->number != 0;
			break;
		case FLAG_HELP_TLS:
			c->help_tls = v->number != 0;
			break;
		case FLAG_DEV_ROLES:
			c->dev_roles = v->number != 0;
			break;
		case FLAG_OPTION:
		case FLAG_TRACING:
		case FLAG_FEATURE:
		case FLAG_JETSTREAM:
			break;
		}
	}
}

int
cli_parse(struct cli *c, int argc, char *argv[], struct err *e)
{
	int i;

	*c = (struct cli){ .config = NULL };
	for (i = 1; i < argc && argv[i][0] == '-' && argv[i][1] != '\0'; i++) {
		if (strcmp(argv[i], "--") == 0) {
			i++;
			break;
		}
		if (take_flag(c, argc, argv, &i, e) != 0)
			return (-1);
	}
	c->command = i < argc ? argv[i] : NULL;
	take_switches(c);
	return (0);
}

/* ---- over the options ---- */

static int
apply_option(const struct flag *f, const struct cli_value *v, struct options *o, struct err *e)
{
	const struct option_row *r = options_row(f->what);

	if (option_is_string(r)) {
		if (strlen(v->string) > (size_t)r->max)
			return (err_set(e, "flag -%s: longer than %lld bytes", f->what,
			    (long long)r->max));
		return (option_set_string(o, r, str_of(v->string), e));
	}
	option_set_number(o, r, v->number);
	return (0);
}

static void
apply_tracing(const struct flag *f, const struct cli_value *v, struct options *o)
{
	bool on = v->number != 0;

	if (strchr(f->what, 'd') != NULL)
		o->debug = on;
	if (strchr(f->what, 't') != NULL)
		o->trace = on;
	if (strchr(f->what, 'v') != NULL)
		o->trace_verbose = on;
}

int
cli_apply(const struct cli *c, struct options *o, bool reload, struct err *e)
{
	for (size_t i = 0; i < NFLAGS; i++) {
		const struct cli_value *v = &c->values[i];

		if (!v->given || (reload && flags[i].once))
			continue;
		if (flags[i].use == FLAG_TRACING)
			apply_tracing(&flags[i], v, o);
		if ((flags[i].use == FLAG_OPTION ||
		    (flags[i].use == FLAG_JETSTREAM && flags[i].what != NULL)) &&
		    apply_option(&flags[i], v, o, e) != 0)
			return (-1);
	}
	return (0);
}

static bool
asks_for_nothing(const struct flag *f, const struct cli_value *v)
{
	return (!v->given || (f->kind == FLAG_STR ? v->string[0] == '\0' : v->number == 0));
}

int
cli_check(const struct cli *c, struct err *e)
{
	for (size_t i = 0; i < NFLAGS; i++) {
		const struct flag *f = &flags[i];
		const char *feature = f->what;

		if (f->use != FLAG_FEATURE && f->use != FLAG_JETSTREAM)
			continue;
		if (f->use == FLAG_JETSTREAM) {
			if (c->dev_roles)
				continue;
			feature = "JetStream";
		}
		if (!asks_for_nothing(f, &c->values[i]))
			return (err_set(e, "flag -%.*s needs %s, which this natsd does not have yet",
			    (int)strcspn(f->names, "|"), f->names, feature));
	}
	return (0);
}
