#include "config.h"

#include "natsd-supervisor/options_load.h"

#include <stdlib.h>
#include <string.h>

#include "common/access.h"
#include "common/duration.h"
#include "natsd-supervisor/access_resolve.h"
#include "natsd-supervisor/options_tree.h"

void
report_free(struct report *r)
{
	buf_free(&r->warnings);
	buf_free(&r->errors);
}

static void
report_error(struct report *r, const char *text)
{
	(void)buf_addf(&r->errors, "%s", text);
}

/* Values that mean "the default" when a file or a flag says 0 (config.md 5). */
static void
apply_defaults(struct options *o)
{
	static const char *const zero_is_default[] = { "port", "max_connections", "max_control_line",
		"max_payload", "max_pending", "ping_interval", "ping_max", "write_deadline",
		"max_closed_clients", "lame_duck_duration", "lame_duck_grace_period" };

	for (size_t i = 0; i < sizeof(zero_is_default) / sizeof(zero_is_default[0]); i++) {
		const struct option_row *r = options_row(zero_is_default[i]);

		if (option_number(o, r) == 0)
			option_set_number(o, r, r->number);
	}
}

static int
default_hosts(struct options *o, struct err *e)
{
	const struct option_row *host = options_row("host"), *http = options_row("http_host");

	if (o->host[0] == '\0' && option_set_string(o, host, str_of(host->string), e) != 0)
		return (-1);
	if (o->http_host[0] == '\0' && option_set_string(o, http, str_of(o->host), e) != 0)
		return (-1);
	return (0);
}

static int
load_file(struct options *o, const char *path, bool *authorization, struct report *report,
    struct err *e)
{
	char digest[CONF_DIGEST_BYTES];
	struct conf *c;

	if ((c = conf_parse_file(path, &conf_reader_files, e)) == NULL)
		return (-1);
	options_tree(o, c, path, report, authorization);
	if (conf_digest(c, digest, e) != 0) {
		conf_free(c);
		return (-1);
	}
	conf_free(c);
	free(o->config_digest);
	if ((o->config_digest = strdup(digest)) == NULL)
		return (err_set(e, "out of memory"));
	return (report->errors.len == 0 ? 0 : -1);
}

/* Nothing is resolved yet: no $SYS, no time to authenticate. */
static int
begin_access(struct options *o, struct err *e)
{
	struct access *bare = access_new_bare(e);

	if (bare == NULL)
		return (-1);
	bare->timeout_ns = 0;
	access_free(o->access);
	o->access = bare;
	return (0);
}

int
options_load(struct options *o, const struct cli *cli, const char *guest, bool reload,
    struct report *report)
{
	struct err e = { .sys = 0 };
	bool authorization = false;

	if (options_init(o, &e) != 0)
		goto fail;
	if (begin_access(o, &e) != 0)
		goto fail;
	if (cli->config != NULL && load_file(o, cli->config, &authorization, report, &e) != 0)
		goto fail;
	if (!cli->test && cli_apply(cli, o, reload, &e) != 0)
		goto fail;
	apply_defaults(o);
	if (default_hosts(o, &e) != 0 || access_resolve(o, authorization, guest, &e) != 0)
		goto fail;
	return (0);
fail:
	if (e.text[0] != '\0')
		report_error(report, e.text);
	options_free(o);
	return (-1);
}

/* What a flag said has not been compared with the table yet. */
static int
check_bounds(const struct options *o, struct err *e)
{
	const struct option_row *r;
	size_t n;

	r = options_rows(&n);
	for (size_t i = 0; i < n; i++)
		if (!option_is_string(&r[i]) && !option_in_bounds(&r[i], option_number(o, &r[i])))
			return (err_set(e, "%s %lld is not between %lld and %lld", r[i].field,
			    (long long)option_number(o, &r[i]), (long long)r[i].min, (long long)r[i].max));
	return (0);
}

int
options_check(const struct options *o, struct err *e)
{
	char grace[DURATION_TEXT_MAX], whole[DURATION_TEXT_MAX];

	if (check_bounds(o, e) != 0)
		return (-1);
	if (o->lame_duck_grace_period >= o->lame_duck_duration)
		return (err_set(e, "lame duck grace period (%s) should be strictly lower than lame duck "
		    "duration (%s)", duration_print(o->lame_duck_grace_period, grace),
		    duration_print(o->lame_duck_duration, whole)));
	if (o->max_payload > o->max_pending)
		return (err_set(e, "max_payload (%lld) cannot be higher than max_pending (%lld)",
		    (long long)o->max_payload, (long long)o->max_pending));
	if (strchr(o->server_name, ' ') != NULL)
		return (err_set(e, "server name cannot contain spaces"));
	if (access_check(o, e) != 0)
		return (-1);
	if ((o->ring_bytes & (o->ring_bytes - 1)) != 0)
		return (err_set(e, "natsd.ring_bytes (%lld) is not a power of two",
		    (long long)o->ring_bytes));
	return (0);
}
