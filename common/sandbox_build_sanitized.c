#include "config.h"

#include <seccomp.h>

#include "common/sandbox_calls.h"

/* The runtime maps its shadow lazily and reads its own maps when it reports. */
const int sandbox_calls_build[] = { SCMP_SYS(open), SCMP_SYS(readlink), SCMP_SYS(mincore),
	SCMP_SYS(personality), SCMP_SYS(getrlimit), SCMP_SYS(sched_setaffinity),
	SCMP_SYS(set_mempolicy), -1 };
