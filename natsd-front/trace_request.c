#include "config.h"

#include "common/num.h"
#include "natsd-front/trace_request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define STATUS_LINE "NATS/1.0\r\n"

static bool
is_parent(const char *key, size_t n)
{
	return (n == sizeof(TRACE_PARENT) - 1 && strncasecmp(key, TRACE_PARENT, n) == 0);
}

/* A key begins a line: what was the value before it ends in CR LF. */
bool
trace_request_likely(struct str h)
{
	const char *at = h.p, *end = h.p + h.n;
	size_t left;

	while (at < end) {
		left = (size_t)(end - at);
		if (left > sizeof(TRACE_DEST) && *at == 'N' &&
		    memcmp(at, TRACE_DEST, sizeof(TRACE_DEST) - 1) == 0)
			return (true);
		if (left > sizeof(TRACE_PARENT) && (*at | 0x20) == 't' &&
		    is_parent(at, sizeof(TRACE_PARENT) - 1))
			return (true);
		if ((at = memchr(at, '\n', left)) == NULL)
			return (false);
		at++;
	}
	return (false);
}

/* nats-server reads the field as a signed number: a plus sign is as good as a zero. */
bool
trace_request_sampled(struct str v)
{
	const char *dash;
	unsigned fields = 1;
	int high, low;

	for (; v.n != 0 && (dash = memchr(v.p, '-', v.n)) != NULL; fields++) {
		v.n -= (size_t)(dash + 1 - v.p);
		v.p = dash + 1;
	}
	if (fields != 4 || v.n != 2)
		return (false);
	high = v.p[0] == '+' ? 0 : num_hex_digit(v.p[0]);
	low = num_hex_digit(v.p[1]);
	return (high >= 0 && high < 8 && low >= 0 && (low & 1) == 1);
}

static bool
is_blank(char c)
{
	return (c == ' ' || c == '\t');
}

/* The next pair, *rest behind it.  False: there is none. */
static bool
next_pair(struct str *rest, struct str *key, struct str *value)
{
	const char *colon = rest->n == 0 ? NULL : memchr(rest->p, ':', rest->n), *end;
	const char *limit = rest->p + rest->n, *at;

	if (colon == NULL)
		return (false);
	*key = (struct str){ rest->p, (size_t)(colon - rest->p) };
	for (at = colon + 1; at < limit && is_blank(*at); at++)
		continue;
	end = memmem(at, (size_t)(limit - at), "\r\n", 2);
	if (end == NULL)
		return (false);
	*rest = (struct str){ end + 2, (size_t)(limit - end) - 2 };
	while (end > at && is_blank(end[-1]))
		end--;
	*value = (struct str){ at, (size_t)(end - at) };
	return (true);
}

static int
pairs_add(struct trace_request *r, struct str key, struct str value)
{
	struct trace_pair *p;

	/* It holds one less than a power of two, and is full. */
	if ((r->npairs & (r->npairs + 1)) == 0) {
		p = reallocarray(r->pairs, r->npairs * 2 + 1, sizeof(*p));
		if (p == NULL)
			return (-1);
		r->pairs = p;
	}
	r->pairs[r->npairs] = (struct trace_pair){ key, value, r->npairs };
	r->npairs++;
	return (0);
}

static bool
says_yes(struct str v)
{
	return ((v.n == 1 && v.p[0] == '1') || (v.n == 4 && strncasecmp(v.p, "true", 4) == 0) ||
	    (v.n == 2 && strncasecmp(v.p, "on", 2) == 0));
}

int
trace_request_read(struct trace_request *r, struct str headers)
{
	struct str rest, key, value;
	bool parent = false;

	*r = (struct trace_request){ .pairs = NULL };
	if (!str_starts(headers, STR(STATUS_LINE)))
		return (0);
	rest = (struct str){ headers.p + sizeof(STATUS_LINE) - 1,
		headers.n - (sizeof(STATUS_LINE) - 1) };
	while (next_pair(&rest, &key, &value)) {
		if (key.n == 0 || value.n == 0)
			continue;
		if (is_parent(key.p, key.n)) {
			parent = parent || trace_request_sampled(value);
		} else if (r->dest.n == 0 && str_eq(key, STR(TRACE_DEST))) {
			if (str_eq(value, STR(TRACE_DISABLED)))
				return (0);
			r->dest = value;
		}
		if (pairs_add(r, key, value) != 0)
			return (-1);
	}
	if (r->dest.n == 0 && !parent)
		return (0);
	r->origin = trace_request_get(r, STR(TRACE_ORIGIN));
	r->only = r->dest.n != 0 && says_yes(trace_request_get(r, STR(TRACE_ONLY)));
	return (1);
}

void
trace_request_free(struct trace_request *r)
{
	free(r->pairs);
	r->pairs = NULL;
	r->npairs = 0;
}

struct str
trace_request_get(const struct trace_request *r, struct str key)
{
	for (size_t i = 0; i < r->npairs; i++)
		if (str_eq(r->pairs[i].key, key))
			return (r->pairs[i].value);
	return (STR_NONE);
}
