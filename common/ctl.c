#include "config.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/ctl.h"

/* The words that ctl_list.h uses for roles. */
enum { SUPERVISOR = ROLE_SUPERVISOR, FRONT = ROLE_FRONT, JS = ROLE_JS, RAFT = ROLE_RAFT };

struct ctl_row {
	const char *name; /* NULL: no such message */
	unsigned from;
	uint32_t max;
	int fds;
};

#define CTL_ROW(NAME, name, code, from, max, fds) [code] = { #NAME, from, max, fds },
static const struct ctl_row rows[] = { CTL_LIST(CTL_ROW) };
#undef CTL_ROW

#define HEAD_BYTES 8u
#define PAYLOAD_MAX (64u + CTL_TEXT_MAX)

#define CTL_CHECK(NAME, name, code, from, max, fds)			\
	static_assert((max) <= PAYLOAD_MAX && (fds) <= CTL_FDS_MAX, #NAME);
CTL_LIST(CTL_CHECK)
#undef CTL_CHECK

/* A packet that the socket did not take; its descriptors are ours. */
struct kept {
	struct kept *next;
	int fds[CTL_FDS_MAX];
	int nfds;
	size_t n;
	uint8_t bytes[];
};

struct ctl {
	int fd;
	enum role self, other;
	uint32_t life;
	struct kept *kept, **kept_end;
	unsigned nkept;
	uint8_t in[HEAD_BYTES + PAYLOAD_MAX];
};

static const struct ctl_row *
row_of(uint16_t type)
{
	if (type >= sizeof(rows) / sizeof(rows[0]) || rows[type].name == NULL)
		return (NULL);
	return (&rows[type]);
}

const char *
ctl_name(uint16_t type)
{
	const struct ctl_row *row = row_of(type);

	return (row == NULL ? "?" : row->name);
}

struct ctl *
ctl_new(int fd, enum role self, enum role other, uint32_t life)
{
	struct ctl *ctl;

	assert((self == ROLE_SUPERVISOR) != (other == ROLE_SUPERVISOR));
	assert((self == ROLE_SUPERVISOR) == (life != 0));
	if ((ctl = calloc(1, sizeof(*ctl))) == NULL)
		return (NULL);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	ctl->fd = fd;
	ctl->self = self;
	ctl->other = other;
	ctl->life = life;
	ctl->kept_end = &ctl->kept;
	return (ctl);
}

static void
fds_close(int *fds, int nfds)
{
	for (int i = 0; i < nfds; i++) {
		if (fds[i] != -1)
			close(fds[i]);
		fds[i] = -1;
	}
}

static void
kept_drop_first(struct ctl *ctl)
{
	struct kept *kept = ctl->kept;

	ctl->kept = kept->next;
	if (ctl->kept == NULL)
		ctl->kept_end = &ctl->kept;
	ctl->nkept--;
	fds_close(kept->fds, kept->nfds);
	free(kept);
}

void
ctl_free(struct ctl *ctl)
{
	if (ctl == NULL)
		return;
	while (ctl->kept != NULL)
		kept_drop_first(ctl);
	close(ctl->fd);
	free(ctl);
}

int
ctl_fd(const struct ctl *ctl)
{
	return (ctl->fd);
}

uint32_t
ctl_life(const struct ctl *ctl)
{
	return (ctl->life);
}

/* ---- receiving ---- */

/* Takes every descriptor out of the control data; those beyond CTL_FDS_MAX are closed and counted. */
static int
fds_of(struct msghdr *hdr, int *fds)
{
	int n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(hdr); c != NULL; c = CMSG_NXTHDR(hdr, c)) {
		size_t count;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (n < CTL_FDS_MAX)
				fds[n] = fd;
			else
				close(fd);
			n++;
		}
	}
	return (n);
}

/* Sets life at a child from HELLO; false: this message belongs to another one. */
static bool
life_fits(struct ctl *ctl, uint16_t type, uint32_t life)
{
	if (ctl->life == 0 && type == CTL_HELLO)
		ctl->life = life;
	return (ctl->life != 0 && ctl->life == life);
}

/* Who may say it, and how much of it, before what is said. */
static int
check_packet(struct ctl *ctl, struct ctl_msg *msg, size_t n, uint16_t fds, struct err *err)
{
	const struct ctl_row *row = row_of(msg->type);
	const char *who = role_name(ctl->other);

	if (row == NULL)
		return (err_set(err, "%s sent control message %u, which is none", who, msg->type));
	if ((row->from & (unsigned)ctl->other) == 0)
		return (err_set(err, "%s may not send %s", who, row->name));
	if (n > row->max)
		return (err_set(err, "%s of %zu bytes from %s", row->name, n, who));
	if (msg->nfds != row->fds || fds != row->fds)
		return (err_set(err, "%s with %d descriptors from %s", row->name, msg->nfds, who));
	if (!life_fits(ctl, msg->type, msg->life))
		return (err_set(err, "%s from life %u of %s", row->name, msg->life, who));
	return (0);
}

static int
take_packet(struct ctl *ctl, struct ctl_msg *msg, size_t n, int flags, struct err *err)
{
	struct rd in = rd_of(ctl->in, n);
	uint16_t fds;

	if ((flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 || n < HEAD_BYTES || msg->nfds > CTL_FDS_MAX)
		return (err_set(err, "a packet of %zu bytes and %d descriptors from %s", n,
		    msg->nfds, role_name(ctl->other)));
	msg->type = rd_u16(&in);
	fds = rd_u16(&in);
	msg->life = rd_u32(&in);
	msg->body = in;
	return (check_packet(ctl, msg, rd_left(&in), fds, err));
}

int
ctl_recv(struct ctl *ctl, struct ctl_msg *msg, struct err *err)
{
	union {
		struct cmsghdr align;
		/* room for one descriptor too many, so that it is seen and not lost */
		char bytes[CMSG_SPACE((CTL_FDS_MAX + 1) * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = ctl->in, .iov_len = sizeof(ctl->in) };
	struct msghdr hdr = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	ssize_t n;

	*msg = (struct ctl_msg){ .fds = { -1, -1 } };
	do
		n = recvmsg(ctl->fd, &hdr, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n == -1 && errno == EINTR);
	if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return (0);
	if (n == -1)
		return (err_sys(err, "control socket of %s", role_name(ctl->other)));
	if (n == 0 && hdr.msg_controllen == 0)
		return (err_set(err, "%s closed the control socket", role_name(ctl->other)));
	msg->nfds = fds_of(&hdr, msg->fds);
	if (take_packet(ctl, msg, (size_t)n, hdr.msg_flags, err) != 0) {
		ctl_msg_close(msg);
		return (-1);
	}
	return (1);
}

void
ctl_msg_close(struct ctl_msg *msg)
{
	fds_close(msg->fds, msg->nfds < CTL_FDS_MAX ? msg->nfds : CTL_FDS_MAX);
	msg->nfds = 0;
}

/* ---- sending ---- */

/* 1: gone; 0: the socket takes nothing now; -1. */
static int
packet_send(const struct ctl *ctl, const void *bytes, size_t n, const int *fds, int nfds,
    struct err *err)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(CTL_FDS_MAX * sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = n };
	struct msghdr hdr = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t sent;

	if (nfds > 0) {
		struct cmsghdr *c = &control.align;

		hdr.msg_control = control.bytes;
		hdr.msg_controllen = CMSG_SPACE((size_t)nfds * sizeof(int));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN((size_t)nfds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, (size_t)nfds * sizeof(int));
	}
	do
		sent = sendmsg(ctl->fd, &hdr, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent == -1 && errno == EINTR);
	if (sent == -1 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS))
		return (0);
	if (sent == -1)
		return (err_sys(err, "control socket of %s", role_name(ctl->other)));
	return (1);
}

static int
keep(struct ctl *ctl, const void *bytes, size_t n, const int *fds, int nfds, struct err *err)
{
	struct kept *kept;

	if (ctl->nkept >= CTL_KEPT_MAX)
		return (err_set(err, "%s reads no control messages: %u are kept",
		    role_name(ctl->other), ctl->nkept));
	if ((kept = malloc(sizeof(*kept) + n)) == NULL)
		return (err_sys(err, "control message"));
	kept->next = NULL;
	kept->n = n;
	memcpy(kept->bytes, bytes, n);
	for (kept->nfds = 0; kept->nfds < nfds; kept->nfds++) {
		int copy = fcntl(fds[kept->nfds], F_DUPFD_CLOEXEC, 0);

		if (copy == -1) {
			err_sys(err, "control message");
			fds_close(kept->fds, kept->nfds);
			free(kept);
			return (-1);
		}
		kept->fds[kept->nfds] = copy;
	}
	*ctl->kept_end = kept;
	ctl->kept_end = &kept->next;
	ctl->nkept++;
	return (0);
}

int
ctl_send(struct ctl *ctl, enum ctl_type type, const void *payload, size_t n, const int *fds,
    int nfds, struct err *err)
{
	const struct ctl_row *row = row_of((uint16_t)type);
	uint8_t packet[HEAD_BYTES + PAYLOAD_MAX];
	struct wr out = wr_of(packet, sizeof(packet));
	int sent;

	assert(row != NULL && (row->from & (unsigned)ctl->self) != 0 && nfds == row->fds);
	if (n > row->max)
		return (err_set(err, "%s of %zu bytes is too long", row->name, n));
	wr_u16(&out, (uint16_t)type);
	wr_u16(&out, (uint16_t)nfds);
	wr_u32(&out, ctl->life);
	wr_bytes(&out, payload, n);
	assert(wr_end(&out) == 0);
	if (ctl_flush(ctl, err) != 0)
		return (-1);
	if (ctl->kept == NULL) {
		if ((sent = packet_send(ctl, packet, wr_len(&out), fds, nfds, err)) != 0)
			return (sent == 1 ? 0 : -1);
	}
	return (keep(ctl, packet, wr_len(&out), fds, nfds, err));
}

int
ctl_flush(struct ctl *ctl, struct err *err)
{
	while (ctl->kept != NULL) {
		struct kept *kept = ctl->kept;
		int sent = packet_send(ctl, kept->bytes, kept->n, kept->fds, kept->nfds, err);

		if (sent != 1)
			return (sent);
		kept_drop_first(ctl);
	}
	return (0);
}

bool
ctl_wants_write(const struct ctl *ctl)
{
	return (ctl->kept != NULL);
}
