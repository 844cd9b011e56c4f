/*
 * conf - the configuration file: text to tree, with the position of everything.
 *
 * The grammar is nats-server's, quirks included (config.md 1): bare and quoted strings, numbers with
 * sizes, block strings, maps, arrays, variables, includes.  What the values mean is options.h.
 */
#ifndef COMMON_CONF_H
#define COMMON_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/str.h"

#define CONF_BYTES_MAX (64u << 20)
#define CONF_DEPTH_MAX 200u	   /* maps, arrays and includes inside one another */
#define CONF_INCLUDES_MAX 1000u	   /* files that one file leads to */
#define CONF_VALUES_MAX (1u << 24) /* values, those that variables repeat counted each time */

enum conf_kind { CONF_STRING, CONF_INT, CONF_FLOAT, CONF_BOOL, CONF_TIME, CONF_ARRAY, CONF_MAP };

struct conf_pos {
	const char *file; /* owned by the tree; NULL: inside a value from the environment, no place */
	uint32_t line;	  /* from 1, as nats-server counts (config.md 1.9) */
	uint32_t column;
};

struct conf_value;

struct conf_item { /* of a map, in the order of first appearance */
	struct str key;
	struct conf_pos key_pos;
	struct conf_value *value;
};

struct conf_value {
	enum conf_kind kind;
	struct conf_pos pos;
	bool used_as_variable; /* somebody said $key: not an unknown field */
	uint32_t depth;	       /* of maps and arrays inside it */
	uint32_t values;       /* in it, itself included; variables repeat them, so this is bounded */
	union {
		struct str string;
		int64_t integer;
		double real;
		bool boolean;
		int64_t time_s; /* seconds since the epoch */
		struct {
			struct conf_value **at;
			size_t n;
		} array;
		struct {
			struct conf_item *at;
			size_t n;
		} map;
	};
};

struct conf; /* a parsed file with its includes; owns all values, keys, file names */

/*
 * How files are read: the supervisor opens them, tests and the fuzzer give them from memory.
 * read - the whole file in a malloc'ed block that the parser frees.  0; -1 with the reason.
 */
struct conf_reader {
	int (*read)(void *ctx, const char *path, char **data, size_t *n, struct err *);
	void *ctx;
};
extern const struct conf_reader conf_reader_files;

/*
 * conf_parse_file - the tree; NULL with nats-server's words (config.md 1.10).
 * conf_parse_text - the same for text that is already here; name stands in positions, and includes
 * are relative to its folder.
 * Variables that no key answers come from the environment of the process.
 */
struct conf *conf_parse_file(const char *path, const struct conf_reader *, struct err *);
struct conf *conf_parse_text(struct str text, const char *name, const struct conf_reader *,
    struct err *);
void conf_free(struct conf *);

const struct conf_value *conf_root(const struct conf *); /* a map */

/* conf_find - the item of a map by key, any letter case (the first when several fit); NULL. */
const struct conf_item *conf_find(const struct conf_value *map, const char *key);

/* conf_type_name - Go's %T of the value, which stands in error texts: "string", "int64", ... */
const char *conf_type_name(const struct conf_value *);

/*
 * conf_digest - "sha256:<hex>" over the JSON text of the tree (config.md 1.11).  0; -1.
 * conf_print - the tree as text that parses again to the same tree; malloc'ed, yours.  NULL: no
 * memory, or a key that only nats-server's quirks can make and no text at its place can say.
 */
#define CONF_DIGEST_BYTES sizeof("sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
int conf_digest(const struct conf *, char out[CONF_DIGEST_BYTES], struct err *);
char *conf_print(const struct conf *);

#endif
