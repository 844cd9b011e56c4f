#include "config.h"

#include <sanitizer/lsan_interface.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>

#include "common/leaks.h"

#pragma weak __lsan_do_recoverable_leak_check /* ThreadSanitizer has none */

static const void *volatile found_from;
static bool searching;

/*
 * A confined process cannot be traced, which the search needs; and a program of a supervisor's, confined
 * or not, is searched when it says so, not after main() has let go of what it had.
 */
int
__lsan_is_turned_off(void)
{
	int death = 0;

	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 0)
		return (true);
	return (!searching && prctl(PR_GET_PDEATHSIG, &death) == 0 && death != 0);
}

void
leaks_search(const void *root)
{
	if (__lsan_do_recoverable_leak_check == NULL)
		return;
	found_from = root;
	searching = true;
	__lsan_do_recoverable_leak_check();
	searching = false;
}
