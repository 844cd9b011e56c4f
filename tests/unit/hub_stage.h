/*
 * hub_stage - a real natsd-js or natsd-raft process between a supervisor and a front that are played by
 * the test: the control socket, a pair of rings, the bells, the store.
 *
 * Every function fails the test (check) when the process does something else than it must.
 */
#ifndef TESTS_UNIT_HUB_STAGE_H
#define TESTS_UNIT_HUB_STAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/ctl.h"
#include "common/frame_io.h"

#define STAGE_RING_BYTES (64u << 10)
#define STAGE_NATSD_LIFE 0xfeedfacecafebeefULL

struct stage_front { /* one life of the front: a worker with its two rings */
	uint32_t life;
	int to_fd, from_fd;
	struct ring_out *out;
	struct ring *in;
	struct frame_join join;
	struct buf scratch;
};

struct stage {
	enum role role;
	pid_t pid;
	uint32_t life;
	struct ctl *ctl;
	int log_fd;
	int accounts, options, store;
	struct doorbell role_bell, front_bell;
	struct stage_front front;
	struct ctl_msg msg; /* the last control message */
};

void stage_open(struct stage *, enum role, int store); /* store: -1 makes a memfd */
void stage_close(struct stage *);		       /* kills what runs */

/* stage_start - the next life, up to READY.  stage_try_start - up to GO: it may die before READY. */
void stage_start(struct stage *, const char *kill_spec);
void stage_try_start(struct stage *, const char *kill_spec);
void stage_kill(struct stage *);
int stage_wait_end(struct stage *); /* its status */
bool stage_ended(struct stage *, int *status); /* without waiting */

/* stage_ctl - waits for a control message of this type, passes over others. */
void stage_ctl(struct stage *, enum ctl_type);

/* A front with rings of its own, handed over with the next start or, to a running role, by hand. */
void front_open(struct stage_front *, uint32_t life, const struct doorbell *role_bell);
void front_close(struct stage_front *);
void front_hand_over(struct stage *, struct stage_front *);

/*
 * front_take - the next frame into *whole: 1; or 0 when there is none now.
 * front_expect - waits for one; it must be of this type.
 */
int front_take(struct stage_front *, struct ring_rec *whole);
void front_expect(struct stage *, struct stage_front *, enum frame_type, struct ring_rec *whole);

/* front_ask - a request with this payload, answer to `reply`; its position. */
uint64_t front_ask(struct stage_front *, struct str payload, struct str reply);

#endif
