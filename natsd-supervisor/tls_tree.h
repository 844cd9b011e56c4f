/*
 * tls_tree - a block `tls { }` of those who accept connections: read, checked and resolved, with the
 * files that it names (config.md 8).
 */
#ifndef SUPERVISOR_TLS_TREE_H
#define SUPERVISOR_TLS_TREE_H

#include "common/conf.h"
#include "common/tls_options.h"
#include "natsd-supervisor/loader.h"

/* tls_tree - NULL: told; the first mistake ends it. */
struct tls_options *tls_tree(struct loader *, const struct conf_value *);

/*
 * tls_from_flags - the block that the command line makes: its files and defaults, over what the file's
 * block (NULL: there is none) says about time and verdicts.  NULL: the reason.
 */
struct tls_options *tls_from_flags(const struct tls_options *file, const char *cert, const char *key,
    const char *ca, bool verify, struct err *);

#endif
