#include "config.h"

#include "common/conf_lex.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/conf_char.h"

/* What a step of the lexer ends with. */
enum step {
	STEP_ON,   /* look at the new place */
	STEP_TOLD, /* a token was given */
};

static enum step at_root_key(struct conf_lex *, struct conf_token *);
static enum step at_root_value_end(struct conf_lex *, struct conf_token *);
static enum step at_block_key(struct conf_lex *, struct conf_token *);
static enum step at_block_value_end(struct conf_lex *, struct conf_token *);
static enum step at_block_end(struct conf_lex *, struct conf_token *);
static enum step at_key_end(struct conf_lex *, struct conf_token *);
static enum step at_value(struct conf_lex *, struct conf_token *);
static enum step at_map_key(struct conf_lex *, struct conf_token *);
static enum step at_map_key_end(struct conf_lex *, struct conf_token *);
static enum step at_map_value(struct conf_lex *, struct conf_token *);
static enum step at_map_value_end(struct conf_lex *, struct conf_token *);
static enum step at_array_value(struct conf_lex *, struct conf_token *);
static enum step at_array_value_end(struct conf_lex *, struct conf_token *);
static enum step at_include(struct conf_lex *, struct conf_token *);
static enum step at_nothing(struct conf_lex *, struct conf_token *);

static enum step (*const places[])(struct conf_lex *, struct conf_token *) = {
	[CONF_AT_ROOT_KEY] = at_root_key,
	[CONF_AT_ROOT_VALUE_END] = at_root_value_end,
	[CONF_AT_BLOCK_KEY] = at_block_key,
	[CONF_AT_BLOCK_VALUE_END] = at_block_value_end,
	[CONF_AT_BLOCK_END] = at_block_end,
	[CONF_AT_KEY_END] = at_key_end,
	[CONF_AT_VALUE] = at_value,
	[CONF_AT_MAP_KEY] = at_map_key,
	[CONF_AT_MAP_KEY_END] = at_map_key_end,
	[CONF_AT_MAP_VALUE] = at_map_value,
	[CONF_AT_MAP_VALUE_END] = at_map_value_end,
	[CONF_AT_ARRAY_VALUE] = at_array_value,
	[CONF_AT_ARRAY_VALUE_END] = at_array_value_end,
	[CONF_AT_INCLUDE] = at_include,
	[CONF_AT_NOTHING] = at_nothing,
};

void
conf_lex_init(struct conf_lex *lx, struct str text)
{
	*lx = (struct conf_lex){ .text = text, .line = 1, .place = CONF_AT_ROOT_KEY };
	lx->scratch = BUF_INIT(text.n + ERR_TEXT_MAX);
}

void
conf_lex_free(struct conf_lex *lx)
{
	buf_free(&lx->scratch);
}

void
conf_lex_next(struct conf_lex *lx, struct conf_token *tok)
{
	while (places[lx->place](lx, tok) == STEP_ON)
		continue;
}

/* ---- characters ---- */

/* The next character; 0 at the end of the text, and for a NUL, which ends most things too. */
static uint32_t
next(struct conf_lex *lx)
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

/* One step back, once after each next(). */
static void
back(struct conf_lex *lx)
{
	assert(lx->at >= lx->width);
	lx->at -= lx->width;
	if (lx->width > 0 && lx->text.p[lx->at] == '\n')
		lx->line--;
	lx->width = 0;
}

static uint32_t
peek(struct conf_lex *lx)
{
	uint32_t c = next(lx);

	back(lx);
	return (c);
}

/* What was read so far belongs to no token. */
static void
skip(struct conf_lex *lx)
{
	lx->start = lx->at;
	lx->token_line = lx->line_start;
}

static struct str
read_so_far(const struct conf_lex *lx)
{
	return ((struct str){ .p = lx->text.p + lx->start, .n = lx->at - lx->start });
}

/* ---- places and tokens ---- */

static enum step
go(struct conf_lex *lx, enum conf_place place)
{
	lx->place = place;
	return (STEP_ON);
}

static enum step
skip_go(struct conf_lex *lx, enum conf_place place)
{
	skip(lx);
	return (go(lx, place));
}

static enum step
error(struct conf_lex *lx, struct conf_token *tok, const char *text)
{
	lx->place = CONF_AT_NOTHING;
	*tok = (struct conf_token){ .kind = CONF_TOKEN_ERROR, .text = str_of(text), .line = lx->line };
	return (STEP_TOLD);
}

/* `before`, the character, `after`. */
static enum step
error_char(struct conf_lex *lx, struct conf_token *tok, const char *before, uint32_t c,
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
		return (error(lx, tok, "out of memory"));
	*tok = (struct conf_token){
		.kind = CONF_TOKEN_ERROR, .text = buf_str(&lx->scratch), .line = lx->line
	};
	return (STEP_TOLD);
}

/*
 * Gives what was read so far as a token.  Its column counts back from its end by its length, as
 * nats-server's does: for a string with escapes that is not where it began.
 */
static enum step
tell_text(struct conf_lex *lx, struct conf_token *tok, enum conf_token_kind kind, struct str text)
{
	size_t from = lx->token_line + text.n;

	*tok = (struct conf_token){ .kind = kind, .text = text, .line = lx->line };
	tok->column = lx->at > from ? (uint32_t)(lx->at - from) : 0;
	skip(lx);
	return (STEP_TOLD);
}

static enum step
tell(struct conf_lex *lx, struct conf_token *tok, enum conf_token_kind kind)
{
	return (tell_text(lx, tok, kind, read_so_far(lx)));
}

/* Goes on behind the value, map, array or block that has just ended. */
static void
leave(struct conf_lex *lx)
{
	assert(lx->depth > 0);
	lx->place = lx->stack[--lx->depth];
}

/* Remembers where to go on behind what begins now. */
static bool
enter(struct conf_lex *lx, enum conf_place behind)
{
	if (lx->depth >= CONF_DEPTH_MAX)
		return (false);
	lx->stack[lx->depth++] = behind;
	return (true);
}

static enum step
error_depth(struct conf_lex *lx, struct conf_token *tok)
{
	return (error(lx, tok, "Maps, arrays and blocks are nested too deep"));
}

static enum step
tell_end(struct conf_lex *lx, struct conf_token *tok)
{
	lx->place = CONF_AT_NOTHING;
	return (tell(lx, tok, CONF_TOKEN_END));
}

static enum step
at_nothing(struct conf_lex *lx, struct conf_token *tok)
{
	return (tell_end(lx, tok));
}

/* The end of the text, also inside something that may not end there. */
static enum step
end_or_error(struct conf_lex *lx, struct conf_token *tok)
{
	if (lx->at > lx->start)
		return (error(lx, tok, "Unexpected EOF."));
	return (tell_end(lx, tok));
}

/* Behind '#', or behind the first '/' of two: reads the comment.  False: a lone slash. */
static bool
skip_comment(struct conf_lex *lx, uint32_t first)
{
	uint32_t c;

	if (first == '/' && next(lx) != '/') {
		back(lx);
		return (false);
	}
	while ((c = peek(lx)) != 0 && !conf_char_is_newline(c))
		next(lx);
	skip(lx);
	return (true);
}

/* ---- the root ---- */

static enum step read_key(struct conf_lex *, struct conf_token *);

static enum step
at_root_key(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c = next(lx);

	if (conf_char_is_space(c))
		return (skip_go(lx, CONF_AT_ROOT_KEY));
	if (c == '{') {
		if (!enter(lx, CONF_AT_ROOT_KEY))
			return (error_depth(lx, tok));
		return (skip_go(lx, CONF_AT_BLOCK_KEY));
	}
	if (c == '#' || c == '/') {
		if (skip_comment(lx, c))
			return (STEP_ON);
		return (end_or_error(lx, tok));
	}
	if (c == 0)
		return (end_or_error(lx, tok));
	back(lx);
	if (!enter(lx, CONF_AT_ROOT_VALUE_END))
		return (error_depth(lx, tok));
	return (read_key(lx, tok));
}

static enum step
at_root_value_end(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c = next(lx);

	if (c == '#' || c == '/') {
		if (skip_comment(lx, c))
			lx->place = CONF_AT_ROOT_KEY;
		return (STEP_ON);
	}
	if (conf_char_is_blank(c))
		return (STEP_ON);
	if (conf_char_is_newline(c) || c == 0 || c == ';' || c == ',' || c == '}')
		return (skip_go(lx, CONF_AT_ROOT_KEY));
	return (error_char(lx, tok,
	    "Expected a top-level value to end with a new line, comment or EOF, but got '", c,
	    "' instead."));
}

static enum step
at_block_key(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c = next(lx);

	if (conf_char_is_space(c))
		return (skip_go(lx, CONF_AT_BLOCK_KEY));
	if (c == '{') {
		if (!enter(lx, CONF_AT_BLOCK_END))
			return (error_depth(lx, tok));
		return (skip_go(lx, CONF_AT_BLOCK_KEY));
	}
	if (c == '}') {
		skip(lx);
		leave(lx);
		return (STEP_ON);
	}
	if (c == '#' || c == '/') {
		if (skip_comment(lx, c))
			return (STEP_ON);
		return (end_or_error(lx, tok));
	}
	if (c == 0)
		return (end_or_error(lx, tok));
	back(lx);
	if (!enter(lx, CONF_AT_BLOCK_VALUE_END))
		return (error_depth(lx, tok));
	return (read_key(lx, tok));
}

static enum step
at_block_value_end(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c = next(lx);

	if (c == '#' || c == '/') {
		(void)skip_comment(lx, c);
		return (STEP_ON);
	}
	if (conf_char_is_blank(c))
		return (STEP_ON);
	if (conf_char_is_newline(c) || c == ';' || c == ',')
		return (skip_go(lx, CONF_AT_BLOCK_KEY));
	if (c == '}') {
		back(lx);
		return (go(lx, CONF_AT_BLOCK_END));
	}
	return (error_char(lx, tok,
	    "Expected a block-level value to end with a new line, comment or EOF, but got '", c,
	    "' instead."));
}

static enum step
at_block_end(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c = next(lx);

	if (c == '#' || c == '/') {
		if (skip_comment(lx, c))
			lx->place = CONF_AT_BLOCK_KEY;
		return (STEP_ON);
	}
	if (conf_char_is_newline(c) || conf_char_is_blank(c))
		return (STEP_ON);
	if (c == ';' || c == ',')
		return (skip_go(lx, CONF_AT_BLOCK_KEY));
	if (c == '}') {
		skip(lx);
		leave(lx);
		return (STEP_ON);
	}
	return (error_char(lx, tok, "Expected a block-level to end with a '}', but got '", c,
	    "' instead."));
}

/* ---- keys ---- */

static bool
is_include(struct str key)
{
	return (key.n == 7 && strncasecmp(key.p, "include", 7) == 0);
}

/* A bare key: up to white space, a separator or the end. */
static enum step
read_bare_key(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c;

	skip(lx);
	next(lx);
	while ((c = peek(lx)) != 0 && !conf_char_is_separator(c)) {
		if (!conf_char_is_space(c)) {
			next(lx);
			continue;
		}
		if (!is_include(read_so_far(lx)))
			break;
		return (skip_go(lx, CONF_AT_INCLUDE));
	}
	lx->place = CONF_AT_KEY_END;
	return (tell(lx, tok, CONF_TOKEN_KEY));
}

/* A key between quotes, raw; `behind` is the place after the closing one.  False: no closing one. */
static bool
read_quoted_key(struct conf_lex *lx, struct conf_token *tok, enum conf_place behind)
{
	uint32_t quote = next(lx), c;

	skip(lx);
	while ((c = peek(lx)) != quote) {
		if (c == 0)
			return (false);
		next(lx);
	}
	tell(lx, tok, CONF_TOKEN_KEY);
	next(lx);
	skip_go(lx, behind);
	return (true);
}

static enum step
read_key(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c = peek(lx);

	if (conf_char_is_separator(c))
		return (error_char(lx, tok, "Unexpected key separator '", c, "'"));
	if (c != '"' && c != '\'')
		return (read_bare_key(lx, tok));
	if (!read_quoted_key(lx, tok, CONF_AT_KEY_END))
		return (end_or_error(lx, tok));
	return (STEP_TOLD);
}

static enum step
at_key_end(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c = next(lx);

	if (conf_char_is_space(c))
		return (skip_go(lx, CONF_AT_KEY_END));
	if (conf_char_is_separator(c))
		return (skip_go(lx, CONF_AT_VALUE));
	if (c == 0)
		return (tell_end(lx, tok));
	back(lx);
	return (go(lx, CONF_AT_VALUE));
}

/* ---- maps ---- */

static enum step
read_bare_map_key(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c;

	skip(lx);
	next(lx);
	while (!conf_char_is_separator(c = peek(lx))) {
		if (c == 0)
			return (error(lx, tok, "Unexpected EOF processing map key."));
		if (!conf_char_is_space(c)) {
			next(lx);
			continue;
		}
		if (!is_include(read_so_far(lx)))
			break;
		if (!enter(lx, CONF_AT_MAP_VALUE_END))
			return (error_depth(lx, tok));
		return (skip_go(lx, CONF_AT_INCLUDE));
	}
	lx->place = CONF_AT_MAP_KEY_END;
	return (tell(lx, tok, CONF_TOKEN_KEY));
}

static enum step
end_of_map(struct conf_lex *lx, struct conf_token *tok)
{
	skip(lx);
	leave(lx);
	return (tell(lx, tok, CONF_TOKEN_MAP_END));
}

static enum step
at_map_key(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c = peek(lx);

	if (conf_char_is_separator(c))
		return (error_char(lx, tok, "Unexpected key separator '", c, "'."));
	if (c == ']')
		return (error(lx, tok, "Unexpected array end ']' processing map."));
	if (c == 0)
		return (error(lx, tok, "Unexpected EOF processing map."));
	if (c == '"') {
		if (!read_quoted_key(lx, tok, CONF_AT_MAP_KEY_END))
			return (error(lx, tok, "Unexpected EOF processing double quoted map key."));
		return (STEP_TOLD);
	}
	if (c == '\'') {
		if (!read_quoted_key(lx, tok, CONF_AT_MAP_KEY_END))
			return (error(lx, tok, "Unexpected EOF processing quoted map key."));
		return (STEP_TOLD);
	}
	if (conf_char_is_space(c)) {
		next(lx);
		return (skip_go(lx, CONF_AT_MAP_KEY));
	}
	if (c == '}') {
		next(lx);
		return (end_of_map(lx, tok));
	}
	/* a lone slash is passed over, and whatever comes next begins the key */
	if (c == '#' || c == '/') {
		next(lx);
		if (skip_comment(lx, c))
			return (STEP_ON);
	}
	return (read_bare_map_key(lx, tok));
}

static enum step
at_map_key_end(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c = next(lx);

	(void)tok;
	if (conf_char_is_space(c))
		return (skip_go(lx, CONF_AT_MAP_KEY_END));
	if (conf_char_is_separator(c))
		return (skip_go(lx, CONF_AT_MAP_VALUE));
	back(lx);
	return (go(lx, CONF_AT_MAP_VALUE));
}

static enum step
at_map_value(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c = next(lx);

	if (conf_char_is_space(c))
		return (skip_go(lx, CONF_AT_MAP_VALUE));
	if (c == ',')
		return (error(lx, tok, "Unexpected map value terminator \",\"."));
	if (c == '}')
		return (end_of_map(lx, tok));
	back(lx);
	if (!enter(lx, CONF_AT_MAP_VALUE_END))
		return (error_depth(lx, tok));
	return (go(lx, CONF_AT_VALUE));
}

static enum step
at_map_value_end(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c = next(lx);

	if (conf_char_is_blank(c))
		return (skip_go(lx, CONF_AT_MAP_VALUE_END));
	if (c == '#' || c == '/') {
		if (skip_comment(lx, c))
			return (STEP_ON);
		return (skip_go(lx, CONF_AT_MAP_KEY));
	}
	if (c == ';' || c == ',' || conf_char_is_newline(c))
		return (skip_go(lx, CONF_AT_MAP_KEY));
	if (c == '}')
		return (end_of_map(lx, tok));
	return (error_char(lx, tok,
	    "Expected a map value terminator \",\" or a map terminator \"}\", but got '", c,
	    "' instead."));
}

/* ---- arrays ---- */

static enum step
end_of_array(struct conf_lex *lx, struct conf_token *tok)
{
	skip(lx);
	leave(lx);
	return (tell(lx, tok, CONF_TOKEN_ARRAY_END));
}

static enum step
at_array_value(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c = next(lx);

	if (conf_char_is_space(c))
		return (skip_go(lx, CONF_AT_ARRAY_VALUE));
	if ((c == '#' || c == '/') && skip_comment(lx, c))
		return (STEP_ON);
	if (c == '/' || c == ',')
		return (error(lx, tok, "Unexpected array value terminator ','."));
	if (c == ']')
		return (end_of_array(lx, tok));
	back(lx);
	if (!enter(lx, CONF_AT_ARRAY_VALUE_END))
		return (error_depth(lx, tok));
	return (go(lx, CONF_AT_VALUE));
}

static enum step
at_array_value_end(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c = next(lx);

	if (conf_char_is_blank(c))
		return (skip_go(lx, CONF_AT_ARRAY_VALUE_END));
	if (c == '#' || c == '/') {
		if (skip_comment(lx, c))
			return (STEP_ON);
		return (skip_go(lx, CONF_AT_ARRAY_VALUE));
	}
	if (c == ',' || conf_char_is_newline(c))
		return (skip_go(lx, CONF_AT_ARRAY_VALUE));
	if (c == ']')
		return (end_of_array(lx, tok));
	return (error_char(lx, tok,
	    "Expected an array value terminator \",\" or an array terminator \"]\", but got '", c,
	    "' instead."));
}

/* ---- values ---- */

static enum step read_number(struct conf_lex *, struct conf_token *);
static enum step read_negative(struct conf_lex *, struct conf_token *);

static enum step
tell_value(struct conf_lex *lx, struct conf_token *tok, enum conf_token_kind kind)
{
	leave(lx);
	return (tell(lx, tok, kind));
}

/* A string whose closing character is the next one. */
static enum step
tell_closed_string(struct conf_lex *lx, struct conf_token *tok, struct str text)
{
	leave(lx);
	tell_text(lx, tok, CONF_TOKEN_STRING, text);
	next(lx);
	skip(lx);
	return (STEP_TOLD);
}

static enum step
read_raw_string(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c;

	skip(lx);
	while ((c = next(lx)) != '\'')
		if (c == 0)
			return (end_or_error(lx, tok));
	back(lx);
	return (tell_closed_string(lx, tok, read_so_far(lx)));
}

/* The text of a string: what was set aside at its escapes, and the rest.  False: no memory. */
static bool
string_text(struct conf_lex *lx, struct str *text)
{
	if (!lx->escaped) {
		*text = read_so_far(lx);
		return (true);
	}
	if (buf_add_str(&lx->scratch, read_so_far(lx)) != 0)
		return (false);
	*text = buf_str(&lx->scratch);
	return (true);
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (c - '0');
	if (c >= 'a' && c <= 'f')
		return (c - 'a' + 10);
	if (c >= 'A' && c <= 'F')
		return (c - 'A' + 10);
	return (-1);
}

/* Behind "\x".  STEP_ON: *byte is what it says. */
static enum step
read_hex(struct conf_lex *lx, struct conf_token *tok, char *byte)
{
	static const char expected[] = "Expected two hexadecimal digits after '\\x', but ";
	const char *digits;

	if (conf_char_is_newline(next(lx)) || conf_char_is_newline(next(lx))) {
		lx->place = CONF_AT_NOTHING;
		return (error(lx, tok,
		    "Expected two hexadecimal digits after '\\x', but hit end of line"));
	}
	digits = lx->text.p + lx->at - 2;
	if (hex_digit(digits[0]) < 0 || hex_digit(digits[1]) < 0) {
		lx->scratch.len = 0;
		if (buf_addf(&lx->scratch, "%sgot '%.2s'", expected, digits) != 0)
			return (error(lx, tok, "out of memory"));
		error(lx, tok, "");
		tok->text = buf_str(&lx->scratch);
		return (STEP_TOLD);
	}
	*byte = (char)(hex_digit(digits[0]) << 4 | hex_digit(digits[1]));
	return (STEP_ON);
}

/* Behind a backslash: sets aside what came before it, and what it stands for. */
static enum step
read_escape(struct conf_lex *lx, struct conf_token *tok)
{
	struct str before = { .p = lx->text.p + lx->start, .n = lx->at - lx->start - 1 };
	uint32_t c;
	char byte;

	if (!lx->escaped)
		lx->scratch.len = 0;
	lx->escaped = true;
	if (buf_add_str(&lx->scratch, before) != 0)
		return (error(lx, tok, "out of memory"));
	c = next(lx);
	if (c == 'x') {
		if (read_hex(lx, tok, &byte) == STEP_TOLD)
			return (STEP_TOLD);
	} else if (c == 't') {
		byte = '\t';
	} else if (c == 'n') {
		byte = '\n';
	} else if (c == 'r') {
		byte = '\r';
	} else if (c == '"' || c == '\\') {
		byte = (char)c;
	} else {
		return (error_char(lx, tok, "Invalid escape character '", c,
		    "'. Only the following escape characters are allowed: \\xXX, \\t, \\n, \\r, \\\", "
		    "\\\\."));
	}
	lx->start = lx->at;
	if (buf_add(&lx->scratch, &byte, 1) != 0)
		return (error(lx, tok, "out of memory"));
	return (STEP_ON);
}

/* Only where nothing was read since the last escape is that the end, and not an error. */
static enum step
string_without_end(struct conf_lex *lx, struct conf_token *tok)
{
	struct str text;

	if (lx->at > lx->start || !string_text(lx, &text))
		return (end_or_error(lx, tok));
	lx->place = CONF_AT_NOTHING;
	return (tell_text(lx, tok, CONF_TOKEN_END, text));
}

static enum step
read_quoted_string(struct conf_lex *lx, struct conf_token *tok)
{
	struct str text;
	uint32_t c;

	skip(lx);
	lx->escaped = false;
	while ((c = next(lx)) != '"') {
		if (c == 0)
			return (string_without_end(lx, tok));
		if (c == '\\' && read_escape(lx, tok) == STEP_TOLD)
			return (STEP_TOLD);
	}
	back(lx);
	if (!string_text(lx, &text))
		return (error(lx, tok, "out of memory"));
	return (tell_closed_string(lx, tok, text));
}

static bool
is_bool(struct str s)
{
	static const char *const words[] = { "true", "false", "on", "off", "yes", "no" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (s.n == strlen(words[i]) && strncasecmp(s.p, words[i], s.n) == 0)
			return (true);
	return (false);
}

static bool
ends_bare_string(uint32_t c)
{
	return (conf_char_is_newline(c) || conf_char_is_blank(c) || c == 0 || c == ';' || c == ',' ||
	    c == ']' || c == '}');
}

/* The rest of a bare string: what it means is decided when all of it is known. */
static enum step
read_bare_string(struct conf_lex *lx, struct conf_token *tok)
{
	struct str text;
	uint32_t c;

	lx->escaped = false;
	while ((c = next(lx)) != '\'' && !ends_bare_string(c))
		if (c == '\\' && read_escape(lx, tok) == STEP_TOLD)
			return (STEP_TOLD);
	back(lx);
	if (!string_text(lx, &text))
		return (error(lx, tok, "out of memory"));
	if (c == '\'')
		return (tell_closed_string(lx, tok, text));
	if (!lx->escaped && is_bool(text))
		return (tell_value(lx, tok, CONF_TOKEN_BOOL));
	if (!lx->escaped && text.n > 0 && text.p[0] == '$') {
		lx->start++;
		return (tell_value(lx, tok, CONF_TOKEN_VARIABLE));
	}
	leave(lx);
	return (tell_text(lx, tok, CONF_TOKEN_STRING, text));
}

/*
 * Behind '(': up to a ')' that begins a line and ends it.  At the end of the file, without a newline
 * behind it, that ')' is part of the string: nats-server's way.
 */
static enum step
read_block_string(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c;

	skip(lx);
	while ((c = next(lx)) != 0) {
		if (c != ')' || lx->text.p[lx->at - 2] != '\n')
			continue;
		c = peek(lx);
		if (c != '\n' && c != 0)
			continue;
		if (c == 0)
			return (tell_value(lx, tok, CONF_TOKEN_STRING));
		lx->at--;
		return (tell_closed_string(lx, tok, read_so_far(lx)));
	}
	return (error(lx, tok, "Unexpected EOF processing block."));
}

static enum step
at_value(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c = next(lx);

	if (conf_char_is_blank(c))
		return (skip_go(lx, CONF_AT_VALUE));
	if (c == '[') {
		skip_go(lx, CONF_AT_ARRAY_VALUE);
		return (tell(lx, tok, CONF_TOKEN_ARRAY));
	}
	if (c == '{') {
		skip_go(lx, CONF_AT_MAP_KEY);
		return (tell(lx, tok, CONF_TOKEN_MAP));
	}
	if (c == '\'')
		return (read_raw_string(lx, tok));
	if (c == '"')
		return (read_quoted_string(lx, tok));
	if (c == '-')
		return (read_negative(lx, tok));
	if (c == '(')
		return (read_block_string(lx, tok));
	if (conf_char_is_digit(c))
		return (read_number(lx, tok));
	if (c == '.')
		return (error(lx, tok, "Floats must start with a digit"));
	if (conf_char_is_newline(c))
		return (error(lx, tok, "Expected value but found new line"));
	back(lx);
	return (read_bare_string(lx, tok));
}

/* ---- numbers, and what begins like one ---- */

static bool
ends_number(uint32_t c)
{
	return (conf_char_is_newline(c) || conf_char_is_blank(c) || c == 0 || c == ';' || c == ',' ||
	    c == '}');
}

static bool
is_suffix(uint32_t c)
{
	return (c != 0 && c < 0x80 && strchr("kKmMgGtTpPeE", (int)c) != NULL);
}

/* Behind a size's letter. */
static enum step
read_suffix(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c;

	do
		c = next(lx);
	while (c == 'b' || c == 'B' || c == 'i' || c == 'I');
	back(lx);
	if (ends_number(c))
		return (tell_value(lx, tok, CONF_TOKEN_INTEGER));
	return (read_bare_string(lx, tok));
}

/* Behind the point of what may be a float or an address. */
static enum step
read_float(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c = next(lx);

	if (!conf_char_is_digit(c))
		return (error_char(lx, tok, "Floats must have a digit after the '.', but got '", c,
		    "' instead."));
	while (conf_char_is_digit(c))
		c = next(lx);
	if (c != '.') {
		back(lx);
		return (tell_value(lx, tok, CONF_TOKEN_FLOAT));
	}
	while (conf_char_is_digit(c) || c == '.' || c == ':' || c == '-')
		c = next(lx);
	back(lx);
	return (tell_value(lx, tok, CONF_TOKEN_STRING));
}

/* Behind "YYYY-". */
static enum step
read_time(struct conf_lex *lx, struct conf_token *tok)
{
	static const char shape[] = "00-00T00:00:00Z";
	static const char expected[] = "Expected 'T' in ISO8601 datetime, but found '";
	char text[sizeof(expected)];

	for (const char *s = shape; *s != '\0'; s++) {
		uint32_t c = next(lx);

		if (*s == '0' && !conf_char_is_digit(c))
			return (error_char(lx, tok, "Expected digit in ISO8601 datetime, but found '", c,
			    "' instead."));
		if (*s != '0' && c != (uint32_t)*s) {
			memcpy(text, expected, sizeof(text));
			text[strlen("Expected '")] = *s;
			return (error_char(lx, tok, text, c, "' instead."));
		}
	}
	return (tell_value(lx, tok, CONF_TOKEN_TIME));
}

/* Behind the first digit. */
static enum step
read_number(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c;

	while (conf_char_is_digit(c = next(lx)))
		continue;
	if (c == '-') {
		if (lx->at - lx->start != strlen("YYYY-"))
			return (error(lx, tok, "All ISO8601 dates must be in full Zulu form."));
		return (read_time(lx, tok));
	}
	if (c == '.')
		return (read_float(lx, tok));
	if (is_suffix(c))
		return (read_suffix(lx, tok));
	/* anything else makes it a string, even a ']', which it swallows: nats-server's way */
	if (!ends_number(c))
		return (read_bare_string(lx, tok));
	back(lx);
	return (tell_value(lx, tok, CONF_TOKEN_INTEGER));
}

/* Behind '-'. */
static enum step
read_negative(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c = next(lx);

	if (c == '.')
		return (error(lx, tok, "Floats must start with a digit, not '.'."));
	if (!conf_char_is_digit(c))
		return (error_char(lx, tok, "Expected a digit but got '", c, "'."));
	while (conf_char_is_digit(c = next(lx)))
		continue;
	if (c == '.')
		return (read_float(lx, tok));
	if (is_suffix(c))
		return (read_suffix(lx, tok));
	back(lx);
	return (tell_value(lx, tok, CONF_TOKEN_INTEGER));
}

/* ---- includes ---- */

static enum step
read_quoted_include(struct conf_lex *lx, struct conf_token *tok, uint32_t quote, const char *no_end)
{
	uint32_t c;

	skip(lx);
	while ((c = next(lx)) != quote)
		if (c == 0)
			return (error(lx, tok, no_end));
	back(lx);
	tell_closed_string(lx, tok, read_so_far(lx));
	tok->kind = CONF_TOKEN_INCLUDE;
	return (STEP_TOLD);
}

static enum step
read_bare_include(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c;

	do
		c = next(lx);
	while (!conf_char_is_newline(c) && !conf_char_is_blank(c) && c != 0 && c != ';' && c != '}' &&
	    c != '\'');
	back(lx);
	if (c != '\'')
		return (tell_value(lx, tok, CONF_TOKEN_INCLUDE));
	tell_closed_string(lx, tok, read_so_far(lx));
	tok->kind = CONF_TOKEN_INCLUDE;
	return (STEP_TOLD);
}

static enum step
at_include(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c = next(lx);

	if (conf_char_is_blank(c))
		return (skip_go(lx, CONF_AT_INCLUDE));
	if (c == '\'')
		return (read_quoted_include(lx, tok, c, "Unexpected EOF in quoted include"));
	if (c == '"')
		return (read_quoted_include(lx, tok, c, "Unexpected EOF in double quoted include"));
	if (c == '[')
		return (error(lx, tok, "Expected include value but found start of an array"));
	if (c == '{')
		return (error(lx, tok, "Expected include value but found start of a map"));
	if (c == '(')
		return (error(lx, tok, "Expected include value but found start of a block"));
	if (conf_char_is_digit(c) || c == '-')
		return (error(lx, tok, "Expected include value but found start of a number"));
	if (c == '\\')
		return (error(lx, tok, "Expected include value but found escape sequence"));
	if (conf_char_is_newline(c))
		return (error(lx, tok, "Expected include value but found new line"));
	back(lx);
	return (read_bare_include(lx, tok));
}
