/*
 * Packets as a broken or hostile end of a control socket may send them:
 * | descriptors u8 | len u16 | len bytes |, one after the other, to a child and to the supervisor.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/ctl.h"
#include "tests/fuzz/fuzz.h"

#define LIFE 1u
#define FDS 4

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
send_raw(int fd, struct str packet, int nfds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(FDS * sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)packet.p, .iov_len = packet.n };
	struct msghdr hdr = { .msg_iov = &iov, .msg_iovlen = 1 };
	const int fds[FDS] = { fd, fd, fd, fd };

	if (nfds > 0) {
		hdr.msg_control = control.bytes;
		hdr.msg_controllen = CMSG_SPACE((size_t)nfds * sizeof(int));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN((size_t)nfds * sizeof(int));
		memcpy(CMSG_DATA(&control.align), fds, (size_t)nfds * sizeof(int));
	}
	must(sendmsg(fd, &hdr, MSG_DONTWAIT) == (ssize_t)packet.n);
}

/* The payload structs of ctl_list.h's names; two of them are called otherwise. */
#define ctl_listener ctl_listener_msg
#define ctl_store ctl_store_msg

static int
get(struct ctl_msg *msg)
{
	switch ((enum ctl_type)msg->type) {
#define CASE(NAME, name, ...)					\
	case CTL_##NAME: {					\
		struct ctl_##name m;				\
								\
		return (ctl_get_##name(msg, &m));		\
	}
	CTL_LIST(CASE)
#undef CASE
	}
	return (-1);
}

static void
receive(struct ctl *ctl, struct err *err)
{
	struct ctl_msg msg;
	int got = ctl_recv(ctl, &msg, err);

	must(got != -1 || (msg.nfds == 0 && err->text[0] != '\0'));
	if (got != 1)
		return;
	get(&msg);
	ctl_msg_close(&msg);
}

static void
try_end(enum role self, enum role other, uint32_t life, struct rd in)
{
	struct err err = { 0 };
	struct ctl *ctl;
	int fds[2];

	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0);
	must((ctl = ctl_new(fds[0], self, other, life)) != NULL);
	while (rd_left(&in) > 0) {
		int nfds = rd_u8(&in) % (FDS + 1);
		struct str packet = rd_str16(&in);

		if (in.short_ || packet.n == 0)
			break;
		send_raw(fds[1], packet, nfds);
		receive(ctl, &err);
	}
	close(fds[1]);
	ctl_free(ctl);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_end(ROLE_SUPERVISOR, ROLE_FRONT, LIFE, rd_of(data, size));
	try_end(ROLE_JS, ROLE_SUPERVISOR, 0, rd_of(data, size));
	return (0);
}
