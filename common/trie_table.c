#include "config.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "common/trie_table.h"

#define SLOTS_MIN 4u

struct trie_slots {
	struct qsbr_head retired;
	uint32_t mask;
	struct trie_name *_Atomic at[];
};

static struct trie_name gone_mark; /* its address says: somebody was here, search on */

static struct trie_slots *slots_new(uint32_t size);
static uint32_t slot_of(const struct trie_slots *, const struct trie_name *);
static void slots_put(struct trie_slots *, struct trie_name *, memory_order);
static void slots_free(struct qsbr_head *);
static int replace(struct trie_table *, uint32_t size, struct qsbr *);
static void retire(struct trie_slots *, struct qsbr *);
static bool is_entry(const struct trie_name *);

struct trie_name *
trie_table_find(const struct trie_table *t, uint32_t hash, struct str name)
{
	struct trie_slots *s = atomic_load_explicit(&t->slots, memory_order_acquire);
	struct trie_name *entry;
	uint32_t i;

	if (s == NULL)
		return (NULL);
	for (i = hash;; i++) {
		entry = atomic_load_explicit(&s->at[i & s->mask], memory_order_acquire);
		if (entry == NULL)
			return (NULL);
		if (entry != &gone_mark && entry->hash == hash && entry->n == name.n &&
		    memcmp(entry->p, name.p, name.n) == 0)
			return (entry);
	}
}

struct trie_table_iter
trie_table_iter(const struct trie_table *t)
{
	return ((struct trie_table_iter){
	    .slots = atomic_load_explicit(&t->slots, memory_order_acquire) });
}

struct trie_table_iter
trie_table_after(const struct trie_table *t, const struct trie_name *entry)
{
	struct trie_table_iter it = trie_table_iter(t);

	it.at = slot_of(it.slots, entry) + 1;
	return (it);
}

struct trie_name *
trie_table_next(struct trie_table_iter *it)
{
	struct trie_name *entry;

	if (it->slots == NULL)
		return (NULL);
	while (it->at <= it->slots->mask) {
		entry = atomic_load_explicit(&it->slots->at[it->at++], memory_order_acquire);
		if (is_entry(entry))
			return (entry);
	}
	return (NULL);
}

/* At most half of the array is taken, marks included, so that every search ends soon. */
int
trie_table_add(struct trie_table *t, struct trie_name *entry, struct qsbr *q)
{
	struct trie_slots *s = atomic_load_explicit(&t->slots, memory_order_relaxed);
	uint32_t size = s == NULL ? 0 : s->mask + 1;

	if (size == 0) {
		if (replace(t, SLOTS_MIN, q) != 0)
			return (-1);
	} else if (t->used + t->gone + 1 > size / 2) {
		if (replace(t, t->used + 1 > size / 4 ? size * 2 : size, q) != 0)
			return (-1);
	}
	slots_put(atomic_load_explicit(&t->slots, memory_order_relaxed), entry,
	    memory_order_release);
	t->used++;
	return (0);
}

/* No memory for a smaller array: the sparse one stays. */
void
trie_table_remove(struct trie_table *t, struct trie_name *entry, struct qsbr *q)
{
	struct trie_slots *s = atomic_load_explicit(&t->slots, memory_order_relaxed);

	atomic_store_explicit(&s->at[slot_of(s, entry)], &gone_mark, memory_order_release);
	t->used--;
	t->gone++;
	if (t->used == 0) {
		atomic_store_explicit(&t->slots, NULL, memory_order_release);
		t->gone = 0;
		retire(s, q);
	} else if (s->mask + 1 > SLOTS_MIN && t->used <= (s->mask + 1) / 16) {
		(void)replace(t, (s->mask + 1) / 4, q);
	}
}

static int
replace(struct trie_table *t, uint32_t size, struct qsbr *q)
{
	struct trie_slots *old = atomic_load_explicit(&t->slots, memory_order_relaxed);
	struct trie_slots *new = slots_new(size);
	struct trie_name *entry;
	uint32_t i;

	if (new == NULL)
		return (-1);
	for (i = 0; old != NULL && i <= old->mask; i++) {
		entry = atomic_load_explicit(&old->at[i], memory_order_relaxed);
		if (is_entry(entry))
			slots_put(new, entry, memory_order_relaxed);
	}
	atomic_store_explicit(&t->slots, new, memory_order_release);
	t->gone = 0;
	if (old != NULL)
		retire(old, q);
	return (0);
}

static struct trie_slots *
slots_new(uint32_t size)
{
	struct trie_slots *s;
	uint32_t i;

	assert(size >= SLOTS_MIN && (size & (size - 1)) == 0);
	s = malloc(sizeof(*s) + size * sizeof(s->at[0]));
	if (s == NULL)
		return (NULL);
	s->mask = size - 1;
	for (i = 0; i < size; i++)
		atomic_init(&s->at[i], NULL);
	return (s);
}

static uint32_t
slot_of(const struct trie_slots *s, const struct trie_name *entry)
{
	uint32_t i = entry->hash & s->mask;

	while (atomic_load_explicit(&s->at[i], memory_order_relaxed) != entry)
		i = (i + 1) & s->mask;
	return (i);
}

static void
slots_put(struct trie_slots *s, struct trie_name *entry, memory_order order)
{
	uint32_t i = entry->hash & s->mask;

	while (atomic_load_explicit(&s->at[i], memory_order_relaxed) != NULL)
		i = (i + 1) & s->mask;
	atomic_store_explicit(&s->at[i], entry, order);
}

static void
retire(struct trie_slots *s, struct qsbr *q)
{
	qsbr_retire(q, &s->retired, slots_free);
}

static void
slots_free(struct qsbr_head *head)
{
	free((char *)head - offsetof(struct trie_slots, retired));
}

static bool
is_entry(const struct trie_name *entry)
{
	return (entry != NULL && entry != &gone_mark);
}
