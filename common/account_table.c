#include "config.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/account_table.h"
#include "common/shm.h"

#define STAMP 0x61636301u
#define HEAD_BYTES 64u

struct entry {
	uint32_t len;
	uint32_t zero;
	char name[ACCOUNT_NAME_MAX + 1];
};

struct shared {
	uint32_t stamp;
	uint32_t capacity;
	_Atomic uint32_t count; /* names given; number n stands in entry n - 1 */
	uint8_t pad[HEAD_BYTES - 12];
	struct entry entries[];
};

_Static_assert(sizeof(struct entry) == 8 + 256, "the entry of account_table.h");
_Static_assert(sizeof(struct shared) == HEAD_BYTES, "the head of account_table.h");

struct account_table {
	struct shared *shared;
	bool writer;
};

#define TABLE_BYTES (HEAD_BYTES + (size_t)ACCOUNTS_MAX * sizeof(struct entry))

static size_t
table_bytes(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return ((TABLE_BYTES + page - 1) / page * page);
}

static struct shared *
map(int fd, int prot, struct err *e)
{
	struct stat st;
	void *p;

	if (fstat(fd, &st) != 0 || (size_t)st.st_size != table_bytes()) {
		err_set(e, "account table: another size");
		return (NULL);
	}
	if ((p = mmap(NULL, table_bytes(), prot, MAP_SHARED, fd, 0)) == MAP_FAILED) {
		err_sys(e, "account table");
		return (NULL);
	}
	return (p);
}

static uint32_t
append(struct shared *s, struct str name)
{
	uint32_t n = atomic_load_explicit(&s->count, memory_order_relaxed);
	struct entry *entry = &s->entries[n];

	memcpy(entry->name, name.p, name.n);
	entry->name[name.n] = '\0';
	entry->len = (uint32_t)name.n;
	atomic_store_explicit(&s->count, n + 1, memory_order_release);
	return (n + 1);
}

int
account_table_make(struct err *e)
{
	int fd = shm_make("natsd-accounts", table_bytes(), e);
	struct shared *s;

	if (fd == -1)
		return (-1);
	if ((s = map(fd, PROT_READ | PROT_WRITE, e)) == NULL) {
		close(fd);
		return (-1);
	}
	s->stamp = STAMP;
	s->capacity = ACCOUNTS_MAX;
	append(s, STR("$G"));
	append(s, STR("$SYS"));
	munmap(s, table_bytes());
	return (fd);
}

struct account_table *
account_table_attach(int fd, bool writer, struct err *e)
{
	struct account_table *t = calloc(1, sizeof(*t));

	if (t == NULL) {
		err_set(e, "account table: no memory");
		return (NULL);
	}
	t->writer = writer;
	t->shared = map(fd, writer ? PROT_READ | PROT_WRITE : PROT_READ, e);
	if (t->shared != NULL && t->shared->stamp != STAMP) {
		err_set(e, "account table: another layout");
		munmap(t->shared, table_bytes());
		t->shared = NULL;
	}
	if (t->shared == NULL) {
		free(t);
		return (NULL);
	}
	return (t);
}

void
account_table_detach(struct account_table *t)
{
	if (t == NULL)
		return;
	munmap(t->shared, table_bytes());
	free(t);
}

/* Whatever the memory says, nothing beyond it is looked at. */
uint32_t
account_table_count(const struct account_table *t)
{
	uint32_t n = atomic_load_explicit(&t->shared->count, memory_order_acquire);

	return (n > ACCOUNTS_MAX ? ACCOUNTS_MAX : n);
}

uint32_t
account_table_add(struct account_table *t, struct str name, struct err *e)
{
	if (!t->writer || name.n == 0 || name.n > ACCOUNT_NAME_MAX) {
		err_set(e, "account name of %zu bytes", name.n);
		return (0);
	}
	if (account_table_count(t) == ACCOUNTS_MAX) {
		err_set(e, "account table: full");
		return (0);
	}
	return (append(t->shared, name));
}

int
account_table_name(const struct account_table *t, uint32_t account, char *out)
{
	const struct entry *entry;
	uint32_t len;

	if (account == 0 || account > account_table_count(t))
		return (-1);
	entry = &t->shared->entries[account - 1];
	memcpy(&len, &entry->len, sizeof(len));
	if (len > ACCOUNT_NAME_MAX)
		return (-1);
	memcpy(out, entry->name, len);
	out[len] = '\0';
	return (0);
}
