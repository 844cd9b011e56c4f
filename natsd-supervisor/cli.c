#include "config.h"

#include "natsd-supervisor/cli.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/access.h"
#include "common/num.h"
#include "common/quote.h"
#include "common/tls_options.h"
#include "natsd-supervisor/tls_tree.h"

enum flag_kind { FLAG_BOOL, FLAG_INT, FLAG_STR };

enum flag_use {
	FLAG_OPTION,  /* sets the option `what` */
	FLAG_TRACING, /* sets the options whose letters are in `what` */
	FLAG_AUTH,    /* a single user's name, password, or token */
	FLAG_TLS,     /* some of them together make a block tls */
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
	{ "ms|https_port", FLAG_INT, FLAG_OPTION, "https_port", true },
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
	{ "s|syslog", FLAG_BOOL, FLAG_FEATURE, "syslog", false },
	{ "r|remote_syslog", FLAG_STR, FLAG_FEATURE, "syslog", false },
	{ "user", FLAG_STR, FLAG_AUTH, "user", false },
	{ "pass", FLAG_STR, FLAG_AUTH, "password", false },
	{ "auth", FLAG_STR, FLAG_AUTH, "token", false },
	{ "tls", FLAG_BOOL, FLAG_TLS, "TLS", true },
	{ "tlsverify", FLAG_BOOL, FLAG_TLS, "TLSVerify", true },
	{ "tlscert", FLAG_STR, FLAG_TLS, "TLSCert", true },
	{ "tlskey", FLAG_STR, FLAG_TLS, "TLSKey", true },
	{ "tlscacert", FLAG_STR, FLAG_TLS, "TLSCaCert", true },
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
		case FLAG_AUTH:
		case FLAG_TLS:
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

static bool
asks_for_nothing(const struct flag *f, const struct cli_value *v)
{
	return (!v->given || (f->kind == FLAG_STR ? v->string[0] == '\0' : v->number == 0));
}

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

/* An empty one at a reload leaves what the file says. */
static int
apply_auth(const struct flag *f, const struct cli_value *v, struct options *o, bool reload,
    struct err *e)
{
	struct access *a = o->access;
	struct str *to = strcmp(f->what, "user") == 0 ? &a->user :
	    strcmp(f->what, "token") == 0 ? &a->token : &a->password;

	if (reload && v->string[0] == '\0')
		return (0);
	return (access_str(a, to, str_of(v->string), e));
}

static const struct cli_value *
value_of(const struct cli *c, const char *name)
{
	return (&c->values[find_flag(str_of(name)) - flags]);
}

static const char *
string_of(const struct cli *c, const char *name)
{
	const struct cli_value *v = value_of(c, name);

	return (v->given ? v->string : "");
}

/* Any of these flags makes the whole block anew; -tls=false leaves none. */
static int
apply_tls(const struct cli *c, struct options *o, struct err *e)
{
	const struct cli_value *on = value_of(c, "tls");
	struct tls_options *t = NULL;
	bool any = false;

	for (size_t i = 0; i < NFLAGS; i++)
		any = any || (flags[i].use == FLAG_TLS && c->values[i].given);
	if (!any)
		return (0);
	if (!on->given || on->number != 0) {
		t = tls_from_flags(o->tls, string_of(c, "tlscert"), string_of(c, "tlskey"),
		    string_of(c, "tlscacert"), value_of(c, "tlsverify")->number != 0, e);
		if (t == NULL)
			return (-1);
	}
	tls_options_free(o->tls);
	o->tls = t;
	return (0);
}

const char *
cli_tls_flag(const struct cli *c, char value[CLI_VALUE_MAX])
{
	for (size_t i = 0; i < NFLAGS; i++) {
		if (flags[i].use != FLAG_TLS || asks_for_nothing(&flags[i], &c->values[i]))
			continue;
		snprintf(value, CLI_VALUE_MAX, "%s",
		    flags[i].kind == FLAG_BOOL ? "true" : c->values[i].string);
		return (flags[i].what);
	}
	return (NULL);
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
		if (flags[i].use == FLAG_AUTH && apply_auth(&flags[i], v, o, reload, e) != 0)
			return (-1);
		if ((flags[i].use == FLAG_OPTION ||
		    (flags[i].use == FLAG_JETSTREAM && flags[i].what != NULL)) &&
		    apply_option(&flags[i], v, o, e) != 0)
			return (-1);
	}
	return (reload ? 0 : apply_tls(c, o, e));
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
