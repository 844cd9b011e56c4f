/*
 * server - what the supervisor's own files share: one running natsd.
 *
 * Made by main() phase by phase and passed along; one thread.
 */
#ifndef SUPERVISOR_SERVER_H
#define SUPERVISOR_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/options.h"
#include "natsd-supervisor/access_resolve.h"
#include "natsd-supervisor/cli.h"
#include "natsd-supervisor/identity.h"
#include "natsd-supervisor/listen.h"
#include "natsd-supervisor/logfile.h"
#include "natsd-supervisor/logserver.h"
#include "natsd-supervisor/portsfile.h"
#include "natsd-supervisor/supervise.h"

struct event;
struct event_base;
struct signals;

struct server {
	const char *argv0;
	struct cli cli;
	struct options options; /* as configured, ports and thread count resolved; committed ones */
	struct options next;	/* offered by the reload under way */
	bool reloading, reload_again;
	uint32_t generation; /* of the last configuration offered */
	int64_t start_wall_ns;
	char guest[ACCESS_GUEST_TEXT];

	struct identity identity;
	struct listener client, monitor;
	struct portsfile ports;

	struct event_base *base;
	struct logfile *logfile;
	struct logserver *log;
	struct signals *signals;
	struct event *child_event, *watchdog_event;
	struct supervise *supervise;

	bool ready, stopping, lame_duck;
};

/*
 * server_resolve - what the children are given for configured options: the server's names and keys, the
 * bound ports, times, the next generation.  0; -1.
 */
int server_resolve(struct server *, const struct options *configured, struct options *out,
    struct err *);

/* server_client_scheme - of the clients' URL: "tls" when nothing else will do, else "nats". */
const char *server_client_scheme(const struct options *);

void server_log_options(const struct options *, struct logfile_options *);

#endif
