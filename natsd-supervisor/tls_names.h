/*
 * tls_names - cipher suites and groups by the names of nats-server's users, and what OpenSSL calls
 * them (config.md 8.1, 8.3).
 */
#ifndef SUPERVISOR_TLS_NAMES_H
#define SUPERVISOR_TLS_NAMES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/err.h"
#include "common/str.h"
#include "common/tls_options.h"

/* Sets of suites and groups are sets of bits: 1 << index. */
typedef uint64_t tls_name_set;

/* tls_suite_find, tls_group_find - the index of a name; -1: there is none. */
int tls_suite_find(struct str name);
int tls_group_find(struct str name);

const char *tls_suite_name(int index);
bool tls_suite_insecure(int index);

/* tls_suite_offered, tls_group_offered - whether this OpenSSL has it. */
bool tls_suite_offered(int index);
bool tls_group_offered(int index);

/* tls_suites_default, tls_groups_default - all that are secure; all. */
tls_name_set tls_suites_default(void);
tls_name_set tls_groups_default(void);

/* tls_names_set - the names for OpenSSL of these sets, in the order of preference; TLS 1.3 has all
 * its suites always.  0; -1. */
int tls_names_set(struct tls_options *, tls_name_set suites, tls_name_set groups, struct err *);

/* tls_names_print - all names, one a line, and which of them this OpenSSL does not have. */
void tls_names_print(FILE *);

#endif
