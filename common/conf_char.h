/*
 * conf_char - the classes of characters that the configuration's grammar names (config.md 1.1).
 */
#ifndef COMMON_CONF_CHAR_H
#define COMMON_CONF_CHAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONF_CHAR_INVALID 0xfffdu /* what an invalid byte is matched as */

/*
 * conf_char_decode - the character at p and its bytes in *width; an invalid byte is one character.
 * conf_char_encode - the bytes of c at to (4 are enough); how many.
 */
uint32_t conf_char_decode(const char *p, size_t n, size_t *width);
size_t conf_char_encode(uint32_t c, char *to);

bool conf_char_is_space(uint32_t c); /* Unicode's White_Space */
bool conf_char_is_digit(uint32_t c); /* Unicode's decimal digits */

static inline bool
conf_char_is_blank(uint32_t c)
{
	return (c == ' ' || c == '\t');
}

static inline bool
conf_char_is_newline(uint32_t c)
{
	return (c == '\n' || c == '\r');
}

static inline bool
conf_char_is_separator(uint32_t c)
{
	return (c == '=' || c == ':');
}

#endif
