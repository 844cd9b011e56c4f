#include "config.h"

#include "common/quote.h"

#include <stdint.h>
#include <stdio.h>

#include "common/conf_char.h"

#define ESCAPE_MAX sizeof("\\U0010ffff")

/* One character; raw says whether it stands for itself. */
static void
escape(uint32_t c, size_t width, uint8_t first, char out[ESCAPE_MAX], int *raw)
{
	static const char names[] = "a\ab\bf\fn\nr\rt\tv\v\"\"\\\\";

	*raw = 0;
	for (const char *n = names; *n != '\0'; n += 2)
		if ((uint8_t)n[1] == c) {
			snprintf(out, ESCAPE_MAX, "\\%c", n[0]);
			return;
		}
	if (c == CONF_CHAR_INVALID && width == 1)
		snprintf(out, ESCAPE_MAX, "\\x%02x", first);
	else if (c < 0x20 || c == 0x7f)
		snprintf(out, ESCAPE_MAX, "\\x%02x", c);
	else if ((c >= 0x80 && c <= 0xa0) || c == 0xad || (c > 0xa0 && conf_char_is_space(c)))
		snprintf(out, ESCAPE_MAX, "\\u%04x", c);
	else
		*raw = 1;
}

const char *
quote(struct str s, char out[QUOTE_TEXT_MAX])
{
	char escaped[ESCAPE_MAX];
	size_t n = 0, width;
	int raw;

	out[n++] = '"';
	for (size_t i = 0; i < s.n; i += width) {
		uint32_t c = conf_char_decode(s.p + i, s.n - i, &width);
		struct str piece;

		escape(c, width, (uint8_t)s.p[i], escaped, &raw);
		piece = raw ? (struct str){ .p = s.p + i, .n = width } : str_of(escaped);
		if (n + piece.n + sizeof("\"") > QUOTE_TEXT_MAX)
			break;
		memcpy(out + n, piece.p, piece.n);
		n += piece.n;
	}
	out[n++] = '"';
	out[n] = '\0';
	return (out);
}
