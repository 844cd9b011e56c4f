/*
 * seed - chance that can be had again: a test prints its seed, NATSD_SEED=<hex> repeats it.
 */
#ifndef TESTS_UNIT_SEED_H
#define TESTS_UNIT_SEED_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

struct seed {
	uint64_t state;
};

static inline struct seed
seed_start(const char *test)
{
	const char *given = getenv("NATSD_SEED");
	struct seed s = { .state = 1 };

	if (given != NULL)
		s.state = strtoull(given, NULL, 16);
	else if (getrandom(&s.state, sizeof(s.state), 0) != sizeof(s.state))
		abort();
	printf("%s: NATSD_SEED=%" PRIx64 "\n", test, s.state);
	fflush(stdout);
	return (s);
}

/* splitmix64: good enough for tests, and a state of any value will do. */
static inline uint64_t
seed_next(struct seed *s)
{
	uint64_t z = s->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (z ^ z >> 31);
}

static inline unsigned
seed_below(struct seed *s, unsigned n)
{
	return ((unsigned)(seed_next(s) % n));
}

#endif
