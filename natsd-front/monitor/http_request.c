#include "config.h"

#include <string.h>
#include <strings.h>

#include "common/num.h"
#include "natsd-front/monitor/http_request.h"

#define BAD "400 Bad Request"
#define BAD_NAME "400 Bad Request: invalid header name"
#define BAD_HOST "400 Bad Request: malformed Host header"
#define NO_HOST "400 Bad Request: missing required Host header"
#define BAD_VERSION "505 HTTP Version Not Supported: unsupported protocol version"
#define BAD_ENCODING "501 Not Implemented\nUnsupported transfer encoding"

/* What the header lines have said so far. */
struct seen {
	unsigned hosts;
	unsigned encodings;
	bool is_host; /* the last line */
	bool bad_host;
	bool has_length, chunked, expects;
	bool says_close, says_keep_alive;
};

static bool cut_line(struct str *rest, struct str *line);
static struct str trim(struct str);
static int first_line(struct str line, struct http_request *, const char **why);
static int header_line(struct str line, struct http_request *, struct seen *, const char **why);
static int take_header(struct str name, struct str value, struct http_request *, struct seen *);
static int conclude(struct http_request *, const struct seen *, const char **why);

size_t
http_head_end(struct str in, size_t from)
{
	const char *p, *end = in.p + in.n;

	for (p = in.p + (from < 3 ? 0 : from - 3); p < end; p++) {
		p = memchr(p, '\n', (size_t)(end - p));
		if (p == NULL)
			return (0);
		if (p + 1 < end && p[1] == '\n')
			return ((size_t)(p + 2 - in.p));
		if (p + 2 < end && p[1] == '\r' && p[2] == '\n')
			return ((size_t)(p + 3 - in.p));
	}
	return (0);
}

int
http_request_parse(struct str head, struct http_request *r, const char **why)
{
	struct seen seen = { .hosts = 0 };
	struct str line;
	bool first = true;

	*r = (struct http_request){ .minor = 0 };
	*why = BAD;
	if (!cut_line(&head, &line) || first_line(line, r, why) != 0)
		return (-1);
	while (cut_line(&head, &line) && line.n > 0) {
		if (line.p[0] == ' ' || line.p[0] == '\t') {
			if (first)
				return (-1); /* nothing there to continue */
			/* It stands behind a blank, which no host has. */
			seen.bad_host = seen.bad_host || (seen.is_host && trim(line).n > 0);
			continue;
		}
		first = false;
		if (header_line(line, r, &seen, why) != 0)
			return (-1);
	}
	return (conclude(r, &seen, why));
}

static bool
cut_line(struct str *rest, struct str *line)
{
	const char *end = rest->n == 0 ? NULL : memchr(rest->p, '\n', rest->n);

	if (end == NULL)
		return (false);
	*line = (struct str){ .p = rest->p, .n = (size_t)(end - rest->p) };
	rest->p += line->n + 1;
	rest->n -= line->n + 1;
	if (line->n > 0 && line->p[line->n - 1] == '\r')
		line->n--;
	return (true);
}

static bool
is_token(struct str s)
{
	static const char others[] = "!#$%&'*+-.^_`|~";
	size_t i;
	char c;

	for (i = 0; i < s.n; i++) {
		c = s.p[i];
		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    memchr(others, c, sizeof(others) - 1) == NULL)
			return (false);
	}
	return (s.n > 0);
}

static bool
is_digit(char c)
{
	return (c >= '0' && c <= '9');
}

static int
version(struct str s, struct http_request *r, const char **why)
{
	if (s.n != 8 || !str_starts(s, STR("HTTP/")) || !is_digit(s.p[5]) || s.p[6] != '.' ||
	    !is_digit(s.p[7]))
		return (-1);
	if (s.p[5] != '1') {
		*why = BAD_VERSION;
		return (-1);
	}
	r->minor = (unsigned)(s.p[7] - '0');
	return (0);
}

static bool
is_target(struct str s)
{
	size_t i;

	for (i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return (false);
	}
	return (s.n > 0);
}

static int
first_line(struct str line, struct http_request *r, const char **why)
{
	const char *blank = line.n == 0 ? NULL : memchr(line.p, ' ', line.n);
	const char *last;

	if (blank == NULL)
		return (-1);
	r->method = (struct str){ .p = line.p, .n = (size_t)(blank - line.p) };
	last = memchr(blank + 1, ' ', line.n - r->method.n - 1);
	if (last == NULL)
		return (-1);
	r->target = (struct str){ .p = blank + 1, .n = (size_t)(last - blank - 1) };
	if (!is_token(r->method) || !is_target(r->target))
		return (-1);
	return (version((struct str){ .p = last + 1, .n = (size_t)(line.p + line.n - last - 1) },
	    r, why));
}

static struct str
trim(struct str s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return (s);
}

static bool
is_value(struct str s)
{
	size_t i;

	for (i = 0; i < s.n; i++) {
		if (((unsigned char)s.p[i] < 0x20 && s.p[i] != '\t') || s.p[i] == 0x7f)
			return (false);
	}
	return (true);
}

static int
header_line(struct str line, struct http_request *r, struct seen *seen, const char **why)
{
	const char *colon = memchr(line.p, ':', line.n);
	struct str name, value;

	if (colon == NULL)
		return (-1);
	name = (struct str){ .p = line.p, .n = (size_t)(colon - line.p) };
	value = trim((struct str){ .p = colon + 1, .n = line.n - name.n - 1 });
	if (!is_token(name)) {
		*why = BAD_NAME;
		return (-1);
	}
	if (!is_value(value))
		return (-1);
	return (take_header(name, value, r, seen));
}

/* Bytes that a host and its port can be made of; which of them is nobody's concern. */
static bool
is_host(struct str s)
{
	static const char others[] = "!$%&'()*+,-.:;=[]_~";
	size_t i;
	char c;

	for (i = 0; i < s.n; i++) {
		c = s.p[i];
		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    memchr(others, c, sizeof(others) - 1) == NULL)
			return (false);
	}
	return (true);
}

static bool
is_word(struct str s, struct str word)
{
	return (s.n == word.n && strncasecmp(s.p, word.p, word.n) == 0);
}

/* Is the word one of a list with commas? */
static bool
lists(struct str s, struct str word)
{
	const char *comma;
	struct str item;

	while (s.n > 0) {
		comma = memchr(s.p, ',', s.n);
		item = s;
		if (comma != NULL)
			item.n = (size_t)(comma - s.p);
		if (is_word(trim(item), word))
			return (true);
		if (comma == NULL)
			return (false);
		s.p += item.n + 1;
		s.n -= item.n + 1;
	}
	return (false);
}

static int
take_length(struct str value, struct http_request *r, struct seen *seen)
{
	uint64_t n;

	if (num_parse_u64(value, 0, INT64_MAX, &n) != 0 || (seen->has_length && n != r->body_n))
		return (-1);
	seen->has_length = true;
	r->body_n = n;
	return (0);
}

static int
take_header(struct str name, struct str value, struct http_request *r, struct seen *seen)
{
	seen->is_host = is_word(name, STR("host"));
	if (seen->is_host) {
		seen->hosts++;
		seen->bad_host = seen->bad_host || !is_host(value);
	} else if (is_word(name, STR("content-length"))) {
		return (take_length(value, r, seen));
	} else if (is_word(name, STR("transfer-encoding"))) {
		seen->encodings++;
		seen->chunked = is_word(value, STR("chunked"));
	} else if (is_word(name, STR("connection"))) {
		seen->says_close = seen->says_close || lists(value, STR("close"));
		seen->says_keep_alive = seen->says_keep_alive || lists(value, STR("keep-alive"));
	} else if (is_word(name, STR("expect")) && !seen->expects) {
		seen->expects = value.n > 0;
		r->expects_more = value.n > 0 && !lists(value, STR("100-continue"));
	}
	return (0);
}

static int
conclude(struct http_request *r, const struct seen *seen, const char **why)
{
	if (seen->hosts > 1)
		return (-1);
	if (seen->hosts == 0 && r->minor >= 1 && !str_eq(r->method, STR("CONNECT"))) {
		*why = NO_HOST;
		return (-1);
	}
	if (seen->bad_host) {
		*why = BAD_HOST;
		return (-1);
	}
	/* HTTP/1.0 knows no encodings. */
	if (r->minor >= 1 && seen->encodings != 0) {
		if (seen->encodings > 1 || !seen->chunked) {
			*why = BAD_ENCODING;
			return (-1);
		}
		r->chunked = true;
		r->body_n = 0;
	}
	r->keep_alive = (r->minor >= 1 ? !seen->says_close : seen->says_keep_alive);
	/* Whoever waits for 100 Continue may still send its body, or not. */
	if (seen->says_close || r->expects_more || (seen->expects && (r->body_n > 0 || r->chunked)))
		r->keep_alive = false;
	return (0);
}
