#include "config.h"

#include "natsd-front/permit_cache.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/subject.h"

#define ENTRIES 1024u /* a power of two */
#define KEY_MAX 104u  /* longer ones are asked anew each time; an entry is two cache lines */

enum { ASKS_PUBLISH = 1, ASKS_DELIVER };

struct entry {
	uint64_t serial; /* 0: free */
	uint16_t subject_n, queue_n;
	uint8_t asks;
	bool verdict;
	char key[KEY_MAX]; /* subject, queue */
};

struct permit_cache {
	struct entry at[ENTRIES];
};

struct permit_cache *
permit_cache_new(void)
{
	return (calloc(1, sizeof(struct permit_cache)));
}

void
permit_cache_free(struct permit_cache *c)
{
	free(c);
}

static struct entry *
place(struct permit_cache *c, uint64_t serial, uint8_t asks, struct str subject, struct str queue)
{
	uint64_t h = subject_hash(subject) ^ (serial * 0x9e3779b97f4a7c15u) ^ asks;

	if (queue.n != 0)
		h ^= subject_hash(queue) * 3;
	return (&c->at[(h ^ (h >> 32)) & (ENTRIES - 1)]);
}

static bool
holds(const struct entry *e, uint64_t serial, uint8_t asks, struct str subject, struct str queue)
{
	return (e->serial == serial && e->asks == asks && e->subject_n == subject.n &&
	    e->queue_n == queue.n && memcmp(e->key, subject.p, subject.n) == 0 &&
	    (queue.n == 0 || memcmp(e->key + subject.n, queue.p, queue.n) == 0));
}

static void
keep(struct entry *e, uint64_t serial, uint8_t asks, struct str subject, struct str queue,
    bool verdict)
{
	e->serial = serial;
	e->asks = asks;
	e->subject_n = (uint16_t)subject.n;
	e->queue_n = (uint16_t)queue.n;
	memcpy(e->key, subject.p, subject.n);
	if (queue.n != 0)
		memcpy(e->key + subject.n, queue.p, queue.n);
	e->verdict = verdict;
}

bool
permit_cache_publish(struct permit_cache *c, const struct permit *p, struct str subject)
{
	uint64_t serial = permit_serial(p);
	struct entry *e;
	bool verdict;

	if (c == NULL || subject.n > KEY_MAX)
		return (permit_publish(p, subject));
	e = place(c, serial, ASKS_PUBLISH, subject, STR_NONE);
	if (holds(e, serial, ASKS_PUBLISH, subject, STR_NONE))
		return (e->verdict);
	verdict = permit_publish(p, subject);
	keep(e, serial, ASKS_PUBLISH, subject, STR_NONE, verdict);
	return (verdict);
}

bool
permit_cache_deliver(struct permit_cache *c, const struct permit *p, struct str subject,
    struct str queue)
{
	uint64_t serial = permit_serial(p);
	struct entry *e;
	bool verdict;

	if (c == NULL || subject.n > KEY_MAX || queue.n > KEY_MAX - subject.n)
		return (permit_deliver(p, subject, queue));
	e = place(c, serial, ASKS_DELIVER, subject, queue);
	if (holds(e, serial, ASKS_DELIVER, subject, queue))
		return (e->verdict);
	verdict = permit_deliver(p, subject, queue);
	keep(e, serial, ASKS_DELIVER, subject, queue, verdict);
	return (verdict);
}
