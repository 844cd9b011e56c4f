#include "config.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include "common/ring.h"
#include "common/ring_shared.h"

#define POISON_FAULTS 2u
#define POISON_DEATHS 3u

/* Counts a death on the record that was in work; true when that record is poison from now on. */
static bool
count_death(struct ring_shared *shared, bool fault)
{
	uint64_t at = atomic_load(&shared->working);

	if (at == 0)
		return (false);
	if (at != shared->death_at) {
		shared->death_at = at;
		shared->deaths = shared->faults = 0;
	}
	shared->deaths++;
	if (fault)
		shared->faults++;
	if (shared->deaths < POISON_DEATHS && shared->faults < POISON_FAULTS)
		return (false);
	atomic_store(&shared->poisoned, at);
	return (true);
}

static struct ring_shared *
map_head(int fd, struct err *err)
{
	struct ring_shared *shared;
	struct stat st;

	if (fstat(fd, &st) != 0) {
		err_sys(err, "fstat");
		return (NULL);
	}
	if (st.st_size < (off_t)RING_HEAD_BYTES) {
		err_set(err, "%jd bytes are no ring", (intmax_t)st.st_size);
		return (NULL);
	}
	shared = mmap(NULL, RING_HEAD_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (shared == MAP_FAILED) {
		err_sys(err, "map the head of a ring");
		return (NULL);
	}
	return (shared);
}

int
ring_death(int fd, bool fault, uint64_t *at, struct err *err)
{
	struct ring_shared *shared = map_head(fd, err);
	bool poison;

	if (shared == NULL)
		return (-1);
	poison = count_death(shared, fault);
	*at = shared->death_at & ~(uint64_t)RING_WORKING;
	munmap(shared, RING_HEAD_BYTES);
	return (poison ? 1 : 0);
}

int
ring_spent(int fd, struct err *err)
{
	struct ring_shared *shared = map_head(fd, err);
	bool spent;

	if (shared == NULL)
		return (-1);
	spent = atomic_load(&shared->released) == atomic_load(&shared->write);
	munmap(shared, RING_HEAD_BYTES);
	return (spent ? 1 : 0);
}
