/*
 * settings - one generation of the configuration as the workers use it: options, limits worked out,
 * and the parts of INFO that are the same for every client.
 *
 * Immutable.  Main makes it, hands it to every worker, and frees the one before when all have
 * changed over.
 */
#ifndef FRONT_SETTINGS_H
#define FRONT_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/options.h"
#include "common/str.h"

struct tls_context;

struct settings {
	struct options o;
	int32_t max_payload;	  /* -1: no limit */
	uint32_t max_control_line;
	uint32_t max_subs;	  /* of a connection; 0: no limit */
	int64_t max_conns;	  /* -1: nobody */
	size_t max_pending;	  /* bytes */
	size_t stall_gate;	  /* bytes: producers wait above it */
	int64_t write_deadline_ns;
	int64_t ping_interval_ns;
	bool headers;
	struct tls_context *tls; /* of clients and of monitoring; NULL: none */
	char *info_host;	  /* as INFO says it, client_advertise considered */
	int64_t info_port;
	char *info_head;	  /* `{"server_id":... ,"headers":true` */
	char *info_tail;	  /* `,"api_lvl":5,"xkey":"X..."}` */
};

/* settings_new - from a configuration object of the supervisor (options.h).  NULL: the reason. */
struct settings *settings_new(const uint8_t *p, size_t n, struct err *);
void settings_free(struct settings *);

#endif
