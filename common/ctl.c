#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/ctl.h"
#include "common/ctl_priv.h"


struct kept { /* a packet that the socket did not take yet; owns copies of its descriptors */
	STAILQ_ENTRY(kept) entry;
	size_t n;
	int fds[CTL_FDS_MAX];
	unsigned nfds;
	uint8_t bytes[];
};

struct ctl {
	int fd;
	enum role self, other;
	uint32_t life; /* 0 in a child until the supervisor has spoken */
	STAILQ_HEAD(, kept) kept;
	unsigned nkept;
	uint8_t in[CTL_PACKET_MAX];
};

/* ---- the table ---- */

struct row {
	const char *name;
	unsigned from;
	uint32_t max;
	unsigned fds;
};

#define SUPERVISOR ROLE_SUPERVISOR
#define FRONT ROLE_FRONT
#define JS ROLE_JS
#define RAFT ROLE_RAFT
#define CTL_ROW(NAME, name, code, from, max, fds) [code] = { #NAME, from, max, fds },
static const struct row rows[] = { CTL_LIST(CTL_ROW) };
#undef CTL_ROW
#undef SUPERVISOR
#undef FRONT
#undef JS
#undef RAFT

static const struct row *
row_of(uint16_t type)
{
	if (type >= sizeof(rows) / sizeof(rows[0]) || rows[type].name == NULL)
		return (NULL);
	return (&rows[type]);
}

const char *
ctl_name(uint16_t type)
{
	const struct row *row = row_of(type);

	return (row == NULL ? "?" : row->name);
}

/* ---- making ---- */

struct ctl *
ctl_new(int fd, enum role self, enum role other, uint32_t life)
{
	struct ctl *c = calloc(1, sizeof(*c));
	int flags = fcntl(fd, F_GETFL);

	if (c == NULL || flags == -1 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
		free(c);
		return (NULL);
	}
	c->fd = fd;
	c->self = self;
	c->other = other;
	c->life = life;
	STAILQ_INIT(&c->kept);
	return (c);
}

static void
kept_drop(struct ctl *c)
{
	struct kept *k = STAILQ_FIRST(&c->kept);

	STAILQ_REMOVE_HEAD(&c->kept, entry);
	c->nkept--;
	for (unsigned i = 0; i < k->nfds; i++)
		close(k->fds[i]);
	free(k);
}

void
ctl_free(struct ctl *c)
{
	if (c == NULL)
		return;
	while (!STAILQ_EMPTY(&c->kept))
		kept_drop(c);
	close(c->fd);
	free(c);
}

int
ctl_fd(const struct ctl *c)
{
	return (c->fd);
}

uint32_t
ctl_life(const struct ctl *c)
{
	return (c->life);
}

/* ---- receiving ---- */

static void
take_fds(struct msghdr *h, struct ctl_msg *m)
{
	for (struct cmsghdr *cm = CMSG_FIRSTHDR(h); cm != NULL; cm = CMSG_NXTHDR(h, cm)) {
		size_t n = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(cm) + i * sizeof(int), sizeof(int));
			if (m->nfds < CTL_FDS_MAX)
				m->fds[m->nfds++] = fd;
			else
				close(fd);
		}
	}
}

static int
check(struct ctl *c, const struct ctl_msg *m, bool cut, struct err *e)
{
	const struct row *row = row_of(m->type);

	if (row == NULL)
		return (err_set(e, "%s says message %u, which is none", role_name(c->other), m->type));
	if ((row->from & (unsigned)c->other) == 0)
		return (err_set(e, "%s may not say %s", role_name(c->other), row->name));
	if (cut || rd_left(&m->body) > row->max)
		return (err_set(e, "%s from %s is too long", row->name, role_name(c->other)));
	if ((unsigned)m->nfds != row->fds)
		return (err_set(e, "%s from %s comes with %d descriptors, not %u", row->name,
		    role_name(c->other), m->nfds, row->fds));
	return (0);
}

static int
parse(struct ctl *c, struct ctl_msg *m, size_t n, bool cut, struct err *e)
{
	struct rd in = rd_of(c->in, n);
	uint16_t nfds;

	m->type = rd_u16(&in);
	nfds = rd_u16(&in);
	m->life = rd_u32(&in);
	m->body = in;
	if (in.short_ || nfds != m->nfds)
		return (err_set(e, "a broken message from %s", role_name(c->other)));
	if (check(c, m, cut, e) != 0)
		return (-1);
	if (c->life == 0)
		c->life = m->life; /* the first word of the supervisor numbers this life */
	if (m->life != c->life)
		return (err_set(e, "%s from life %u of %s, which is %u", ctl_name(m->type), m->life,
		    role_name(c->other), c->life));
	return (0);
}

int
ctl_recv(struct ctl *c, struct ctl_msg *m, struct err *e)
{
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(int) * (CTL_FDS_MAX + 1))];
	} control;
	struct iovec iov = { c->in, sizeof(c->in) };
	struct msghdr h = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	ssize_t n;

	*m = (struct ctl_msg){ .fds = { -1, -1 } };
	do
		n = recvmsg(c->fd, &h, MSG_CMSG_CLOEXEC);
	while (n == -1 && errno == EINTR);
	if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return (0);
	if (n == -1)
		return (err_sys(e, "control socket of %s", role_name(c->other)));
	if (n == 0)
		return (err_set(e, "%s has closed its control socket", role_name(c->other)));
	take_fds(&h, m);
	if (parse(c, m, (size_t)n, (h.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0, e) != 0) {
		ctl_msg_close(m);
		return (-1);
	}
	return (1);
}

void
ctl_msg_close(struct ctl_msg *m)
{
	for (int i = 0; i < m->nfds; i++)
		if (m->fds[i] != -1)
			close(m->fds[i]);
	m->nfds = 0;
}

/* ---- sending ---- */

/* 1: gone; 0: the socket is full; -1. */
static int
send_packet(struct ctl *c, const void *p, size_t n, const int *fds, unsigned nfds, struct err *e)
{
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(int) * CTL_FDS_MAX)];
	} control = { 0 };
	struct iovec iov;
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t rc;

	memcpy(&iov.iov_base, &p, sizeof(p));
	iov.iov_len = n;
	if (nfds > 0) {
		struct cmsghdr *cm = &control.align;

		h.msg_control = control.bytes;
		h.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		memcpy(CMSG_DATA(cm), fds, sizeof(int) * nfds);
	}
	do
		rc = sendmsg(c->fd, &h, MSG_NOSIGNAL);
	while (rc == -1 && errno == EINTR);
	if (rc == -1 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS))
		return (0);
	if (rc == -1)
		return (err_sys(e, "control socket of %s", role_name(c->other)));
	return (1);
}

static int
keep(struct ctl *c, const uint8_t *p, size_t n, const int *fds, unsigned nfds, struct err *e)
{
	struct kept *k;

	if (c->nkept == CTL_KEPT_MAX)
		return (err_set(e, "%s does not read its control socket", role_name(c->other)));
	if ((k = malloc(sizeof(*k) + n)) == NULL)
		return (err_set(e, "control: no memory"));
	k->n = n;
	k->nfds = 0;
	memcpy(k->bytes, p, n);
	for (unsigned i = 0; i < nfds; i++) {
		if ((k->fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0)) == -1) {
			err_sys(e, "control: keep a descriptor");
			while (k->nfds > 0)
				close(k->fds[--k->nfds]);
			free(k);
			return (-1);
		}
		k->nfds++;
	}
	STAILQ_INSERT_TAIL(&c->kept, k, entry);
	c->nkept++;
	return (0);
}

int
ctl_send(struct ctl *c, uint16_t type, struct wr *packet, const int *fds, unsigned nfds, struct err *e)
{
	const struct row *row = row_of(type);
	uint8_t *head = packet->start;
	struct wr w = wr_of(head, CTL_HEAD_BYTES);
	int rc;

	if (wr_end(packet) != 0 || wr_len(packet) - CTL_HEAD_BYTES > row->max)
		return (err_set(e, "%s is too long to be said", row->name));
	wr_u16(&w, type);
	wr_u16(&w, (uint16_t)nfds);
	wr_u32(&w, c->life);
	if (ctl_flush(c, e) != 0)
		return (-1);
	if (c->nkept > 0)
		return (keep(c, head, wr_len(packet), fds, nfds, e));
	if ((rc = send_packet(c, head, wr_len(packet), fds, nfds, e)) == 0)
		return (keep(c, head, wr_len(packet), fds, nfds, e));
	return (rc < 0 ? -1 : 0);
}

int
ctl_flush(struct ctl *c, struct err *e)
{
	struct kept *k;
	int rc;

	while ((k = STAILQ_FIRST(&c->kept)) != NULL) {
		if ((rc = send_packet(c, k->bytes, k->n, k->fds, k->nfds, e)) != 1)
			return (rc);
		kept_drop(c);
	}
	return (0);
}

bool
ctl_wants_write(const struct ctl *c)
{
	return (c->nkept > 0);
}
