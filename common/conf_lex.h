/*
 * conf_lex - the words of a configuration file.
 *
 * One call gives one token.  Which characters may stand where depends on the place: the root, a block
 * at the root, a map or an array, before or behind a key or a value (config.md 1.2).  The lexer
 * keeps the places on a stack of bounded depth and never recurses.
 *
 * Positions are nats-server's: lines from 1; columns count bytes, from 0 on line 1 and from 1 on the
 * others, because a line starts at the newline before it (config.md 1.9).
 */
#ifndef COMMON_CONF_LEX_H
#define COMMON_CONF_LEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/conf.h"
#include "common/str.h"

enum conf_token_kind {
	CONF_TOKEN_END,
	CONF_TOKEN_ERROR,    /* text says what is wrong; nothing follows */
	CONF_TOKEN_KEY,
	CONF_TOKEN_STRING,
	CONF_TOKEN_BOOL,
	CONF_TOKEN_INTEGER,  /* digits, with a suffix perhaps */
	CONF_TOKEN_FLOAT,
	CONF_TOKEN_TIME,
	CONF_TOKEN_VARIABLE, /* the name behind the '$' */
	CONF_TOKEN_INCLUDE,  /* the path */
	CONF_TOKEN_MAP,
	CONF_TOKEN_MAP_END,
	CONF_TOKEN_ARRAY,
	CONF_TOKEN_ARRAY_END,
};

struct conf_token {
	enum conf_token_kind kind;
	struct str text; /* borrowed: valid until the next call */
	uint32_t line;
	uint32_t column;
};

/* Where the next character is looked at. */
enum conf_place {
	CONF_AT_ROOT_KEY,
	CONF_AT_ROOT_VALUE_END,
	CONF_AT_BLOCK_KEY,
	CONF_AT_BLOCK_VALUE_END,
	CONF_AT_BLOCK_END,
	CONF_AT_KEY_END,
	CONF_AT_VALUE,
	CONF_AT_MAP_KEY,
	CONF_AT_MAP_KEY_END,
	CONF_AT_MAP_VALUE,
	CONF_AT_MAP_VALUE_END,
	CONF_AT_ARRAY_VALUE,
	CONF_AT_ARRAY_VALUE_END,
	CONF_AT_INCLUDE,
	CONF_AT_NOTHING, /* the end or an error was told */
};

struct conf_lex {
	struct str text;
	size_t at;	   /* the next character */
	size_t start;	   /* of the token that is being read */
	size_t width;	   /* of the last character, for one step back */
	size_t line_start; /* the newline before `at` */
	size_t token_line; /* the newline before `start` */
	uint32_t line;
	enum conf_place place;
	enum conf_place stack[CONF_DEPTH_MAX + 2]; /* where to go on behind a value, map, array, block */
	unsigned depth;
	struct buf scratch; /* a string with escapes, or an error's text */
	bool escaped;	    /* scratch holds the first part of the string */
};

void conf_lex_init(struct conf_lex *, struct str text);
void conf_lex_free(struct conf_lex *);
void conf_lex_next(struct conf_lex *, struct conf_token *);

#endif
