/*
 * lex - what the configuration's lexer is made of: characters of the text, places, tokens.  For
 * conf_lex.c and conf_lex_value.c only.
 */
#ifndef COMMON_LEX_H
#define COMMON_LEX_H

#include <stdbool.h>
#include <stdint.h>

#include "common/conf_lex.h"

/* What a step of the lexer ends with. */
enum lex_step {
	LEX_ON,	  /* look at the new place */
	LEX_TOLD, /* a token was given */
};

/*
 * lex_next - the next character; 0 at the end of the text, and for a NUL, which ends most things too.
 * lex_back - one step back, once after each lex_next().
 * lex_peek - the next one, which stays the next one.
 * lex_skip - what was read so far belongs to no token.
 */
uint32_t lex_next(struct conf_lex *);
void lex_back(struct conf_lex *);
uint32_t lex_peek(struct conf_lex *);
void lex_skip(struct conf_lex *);
struct str lex_read_so_far(const struct conf_lex *);

/* lex_skip_comment - behind '#', or behind the first '/' of two, given in `first`.  False: a lone
 * slash, and nothing is read. */
bool lex_skip_comment(struct conf_lex *, uint32_t first);

/*
 * lex_go, lex_skip_go - to another place.
 * lex_enter - remembers where to go on behind what begins now; false: too deep.
 * lex_leave - goes on behind the value, map, array or block that has just ended.
 */
enum lex_step lex_go(struct conf_lex *, enum conf_place);
enum lex_step lex_skip_go(struct conf_lex *, enum conf_place);
bool lex_enter(struct conf_lex *, enum conf_place behind);
void lex_leave(struct conf_lex *);

/*
 * lex_tell, lex_tell_text - what was read so far, or text that stands for it, as a token.
 * lex_tell_end - the end of the text.
 * lex_end_or_error - that, or an error when something was read since the last token.
 */
enum lex_step lex_tell(struct conf_lex *, struct conf_token *, enum conf_token_kind);
enum lex_step lex_tell_text(struct conf_lex *, struct conf_token *, enum conf_token_kind, struct str);
enum lex_step lex_tell_end(struct conf_lex *, struct conf_token *);
enum lex_step lex_end_or_error(struct conf_lex *, struct conf_token *);

/* lex_error - a static text; lex_error_char - one with a character in it. */
enum lex_step lex_error(struct conf_lex *, struct conf_token *, const char *text);
enum lex_step lex_error_char(struct conf_lex *, struct conf_token *, const char *before, uint32_t c,
    const char *after);
enum lex_step lex_error_depth(struct conf_lex *, struct conf_token *);

/* conf_lex_value - a value, where one may begin; conf_lex_include - the path of an include. */
enum lex_step conf_lex_value(struct conf_lex *, struct conf_token *);
enum lex_step conf_lex_include(struct conf_lex *, struct conf_token *);

#endif
