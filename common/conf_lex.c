#include "config.h"

#include "common/conf_lex.h"

#include <string.h>
#include <strings.h>

#include "common/conf_char.h"
#include "common/lex.h"

static enum lex_step at_root_key(struct conf_lex *, struct conf_token *);
static enum lex_step at_root_value_end(struct conf_lex *, struct conf_token *);
static enum lex_step at_block_key(struct conf_lex *, struct conf_token *);
static enum lex_step at_block_value_end(struct conf_lex *, struct conf_token *);
static enum lex_step at_block_end(struct conf_lex *, struct conf_token *);
static enum lex_step at_key_end(struct conf_lex *, struct conf_token *);
static enum lex_step at_map_key(struct conf_lex *, struct conf_token *);
static enum lex_step at_map_key_end(struct conf_lex *, struct conf_token *);
static enum lex_step at_map_value(struct conf_lex *, struct conf_token *);
static enum lex_step at_map_value_end(struct conf_lex *, struct conf_token *);
static enum lex_step at_array_value(struct conf_lex *, struct conf_token *);
static enum lex_step at_array_value_end(struct conf_lex *, struct conf_token *);
static enum lex_step at_nothing(struct conf_lex *, struct conf_token *);

static enum lex_step (*const places[])(struct conf_lex *, struct conf_token *) = {
	[CONF_AT_ROOT_KEY] = at_root_key,
	[CONF_AT_ROOT_VALUE_END] = at_root_value_end,
	[CONF_AT_BLOCK_KEY] = at_block_key,
	[CONF_AT_BLOCK_VALUE_END] = at_block_value_end,
	[CONF_AT_BLOCK_END] = at_block_end,
	[CONF_AT_KEY_END] = at_key_end,
	[CONF_AT_VALUE] = conf_lex_value,
	[CONF_AT_MAP_KEY] = at_map_key,
	[CONF_AT_MAP_KEY_END] = at_map_key_end,
	[CONF_AT_MAP_VALUE] = at_map_value,
	[CONF_AT_MAP_VALUE_END] = at_map_value_end,
	[CONF_AT_ARRAY_VALUE] = at_array_value,
	[CONF_AT_ARRAY_VALUE_END] = at_array_value_end,
	[CONF_AT_INCLUDE] = conf_lex_include,
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
	while (places[lx->place](lx, tok) == LEX_ON)
		continue;
}

static enum lex_step
at_nothing(struct conf_lex *lx, struct conf_token *tok)
{
	return (lex_tell_end(lx, tok));
}

/* ---- the root ---- */

static enum lex_step read_key(struct conf_lex *, struct conf_token *);

static enum lex_step
at_root_key(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c = lex_next(lx);

	if (conf_char_is_space(c))
		return (lex_skip_go(lx, CONF_AT_ROOT_KEY));
	if (c == '{') {
		if (!lex_enter(lx, CONF_AT_ROOT_KEY))
			return (lex_error_depth(lx, tok));
		return (lex_skip_go(lx, CONF_AT_BLOCK_KEY));
	}
	if (c == '#' || c == '/') {
		if (lex_skip_comment(lx, c))
			return (LEX_ON);
		return (lex_end_or_error(lx, tok));
	}
	if (c == 0)
		return (lex_end_or_error(lx, tok));
	lex_back(lx);
	if (!lex_enter(lx, CONF_AT_ROOT_VALUE_END))
		return (lex_error_depth(lx, tok));
	return (read_key(lx, tok));
}

static enum lex_step
at_root_value_end(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c = lex_next(lx);

	if (c == '#' || c == '/') {
		if (lex_skip_comment(lx, c))
			lx->place = CONF_AT_ROOT_KEY;
		return (LEX_ON);
	}
	if (conf_char_is_blank(c))
		return (LEX_ON);
	if (conf_char_is_newline(c) || c == 0 || c == ';' || c == ',' || c == '}')
		return (lex_skip_go(lx, CONF_AT_ROOT_KEY));
	return (lex_error_char(lx, tok,
	    "Expected a top-level value to end with a new line, comment or EOF, but got '", c,
	    "' instead."));
}

static enum lex_step
at_block_key(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c = lex_next(lx);

	if (conf_char_is_space(c))
		return (lex_skip_go(lx, CONF_AT_BLOCK_KEY));
	if (c == '{') {
		if (!lex_enter(lx, CONF_AT_BLOCK_END))
			return (lex_error_depth(lx, tok));
		return (lex_skip_go(lx, CONF_AT_BLOCK_KEY));
	}
	if (c == '}') {
		lex_skip(lx);
		lex_leave(lx);
		return (LEX_ON);
	}
	if (c == '#' || c == '/') {
		if (lex_skip_comment(lx, c))
			return (LEX_ON);
		return (lex_end_or_error(lx, tok));
	}
	if (c == 0)
		return (lex_end_or_error(lx, tok));
	lex_back(lx);
	if (!lex_enter(lx, CONF_AT_BLOCK_VALUE_END))
		return (lex_error_depth(lx, tok));
	return (read_key(lx, tok));
}

static enum lex_step
at_block_value_end(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c = lex_next(lx);

	if (c == '#' || c == '/') {
		(void)lex_skip_comment(lx, c);
		return (LEX_ON);
	}
	if (conf_char_is_blank(c))
		return (LEX_ON);
	if (conf_char_is_newline(c) || c == ';' || c == ',')
		return (lex_skip_go(lx, CONF_AT_BLOCK_KEY));
	if (c == '}') {
		lex_back(lx);
		return (lex_go(lx, CONF_AT_BLOCK_END));
	}
	return (lex_error_char(lx, tok,
	    "Expected a block-level value to end with a new line, comment or EOF, but got '", c,
	    "' instead."));
}

static enum lex_step
at_block_end(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c = lex_next(lx);

	if (c == '#' || c == '/') {
		if (lex_skip_comment(lx, c))
			lx->place = CONF_AT_BLOCK_KEY;
		return (LEX_ON);
	}
	if (conf_char_is_newline(c) || conf_char_is_blank(c))
		return (LEX_ON);
	if (c == ';' || c == ',')
		return (lex_skip_go(lx, CONF_AT_BLOCK_KEY));
	if (c == '}') {
		lex_skip(lx);
		lex_leave(lx);
		return (LEX_ON);
	}
	return (lex_error_char(lx, tok, "Expected a block-level to end with a '}', but got '", c,
	    "' instead."));
}

/* ---- keys ---- */

static bool
is_include(struct str key)
{
	return (key.n == 7 && strncasecmp(key.p, "include", 7) == 0);
}

/* A bare key: up to white space, a separator or the end. */
static enum lex_step
read_bare_key(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c;

	lex_skip(lx);
	lex_next(lx);
	while ((c = lex_peek(lx)) != 0 && !conf_char_is_separator(c)) {
		if (!conf_char_is_space(c)) {
			lex_next(lx);
			continue;
		}
		if (!is_include(lex_read_so_far(lx)))
			break;
		return (lex_skip_go(lx, CONF_AT_INCLUDE));
	}
	lx->place = CONF_AT_KEY_END;
	return (lex_tell(lx, tok, CONF_TOKEN_KEY));
}

/* A key between quotes, raw; `behind` is the place after the closing one.  False: no closing one. */
static bool
read_quoted_key(struct conf_lex *lx, struct conf_token *tok, enum conf_place behind)
{
	uint32_t quote = lex_next(lx), c;

	lex_skip(lx);
	while ((c = lex_peek(lx)) != quote) {
		if (c == 0)
			return (false);
		lex_next(lx);
	}
	lex_tell(lx, tok, CONF_TOKEN_KEY);
	lex_next(lx);
	lex_skip_go(lx, behind);
	return (true);
}

static enum lex_step
read_key(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c = lex_peek(lx);

	if (conf_char_is_separator(c))
		return (lex_error_char(lx, tok, "Unexpected key separator '", c, "'"));
	if (c != '"' && c != '\'')
		return (read_bare_key(lx, tok));
	if (!read_quoted_key(lx, tok, CONF_AT_KEY_END))
		return (lex_end_or_error(lx, tok));
	return (LEX_TOLD);
}

static enum lex_step
at_key_end(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c = lex_next(lx);

	if (conf_char_is_space(c))
		return (lex_skip_go(lx, CONF_AT_KEY_END));
	if (conf_char_is_separator(c))
		return (lex_skip_go(lx, CONF_AT_VALUE));
	if (c == 0)
		return (lex_tell_end(lx, tok));
	lex_back(lx);
	return (lex_go(lx, CONF_AT_VALUE));
}

/* ---- maps ---- */

static enum lex_step
read_bare_map_key(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c;

	lex_skip(lx);
	lex_next(lx);
	while (!conf_char_is_separator(c = lex_peek(lx))) {
		if (c == 0)
			return (lex_error(lx, tok, "Unexpected EOF processing map key."));
		if (!conf_char_is_space(c)) {
			lex_next(lx);
			continue;
		}
		if (!is_include(lex_read_so_far(lx)))
			break;
		if (!lex_enter(lx, CONF_AT_MAP_VALUE_END))
			return (lex_error_depth(lx, tok));
		return (lex_skip_go(lx, CONF_AT_INCLUDE));
	}
	lx->place = CONF_AT_MAP_KEY_END;
	return (lex_tell(lx, tok, CONF_TOKEN_KEY));
}

static enum lex_step
end_of_map(struct conf_lex *lx, struct conf_token *tok)
{
	lex_skip(lx);
	lex_leave(lx);
	return (lex_tell(lx, tok, CONF_TOKEN_MAP_END));
}

static enum lex_step
at_map_key(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c = lex_peek(lx);

	if (conf_char_is_separator(c))
		return (lex_error_char(lx, tok, "Unexpected key separator '", c, "'."));
	if (c == ']')
		return (lex_error(lx, tok, "Unexpected array end ']' processing map."));
	if (c == 0)
		return (lex_error(lx, tok, "Unexpected EOF processing map."));
	if (c == '"') {
		if (!read_quoted_key(lx, tok, CONF_AT_MAP_KEY_END))
			return (lex_error(lx, tok, "Unexpected EOF processing double quoted map key."));
		return (LEX_TOLD);
	}
	if (c == '\'') {
		if (!read_quoted_key(lx, tok, CONF_AT_MAP_KEY_END))
			return (lex_error(lx, tok, "Unexpected EOF processing quoted map key."));
		return (LEX_TOLD);
	}
	if (conf_char_is_space(c)) {
		lex_next(lx);
		return (lex_skip_go(lx, CONF_AT_MAP_KEY));
	}
	if (c == '}') {
		lex_next(lx);
		return (end_of_map(lx, tok));
	}
	/* a lone slash is passed over, and whatever comes next begins the key */
	if (c == '#' || c == '/') {
		lex_next(lx);
		if (lex_skip_comment(lx, c))
			return (LEX_ON);
	}
	return (read_bare_map_key(lx, tok));
}

static enum lex_step
at_map_key_end(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c = lex_next(lx);

	(void)tok;
	if (conf_char_is_space(c))
		return (lex_skip_go(lx, CONF_AT_MAP_KEY_END));
	if (conf_char_is_separator(c))
		return (lex_skip_go(lx, CONF_AT_MAP_VALUE));
	lex_back(lx);
	return (lex_go(lx, CONF_AT_MAP_VALUE));
}

static enum lex_step
at_map_value(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c = lex_next(lx);

	if (conf_char_is_space(c))
		return (lex_skip_go(lx, CONF_AT_MAP_VALUE));
	if (c == ',')
		return (lex_error(lx, tok, "Unexpected map value terminator \",\"."));
	if (c == '}')
		return (end_of_map(lx, tok));
	lex_back(lx);
	if (!lex_enter(lx, CONF_AT_MAP_VALUE_END))
		return (lex_error_depth(lx, tok));
	return (lex_go(lx, CONF_AT_VALUE));
}

static enum lex_step
at_map_value_end(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c = lex_next(lx);

	if (conf_char_is_blank(c))
		return (lex_skip_go(lx, CONF_AT_MAP_VALUE_END));
	if (c == '#' || c == '/') {
		if (lex_skip_comment(lx, c))
			return (LEX_ON);
		return (lex_skip_go(lx, CONF_AT_MAP_KEY));
	}
	if (c == ';' || c == ',' || conf_char_is_newline(c))
		return (lex_skip_go(lx, CONF_AT_MAP_KEY));
	if (c == '}')
		return (end_of_map(lx, tok));
	return (lex_error_char(lx, tok,
	    "Expected a map value terminator \",\" or a map terminator \"}\", but got '", c,
	    "' instead."));
}

/* ---- arrays ---- */

static enum lex_step
end_of_array(struct conf_lex *lx, struct conf_token *tok)
{
	lex_skip(lx);
	lex_leave(lx);
	return (lex_tell(lx, tok, CONF_TOKEN_ARRAY_END));
}

static enum lex_step
at_array_value(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c = lex_next(lx);

	if (conf_char_is_space(c))
		return (lex_skip_go(lx, CONF_AT_ARRAY_VALUE));
	if ((c == '#' || c == '/') && lex_skip_comment(lx, c))
		return (LEX_ON);
	if (c == '/' || c == ',')
		return (lex_error(lx, tok, "Unexpected array value terminator ','."));
	if (c == ']')
		return (end_of_array(lx, tok));
	lex_back(lx);
	if (!lex_enter(lx, CONF_AT_ARRAY_VALUE_END))
		return (lex_error_depth(lx, tok));
	return (lex_go(lx, CONF_AT_VALUE));
}

static enum lex_step
at_array_value_end(struct conf_lex *lx, struct conf_token *tok)
{
	uint32_t c = lex_next(lx);

	if (conf_char_is_blank(c))
		return (lex_skip_go(lx, CONF_AT_ARRAY_VALUE_END));
	if (c == '#' || c == '/') {
		if (lex_skip_comment(lx, c))
			return (LEX_ON);
		return (lex_skip_go(lx, CONF_AT_ARRAY_VALUE));
	}
	if (c == ',' || conf_char_is_newline(c))
		return (lex_skip_go(lx, CONF_AT_ARRAY_VALUE));
	if (c == ']')
		return (end_of_array(lx, tok));
	return (lex_error_char(lx, tok,
	    "Expected an array value terminator \",\" or an array terminator \"]\", but got '", c,
	    "' instead."));
}
