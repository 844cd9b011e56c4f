#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/num.h"
#include "natsd-front/auth/dn.h"

struct dn_attr {
	enum cert_type type;
	size_t at, n;	/* of its value, in dn.bytes */
	bool last;	/* of its RDN */
};

struct dn {
	struct dn_attr *attrs;
	size_t nattrs, nrdns;
	char *bytes;
};

/* ---- text ---- */

/*
 * Bytes are collected in dn.bytes from `begin` on; spaces that were not escaped are not part of a
 * token at its ends.
 */
struct scan {
	struct str in;
	size_t at;
	struct dn *dn;
	size_t begin, n;
	size_t spaces;	/* unescaped, at the end of what was collected */
	bool typed;	/* the type of the attribute in work was read */
	enum cert_type type;
};

static enum cert_type
type_named(struct str name)
{
	static const struct {
		const char *name;
		enum cert_type type;
	} names[] = { { "SERIALNUMBER", CERT_SERIALNUMBER }, { "CN", CERT_CN }, { "OU", CERT_OU },
		{ "O", CERT_O }, { "POSTALCODE", CERT_POSTALCODE }, { "STREET", CERT_STREET },
		{ "L", CERT_L }, { "ST", CERT_ST }, { "C", CERT_C }, { "DC", CERT_DC } };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i].name) == name.n &&
		    strncasecmp(names[i].name, name.p, name.n) == 0)
			return (names[i].type);
	return (CERT_OTHER);
}

static void
scan_byte(struct scan *s, char c)
{
	s->dn->bytes[s->begin + s->n++] = c;
}

/* Behind a backslash: a special character, or two hexadecimal digits. */
static int
scan_escape(struct scan *s)
{
	int high, low;

	s->spaces = 0;
	if (s->at == s->in.n)
		return (0); /* the backslash ended the text: as if it were not there */
	if (s->in.p[s->at] != '\0' && strchr(" \"#+,;<=>\\", s->in.p[s->at]) != NULL) {
		scan_byte(s, s->in.p[s->at++]);
		return (0);
	}
	if (s->in.n - s->at < 2 || (high = num_hex_digit(s->in.p[s->at])) < 0 ||
	    (low = num_hex_digit(s->in.p[s->at + 1])) < 0)
		return (-1);
	scan_byte(s, (char)(high << 4 | low));
	s->at += 2;
	return (0);
}

static int
scan_type(struct scan *s)
{
	struct str name = { s->dn->bytes + s->begin, s->n - s->spaces };

	if (s->at < s->in.n && s->in.p[s->at] == '#')
		return (-1); /* BER in hexadecimal */
	s->typed = name.n != 0;
	s->type = type_named(name);
	s->n = s->spaces = 0;
	return (0);
}

static int
scan_value(struct scan *s, bool last)
{
	struct dn *dn = s->dn;

	if (!s->typed)
		return (-1);
	dn->attrs[dn->nattrs++] = (struct dn_attr){ s->type, s->begin, s->n - s->spaces, last };
	dn->nrdns += last;
	s->begin += s->n - s->spaces;
	s->n = s->spaces = 0;
	s->typed = false;
	return (0);
}

static int
scan_all(struct scan *s)
{
	int rc = 0;
	char c;

	while (rc == 0 && s->at < s->in.n) {
		c = s->in.p[s->at++];
		if (c == '\\') {
			rc = scan_escape(s);
		} else if (c == '=') {
			rc = scan_type(s);
		} else if (c == ',' || c == '+') {
			rc = scan_value(s, c == ',');
		} else if (c != ' ' || s->n != 0) {
			s->spaces = c == ' ' ? s->spaces + 1 : 0;
			scan_byte(s, c);
		}
	}
	if (rc == 0 && s->n != 0)
		return (scan_value(s, true));
	/* A '+' without anything behind it leaves its RDN unfinished: it does not count. */
	while (rc == 0 && s->dn->nattrs != 0 && !s->dn->attrs[s->dn->nattrs - 1].last)
		s->dn->nattrs--;
	return (rc);
}

struct dn *
dn_parse(struct str text)
{
	struct dn *dn = calloc(1, sizeof(*dn));
	struct scan s = { .in = text, .dn = dn };
	size_t i, n = 1;

	if (dn == NULL)
		return (NULL);
	for (i = 0; i < text.n; i++)
		n += text.p[i] == ',' || text.p[i] == '+';
	dn->attrs = calloc(n, sizeof(*dn->attrs));
	dn->bytes = malloc(text.n + 1);
	if (dn->attrs == NULL || dn->bytes == NULL || scan_all(&s) != 0 || dn->nrdns == 0) {
		dn_free(dn);
		return (NULL);
	}
	return (dn);
}

void
dn_free(struct dn *dn)
{
	if (dn == NULL)
		return;
	free(dn->attrs);
	free(dn->bytes);
	free(dn);
}

/* ---- comparison ---- */

static bool
attr_equal(const struct dn *dn, const struct dn_attr *a, const struct cert_attr *b)
{
	return (a->type == b->type && a->type != CERT_OTHER &&
	    str_eq((struct str){ dn->bytes + a->at, a->n }, b->value));
}

/* Each of the one is among the other, both ways. */
static bool
rdn_equal(const struct dn *dn, const struct dn_attr *a, size_t n, const struct cert_rdn *b)
{
	size_t i, j;

	if (n != b->n)
		return (false);
	for (i = 0; i < n; i++) {
		for (j = 0; j < n && !attr_equal(dn, &a[i], &b->at[j]); j++)
			continue;
		if (j == n)
			return (false);
	}
	for (j = 0; j < n; j++) {
		for (i = 0; i < n && !attr_equal(dn, &a[i], &b->at[j]); i++)
			continue;
		if (i == n)
			return (false);
	}
	return (true);
}

static size_t
rdn_size(const struct dn *dn, size_t at)
{
	size_t n = 1;

	while (!dn->attrs[at + n - 1].last)
		n++;
	return (n);
}

/* Certificates may hold empty RDNs; they do not count. */
static size_t
subject_size(const struct cert_identity *id)
{
	size_t i, n = 0;

	for (i = 0; i < id->nrdns; i++)
		n += id->rdns[i].n != 0;
	return (n);
}

bool
dn_equal(const struct dn *dn, const struct cert_identity *id)
{
	size_t at = 0, size, i;

	if (dn->nrdns != subject_size(id))
		return (false);
	for (i = id->nrdns; i-- > 0;) {
		if (id->rdns[i].n == 0)
			continue;
		size = rdn_size(dn, at);
		if (!rdn_equal(dn, dn->attrs + at, size, &id->rdns[i]))
			return (false);
		at += size;
	}
	return (true);
}

bool
dn_equal_unordered(const struct dn *dn, const struct cert_identity *id)
{
	bool *taken, all = true;
	size_t at, size, i;

	if (dn->nrdns != subject_size(id))
		return (false);
	if ((taken = calloc(id->nrdns, sizeof(*taken))) == NULL)
		return (false);
	for (at = 0; at < dn->nattrs && all; at += size) {
		size = rdn_size(dn, at);
		for (i = 0; i < id->nrdns; i++)
			if (!taken[i] && rdn_equal(dn, dn->attrs + at, size, &id->rdns[i]))
				break;
		all = i < id->nrdns;
		if (all)
			taken[i] = true;
	}
	free(taken);
	return (all);
}
