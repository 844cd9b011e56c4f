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
#include "common/log.h"
#include "common/option_list.h"
#include "common/role.h"
#include "common/str.h"

enum options_policy { POLICY_DEFAULT, POLICY_CLOSE, POLICY_RETRY };

/*
 * C types of the option types; strings are malloc'ed, never NULL.  TAGS: one a line.  MAP: key TAB
 * value, one a line, sorted.  Tags, keys and values hold no newline, keys no tab.
 */
#define OPTION_C_BOOL bool
#define OPTION_C_INT int64_t
#define OPTION_C_SIZE int64_t
#define OPTION_C_DUR int64_t /* nanoseconds */
#define OPTION_C_STR char *
#define OPTION_C_TAGS char *
#define OPTION_C_MAP char *
#define OPTION_C_POLICY int64_t
#define OPTION_C_LEVEL int64_t /* enum log_level: INFO, WARN, ERROR */

#define OPTIONS_ENCODED_MAX (64u << 20) /* bytes */

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
	int64_t bound_http_port; /* of the monitoring listener, with TLS or without */
	struct access *access;	  /* accounts, users, permissions (access.h); never NULL */
	struct tls_options *tls;  /* of clients and of monitoring; NULL: none */
};

/* 0; -1: no memory, and nothing to free.  options_free leaves it empty. */
int options_init(struct options *, struct err *); /* all defaults */
void options_free(struct options *);
int options_copy(struct options *, const struct options *from, struct err *);

/*
 * options_encode - what `role` may know, malloc'ed, yours: there are secrets in it, so give it back
 *	with options_encoded_free, which wipes it.  0; -1.
 * options_decode - into an initialised struct; refuses what is short, too long, of another build or
 * out of the table's bounds.  0; -1: the struct may hold part of it, options_free it.
 */
int options_encode(const struct options *, enum role, uint8_t **p, size_t *n, struct err *);
void options_encoded_free(uint8_t *, size_t);
int options_decode(struct options *, const uint8_t *, size_t, struct err *);

/* options_set_log - from now on this process logs the levels that they ask for. */
void options_set_log(const struct options *);

/* ---- the table, for those that treat all options alike ---- */

enum option_type {
	OPTION_BOOL,
	OPTION_INT,
	OPTION_SIZE,
	OPTION_DUR,
	OPTION_STR,
	OPTION_TAGS,
	OPTION_MAP,
	OPTION_POLICY,
	OPTION_LEVEL,
};

enum option_reload {
	OPTION_RELOAD_LIVE,
	OPTION_RELOAD_NO,
	OPTION_RELOAD_FREE,
	OPTION_RELOAD_RULE,
};

struct option_row { /* the columns of option_list.h */
	const char *field;
	enum option_type type;
	const char *keys;
	int64_t number; /* the default of a number or a bool */
	const char *string;
	int64_t min, max;
	unsigned roles;
	enum option_reload reload;
	const char *name;
	const char *text;
	size_t offset;
};

const struct option_row *options_rows(size_t *n);
const struct option_row *options_row(const char *field); /* must be there */
bool option_is_string(const struct option_row *);

/* The value of a row; each for its types only. */
int64_t option_number(const struct options *, const struct option_row *); /* also of a bool */
void option_set_number(struct options *, const struct option_row *, int64_t);
const char *option_string(const struct options *, const struct option_row *);
int option_set_string(struct options *, const struct option_row *, struct str, struct err *);

/* option_differs - whether two configurations say different things there. */
bool option_differs(const struct option_row *, const struct options *, const struct options *);

/* option_in_bounds - what the table allows; its default always is. */
bool option_in_bounds(const struct option_row *, int64_t);

#endif
