/*
 * status - what the main thread knows and the monitoring thread shows: the settings in use, the
 * other roles, the figures of all processes, whether this server is leaving.
 *
 * A mutex guards it; nothing per message comes here.
 */
#ifndef FRONT_STATUS_H
#define FRONT_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/ctl.h"
#include "common/doorbell.h"
#include "common/options.h"
#include "natsd-front/worker.h"

#define STATUS_WHY_MAX 200

struct status_role {
	bool known; /* the supervisor spoke of it */
	uint32_t life, state, restarts;
	char why[STATUS_WHY_MAX]; /* of its last death; "" */
	int64_t since_mono_ns;	  /* of this state */
};

/* Whom status_role() can be asked about: PEER_JS, PEER_RAFT, and this program's own lives. */
#define STATUS_FRONT PEER_COUNT
#define STATUS_ROLES (PEER_COUNT + 1)

struct settings;
struct status;
struct tls_context;

struct status *status_new(void); /* NULL: no memory */
void status_free(struct status *);

/* ---- the main thread ---- */

/* status_set_settings - the configuration in use from now on; holds it.
 * status_settings - held for the caller, who releases it.  Any thread, once there is one.
 * status_tls - what monitoring does handshakes with, held for the caller; NULL: none.  Any thread. */
void status_set_settings(struct status *, const struct settings *);
const struct settings *status_settings(struct status *);
struct tls_context *status_tls(struct status *);

void status_set_role(struct status *, unsigned index, const struct ctl_peer *);
void status_set_lame(struct status *);
void status_set_listening(struct status *, bool); /* for clients */

/* status_usage_wanted - somebody waits for figures: the token to ask the supervisor with, or 0. */
uint64_t status_usage_wanted(struct status *);
void status_usage_came(struct status *, const struct ctl_usage *);

/* status_main_bell - rung when there is something for the main thread to do. */
void status_main_bell(struct status *, const struct doorbell *);

/* ---- the monitoring thread ---- */

void status_role(struct status *, unsigned index, struct status_role *);
bool status_lame(struct status *);
bool status_listening(struct status *);

/* status_usage - processor and memory of all processes; waits at most timeout_ms.  0; -1: no
 * answer. */
int status_usage(struct status *, struct ctl_usage *, int timeout_ms);

#endif
