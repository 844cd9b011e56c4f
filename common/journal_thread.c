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

/* How long, in ms, until there is something to do that nobody rings for. */
static int
sleep_ms(const struct journal *j, enum journal_ran ran, bool quiet)
{
	int64_t ms = -1;

	if (ran == JOURNAL_FAILED)
		ms = JOURNAL_RETRY_MS;
	else if (j->options.policy == JOURNAL_INTERVAL)
		ms = j->options.interval_ns / NS_PER_MS + 1;
	else if (quiet)
		ms = QUIET_MS;
	return (ms > 3600000 ? 3600000 : (int)ms);
}

static void
sleep_until_rung(struct journal *j, enum journal_ran ran)
{
	struct pollfd fd = { .fd = j->bell.wait, .events = POLLIN };
	uint64_t synced = journal_synced(j);
	bool quiet = ran == JOURNAL_IDLE && wants_quiet_mark(j);
	int ms = sleep_ms(j, ran, quiet);

	atomic_store(&j->timed, ms >= 0);
	atomic_store(&j->asleep, true);
	if (ran == JOURNAL_IDLE && work_waits(j)) {
		atomic_store(&j->asleep, false);
		return;
	}
	if (!atomic_load(&j->stop) && poll(&fd, 1, ms) == 0 && quiet &&
	    journal_synced(j) == synced)
		atomic_store(&j->mark, true);
	atomic_store(&j->asleep, false);
	doorbell_clear(&j->bell);
}

/* Somebody else is at work, and rings when something is left. */
static void
sleep_until_given(struct journal *j)
{
	struct pollfd fd = { .fd = j->bell.wait, .events = POLLIN };

	atomic_store(&j->timed, true);
	atomic_store(&j->asleep, true);
	if (atomic_load(&j->at_work) && !atomic_load(&j->stop))
		(void)poll(&fd, 1, QUIET_MS);
	atomic_store(&j->asleep, false);
	doorbell_clear(&j->bell);
}

bool
journal_take(struct journal *j)
{
	return (j->running && atomic_load(&j->asleep) && !atomic_exchange(&j->at_work, true));
}

void
journal_give(struct journal *j, enum journal_ran ran)
{
	atomic_store(&j->at_work, false);
	if (ran != JOURNAL_RAN || work_waits(j) || !atomic_load(&j->timed))
		journal_wake(j);
}

static void *
run(void *arg)
{
	struct journal *j = arg;
	enum journal_ran ran;

	while (!atomic_load(&j->stop)) {
		if (atomic_exchange(&j->at_work, true)) {
			sleep_until_given(j);
			continue;
		}
		ran = journal_run(j);
		atomic_store(&j->at_work, false);
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
