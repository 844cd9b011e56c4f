#include "config.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/account_table.h"
#include "common/shm.h"

#define TABLE_STAMP 0x6e61746163637401ULL
#define ENTRY_NAME_BYTES 256u

struct entry {
	uint32_t len;
	uint32_t zero;
	char name[ENTRY_NAME_BYTES];
};

struct table {
	uint64_t stamp;
	uint32_t capacity;
	_Atomic uint32_t count; /* accounts 1..count exist; stored after their entries */
	struct entry entries[ACCOUNTS_MAX];
};

struct account_table {
	struct table *shared;
	bool writer;
};

static_assert(ACCOUNT_NAME_MAX < ENTRY_NAME_BYTES, "a name fits its entry");

static void
put(struct table *t, uint32_t number, struct str name)
{
	struct entry *entry = &t->entries[number];

	memcpy(entry->name, name.p, name.n);
	entry->len = (uint32_t)name.n;
	atomic_store_explicit(&t->count, number, memory_order_release);
}

int
account_table_make(struct err *err)
{
	struct table *t;
	int fd;

	if ((fd = shm_make("natsd-accounts", sizeof(*t), err)) == -1)
		return (-1);
	if ((t = shm_map(fd, sizeof(*t), true, err)) == NULL) {
		close(fd);
		return (-1);
	}
	t->stamp = TABLE_STAMP;
	t->capacity = ACCOUNTS_MAX;
	put(t, ACCOUNT_GLOBAL, STR("$G"));
	put(t, ACCOUNT_SYSTEM, STR("$SYS"));
	shm_unmap(t, sizeof(*t));
	return (fd);
}

struct account_table *
account_table_attach(int fd, bool writer, struct err *err)
{
	struct account_table *table;

	if ((table = calloc(1, sizeof(*table))) == NULL) {
		err_sys(err, "account table");
		return (NULL);
	}
	table->writer = writer;
	if ((table->shared = shm_map(fd, sizeof(*table->shared), writer, err)) == NULL) {
		free(table);
		return (NULL);
	}
	if (table->shared->stamp != TABLE_STAMP || table->shared->capacity != ACCOUNTS_MAX) {
		err_set(err, "another layout of the account table");
		account_table_detach(table);
		return (NULL);
	}
	return (table);
}

void
account_table_detach(struct account_table *table)
{
	if (table == NULL)
		return;
	shm_unmap(table->shared, sizeof(*table->shared));
	free(table);
}

uint32_t
account_table_count(const struct account_table *table)
{
	uint32_t count = atomic_load_explicit(&table->shared->count, memory_order_acquire);

	return (count < ACCOUNTS_MAX ? count : ACCOUNTS_MAX - 1);
}

uint32_t
account_table_add(struct account_table *table, struct str name, struct err *err)
{
	uint32_t count = account_table_count(table);

	if (!table->writer) {
		err_set(err, "only the front adds accounts");
		return (0);
	}
	if (name.n == 0 || name.n > ACCOUNT_NAME_MAX) {
		err_set(err, "an account name of %zu bytes", name.n);
		return (0);
	}
	if (count == ACCOUNTS_MAX - 1) {
		err_set(err, "there have been %u accounts already", count);
		return (0);
	}
	put(table->shared, count + 1, name);
	return (count + 1);
}

int
account_table_name(const struct account_table *table, uint32_t account, char *out)
{
	struct entry copy;

	out[0] = '\0';
	if (account == 0 || account > account_table_count(table))
		return (-1);
	memcpy(&copy, &table->shared->entries[account], sizeof(copy));
	if (copy.len == 0 || copy.len > ACCOUNT_NAME_MAX)
		return (-1);
	memcpy(out, copy.name, copy.len);
	out[copy.len] = '\0';
	return (0);
}
