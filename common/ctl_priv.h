/* ctl_priv - between ctl.c (packets) and ctl_codec.c (their fields). */
#ifndef COMMON_CTL_PRIV_H
#define COMMON_CTL_PRIV_H

#include "common/ctl.h"

#define CTL_HEAD_BYTES 8u
#define CTL_PACKET_MAX (CTL_HEAD_BYTES + 128 + CTL_TEXT_MAX)

/* ctl_send - a packet whose first CTL_HEAD_BYTES are still to be filled in. */
int ctl_send(struct ctl *, uint16_t type, struct wr *packet, const int *fds, unsigned nfds,
    struct err *);

#endif
