#include "config.h"

#include "natsd-supervisor/server.h"

#include <stdlib.h>
#include <string.h>

#include "common/mono.h"

static int
set(char **field, const char *value, struct err *e)
{
	char *copy = strdup(value);

	if (copy == NULL)
		return (err_set(e, "out of memory"));
	free(*field);
	*field = copy;
	return (0);
}

int
server_resolve(struct server *s, const struct options *configured, struct options *o, struct err *e)
{
	if (options_copy(o, configured, e) != 0)
		return (-1);
	o->generation = ++s->generation;
	o->start_wall_ns = s->start_wall_ns;
	o->config_load_wall_ns = wall_now().ns;
	o->bound_port = s->client.port;
	o->bound_http_port = s->monitor.fd == -1 ? 0 : s->monitor.port;
	if ((o->server_name[0] == '\0' && set(&o->server_name, s->identity.server_id, e) != 0) ||
	    set(&o->server_id, s->identity.server_id, e) != 0 ||
	    set(&o->xkey, s->identity.xkey, e) != 0 ||
	    set(&o->bound_host, configured->host, e) != 0) {
		options_free(o);
		return (-1);
	}
	return (0);
}

const char *
server_client_scheme(const struct options *o)
{
	return (o->tls != NULL && !o->allow_non_tls ? "tls" : "nats");
}

void
server_log_options(const struct options *o, struct logfile_options *out)
{
	*out = (struct logfile_options){ .path = o->log_file, .time = o->logtime,
		.utc = o->logtime_utc, .size_limit = o->log_size_limit, .max_files = o->log_max_num };
}
