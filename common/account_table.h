/*
 * account_table - account numbers and names, in memory that all programs share.
 *
 * Append-only: a number, once given, names that account for the life of the supervisor and is never
 * used again.  The front writes (through the descriptor it was handed for that), js and raft read.
 * Number 0 is never given; 1 is $G, 2 is $SYS.
 *
 *	head: stamp, capacity, _Atomic count | entries of 8 + 256 bytes: len u32, 0, name
 *
 * A reader copies an entry and checks its length; the writer's end stores count last.
 */
#ifndef COMMON_ACCOUNT_TABLE_H
#define COMMON_ACCOUNT_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/str.h"

#define ACCOUNT_GLOBAL 1u
#define ACCOUNT_SYSTEM 2u
#define ACCOUNT_NAME_MAX 255u
#define ACCOUNTS_MAX (1u << 16)

struct account_table;

int account_table_make(struct err *); /* the memory; $G and $SYS are in it.  Descriptor; -1 */
struct account_table *account_table_attach(int fd, bool writer, struct err *);
void account_table_detach(struct account_table *);

/* account_table_add - the number of a new name; 0: full, too long, or not a writer. */
uint32_t account_table_add(struct account_table *, struct str name, struct err *);

/* account_table_name - copied into out[ACCOUNT_NAME_MAX + 1]; -1: no such number. */
int account_table_name(const struct account_table *, uint32_t account, char *out);
uint32_t account_table_count(const struct account_table *);

#endif
