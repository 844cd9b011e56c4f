/*
 * mono - time that only goes forward, and wall-clock time; two types that cannot be mixed.
 */
#ifndef COMMON_MONO_H
#define COMMON_MONO_H

#include <stdbool.h>
#include <stdint.h>

#define NS_PER_S 1000000000LL
#define NS_PER_MS 1000000LL
#define NS_PER_US 1000LL

struct mono {
	int64_t ns; /* CLOCK_MONOTONIC */
};

struct wall {
	int64_t ns; /* since the epoch, CLOCK_REALTIME */
};

struct mono mono_now(void);
struct wall wall_now(void);

static inline struct mono
mono_add_ns(struct mono t, int64_t ns)
{
	return ((struct mono){ .ns = t.ns + ns });
}

static inline struct mono
mono_add_ms(struct mono t, int64_t ms)
{
	return (mono_add_ns(t, ms * NS_PER_MS));
}

/* mono_since_ns - b - a. */
static inline int64_t
mono_diff_ns(struct mono b, struct mono a)
{
	return (b.ns - a.ns);
}

static inline bool
mono_before(struct mono a, struct mono b)
{
	return (a.ns < b.ns);
}

#endif
