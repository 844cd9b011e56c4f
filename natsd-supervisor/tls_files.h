/*
 * tls_files - certificates, keys and authorities out of PEM files, with Go's words about what is wrong
 * with them (config.md 8.1).
 *
 * What is kept is only what belongs there, written anew: certificates without a key beside them, one
 * key, authorities that parse.
 */
#ifndef SUPERVISOR_TLS_FILES_H
#define SUPERVISOR_TLS_FILES_H

#include <stdint.h>

#include "common/err.h"
#include "common/tls_options.h"

/*
 * tls_files_pair - a certificate with its chain, and the key that belongs to it, both malloc'ed and
 * yours.  not_after_s: of the leaf; NULL is fine.  0; -1 without any.
 */
int tls_files_pair(const char *cert_file, const char *key_file, char **cert_pem, char **key_pem,
    int64_t *not_after_s, struct err *);

/* tls_files_authorities - those of a file, malloc'ed, yours.  0; -1. */
int tls_files_authorities(const char *file, char **pem, struct err *);

/* tls_files_system - those of the system, malloc'ed, yours; "" where there are none.  NULL: no
 * memory. */
char *tls_files_system(struct err *);

#endif
