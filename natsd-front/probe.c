#include "config.h"

#include <stdio.h>

#include "common/sandbox.h"
#include "natsd-front/probe.h"

#ifdef NATSD_KILLPOINTS
#define PROBE_ALLOWED true
#else
#define PROBE_ALLOWED false
#endif

bool
probe_allowed(void)
{
	return (PROBE_ALLOWED);
}

void
probe_answer(struct ctl *ctl, const struct ctl_probe *p)
{
	char act[CTL_TEXT_MAX + 1], result[256] = "not in this build";
	struct ctl_probed answer;

	snprintf(act, sizeof(act), STR_FMT, STR_ARG(p->what));
	if (probe_allowed())
		sandbox_probe(act, result, sizeof(result));
	answer.result = str_of(result);
	ctl_send_probed(ctl, &answer, NULL);
}
