/*
 * shm - memory that several processes share: created once by the supervisor, sealed for ever.
 *
 * A memfd where there is one (a shm_mkstemp object elsewhere), sealed against shrinking, growing
 * and further sealing: without that a peer's ftruncate(2) is our SIGBUS.  A peer can still punch
 * holes, so whoever reads must survive zeros (faults.md rule 20).
 */
#ifndef COMMON_SHM_H
#define COMMON_SHM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/* shm_make - `bytes` of zeros, close-on-exec, sealed.  The descriptor, yours; -1. */
int shm_make(const char *name, size_t bytes, struct err *);

/*
 * shm_make_sealed_copy - the same with contents, sealed against writing too: a configuration.
 * shm_read_all - the contents of such an object in a malloc'ed block (*p, yours) of *n bytes;
 * refuses anything that is not sealed against writing and shrinking, or larger than max.
 */
int shm_make_sealed_copy(const char *name, const void *, size_t, struct err *);
int shm_read_all(int fd, size_t max, uint8_t **p, size_t *n, struct err *);

/*
 * shm_map_ring - maps `head` bytes, then `size` bytes twice back to back, so that a run of up to
 * size bytes starting anywhere in the first copy is contiguous.  Both are multiples of the page.
 * Refuses a descriptor that lacks the seals or has another length than head + size.
 * The address of the head; NULL.  shm_unmap_ring undoes it.
 */
void *shm_map_ring(int fd, size_t head, size_t size, struct err *);
void shm_unmap_ring(void *, size_t head, size_t size);

/*
 * shm_map - maps an object of exactly `bytes` bytes, sealed against resizing.  The address; NULL.
 * shm_unmap undoes it; NULL is fine.
 */
void *shm_map(int fd, size_t bytes, bool writable, struct err *);
void shm_unmap(void *, size_t bytes);

/* shm_punch - gives the pages of [from, from + n) of the mapping back; they read as zeros then. */
int shm_punch(void *from, size_t n);

#endif
