/*
 * natsd-front - all wire I/O: clients, accounts, routing.  Started by natsd-supervisor only, with
 * the control socket on descriptor 3 and the log socket on 4.
 */
#include "config.h"

#include <sys/random.h>

#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/killpoint.h"
#include "common/leaks.h"
#include "common/log.h"
#include "common/nkey.h"
#include "common/sandbox.h"
#include "natsd-front/front.h"
#include "natsd-front/heap.h"
#include "natsd-front/probe.h"
#include "natsd-front/tls/library.h"

/* What libraries would open files for later, when none can be opened any more. */
static void
preload(void)
{
	struct err e;
	size_t seed;

	if (tls_library_begin(&e) != 0)
		fatal("natsd-front: %s", e.text);
	tzset();
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		fatal("getrandom");
	json_object_seed(seed);
	if (nkey_preload(&e) != 0)
		fatal("natsd-front: %s", e.text);
}

static void
process_settings(void)
{
	signal(SIGPIPE, SIG_IGN);
	/* The supervisor decides; a terminal's signals go to the whole group. */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	heap_begin();
}

static int
enter_sandbox(struct err *e)
{
	struct sandbox_request rq = { .role = ROLE_FRONT,
		.allow_probe = probe_allowed() };

	/* Under an instrument of a test build the filter would stop the instrument. */
	if (killpoint_no_sandbox())
		return (0);
	return (sandbox_enter(&rq, e));
}

int
main(void)
{
	struct front f = { .listen_fd = -1, .monitor_fd = -1, .bell = DOORBELL_NONE };
	struct err e;
	int status;

	log_to_supervisor(CTL_LOG_FD);
	process_settings();
	preload();
	if (front_attach(&f, &e) != 0)
		fatal("natsd-front: %s", e.text);
	if (front_make(&f, &e) != 0)
		fatal("natsd-front: %s", e.text);
	if (enter_sandbox(&e) != 0)
		fatal("natsd-front: sandbox: %s", e.text);
	if (front_start(&f, &e) != 0)
		fatal("natsd-front: %s", e.text);
	status = front_run(&f);
	if (front_abandons_helpers(&f))
		_exit(status); /* without what libraries do at exit, too */
	front_free(&f);
	leaks_search(NULL);
	return (status);
}
