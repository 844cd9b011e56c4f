/*
 * The sync thread: runs while there is something to do, else sleeps until its bell rings.  It does not
 * look for work before it sleeps: on a machine that has others to run that costs more than to be woken.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>

#include "common/journal_priv.h"
#include "common/mono.h"

void
journal_wake(struct journal *j)
{
	if (!j->running)
		return;
	/* Sequentially consistent, as in sleep_until_rung: one of the two sees the other. */
	if (atomic_load(&j->asleep) && atomic_exchange(&j->asleep, false))
		doorbell_ring(&j->bell);
}

/* The very last commit before a crash is the only one that can be ambiguous (faults.md rule 3):
 * after so much quiet another one, without records, says that it is durable. */
#define QUIET_MS 100

static bool
wants_quiet_mark(const struct journal *j)
{
	return (j->options.policy == JOURNAL_DURABLE && j->plain_end);
}

static bool
work_waits(struct journal *j)
{
	if (atomic_load(&j->stop) || atomic_load(&j->mark))
		return (true);
	for (struct journal_writer *w = j->writers; w != NULL; w = w->next)
		if (atomic_load(&w->submitted) > w->taken)
			return (true);
	return (false);
}

static void
sleep_until_rung(struct journal *j, enum journal_ran ran)
{
	struct pollfd fd = { .fd = j->bell.wait, .events = POLLIN };
	int64_t ms = ran == JOURNAL_FAILED ? JOURNAL_RETRY_MS : -1;

	if (ran == JOURNAL_IDLE && j->options.policy == JOURNAL_INTERVAL)
		ms = j->options.interval_ns / NS_PER_MS + 1;
	if (ran == JOURNAL_IDLE && wants_quiet_mark(j))
		ms = QUIET_MS;
	atomic_store(&j->asleep, true);
	if (ran == JOURNAL_IDLE && work_waits(j)) {
		atomic_store(&j->asleep, false);
		return;
	}
	if (!atomic_load(&j->stop) && poll(&fd, 1, ms > 3600000 ? 3600000 : (int)ms) == 0 &&
	    ran == JOURNAL_IDLE && wants_quiet_mark(j))
		atomic_store(&j->mark, true);
	atomic_store(&j->asleep, false);
	doorbell_clear(&j->bell);
}

static void *
run(void *arg)
{
	struct journal *j = arg;
	enum journal_ran ran;

	while (!atomic_load(&j->stop)) {
		ran = journal_run(j);
		if (ran != JOURNAL_RAN)
			sleep_until_rung(j, ran);
	}
	return (NULL);
}

int
journal_start(struct journal *j, struct err *err)
{
	int error;

	if (doorbell_make(&j->bell, err) != 0)
		return (-1);
	j->running = true;
	error = pthread_create(&j->thread, NULL, run, j);
	if (error != 0) {
		j->running = false;
		doorbell_close(&j->bell);
		errno = error;
		return (err_sys(err, "start the journal's thread"));
	}
	return (0);
}

void
journal_thread_stop(struct journal *j)
{
	if (!j->running)
		return;
	atomic_store(&j->stop, true);
	doorbell_ring(&j->bell);
	pthread_join(j->thread, NULL);
	doorbell_close(&j->bell);
	j->running = false;
}
