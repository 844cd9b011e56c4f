/*
 * tls_block - one block `tls { }` between what was read of it (tls_tree.c) and the options that are
 * made of that (tls_block.c).
 */
#ifndef SUPERVISOR_TLS_BLOCK_H
#define SUPERVISOR_TLS_BLOCK_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/conf.h"
#include "common/err.h"
#include "common/tls_options.h"
#include "natsd-supervisor/loader.h"
#include "natsd-supervisor/tls_names.h"

struct tls_block_pair {
	const struct conf_value *cert, *key;
};

struct tls_block {
	struct loader *l;
	const struct conf_value *map;
	struct tls_options *t;
	const struct conf_value *cert_file, *key_file, *ca_file; /* strings; NULL: not written */
	struct tls_block_pair *pairs;
	size_t npairs;
	tls_name_set suites, groups; /* 0: not written */
	struct buf insecure;	     /* names of suites, ", " between */
	bool allow_insecure;
};

/* tls_block_empty - a string that was not written, or is empty. */
static inline bool
tls_block_empty(const struct conf_value *v)
{
	return (v == NULL || v->string.n == 0);
}

/* tls_block_build - reads the files, and fills in what was not written.  0; -1: the reason. */
int tls_block_build(struct tls_block *, struct err *);

#endif
