#include "config.h"

#include <string.h>
#include <strings.h>

#include "common/conf_char.h"
#include "common/lex.h"
#include "common/num.h"

/* ---- values ---- */

static enum lex_step read_number(struct conf_lex *, struct conf_token *);
static enum lex_step read_negative(struct conf_lex *, struct conf_token *);

static enum lex_step
tell_value(struct conf_lex *lx, struct conf_token *tok, enum conf_token_kind kind)
{
	lex_leave(lx);
	return (lex_tell(lx, tok, kind));
}

/* A string whose closing character is the next one. */
static enum lex_step
tell_closed_string(struct conf_lex *lx, struct conf_token *tok, struct str text)
{
	lex_leave(lx);
	lex_tell_text(lx, tok, CONF_TOKEN_STRING, text);
	lex_next(lx);
	lex_skip(lx);
	return (LEX_TOLD);
}

static enum lex_step
read_raw_string(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c;

	lex_skip(lx);
	while ((c = lex_next(lx)) != '\'')
		if (c == 0)
			return (lex_end_or_error(lx, tok));
	lex_back(lx);
	return (tell_closed_string(lx, tok, lex_read_so_far(lx)));
}

/* The text of a string: what was set aside at its escapes, and the rest.  False: no memory. */
static bool
string_text(struct conf_lex *lx, struct str *text)
{
	if (!lx->escaped) {
		*text = lex_read_so_far(lx);
		return (true);
	}
	if (buf_add_str(&lx->scratch, lex_read_so_far(lx)) != 0)
		return (false);
	*text = buf_str(&lx->scratch);
	return (true);
}

/* Behind "\x".  LEX_ON: *byte is what it says. */
static enum lex_step
read_hex(struct conf_lex *lx, struct conf_token *tok, char *byte)
{
	static const char expected[] = "Expected two hexadecimal digits after '\\x', but ";
	const char *digits;

	if (conf_char_is_newline(lex_next(lx)) || conf_char_is_newline(lex_next(lx))) {
		lx->place = CONF_AT_NOTHING;
		return (lex_error(lx, tok,
		    "Expected two hexadecimal digits after '\\x', but hit end of line"));
	}
	digits = lx->text.p + lx->at - 2;
	if (num_hex_digit(digits[0]) < 0 || num_hex_digit(digits[1]) < 0) {
		lx->scratch.len = 0;
		if (buf_addf(&lx->scratch, "%sgot '%.2s'", expected, digits) != 0)
			return (lex_error(lx, tok, "out of memory"));
		lex_error(lx, tok, "");
		tok->text = buf_str(&lx->scratch);
		return (LEX_TOLD);
	}
	*byte = (char)(num_hex_digit(digits[0]) << 4 | num_hex_digit(digits[1]));
	return (LEX_ON);
}

/* Behind a backslash: sets aside what came before it, and what it stands for. */
static enum lex_step
read_escape(struct conf_lex *lx, struct conf_token *tok)
{
	struct str before = { .p = lx->text.p + lx->start, .n = lx->at - lx->start - 1 };
	uint32_t c;
	char byte;

	if (!lx->escaped)
		lx->scratch.len = 0;
	lx->escaped = true;
	if (buf_add_str(&lx->scratch, before) != 0)
		return (lex_error(lx, tok, "out of memory"));
	c = lex_next(lx);
	if (c == 'x') {
		if (read_hex(lx, tok, &byte) == LEX_TOLD)
			return (LEX_TOLD);
	} else if (c == 't') {
		byte = '\t';
	} else if (c == 'n') {
		byte = '\n';
	} else if (c == 'r') {
		byte = '\r';
	} else if (c == '"' || c == '\\') {
		byte = (char)c;
	} else {
		return (lex_error_char(lx, tok, "Invalid escape character '", c,
		    "'. Only the following escape characters are allowed: \\xXX, \\t, \\n, \\r, \\\", "
		    "\\\\."));
	}
	lx->start = lx->at;
	if (buf_add(&lx->scratch, &byte, 1) != 0)
		return (lex_error(lx, tok, "out of memory"));
	return (LEX_ON);
}

/* Only where nothing was read since the last escape is that the end, and not an error. */
static enum lex_step
string_without_end(struct conf_lex *lx, struct conf_token *tok)
{
	struct str text;

	if (lx->at > lx->start || !string_text(lx, &text))
		return (lex_end_or_error(lx, tok));
	lx->place = CONF_AT_NOTHING;
	return (lex_tell_text(lx, tok, CONF_TOKEN_END, text));
}

static enum lex_step
read_quoted_string(struct conf_lex *lx, struct conf_token *tok)
{
	struct str text;
	uint32_t c;

	lex_skip(lx);
	lx->escaped = false;
	while ((c = lex_next(lx)) != '"') {
		if (c == 0)
			return (string_without_end(lx, tok));
		if (c == '\\' && read_escape(lx, tok) == LEX_TOLD)
			return (LEX_TOLD);
	}
	lex_back(lx);
	if (!string_text(lx, &text))
		return (lex_error(lx, tok, "out of memory"));
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
static enum lex_step
read_bare_string(struct conf_lex *lx, struct conf_token *tok)
{
	struct str text;
	uint32_t c;

	lx->escaped = false;
	while ((c = lex_next(lx)) != '\'' && !ends_bare_string(c))
		if (c == '\\' && read_escape(lx, tok) == LEX_TOLD)
			return (LEX_TOLD);
	lex_back(lx);
	if (!string_text(lx, &text))
		return (lex_error(lx, tok, "out of memory"));
	if (c == '\'')
		return (tell_closed_string(lx, tok, text));
	if (!lx->escaped && is_bool(text))
		return (tell_value(lx, tok, CONF_TOKEN_BOOL));
	if (!lx->escaped && text.n > 0 && text.p[0] == '$') {
		lx->start++;
		return (tell_value(lx, tok, CONF_TOKEN_VARIABLE));
	}
	lex_leave(lx);
	return (lex_tell_text(lx, tok, CONF_TOKEN_STRING, text));
}

/*
 * Behind '(': up to a ')' that begins a line and ends it.  At the end of the file, without a newline
 * behind it, that ')' is part of the string: nats-server's way.
 */
static enum lex_step
read_block_string(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c;

	lex_skip(lx);
	while ((c = lex_next(lx)) != 0) {
		if (c != ')' || lx->text.p[lx->at - 2] != '\n')
			continue;
		c = lex_peek(lx);
		if (c != '\n' && c != 0)
			continue;
		if (c == 0)
			return (tell_value(lx, tok, CONF_TOKEN_STRING));
		lx->at--;
		return (tell_closed_string(lx, tok, lex_read_so_far(lx)));
	}
	return (lex_error(lx, tok, "Unexpected EOF processing block."));
}

enum lex_step
conf_lex_value(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c = lex_next(lx);

	if (conf_char_is_blank(c))
		return (lex_skip_go(lx, CONF_AT_VALUE));
	if (c == '[') {
		lex_skip_go(lx, CONF_AT_ARRAY_VALUE);
		return (lex_tell(lx, tok, CONF_TOKEN_ARRAY));
	}
	if (c == '{') {
		lex_skip_go(lx, CONF_AT_MAP_KEY);
		return (lex_tell(lx, tok, CONF_TOKEN_MAP));
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
		return (lex_error(lx, tok, "Floats must start with a digit"));
	if (conf_char_is_newline(c))
		return (lex_error(lx, tok, "Expected value but found new line"));
	lex_back(lx);
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
static enum lex_step
read_suffix(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c;

	do
		c = lex_next(lx);
	while (c == 'b' || c == 'B' || c == 'i' || c == 'I');
	lex_back(lx);
	if (ends_number(c))
		return (tell_value(lx, tok, CONF_TOKEN_INTEGER));
	return (read_bare_string(lx, tok));
}

/* Behind the point of what may be a float or an address. */
static enum lex_step
read_float(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c = lex_next(lx);

	if (!conf_char_is_digit(c))
		return (lex_error_char(lx, tok, "Floats must have a digit after the '.', but got '", c,
		    "' instead."));
	while (conf_char_is_digit(c))
		c = lex_next(lx);
	if (c != '.') {
		lex_back(lx);
		return (tell_value(lx, tok, CONF_TOKEN_FLOAT));
	}
	while (conf_char_is_digit(c) || c == '.' || c == ':' || c == '-')
		c = lex_next(lx);
	lex_back(lx);
	return (tell_value(lx, tok, CONF_TOKEN_STRING));
}

/* Behind "YYYY-". */
static enum lex_step
read_time(struct conf_lex *lx, struct conf_token *tok)
{
	static const char shape[] = "00-00T00:00:00Z";
	static const char expected[] = "Expected 'T' in ISO8601 datetime, but found '";
	char text[sizeof(expected)];

	for (const char *s = shape; *s != '\0'; s++) {
		uint32_t c = lex_next(lx);

		if (*s == '0' && !conf_char_is_digit(c))
			return (lex_error_char(lx, tok, "Expected digit in ISO8601 datetime, but found '", c,
			    "' instead."));
		if (*s != '0' && c != (uint32_t)*s) {
			memcpy(text, expected, sizeof(text));
			text[strlen("Expected '")] = *s;
			return (lex_error_char(lx, tok, text, c, "' instead."));
		}
	}
	return (tell_value(lx, tok, CONF_TOKEN_TIME));
}

/* Behind the first digit. */
static enum lex_step
read_number(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c;

	while (conf_char_is_digit(c = lex_next(lx)))
		continue;
	if (c == '-') {
		if (lx->at - lx->start != strlen("YYYY-"))
			return (lex_error(lx, tok, "All ISO8601 dates must be in full Zulu form."));
		return (read_time(lx, tok));
	}
	if (c == '.')
		return (read_float(lx, tok));
	if (is_suffix(c))
		return (read_suffix(lx, tok));
	/* anything else makes it a string, even a ']', which it swallows: nats-server's way */
	if (!ends_number(c))
		return (read_bare_string(lx, tok));
	lex_back(lx);
	return (tell_value(lx, tok, CONF_TOKEN_INTEGER));
}

/* Behind '-'. */
static enum lex_step
read_negative(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c = lex_next(lx);

	if (c == '.')
		return (lex_error(lx, tok, "Floats must start with a digit, not '.'."));
	if (!conf_char_is_digit(c))
		return (lex_error_char(lx, tok, "Expected a digit but got '", c, "'."));
	while (conf_char_is_digit(c = lex_next(lx)))
		continue;
	if (c == '.')
		return (read_float(lx, tok));
	if (is_suffix(c))
		return (read_suffix(lx, tok));
	lex_back(lx);
	return (tell_value(lx, tok, CONF_TOKEN_INTEGER));
}

/* ---- includes ---- */

static enum lex_step
read_quoted_include(struct conf_lex *lx, struct conf_token *tok, uint32_t quote, const char *no_end)
{
	uint32_t c;

	lex_skip(lx);
	while ((c = lex_next(lx)) != quote)
		if (c == 0)
			return (lex_error(lx, tok, no_end));
	lex_back(lx);
	tell_closed_string(lx, tok, lex_read_so_far(lx));
	tok->kind = CONF_TOKEN_INCLUDE;
	return (LEX_TOLD);
}

static enum lex_step
read_bare_include(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c;

	do
		c = lex_next(lx);
	while (!conf_char_is_newline(c) && !conf_char_is_blank(c) && c != 0 && c != ';' && c != '}' &&
	    c != '\'');
	lex_back(lx);
	if (c != '\'')
		return (tell_value(lx, tok, CONF_TOKEN_INCLUDE));
	tell_closed_string(lx, tok, lex_read_so_far(lx));
	tok->kind = CONF_TOKEN_INCLUDE;
	return (LEX_TOLD);
}

enum lex_step
conf_lex_include(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c = lex_next(lx);

	if (conf_char_is_blank(c))
		return (lex_skip_go(lx, CONF_AT_INCLUDE));
	if (c == '\'')
		return (read_quoted_include(lx, tok, c, "Unexpected EOF in quoted include"));
	if (c == '"')
		return (read_quoted_include(lx, tok, c, "Unexpected EOF in double quoted include"));
	if (c == '[')
		return (lex_error(lx, tok, "Expected include value but found start of an array"));
	if (c == '{')
		return (lex_error(lx, tok, "Expected include value but found start of a map"));
	if (c == '(')
		return (lex_error(lx, tok, "Expected include value but found start of a block"));
	if (conf_char_is_digit(c) || c == '-')
		return (lex_error(lx, tok, "Expected include value but found start of a number"));
	if (c == '\\')
		return (lex_error(lx, tok, "Expected include value but found escape sequence"));
	if (conf_char_is_newline(c))
		return (lex_error(lx, tok, "Expected include value but found new line"));
	lex_back(lx);
	return (read_bare_include(lx, tok));
}
