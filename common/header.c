#include "config.h"

#include "common/header.h"

#define STATUS_LINE "NATS/1.0\r\n"

static bool next_line(struct str block, size_t *at, struct str *line);
static bool line_has_key(struct str line, struct str key);
static struct str trim(struct str);
static int add_value(struct buf *, struct str value);

struct str
header_get(struct str block, struct str key)
{
	struct str line, value;
	size_t at = 0;
	bool first = true;

	while (next_line(block, &at, &line)) {
		if (!first && line_has_key(line, key)) {
			value = (struct str){ .p = line.p + key.n + 1, .n = line.n - key.n - 1 };
			while (value.n > 0 && value.p[0] == ' ') {
				value.p++;
				value.n--;
			}
			return (value);
		}
		first = false;
	}
	return (STR_NONE);
}

int
header_set(struct buf *out, struct str block, struct str key, struct str value)
{
	struct str line;
	size_t at = 0;
	bool first = true;

	out->len = 0;
	if (block.n == 0 || str_starts(block, STR("\r\n")))
		block = STR(STATUS_LINE); /* there is none, or none that deserves the name */
	while (next_line(block, &at, &line) && line.n > 0) {
		if (first || !line_has_key(line, key)) {
			if (buf_add_str(out, line) != 0 || buf_add_str(out, STR("\r\n")) != 0)
				return (-1);
		}
		first = false;
	}
	if (buf_add_str(out, key) != 0 || buf_add_str(out, STR(": ")) != 0 ||
	    add_value(out, value) != 0)
		return (-1);
	return (buf_add_str(out, STR("\r\n\r\n")));
}

bool
header_next(struct str block, size_t *at, struct str *key, struct str *value)
{
	struct str line;
	const char *colon;

	if (*at == 0 && !next_line(block, at, &line))
		return (false);
	if (!next_line(block, at, &line) || *at > block.n || line.n == 0)
		return (false);
	if ((colon = memchr(line.p, ':', line.n)) == NULL)
		return (false);
	*key = (struct str){ .p = line.p, .n = (size_t)(colon - line.p) };
	*value = trim((struct str){ .p = colon + 1, .n = line.n - key->n - 1 });
	return (true);
}

/* What lies before the next CRLF; *at goes behind it, or behind the end when it is missing. */
static bool
next_line(struct str block, size_t *at, struct str *line)
{
	const char *from, *end, *p;

	if (*at >= block.n)
		return (false);
	from = block.p + *at;
	end = block.p + block.n;
	for (p = from; p < end; p++) {
		p = memchr(p, '\r', (size_t)(end - p));
		if (p == NULL)
			break;
		if (p + 1 < end && p[1] == '\n') {
			*line = (struct str){ .p = from, .n = (size_t)(p - from) };
			*at += line->n + 2;
			return (true);
		}
	}
	*line = (struct str){ .p = from, .n = (size_t)(end - from) };
	*at = block.n + 1;
	return (true);
}

static bool
line_has_key(struct str line, struct str key)
{
	return (line.n > key.n && str_starts(line, key) && line.p[key.n] == ':');
}

static bool
is_blank(char c)
{
	return (c == ' ' || c == '\t');
}

static struct str
trim(struct str s)
{
	while (s.n > 0 && is_blank(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	return (s);
}

static int
add_value(struct buf *out, struct str value)
{
	uint8_t *to = buf_room(out, value.n);
	size_t i;

	if (to == NULL && value.n > 0)
		return (-1);
	for (i = 0; i < value.n; i++)
		to[i] = value.p[i] == '\r' || value.p[i] == '\n' ? ' ' : (uint8_t)value.p[i];
	out->len += value.n;
	return (0);
}
