/*
 * front_rig - workers of the front in a test's own process: no supervisor, no sandbox; connections
 * are socket pairs, one end handed to a worker of choice.
 */
#ifndef TESTS_UNIT_FRONT_RIG_H
#define TESTS_UNIT_FRONT_RIG_H

#include <pthread.h>

#include "natsd-front/gather.h"
#include "natsd-front/helpers.h"
#include "natsd-front/local.h"
#include "natsd-front/settings.h"
#include "natsd-front/shared.h"
#include "natsd-front/snapshot.h"
#include "natsd-front/worker.h"

#define RIG_WORKERS_MAX 8

struct rig {
	unsigned n;
	struct settings *settings;
	struct shared *shared;
	struct worker *workers[RIG_WORKERS_MAX];
	pthread_t threads[RIG_WORKERS_MAX];
	struct doorbell bells[RIG_WORKERS_MAX];
	struct doorbell main_bell;
	struct link links[RIG_WORKERS_MAX]; /* main's ends */
	uint64_t cid;
};

/* rig_start - n workers with default settings, after change(options) when it is not NULL. */
void rig_start(struct rig *, unsigned n, void (*change)(struct options *));
/* rig_start_gathered - as rig_start; workers share threads as this choice says, asked each window_ns. */
void rig_start_gathered(struct rig *, unsigned n, gather_choice *, int64_t window_ns);
void rig_stop(struct rig *);

/* rig_reload - other settings, default ones after change(options): every worker uses them when it
 * returns. */
void rig_reload(struct rig *, void (*change)(struct options *));

/* rig_connect - a client of that worker: the test's end, blocking; INFO was read, "CONNECT
 * <connect>" was sent when that is not NULL. */
int rig_connect(struct rig *, unsigned worker, const char *connect);

/* rig_connect_info - without CONNECT; the INFO line goes to line. */
int rig_connect_info(struct rig *, unsigned worker, char *line, size_t size);

void rig_send(int fd, const char *text);
void rig_send_bytes(int fd, const void *, size_t n);

/* rig_expect - reads exactly that text; rig_line - a line without its end, static per call site. */
void rig_expect(int fd, const char *text);
void rig_line(int fd, char *line, size_t size);

/* rig_sync - PING, and everything up to its PONG: nothing else may come. */
void rig_sync(int fd);

#endif
