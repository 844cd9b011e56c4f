#include "config.h"

#include <pthread.h>
#include <stdlib.h>

#include "natsd-front/interest.h"
#include "natsd-front/shared.h"
#include "natsd-front/sub.h"

#define BUCKETS_FIRST 64u

struct entry {
	struct entry *next;
	struct sub *sub;
	uint64_t sid, life;
	unsigned role, ring;
};

struct interest {
	pthread_mutex_t lock;
	struct entry **buckets;
	uint32_t size; /* a power of two */
	uint32_t used;
};

struct interest *
interest_new(void)
{
	struct interest *in = calloc(1, sizeof(*in));

	if (in == NULL)
		return (NULL);
	in->buckets = calloc(BUCKETS_FIRST, sizeof(struct entry *));
	if (in->buckets == NULL) {
		free(in);
		return (NULL);
	}
	in->size = BUCKETS_FIRST;
	pthread_mutex_init(&in->lock, NULL);
	return (in);
}

static struct entry **
bucket_of(const struct interest *in, unsigned role, uint32_t account, uint64_t sid)
{
	uint64_t h = (sid ^ (uint64_t)account << 40 ^ (uint64_t)role << 60) * 0x9e3779b97f4a7c15ull;

	return (&in->buckets[(h >> 32) & (in->size - 1)]);
}

static struct entry **
find(const struct interest *in, unsigned role, uint32_t account, uint64_t sid)
{
	struct entry **e = bucket_of(in, role, account, sid);

	while (*e != NULL &&
	    ((*e)->role != role || (*e)->sid != sid || (*e)->sub->account->id != account))
		e = &(*e)->next;
	return (e);
}

static void
grow(struct interest *in)
{
	struct interest bigger = { .size = in->size * 2 };
	struct entry *e, **to;
	uint32_t i;

	bigger.buckets = calloc(bigger.size, sizeof(struct entry *));
	if (bigger.buckets == NULL)
		return; /* longer chains, nothing worse */
	for (i = 0; i < in->size; i++) {
		while ((e = in->buckets[i]) != NULL) {
			in->buckets[i] = e->next;
			to = bucket_of(&bigger, e->role, e->sub->account->id, e->sid);
			e->next = *to;
			*to = e;
		}
	}
	free(in->buckets);
	in->buckets = bigger.buckets;
	in->size = bigger.size;
}

static struct sub *
role_sub(unsigned role, struct account *a, uint64_t sid, struct str subject, struct str queue)
{
	struct sub *s = sub_new(SUB_ROLE, STR_NONE, subject, queue);

	if (s == NULL)
		return (NULL);
	s->account = a;
	s->role = (uint8_t)role;
	s->role_sid = sid;
	if (trie_insert(a->trie, &s->node, subject, queue) != 0) {
		sub_free(s);
		return (NULL);
	}
	return (s);
}

static void
sub_out(struct shared *sh, struct sub *s)
{
	trie_remove(s->account->trie, &s->node);
	sub_retire(sh->qsbr, s);
}

static void
remove_at(struct interest *in, struct shared *sh, struct entry **at)
{
	struct entry *e = *at;

	*at = e->next;
	sub_out(sh, e->sub);
	free(e);
	in->used--;
}

/* Known under that id already: the same again, or another subject in its place. */
static int
renew(struct shared *sh, struct entry *e, struct str subject, struct str queue)
{
	struct sub *s;

	if (str_eq(sub_subject(e->sub), subject) && str_eq(sub_queue(e->sub), queue))
		return (0);
	s = role_sub(e->role, e->sub->account, e->sid, subject, queue);
	if (s == NULL)
		return (-1);
	sub_out(sh, e->sub);
	e->sub = s;
	return (0);
}

static struct entry *
entry_new(struct interest *in, unsigned role, struct account *a, uint64_t sid, struct str subject,
    struct str queue)
{
	struct entry *e = calloc(1, sizeof(*e)), **at;

	if (e == NULL)
		return (NULL);
	e->sub = role_sub(role, a, sid, subject, queue);
	if (e->sub == NULL) {
		free(e);
		return (NULL);
	}
	e->role = role;
	e->sid = sid;
	if (in->used >= in->size)
		grow(in);
	at = bucket_of(in, role, a->id, sid);
	e->next = *at;
	*at = e;
	in->used++;
	return (e);
}

int
interest_sub(struct interest *in, struct shared *sh, unsigned role, unsigned ring, uint64_t life,
    struct account *a, uint64_t sid, struct str subject, struct str queue)
{
	struct entry *e;
	int rc = -1;

	pthread_mutex_lock(&in->lock);
	e = *find(in, role, a->id, sid);
	if (e == NULL)
		e = entry_new(in, role, a, sid, subject, queue);
	if (e != NULL && renew(sh, e, subject, queue) == 0) {
		e->ring = ring;
		e->life = life;
		rc = 0;
	}
	pthread_mutex_unlock(&in->lock);
	return (rc);
}

void
interest_unsub(struct interest *in, struct shared *sh, unsigned role, struct account *a,
    uint64_t sid)
{
	struct entry **at;

	pthread_mutex_lock(&in->lock);
	at = find(in, role, a->id, sid);
	if (*at != NULL)
		remove_at(in, sh, at);
	pthread_mutex_unlock(&in->lock);
}

void
interest_synced(struct interest *in, struct shared *sh, unsigned role, unsigned ring,
    uint64_t life)
{
	struct entry **at;
	uint32_t i;

	pthread_mutex_lock(&in->lock);
	for (i = 0; i < in->size; i++) {
		at = &in->buckets[i];
		while (*at != NULL) {
			if ((*at)->role == role && (*at)->ring == ring && (*at)->life < life)
				remove_at(in, sh, at);
			else
				at = &(*at)->next;
		}
	}
	pthread_mutex_unlock(&in->lock);
}

uint32_t
interest_count(struct interest *in, unsigned role)
{
	struct entry *e;
	uint32_t i, n = 0;

	pthread_mutex_lock(&in->lock);
	for (i = 0; i < in->size; i++)
		for (e = in->buckets[i]; e != NULL; e = e->next)
			n += e->role == role;
	pthread_mutex_unlock(&in->lock);
	return (n);
}

void
interest_free(struct interest *in, struct shared *sh)
{
	uint32_t i;

	for (i = 0; i < in->size; i++)
		while (in->buckets[i] != NULL)
			remove_at(in, sh, &in->buckets[i]);
	free(in->buckets);
	pthread_mutex_destroy(&in->lock);
	free(in);
}
