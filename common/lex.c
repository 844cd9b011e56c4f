#include "config.h"

#include "common/lex.h"

#include <assert.h>
#include <string.h>

#include "common/conf_char.h"

/* ---- characters ---- */

/* The next character; 0 at the end of the text, and for a NUL, which ends most things too. */
uint32_t
lex_next(struct conf_lex *lx)
{
	uint32_t c;

	lx->width = 0;
	if (lx->at >= lx->text.n)
		return (0);
	if (lx->text.p[lx->at] == '\n') {
		lx->line++;
		lx->line_start = lx->at;
	}
	c = conf_char_decode(lx->text.p + lx->at, lx->text.n - lx->at, &lx->width);
	lx->at += lx->width;
	return (c);
}

/* One step back, once after each lex_next(). */
void
lex_back(struct conf_lex *lx)
{
	assert(lx->at >= lx->width);
	lx->at -= lx->width;
	if (lx->width > 0 && lx->text.p[lx->at] == '\n')
		lx->line--;
	lx->width = 0;
}

uint32_t
lex_peek(struct conf_lex *lx)
{
	uint32_t c = lex_next(lx);

	lex_back(lx);
	return (c);
}

/* What was read so far belongs to no token. */
void
lex_skip(struct conf_lex *lx)
{
	lx->start = lx->at;
	lx->token_line = lx->line_start;
}

struct str
lex_read_so_far(const struct conf_lex *lx)
{
	return ((struct str){ .p = lx->text.p + lx->start, .n = lx->at - lx->start });
}

/* ---- places and tokens ---- */

enum lex_step
lex_go(struct conf_lex *lx, enum conf_place place)
{
	lx->place = place;
	return (LEX_ON);
}

enum lex_step
lex_skip_go(struct conf_lex *lx, enum conf_place place)
{
	lex_skip(lx);
	return (lex_go(lx, place));
}

enum lex_step
lex_error(struct conf_lex *lx, struct conf_token *tok, const char *text)
{
	lx->place = CONF_AT_NOTHING;
	*tok = (struct conf_token){ .kind = CONF_TOKEN_ERROR, .text = str_of(text), .line = lx->line };
	return (LEX_TOLD);
}

/* `before`, the character, `after`. */
enum lex_step
lex_error_char(struct conf_lex *lx, struct conf_token *tok, const char *before, uint32_t c,
    const char *after)
{
	char encoded[4];
	struct str shown = { .p = encoded, .n = conf_char_encode(c, encoded) };

	if (c == '\n')
		shown = STR("\\n");
	if (c == 0) /* nats-server writes the NUL itself; a C string cannot */
		shown = STR("\\x00");
	lx->place = CONF_AT_NOTHING;
	lx->scratch.len = 0;
	if (buf_add_str(&lx->scratch, str_of(before)) != 0 || buf_add_str(&lx->scratch, shown) != 0 ||
	    buf_add_str(&lx->scratch, str_of(after)) != 0)
		return (lex_error(lx, tok, "out of memory"));
	*tok = (struct conf_token){
		.kind = CONF_TOKEN_ERROR, .text = buf_str(&lx->scratch), .line = lx->line
	};
	return (LEX_TOLD);
}

/*
 * Gives what was read so far as a token.  Its column counts back from its end by its length, as
 * nats-server's does: for a string with escapes that is not where it began.
 */
enum lex_step
lex_tell_text(struct conf_lex *lx, struct conf_token *tok, enum conf_token_kind kind, struct str text)
{
	size_t from = lx->token_line + text.n;

	*tok = (struct conf_token){ .kind = kind, .text = text, .line = lx->line };
	tok->column = lx->at > from ? (uint32_t)(lx->at - from) : 0;
	lex_skip(lx);
	return (LEX_TOLD);
}

enum lex_step
lex_tell(struct conf_lex *lx, struct conf_token *tok, enum conf_token_kind kind)
{
	return (lex_tell_text(lx, tok, kind, lex_read_so_far(lx)));
}

/* Goes on behind the value, map, array or block that has just ended. */
void
lex_leave(struct conf_lex *lx)
{
	assert(lx->depth > 0);
	lx->place = lx->stack[--lx->depth];
}

/* Remembers where to go on behind what begins now. */
bool
lex_enter(struct conf_lex *lx, enum conf_place behind)
{
	if (lx->depth >= CONF_DEPTH_MAX)
		return (false);
	lx->stack[lx->depth++] = behind;
	return (true);
}

enum lex_step
lex_error_depth(struct conf_lex *lx, struct conf_token *tok)
{
	return (lex_error(lx, tok, "Maps, arrays and blocks are nested too deep"));
}

enum lex_step
lex_tell_end(struct conf_lex *lx, struct conf_token *tok)
{
	lx->place = CONF_AT_NOTHING;
	return (lex_tell(lx, tok, CONF_TOKEN_END));
}

/* The end of the text, also inside something that may not end there. */
enum lex_step
lex_end_or_error(struct conf_lex *lx, struct conf_token *tok)
{
	if (lx->at > lx->start)
		return (lex_error(lx, tok, "Unexpected EOF."));
	return (lex_tell_end(lx, tok));
}

/* Behind '#', or behind the first '/' of two: reads the comment.  False: a lone slash. */
bool
lex_skip_comment(struct conf_lex *lx, uint32_t first)
{
	uint32_t c;

	if (first == '/' && lex_next(lx) != '/') {
		lex_back(lx);
		return (false);
	}
	while ((c = lex_peek(lx)) != 0 && !conf_char_is_newline(c))
		lex_next(lx);
	lex_skip(lx);
	return (true);
}
