/*
 * trie_table - a set of named things that readers search while one writer changes it; the inside of
 * trie.c, for children by token and for queue groups by name.
 *
 * Open addressing over an array of pointers.  A removed entry leaves a mark behind; a full or
 * sparse array is replaced by a new one, and the old one waits for the readers (qsbr.h).  No array
 * at all is an empty set.
 */
#ifndef COMMON_TRIE_TABLE_H
#define COMMON_TRIE_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/qsbr.h"
#include "common/str.h"

/* First in whatever stands in a table; constant while it is there. */
struct trie_name {
	uint32_t hash;
	uint32_t n;
	const char *p;
};

struct trie_slots;

struct trie_table {
	struct trie_slots *_Atomic slots;
	uint32_t used; /* the writer's: entries */
	uint32_t gone; /* and marks of removed ones */
};

static inline struct str
trie_name_str(const struct trie_name *name)
{
	return ((struct str){ .p = name->p, .n = name->n });
}

/* trie_table_is_empty - nothing is in it, as of now.  Reader or writer. */
static inline bool
trie_table_is_empty(const struct trie_table *t)
{
	return (atomic_load_explicit(&t->slots, memory_order_acquire) == NULL);
}

/* trie_table_find - NULL when there is none.  Reader, online; or the writer. */
struct trie_name *trie_table_find(const struct trie_table *, uint32_t hash, struct str name);

/*
 * trie_table_next - all entries, NULL at the end.  The array of the start is gone through, whatever
 * replaces it: a reader may miss what comes and goes meanwhile, and sees nothing twice.
 * trie_table_after - the writer's: a walk that goes on behind an entry.
 */
struct trie_table_iter {
	const struct trie_slots *slots;
	uint32_t at;
};
struct trie_table_iter trie_table_iter(const struct trie_table *);
struct trie_table_iter trie_table_after(const struct trie_table *, const struct trie_name *);
struct trie_name *trie_table_next(struct trie_table_iter *);

/* trie_table_add - a name that is not in it yet.  0; -1: no memory, nothing changed.
 * trie_table_remove - one that is.  Writer. */
int trie_table_add(struct trie_table *, struct trie_name *, struct qsbr *);
void trie_table_remove(struct trie_table *, struct trie_name *, struct qsbr *);

#endif
