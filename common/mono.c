#include "config.h"

#include <assert.h>
#include <time.h>

#include "common/mono.h"

static int64_t
clock_ns(clockid_t clock)
{
	struct timespec ts;
	int result = clock_gettime(clock, &ts);

	assert(result == 0); /* both clocks exist on every system we build for */
	return ((int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec);
}

struct mono
mono_now(void)
{
	return ((struct mono){ .ns = clock_ns(CLOCK_MONOTONIC) });
}

struct wall
wall_now(void)
{
	return ((struct wall){ .ns = clock_ns(CLOCK_REALTIME) });
}
