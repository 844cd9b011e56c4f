/*
 * child - one of the other programs: its process, its control channel, its lives.
 *
 *	WAITING --spawn--> STARTING --READY--> UP --STOP--> STOPPING --exit--> GONE
 *	   ^			|	       |
 *	   `--- exit, killed, silent ----------'
 *
 * child.c knows processes and states; what is handed over and what a death means for the others is
 * supervise.c.
 */
#ifndef SUPERVISOR_CHILD_H
#define SUPERVISOR_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/ctl.h"
#include "common/err.h"
#include "common/mono.h"

enum child_state { CHILD_WAITING, CHILD_STARTING, CHILD_UP, CHILD_STOPPING, CHILD_GONE };

#define CHILD_WHY_MAX 128

struct child {
	enum role role;
	enum child_state state;
	pid_t pid;	     /* 0 when there is no process */
	uint32_t life;	     /* of the process, from 1 */
	uint32_t restarts;   /* deaths that were not asked for */
	uint32_t useless;    /* lives in a row that did nothing useful */
	uint64_t useful;     /* as the last PONG of this life said */
	struct ctl *ctl;     /* NULL when there is no process */
	struct mono started, heard; /* heard: last PONG, or the start */
	struct mono wait_until;	    /* WAITING: not before */
	uint64_t ping, pong; /* numbers of the last ones; equal: all is answered */
	bool replaced_rings; /* its rings are to be made anew before the next life */
	char killed_for[CHILD_WHY_MAX]; /* why we are killing this life; "" */
	char why[CHILD_WHY_MAX];	/* of the last death */
};

/* The policy is data (STYLE.md 31). */
struct child_policy {
	int64_t first_ms, step_ms, longest_ms; /* backoff: first, then step more each useless life */
	int64_t useful_after_ms;		/* a life that lasted this long was useful */
	int64_t silent_ms;			/* no PONG for this long: kill it */
	int64_t ping_ms;
	int64_t eager_ms, eager_for_ms; /* asked this often at first, until it was useful: a life that
					 * ends young after work must not count as useless */
};
extern const struct child_policy child_policy;

/*
 * child_spawn - fork and exec of the role's program, with the control socket, the log socket, a
 * socket for what it says to stderr (-1: ours), and nothing else; the last two are taken over.  wrapper: test builds, words before the program's path; NULL.  The child
 * dies with us.  0; -1: state is unchanged.
 */
int child_spawn(struct child *, const char *program, int log_fd, int err_fd, char *const *wrapper,
    struct err *);

/* child_buried - its process was reaped with this status: fills why, closes the channel.  asked: we
 * wanted it to end.  The next state is WAITING until wait_until, or GONE. */
void child_buried(struct child *, int status, bool asked);

void child_kill(struct child *, const char *why); /* SIGKILL; "": its own death will tell */

/* child_program - the path of a role's executable: beside our own in a build tree, else LIBEXECDIR.
 * 0; -1: it cannot be executed. */
int child_program(enum role, char *out, size_t size, struct err *);

const char *child_state_name(enum child_state);

#endif
