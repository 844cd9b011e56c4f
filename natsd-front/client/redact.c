#include "config.h"

#include <stdbool.h>
#include <strings.h>

#include "natsd-front/client/redact.h"

/*
 * A text, not a syntax: the line may be anything.  A key is found where it stands, then what looks
 * like `" : "`, then the value up to a quote, comma, brace or line end.
 */
struct key {
	struct str name;
	bool prefix; /* longer names too, and inside of names */
};

static const struct key keys[] = {
	{ { "auth_token", 10 }, true },
	{ { "pass", 4 }, true },
	{ { "proxy_sig", 9 }, false },
	{ { "nkey", 4 }, false },
	{ { "sig", 3 }, false },
};

static bool
is_space(char b)
{
	return (b == ' ' || (b >= '\t' && b <= '\r' && b != '\v'));
}

static bool
is_word(char b)
{
	return (b == '_' || (b >= '0' && b <= '9') || ((b | 0x20) >= 'a' && (b | 0x20) <= 'z'));
}

static size_t
skip_spaces(struct str s, size_t at)
{
	while (at < s.n && is_space(s.p[at]))
		at++;
	return (at);
}

/* `" : "` or less of it at `at`: where the value begins; 0: something else stands there. */
static size_t
colon(struct str s, size_t at)
{
	if (at < s.n && s.p[at] == '"')
		at++;
	at = skip_spaces(s, at);
	if (at == s.n || (s.p[at] != ':' && s.p[at] != '='))
		return (0);
	at = skip_spaces(s, at + 1);
	return (at < s.n && s.p[at] == '"' ? at + 1 : at);
}

/* The key at `at`: where its value begins, or 0. */
static size_t
value_of(struct str s, size_t at, const struct key *k)
{
	size_t value;

	if (s.n - at < k->name.n || strncasecmp(s.p + at, k->name.p, k->name.n) != 0)
		return (0);
	if (!k->prefix && at > 0 && is_word(s.p[at - 1]))
		return (0);
	at += k->name.n;
	while ((value = colon(s, at)) == 0 && k->prefix && at < s.n && !is_space(s.p[at]))
		at++;
	return (value);
}

static size_t
secret_at(struct str s, size_t at)
{
	size_t i, value;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if ((value = value_of(s, at, &keys[i])) != 0)
			return (value);
	return (0);
}

static size_t
value_end(struct str s, size_t at)
{
	while (at < s.n && s.p[at] != '"' && s.p[at] != ',' && s.p[at] != '\r' && s.p[at] != '\n' &&
	    s.p[at] != '}')
		at++;
	return (at);
}

static size_t
put(char *out, size_t size, size_t n, const char *p, size_t bytes)
{
	if (bytes > size - n)
		bytes = size - n;
	memcpy(out + n, p, bytes);
	return (n + bytes);
}

size_t
redact(char *out, size_t size, struct str s)
{
	static const struct str mark = { "[REDACTED]", 10 };
	size_t n = 0, at = 0, value;

	while (at < s.n && n < size) {
		value = secret_at(s, at);
		if (value == 0) {
			n = put(out, size, n, s.p + at, 1);
			at++;
			continue;
		}
		n = put(out, size, n, s.p + at, value - at);
		n = put(out, size, n, mark.p, mark.n);
		at = value_end(s, value);
	}
	return (n);
}
