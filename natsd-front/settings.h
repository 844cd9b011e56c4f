/*
 * settings - one generation of the configuration as the workers use it: options, limits worked out,
 * users and accounts, and the parts of INFO that are the same for every client.
 *
 * Immutable, counted.  Main makes it, hands it to every worker, and gives up the one before when all
 * have changed over; a helper's job holds the one that it was made under.
 */
#ifndef FRONT_SETTINGS_H
#define FRONT_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/options.h"
#include "common/str.h"

struct account;
struct access_account;
struct auth_table;
struct mappings;
struct settings_count;
struct shared;
struct tls_context;

#define SETTINGS_NO_SUBS_LIMIT UINT32_MAX

/* What the configuration says of one account; a connection points at that of its account. */
struct account_settings {
	struct account *account;
	int64_t max_conns;   /* bound to it at once; negative: no limit */
	int32_t max_payload; /* of a connection, the server's limit considered; -1: no limit */
	uint32_t max_subs;   /* likewise; SETTINGS_NO_SUBS_LIMIT */
	struct mappings *mappings;	   /* NULL: none */
	const struct access_account *said; /* by the same generation of the configuration */
};

struct settings {
	struct settings_count *count; /* of the references to it */
	struct options o;
	struct auth_table *auth;
	struct account_settings *accounts; /* [o.access->naccounts]; [0] is $G */
	int64_t auth_timeout_ns;
	int32_t max_payload;	  /* -1: no limit */
	uint32_t max_control_line;
	uint32_t max_subs;	  /* of a connection; SETTINGS_NO_SUBS_LIMIT */
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

/*
 * settings_new - from a configuration object of the supervisor (options.h); with one reference.  NULL:
 * the reason.
 * settings_bind - its accounts as they are at run time; new ones are made.  Main only, before anybody
 * else sees the settings.  0; -1: the reason.
 */
struct settings *settings_new(const uint8_t *p, size_t n, struct err *);
int settings_bind(struct settings *, struct shared *, struct err *);

/* settings_hold - one more reference; settings_release - one less, NULL is fine.  Any thread. */
const struct settings *settings_hold(const struct settings *);
void settings_release(const struct settings *);

#endif
