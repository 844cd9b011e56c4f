/*
 * options - the resolved configuration: immutable, one struct, handed to each child in a sealed memory
 * object with only what its role may know.
 *
 * The supervisor makes it from defaults < file < command line (options_load in the supervisor); a
 * child decodes its share.  Fields that a role is not told stand at their defaults there.
 */
#ifndef COMMON_OPTIONS_H
#define COMMON_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/option_list.h"
#include "common/role.h"

enum options_policy { POLICY_DEFAULT, POLICY_CLOSE, POLICY_RETRY };

/* C types of the option types; strings are malloc'ed, never NULL.  TAGS: one a line.  MAP: key TAB
 * value, one a line, sorted. */
#define OPTION_C_BOOL bool
#define OPTION_C_INT int64_t
#define OPTION_C_SIZE int64_t
#define OPTION_C_DUR int64_t /* nanoseconds */
#define OPTION_C_STR char *
#define OPTION_C_TAGS char *
#define OPTION_C_MAP char *
#define OPTION_C_POLICY int64_t

struct options {
#define OPTION_FIELD(field, TYPE, ...) OPTION_C_##TYPE field;
	OPTION_LIST(OPTION_FIELD)
#undef OPTION_FIELD

	/* Not in the file: what the supervisor made at its start or resolved. */
	uint32_t generation;	     /* 1, then one more with each reload tried */
	int64_t start_wall_ns;	     /* of the supervisor */
	int64_t config_load_wall_ns; /* of this generation */
	char *config_digest;	     /* "sha256:..." or "" */
	char *server_id;	     /* N..., 56 characters, new at every start of the supervisor */
	char *xkey;		     /* X..., likewise */
	char *bound_host;	     /* as INFO shows it */
	int64_t bound_port;	     /* of the client listener, really */
	int64_t bound_http_port;
};

void options_init(struct options *); /* all defaults */
void options_free(struct options *);

/* options_encode - what `role` may know, malloc'ed, yours.  options_decode - into an initialised
 * struct; refuses what is short, too long or out of the table's bounds.  0; -1. */
int options_encode(const struct options *, enum role, uint8_t **p, size_t *n, struct err *);
int options_decode(struct options *, const uint8_t *, size_t, struct err *);

#endif
