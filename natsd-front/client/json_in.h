/*
 * json_in - JSON as Go's encoding/json takes it, read in place and without memory of its own.
 *
 * First json_in_check() looks at the whole document, then the cursors below walk through it; they
 * rely on that.  Pure.
 */
#ifndef FRONT_CLIENT_JSON_IN_H
#define FRONT_CLIENT_JSON_IN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/str.h"

#define JSON_IN_WHY 128
#define JSON_IN_DEPTH 10000 /* objects and arrays in each other */

/* json_in_check - 0; -1: it is no JSON, and why says what Go says: "unexpected end of JSON input",
 * "invalid character 'b' looking for beginning of value". */
int json_in_check(struct str doc, char why[JSON_IN_WHY]);

enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_value {
	enum json_kind kind;
	struct str text; /* all of it, with its quotes or brackets */
};

/* json_in_value - the one value of a checked document. */
struct json_value json_in_value(struct str doc);

/* json_in_next - the next element of an array; json_in_next_member - the next member of an object.
 * `at` begins as 0; false: there is none.  key: with its quotes. */
bool json_in_next(const struct json_value *array, size_t *at, struct json_value *);
bool json_in_next_member(const struct json_value *object, size_t *at, struct str *key,
    struct json_value *);

/* json_in_text - what a string says: escapes resolved, invalid UTF-8 and lone surrogates as U+FFFD.
 * out has room for JSON_IN_TEXT_MAX(s.n) bytes.  Its length; not terminated. */
#define JSON_IN_TEXT_MAX(n) ((n) * 3)
size_t json_in_text(char *out, struct str quoted);

/* json_in_key_is - whether a key names this field, as Go folds letters: in any case, and with
 * U+017F for s and U+212A for k.  name is lower case. */
bool json_in_key_is(struct str quoted, const char *name);

#endif
