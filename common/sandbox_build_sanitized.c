#include "config.h"

#include <sanitizer/lsan_interface.h>
#include <seccomp.h>
#include <sys/prctl.h>

#include "common/sandbox_calls.h"

/* The runtime maps its shadow lazily and reads its own maps when it reports. */
const int sandbox_calls_build[] = { SCMP_SYS(open), SCMP_SYS(readlink), SCMP_SYS(mincore),
	SCMP_SYS(personality), SCMP_SYS(getrlimit), SCMP_SYS(sched_setaffinity),
	SCMP_SYS(set_mempolicy), -1 };

/*
 * A confined process cannot be traced, which the search for leaks at its end would need; and a program
 * of a supervisor's, confined or not, ends with what it has.
 */
int
__lsan_is_turned_off(void)
{
	int death = 0;

	return (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 0 ||
	    (prctl(PR_GET_PDEATHSIG, &death) == 0 && death != 0));
}
