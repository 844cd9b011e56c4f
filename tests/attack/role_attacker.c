/*
 * role_attacker - natsd-js or natsd-raft, taken over: the development echo, but a payload names what
 * is done instead of an answer.
 *
 *	"die"		abort(3) on the record (faults.md 61: twice, then it is poisoned)
 *	"hang"		never comes back (faults.md 63)
 *	"forge"		a line of the log that looks like the supervisor's (faults.md 93)
 *	"system"	a system call that the sandbox answers with death (faults.md 89)
 *	"out NAME"	attack() on the ring to the front, as its producer
 *	"in NAME"	attack() on the ring from the front, as its consumer
 *	"bell"		rings the front's bell for a while
 *
 * "out" and "in" want NATSD_KILL=nosandbox of a test build, so that nothing stands between the attacker
 * and the rings; the others are done inside the sandbox.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/ctl.h"
#include "common/log.h"
#include "common/hub_priv.h"
#include "common/inbox.h"
#include "common/ring_out.h"
#include "tests/attack/attack.h"
#include "tests/attack/role_attacker.h"

#define RINGS_MAX 64
#define BELLS 200000u

static struct {
	struct ring_shared *at;
	uint64_t serial;
} rings[RINGS_MAX];
static unsigned nrings;
static struct hub_role attacker;
static const struct hub_role *echo;

/* Every ring is mapped at its head; /proc says where. */
static void
find_rings(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long from;
	char line[512], access[8];

	while (maps != NULL && nrings < RINGS_MAX && fgets(line, sizeof(line), maps) != NULL) {
		struct ring_shared *at;

		if (strstr(line, "memfd:") == NULL ||
		    sscanf(line, "%lx-%*x %7s", &from, access) != 2 || strcmp(access, "rw-s") != 0)
			continue;
		at = (struct ring_shared *)from; /* NOLINT: an address from the kernel */
		if (at->size < RING_BYTES_MIN || at->size > RING_BYTES_MAX)
			continue;
		rings[nrings].at = at;
		rings[nrings++].serial = at->serial;
	}
	if (maps != NULL)
		fclose(maps);
}

static struct ring_shared *
shared_of(const struct ring *r)
{
	for (unsigned i = 0; i < nrings; i++)
		if (rings[i].serial == ring_serial(r))
			return (rings[i].at);
	return (NULL);
}

static void
attack_ring(struct hub_link *l, const char *how, bool producer)
{
	struct ring *r = producer ? ring_out_ring(l->out) : inbox_ring(l->in);
	struct ring_shared *shared;

	if ((shared = shared_of(r)) == NULL || !attack(how, producer, shared))
		exit(3); /* the test sees a death that it did not order */
	doorbell_ring(&l->peer_bell);
	for (unsigned i = 0; i < 100; i++) {
		usleep(20000); /* the victim's answer is our end */
		doorbell_ring(&l->peer_bell);
	}
	exit(4);
}

/* A record of a time long gone with a line break in its text, and the same to stderr. */
static void
forge(void)
{
	static const char text[] = "x\n[1] 1999/01/01 00:00:00.000000 [INF] forged";
	uint8_t record[LOG_RECORD_HEAD + sizeof(text) - 1] = { LOG_LVL_INFO };

	memcpy(record + LOG_RECORD_HEAD, text, sizeof(text) - 1);
	if (write(CTL_LOG_FD, record, sizeof(record)) < 0 ||
	    write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		abort();
}

static void
try_exec(void)
{
	static char name[] = "/bin/true";
	char *const argv[] = { name, NULL }, *const envp[] = { NULL };

	execve(name, argv, envp);
}

static void
message(void *ctx, struct hub *h, const struct hub_request *rq)
{
	char text[64] = "";

	if (!rq->poisoned && rq->msg.payload.n < sizeof(text)) {
		memcpy(text, rq->msg.payload.p, rq->msg.payload.n);
		if (strcmp(text, "die") == 0)
			abort();
		if (strcmp(text, "hang") == 0)
			for (;;)
				pause();
		if (strcmp(text, "forge") == 0)
			forge();
		if (strcmp(text, "system") == 0)
			try_exec();
		if (strcmp(text, "bell") == 0)
			for (unsigned i = 0; i < BELLS; i++)
				doorbell_ring(&rq->link->peer_bell);
		if (strncmp(text, "out ", 4) == 0)
			attack_ring(rq->link, text + 4, true);
		if (strncmp(text, "in ", 3) == 0)
			attack_ring(rq->link, text + 3, false);
	}
	echo->message(ctx, h, rq);
}

int
role_attacker_main(const struct hub_role *role, void *ctx)
{
	struct hub *h;

	echo = role;
	attacker = *role;
	attacker.message = message;
	h = hub_new(&attacker, ctx);
	find_rings(); /* the sandbox hides /proc */
	hub_confine(h);
	return (hub_run(h));
}
