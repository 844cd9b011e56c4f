#include "config.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "common/subject.h"
#include "common/utf8.h"

static bool token_is(struct str token, char c);
static bool token_is_wildcard(struct str token);
static bool has_space(struct str token);
static bool utf8_clean(struct str);
static bool any_wildcard(struct str, bool *tail);

bool
subject_valid(struct str s)
{
	struct subject_iter it = subject_iter(s);
	struct str token;
	bool ended = false;

	while (subject_next(&it, &token)) {
		if (token.n == 0 || ended || has_space(token))
			return (false);
		ended = token_is(token, '>');
	}
	return (true);
}

bool
subject_valid_runes(struct str s)
{
	return (subject_valid(s) && utf8_clean(s));
}

bool
subject_valid_sub(struct str s)
{
	struct subject_iter it = subject_iter(s);
	struct str token;
	bool ended = false;

	while (subject_next(&it, &token)) {
		if (token.n == 0 || ended)
			return (false);
		ended = token_is(token, '>');
	}
	return (true);
}

bool
subject_valid_literal(struct str s)
{
	struct subject_iter it = subject_iter(s);
	struct str token;

	while (subject_next(&it, &token)) {
		if (token.n == 0 || token_is_wildcard(token))
			return (false);
	}
	return (true);
}

bool
subject_valid_publish(struct str s)
{
	return (subject_valid(s) && !subject_has_wildcard(s));
}

bool
subject_has_wildcard(struct str s)
{
	bool tail;

	return (any_wildcard(s, &tail));
}

unsigned
subject_tokens(struct str s)
{
	unsigned n = 1;
	size_t i;

	for (i = 0; i < s.n; i++)
		n += s.p[i] == '.';
	return (n);
}

struct subject_iter
subject_iter(struct str s)
{
	return ((struct subject_iter){ .rest = s, .more = true });
}

bool
subject_next(struct subject_iter *it, struct str *token)
{
	const char *dot;

	if (!it->more)
		return (false);
	dot = it->rest.n == 0 ? NULL : memchr(it->rest.p, '.', it->rest.n);
	if (dot == NULL) {
		*token = it->rest;
		it->rest = STR_NONE;
		it->more = false;
		return (true);
	}
	*token = (struct str){ .p = it->rest.p, .n = (size_t)(dot - it->rest.p) };
	it->rest.p += token->n + 1;
	it->rest.n -= token->n + 1;
	return (true);
}

bool
subject_matches(struct str literal, struct str pattern)
{
	struct subject_iter li = subject_iter(literal), pi = subject_iter(pattern);
	struct str lt, pt;
	bool tail = false;

	while (subject_next(&li, &lt)) {
		if (lt.n == 0)
			return (false);
		if (tail)
			continue;
		if (!subject_next(&pi, &pt))
			return (false);
		if (token_is(pt, '>') && !pi.more)
			tail = true;
		else if (!token_is(pt, '*') && !str_eq(lt, pt))
			return (false);
	}
	return (!pi.more);
}

bool
subject_subset(struct str a, struct str b)
{
	struct subject_iter ai = subject_iter(a), bi = subject_iter(b);
	struct str at, bt;

	while (subject_next(&bi, &bt)) {
		if (!subject_next(&ai, &at) || bt.n == 0)
			return (false);
		if (token_is(bt, '>'))
			return (true);
		if (at.n == 0 || token_is(at, '>'))
			return (false);
		if (!token_is(bt, '*') && !str_eq(at, bt))
			return (false);
	}
	return (!ai.more);
}

/* As nats-server has it: between two patterns a token that merely begins with * or > collides. */
static bool
tokens_collide(struct str a, struct str b)
{
	if (a.n == 0 || b.n == 0)
		return (false);
	if (a.p[0] == '*' || a.p[0] == '>' || b.p[0] == '*' || b.p[0] == '>')
		return (true);
	return (str_eq(a, b));
}

bool
subject_collide(struct str a, struct str b)
{
	struct subject_iter ai = subject_iter(a), bi = subject_iter(b);
	struct str at, bt;
	bool a_wild, b_wild, a_tail, b_tail;

	if (str_eq(a, b))
		return (true);
	a_wild = any_wildcard(a, &a_tail);
	b_wild = any_wildcard(b, &b_tail);
	if (!a_wild && !b_wild)
		return (false);
	if (!a_wild)
		return (subject_subset(a, b));
	if (!b_wild)
		return (subject_subset(b, a));

	while (ai.more && bi.more) {
		subject_next(&ai, &at);
		subject_next(&bi, &bt);
		if (!tokens_collide(at, bt))
			return (false);
	}
	if (ai.more)
		return (b_tail); /* b is the shorter one */
	if (bi.more)
		return (a_tail);
	return (true);
}

uint64_t
subject_hash(struct str s)
{
	return (XXH3_64bits(s.p, s.n));
}

uint8_t
subject_first_hash(struct str s)
{
	struct subject_iter it = subject_iter(s);
	struct str token;

	subject_next(&it, &token);
	return ((uint8_t)subject_hash(token));
}

static bool
token_is(struct str token, char c)
{
	return (token.n == 1 && token.p[0] == c);
}

static bool
token_is_wildcard(struct str token)
{
	return (token_is(token, '*') || token_is(token, '>'));
}

static bool
any_wildcard(struct str s, bool *tail)
{
	struct subject_iter it = subject_iter(s);
	struct str token;
	bool any = false;

	*tail = false;
	while (subject_next(&it, &token)) {
		any = any || token_is_wildcard(token);
		*tail = *tail || token_is(token, '>');
	}
	return (any);
}

static bool
has_space(struct str token)
{
	size_t i;

	for (i = 0; i < token.n; i++) {
		switch (token.p[i]) {
		case '\t':
		case '\n':
		case '\f':
		case '\r':
		case ' ':
			return (true);
		default:
			break;
		}
	}
	return (false);
}

/* No NUL, nothing that is not UTF-8, and no U+FFFD, which is what broken text was turned into. */
static bool
utf8_clean(struct str s)
{
	const uint8_t *p = (const uint8_t *)s.p;
	size_t at = 0, n;

	while (at < s.n) {
		if (p[at] == 0)
			return (false);
		n = utf8_rune(p + at, s.n - at);
		if (n == 0)
			return (false);
		if (n == 3 && p[at] == 0xef && p[at + 1] == 0xbf && p[at + 2] == 0xbd)
			return (false);
		at += n;
	}
	return (true);
}
