#include "config.h"

#include <string.h>

#include "common/num.h"
#include "natsd-front/monitor/http_url.h"

static int unescape(struct str, bool plus_is_blank, struct buf *out);
static int clean(struct str path, struct buf *out);

int
http_target_split(struct str target, struct str *path, struct str *query)
{
	const char *mark, *slash;

	if (str_starts(target, STR("http://"))) {
		slash = memchr(target.p + 7, '/', target.n - 7);
		if (slash == NULL)
			return (-1);
		target = (struct str){ .p = slash, .n = target.n - (size_t)(slash - target.p) };
	}
	if (target.n == 0 || target.p[0] != '/')
		return (-1);
	*path = target;
	*query = STR_NONE;
	if ((mark = memchr(target.p, '?', target.n)) != NULL) {
		path->n = (size_t)(mark - target.p);
		*query = (struct str){ .p = mark + 1, .n = target.n - path->n - 1 };
	}
	return (0);
}

int
http_path_decode(struct str raw, struct buf *out)
{
	out->len = 0;
	return (unescape(raw, false, out));
}

int
http_path_clean(struct str path, struct buf *out)
{
	out->len = 0;
	if (clean(path, out) != 0)
		return (-1);
	if (out->len > 1 && path.n > 0 && path.p[path.n - 1] == '/')
		return (buf_add(out, "/", 1));
	return (0);
}

int
http_base_clean(struct str base, struct buf *out)
{
	out->len = 0;
	return (clean(base, out));
}

int
http_path_encode(struct str path, struct buf *out)
{
	static const char kept[] = "-_.~$&+,/:;=@%";
	static const char hex[] = "0123456789ABCDEF";
	unsigned char c;
	size_t i;
	int rc = 0;

	for (i = 0; i < path.n && rc == 0; i++) {
		c = (unsigned char)path.p[i];
		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    memchr(kept, c, sizeof(kept) - 1) != NULL)
			rc = buf_add(out, &c, 1);
		else
			rc = buf_add(out, (char[]){ '%', hex[c >> 4], hex[c & 15] }, 3);
	}
	return (rc);
}

int
http_html(struct str s, struct buf *out)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < s.n && rc == 0; i++) {
		switch (s.p[i]) {
		case '&':
			rc = buf_add_str(out, STR("&amp;"));
			break;
		case '<':
			rc = buf_add_str(out, STR("&lt;"));
			break;
		case '>':
			rc = buf_add_str(out, STR("&gt;"));
			break;
		case '"':
			rc = buf_add_str(out, STR("&#34;"));
			break;
		case '\'':
			rc = buf_add_str(out, STR("&#39;"));
			break;
		default:
			rc = buf_add(out, &s.p[i], 1);
			break;
		}
	}
	return (rc);
}

/* Cuts "key=value" off; a piece with a semicolon counts as none. */
static bool
next_pair(struct str *query, struct str *key, struct str *value)
{
	const char *end, *equals;
	struct str pair;

	while (query->n > 0) {
		end = memchr(query->p, '&', query->n);
		pair = *query;
		if (end != NULL)
			pair.n = (size_t)(end - query->p);
		query->p += pair.n + (end != NULL);
		query->n -= pair.n + (end != NULL);
		if (pair.n == 0 || memchr(pair.p, ';', pair.n) != NULL)
			continue;
		equals = memchr(pair.p, '=', pair.n);
		*key = pair;
		*value = STR_NONE;
		if (equals != NULL) {
			key->n = (size_t)(equals - pair.p);
			*value = (struct str){ .p = equals + 1, .n = pair.n - key->n - 1 };
		}
		return (true);
	}
	return (false);
}

bool
http_query_get(struct str query, const char *key, struct buf *out)
{
	struct str raw_key, raw_value;
	bool hit;

	while (next_pair(&query, &raw_key, &raw_value)) {
		out->len = 0;
		if (unescape(raw_key, true, out) != 0)
			continue;
		hit = str_eq(buf_str(out), str_of(key));
		out->len = 0;
		if (!hit || unescape(raw_value, true, out) != 0)
			continue;
		return (out->len > 0);
	}
	out->len = 0;
	return (false);
}

static int
unescape(struct str s, bool plus_is_blank, struct buf *out)
{
	size_t i;
	char c;

	for (i = 0; i < s.n; i++) {
		c = s.p[i];
		if (c == '%') {
			if (s.n - i < 3 || num_hex_digit(s.p[i + 1]) < 0 || num_hex_digit(s.p[i + 2]) < 0)
				goto broken;
			c = (char)(num_hex_digit(s.p[i + 1]) << 4 | num_hex_digit(s.p[i + 2]));
			i += 2;
		} else if (c == '+' && plus_is_blank) {
			c = ' ';
		}
		if (buf_add(out, &c, 1) != 0)
			goto broken;
	}
	return (0);
broken:
	out->len = 0;
	return (-1);
}

/* Segment by segment; ".." takes the last one back.  No slash at the end, "/" for nothing. */
static int
clean(struct str path, struct buf *out)
{
	const char *slash;
	struct str part;

	while (path.n > 0) {
		slash = memchr(path.p, '/', path.n);
		part = path;
		if (slash != NULL)
			part.n = (size_t)(slash - path.p);
		path.p += part.n + (slash != NULL);
		path.n -= part.n + (slash != NULL);
		if (part.n == 0 || str_eq(part, STR(".")))
			continue;
		if (str_eq(part, STR(".."))) {
			while (out->len > 0 && out->data[--out->len] != '/')
				continue;
			continue;
		}
		if (buf_add(out, "/", 1) != 0 || buf_add_str(out, part) != 0)
			return (-1);
	}
	return (out->len == 0 ? buf_add(out, "/", 1) : 0);
}
