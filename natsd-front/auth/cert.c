#include "config.h"

#include <stdint.h>
#include <string.h>

#include "natsd-front/auth/auth_table.h"
#include "natsd-front/auth/cert.h"
#include "natsd-front/auth/dn.h"

static const char *const type_names[] = { "SERIALNUMBER", "CN", "OU", "O", "POSTALCODE", "STREET",
	"L", "ST", "C", "DC" };

struct text {
	char *at;
	size_t n, size;
	bool full;
};

static void
put(struct text *t, const char *p, size_t n)
{
	if (t->full || n > t->size - t->n) {
		t->full = true;
		return;
	}
	if (n != 0)
		memcpy(t->at + t->n, p, n);
	t->n += n;
}

static bool
is_escaped(struct str s, size_t i)
{
	switch (s.p[i]) {
	case ',':
	case '+':
	case '"':
	case '\\':
	case '<':
	case '>':
	case ';':
		return (true);
	case ' ':
		return (i == 0 || i == s.n - 1);
	case '#':
		return (i == 0);
	default:
		return (false);
	}
}

static void
put_value(struct text *t, struct str s)
{
	size_t i;

	for (i = 0; i < s.n; i++) {
		if (is_escaped(s, i))
			put(t, "\\", 1);
		put(t, s.p + i, 1);
	}
}

static void
put_attr(struct text *t, enum cert_type type, struct str value, bool first)
{
	if (!first)
		put(t, "+", 1);
	else if (t->n != 0)
		put(t, ",", 1);
	put(t, type_names[type], strlen(type_names[type]));
	put(t, "=", 1);
	put_value(t, value);
}

/* Attributes of which only the last one counts, and not when it is empty. */
static bool
is_single(enum cert_type type)
{
	return (type == CERT_CN || type == CERT_SERIALNUMBER);
}

static void
put_type(struct text *t, enum cert_type type, const struct cert_identity *id)
{
	const struct cert_attr *last = NULL;
	bool first = true;
	size_t i, j;

	for (i = 0; i < id->nrdns; i++)
		for (j = 0; j < id->rdns[i].n; j++) {
			if (id->rdns[i].at[j].type != type)
				continue;
			last = &id->rdns[i].at[j];
			if (!is_single(type))
				put_attr(t, type, last->value, first);
			first = false;
		}
	if (last != NULL && is_single(type) && last->value.n != 0)
		put_attr(t, type, last->value, true);
}

size_t
cert_subject(const struct cert_identity *id, char *out, size_t size)
{
	struct text t = { .at = out, .size = size };
	int type;

	for (type = CERT_SERIALNUMBER; type < CERT_DC; type++)
		put_type(&t, (enum cert_type)type, id);
	return (t.full ? SIZE_MAX : t.n);
}

/* ",DC=a,DC=b" behind the n bytes of a subject; n when there is none. */
static size_t
add_components(const struct cert_identity *id, char *out, size_t n, size_t size)
{
	struct text t = { .at = out, .n = n, .size = size };
	bool any = false;
	size_t i, j;

	for (i = 0; i < id->nrdns; i++)
		for (j = 0; j < id->rdns[i].n; j++) {
			if (id->rdns[i].at[j].type != CERT_DC)
				continue;
			put(&t, ",DC=", 4);
			put(&t, id->rdns[i].at[j].value.p, id->rdns[i].at[j].value.n);
			any = true;
		}
	return (t.full || !any ? n : t.n);
}

static const struct auth_user *
literal(const struct auth_table *t, struct str name, unsigned type)
{
	const struct auth_user *u = auth_table_user(t, name);

	return (u != NULL && auth_user_allows(u, type) ? u : NULL);
}

static const struct auth_user *
any_of(const struct auth_table *t, const struct str *names, size_t n, unsigned type)
{
	const struct auth_user *u = NULL;
	size_t i;

	for (i = 0; i < n && u == NULL; i++)
		u = literal(t, names[i], type);
	return (u);
}

static bool
is_comparable(const struct cert_identity *id)
{
	size_t i, j;

	for (i = 0; i < id->nrdns; i++)
		for (j = 0; j < id->rdns[i].n; j++)
			if (id->rdns[i].at[j].type == CERT_OTHER)
				return (false);
	return (true);
}

static const struct auth_user *
by_name(const struct cert_identity *id, const struct auth_table *t, unsigned type,
    bool (*equal)(const struct dn *, const struct cert_identity *))
{
	size_t i;

	for (i = 0; i < t->n && t->dns != NULL; i++)
		if (t->dns[i] != NULL && auth_user_allows(&t->users[i], type) &&
		    equal(t->dns[i], id))
			return (&t->users[i]);
	return (NULL);
}

const struct auth_user *
cert_user(const struct cert_identity *id, const struct auth_table *t, unsigned type)
{
	const struct auth_user *u;
	char text[CERT_NAME_MAX];
	size_t n, with;

	if ((u = any_of(t, id->emails, id->nemails, type)) != NULL ||
	    (u = any_of(t, id->dns, id->ndns, type)) != NULL ||
	    (u = any_of(t, id->uris, id->nuris, type)) != NULL)
		return (u);
	if (is_comparable(id) && ((u = by_name(id, t, type, dn_equal)) != NULL ||
	    (u = by_name(id, t, type, dn_equal_unordered)) != NULL))
		return (u);
	if ((n = cert_subject(id, text, sizeof(text))) == SIZE_MAX)
		return (NULL);
	with = add_components(id, text, n, sizeof(text));
	if (with != n && (u = literal(t, (struct str){ text, with }, type)) != NULL)
		return (u);
	return (literal(t, (struct str){ text, n }, type));
}
