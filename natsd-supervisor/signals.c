#include "config.h"

#include "natsd-supervisor/signals.h"

#include <event2/event.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

struct row {
	int number;
	const char *name; /* as nats-server logs it */
	size_t action;
};

static const struct row rows[] = {
	{ SIGINT, "interrupt", offsetof(struct signal_actions, quit) },
	{ SIGTERM, "terminated", offsetof(struct signal_actions, term) },
	{ SIGUSR1, "user defined signal 1", offsetof(struct signal_actions, reopen) },
	{ SIGUSR2, "user defined signal 2", offsetof(struct signal_actions, ldm) },
	{ SIGHUP, "hangup", offsetof(struct signal_actions, reload) },
};

#define NROWS (sizeof(rows) / sizeof(rows[0]))

struct signals {
	const struct signal_actions *actions;
	void *ctx;
	struct event *events[NROWS];
};

static void
on_signal(evutil_socket_t number, short what, void *arg)
{
	const struct signals *s = arg;
	void (*action)(void *);

	(void)what;
	for (size_t i = 0; i < NROWS; i++) {
		if (rows[i].number != number)
			continue;
		log_info("Trapped \"%s\" signal", rows[i].name);
		memcpy(&action, (const char *)s->actions + rows[i].action, sizeof(action));
		action(s->ctx);
	}
}

struct signals *
signals_new(struct event_base *base, const struct signal_actions *actions, void *ctx, struct err *e)
{
	struct signals *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		err_set(e, "signals: out of memory");
		return (NULL);
	}
	*s = (struct signals){ .actions = actions, .ctx = ctx };
	for (size_t i = 0; i < NROWS; i++) {
		s->events[i] = evsignal_new(base, rows[i].number, on_signal, s);
		if (s->events[i] == NULL || event_add(s->events[i], NULL) != 0) {
			err_set(e, "signals: no event for \"%s\"", rows[i].name);
			signals_free(s);
			return (NULL);
		}
	}
	return (s);
}

void
signals_free(struct signals *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < NROWS; i++)
		if (s->events[i] != NULL)
			event_free(s->events[i]);
	free(s);
}
