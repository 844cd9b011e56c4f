#include "config.h"

#include "common/killpoint.h"

#ifdef NATSD_KILLPOINTS
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "common/num.h"

#define KILLPOINT_NAME_MAX 64

static struct {
	char name[KILLPOINT_NAME_MAX]; /* empty: disarmed; set before a second thread exists */
	uint64_t at;
	_Atomic uint64_t visits;
	bool no_sandbox;
} armed;

void
killpoint_arm(const char *spec)
{
	const char *at = spec == NULL ? NULL : strrchr(spec, '@');
	uint64_t visit;

	armed.name[0] = '\0';
	armed.no_sandbox = spec != NULL && strcmp(spec, "nosandbox") == 0;
	if (at == NULL || (size_t)(at - spec) >= sizeof(armed.name))
		return;
	if (num_parse_u64(str_of(at + 1), 1, UINT64_MAX, &visit) != 0)
		return;
	memcpy(armed.name, spec, (size_t)(at - spec));
	armed.name[at - spec] = '\0';
	armed.at = visit;
	atomic_store(&armed.visits, 0);
}

bool
killpoint_no_sandbox(void)
{
	return (armed.no_sandbox);
}

void
killpoint_pass(const char *name)
{
	if (armed.name[0] == '\0' || strcmp(armed.name, name) != 0)
		return;
	if (atomic_fetch_add(&armed.visits, 1) + 1 == armed.at)
		raise(SIGKILL); /* a signal to oneself: the one that the sandbox lets through */
}
#endif
