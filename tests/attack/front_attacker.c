/*
 * front_attacker - natsd-front, taken over.  It speaks the control channel like the front and serves one
 * client at a time, line by line:
 *
 *	js|raft out NAME	attack() on the ring to that role, as its producer
 *	js|raft in NAME		attack() on the ring from it, as its consumer
 *
 * answered with +OK when it was done.
 */
#include "config.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/ctl.h"
#include "common/doorbell.h"
#include "common/ring.h"
#include "tests/attack/attack.h"

enum { OUT, IN, DIRECTIONS };

static struct victim {
	enum role role;
	struct ring_shared *ring[DIRECTIONS]; /* of the front's first thread */
	int bell;
} victims[] = { { .role = ROLE_JS, .bell = -1 }, { .role = ROLE_RAFT, .bell = -1 } };

static int listener = -1, client = -1;

static void
keep_ring(struct ctl_msg *m)
{
	struct ring_shared *head;
	struct ctl_ring c;

	if (ctl_get_ring(m, &c) != 0)
		exit(2);
	for (unsigned i = 0; i < sizeof(victims) / sizeof(*victims) && c.thread == 0; i++) {
		struct victim *v = &victims[i];

		if (c.from != (uint32_t)v->role && c.to != (uint32_t)v->role)
			continue;
		head = mmap(NULL, RING_HEAD_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, m->fds[0], 0);
		if (head == MAP_FAILED)
			exit(2);
		v->ring[c.to == (uint32_t)v->role ? OUT : IN] = mmap(NULL,
		    RING_HEAD_BYTES + (size_t)head->size, PROT_READ | PROT_WRITE, MAP_SHARED,
		    m->fds[0], 0);
		v->bell = m->fds[1];
		m->fds[1] = -1;
	}
	ctl_msg_close(m);
}

/* True: GO. */
static bool
handle(struct ctl *ctl, struct ctl_msg *m)
{
	struct ctl_stopped stopped = { 0 };
	struct ctl_pong pong = { 0 };
	struct ctl_listener_msg l;
	struct ctl_ping ping;
	struct err e;

	switch (m->type) {
	case CTL_LISTENER:
		if (ctl_get_listener(m, &l) == 0 && l.kind == CTL_LISTEN_CLIENT && listener == -1) {
			listener = m->fds[0];
			m->fds[0] = -1;
		}
		break;
	case CTL_RING:
		keep_ring(m);
		break;
	case CTL_PING:
		if (ctl_get_ping(m, &ping) == 0) {
			pong.number = ping.number;
			ctl_send_pong(ctl, &pong, &e);
		}
		break;
	case CTL_STOP:
		ctl_send_stopped(ctl, &stopped, &e);
		exit(0);
	default:
		break;
	}
	ctl_msg_close(m);
	return (m->type == CTL_GO);
}

static void
obey(char *line)
{
	char *role = strtok_r(line, " \r\n", &line), *side = strtok_r(NULL, " \r\n", &line),
	     *how = strtok_r(NULL, " \r\n", &line);
	struct victim *v = &victims[role != NULL && strcmp(role, "raft") == 0];
	bool producer = side != NULL && strcmp(side, "out") == 0;

	if (how == NULL || v->ring[producer ? OUT : IN] == NULL ||
	    !attack(how, producer, v->ring[producer ? OUT : IN])) {
		dprintf(client, "-ERR 'no such attack'\r\n");
		return;
	}
	doorbell_ring(&(struct doorbell){ .wait = -1, .ring = v->bell });
	dprintf(client, "+OK\r\n");
}

static void
serve_client(void)
{
	static const char info[] = "INFO {\"server_id\":\"attacker\"} \r\n";
	char line[256];
	ssize_t n;

	if (client == -1) {
		if ((client = accept(listener, NULL, NULL)) != -1)
			dprintf(client, "%s", info);
		return;
	}
	if ((n = read(client, line, sizeof(line) - 1)) <= 0) {
		close(client);
		client = -1;
		return;
	}
	line[n] = '\0';
	obey(line);
}

int
main(void)
{
	struct ctl *ctl = ctl_new(CTL_FD, ROLE_FRONT, ROLE_SUPERVISOR, 0);
	struct ctl_ready ready = { 0 };
	struct pollfd fds[2];
	struct ctl_msg m;
	struct err e;
	int rc;

	for (;;) {
		fds[0] = (struct pollfd){ .fd = ctl_fd(ctl), .events = POLLIN };
		fds[1] = (struct pollfd){ .fd = client != -1 ? client : listener, .events = POLLIN };
		poll(fds, 2, -1);
		while ((rc = ctl_recv(ctl, &m, &e)) == 1)
			if (handle(ctl, &m))
				ctl_send_ready(ctl, &ready, &e);
		if (rc < 0)
			return (1);
		ctl_flush(ctl, &e);
		if (fds[1].revents != 0)
			serve_client();
	}
}
