/*
 * bench_store - what its files share: a store in a directory of the caller's, and the lines it prints.
 */
#ifndef TESTS_BENCH_BENCH_STORE_H
#define TESTS_BENCH_BENCH_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/mono.h"
#include "natsd-js/store/store.h"

#define BENCH_STREAMS 1000u
#define BENCH_PAYLOAD (256u << 10)

struct bench {
	struct disk *disk;
	struct store *store;
	struct doorbell bell;
	struct stream *streams[BENCH_STREAMS];
	unsigned count;
};

/* bench_payload - bytes of no meaning.  bench_top - the directory, as its path; bench_dir - open. */
extern char bench_payload[BENCH_PAYLOAD];
extern const char *bench_top;
extern int bench_dir;

/* bench_row - one line: name, number, and the yardstick when there is one (> 0). */
void bench_row(const char *name, double value, double yardstick);

/* bench_open - with the options of a server with 64 MiB for its store when it has an index. */
void bench_open(struct bench *, enum journal_policy, bool index);
void bench_streams(struct bench *, unsigned count); /* made, and durable */
void bench_close(struct bench *); /* deletes the streams that were made */

double bench_cpu_us(void);     /* of this process, all threads */
double bench_memory_mib(void); /* RssAnon and RssShmem */

/* bench_reads, bench_syncs - how many calls have read from files, have synced one, since the last time
 * it was asked. */
uint64_t bench_reads(void);
uint64_t bench_syncs(void);

/* bench_store_append.c: rates of a second; all of it prints. */
void bench_one_in_flight(void);
void bench_many_in_flight(void);
void bench_large_records(void);
void bench_interval(void);
void bench_volatile(void);

/* bench_store_large.c */
enum bench_stop { BENCH_KILLED, BENCH_STOPPED };
void bench_build(uint64_t messages, uint64_t subjects, enum bench_stop);
void bench_open_it(void);
void bench_read_it(uint64_t subjects);
void bench_cold(void);
void bench_care(void);
void bench_empty(unsigned count);
void bench_open_empty(void);

#endif
