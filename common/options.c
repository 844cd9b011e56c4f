#include "config.h"

#include "common/options.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/access.h"
#include "common/cursor.h"
#include "common/log.h"
#include "common/tls_options.h"

/* Names of the table's column of roles. */
enum { FRONT = ROLE_FRONT, JS = ROLE_JS, RAFT = ROLE_RAFT };

#define DEFAULT_BOOL(v) .number = (v)
#define DEFAULT_INT(v) .number = (v)
#define DEFAULT_SIZE(v) .number = (v)
#define DEFAULT_DUR(v) .number = (v)
#define DEFAULT_POLICY(v) .number = (v)
#define DEFAULT_LEVEL(v) .number = (v)
#define DEFAULT_STR(v) .string = (v)
#define DEFAULT_TAGS(v) .string = (v)
#define DEFAULT_MAP(v) .string = (v)

#define ROW(FIELD, TYPE, KEYS, DEFAULT, MIN, MAX, ROLES, RELOAD, NAME, TEXT)			\
	{ .field = #FIELD, .type = OPTION_##TYPE, .keys = (KEYS), DEFAULT_##TYPE(DEFAULT),	\
	    .min = (MIN), .max = (MAX), .roles = (ROLES), .reload = OPTION_RELOAD_##RELOAD,	\
	    .name = (NAME), .text = (TEXT), .offset = offsetof(struct options, FIELD) },

static const struct option_row rows[] = { OPTION_LIST(ROW) };

#define NROWS (sizeof(rows) / sizeof(rows[0]))

/* The encoding begins with it; grows when rows change their order or meaning. */
#define STAMP (0x6f707402u + (uint32_t)NROWS)
#define ENCODED_FIRST (64u << 10) /* bytes taken at first; most files need less */

const struct option_row *
options_rows(size_t *n)
{
	*n = NROWS;
	return (rows);
}

const struct option_row *
options_row(const char *field)
{
	for (size_t i = 0; i < NROWS; i++)
		if (strcmp(rows[i].field, field) == 0)
			return (&rows[i]);
	bug("options: no field %s", field);
}

void
options_set_log(const struct options *o)
{
	log_set_levels((enum log_level)o->log_min, o->debug, o->trace);
}

/* ---- one value ---- */

bool
option_is_string(const struct option_row *r)
{
	return (r->type == OPTION_STR || r->type == OPTION_TAGS || r->type == OPTION_MAP);
}

static const void *
place(const struct options *o, const struct option_row *r)
{
	return ((const char *)o + r->offset);
}

static void *
place_mut(struct options *o, const struct option_row *r)
{
	return ((char *)o + r->offset);
}

int64_t
option_number(const struct options *o, const struct option_row *r)
{
	int64_t v;
	bool b;

	assert(!option_is_string(r));
	if (r->type == OPTION_BOOL) {
		memcpy(&b, place(o, r), sizeof(b));
		return (b);
	}
	memcpy(&v, place(o, r), sizeof(v));
	return (v);
}

void
option_set_number(struct options *o, const struct option_row *r, int64_t v)
{
	bool b = v != 0;

	assert(!option_is_string(r));
	if (r->type == OPTION_BOOL)
		memcpy(place_mut(o, r), &b, sizeof(b));
	else
		memcpy(place_mut(o, r), &v, sizeof(v));
}

const char *
option_string(const struct options *o, const struct option_row *r)
{
	char *s;

	assert(option_is_string(r));
	memcpy(&s, place(o, r), sizeof(s));
	return (s);
}

/* Replaces a malloc'ed string. */
static int
set_string(char **at, struct str s, struct err *e)
{
	char *copy = malloc(s.n + 1);

	if (copy == NULL)
		return (err_set(e, "out of memory"));
	if (s.n > 0)
		memcpy(copy, s.p, s.n);
	copy[s.n] = '\0';
	free(*at);
	*at = copy;
	return (0);
}

int
option_set_string(struct options *o, const struct option_row *r, struct str s, struct err *e)
{
	char *at;

	assert(option_is_string(r));
	memcpy(&at, place(o, r), sizeof(at));
	if (set_string(&at, s, e) != 0)
		return (-1);
	memcpy(place_mut(o, r), &at, sizeof(at));
	return (0);
}

bool
option_differs(const struct option_row *r, const struct options *a, const struct options *b)
{
	if (option_is_string(r))
		return (strcmp(option_string(a, r), option_string(b, r)) != 0);
	return (option_number(a, r) != option_number(b, r));
}

bool
option_in_bounds(const struct option_row *r, int64_t v)
{
	return (v == r->number || (v >= r->min && v <= r->max));
}

/* ---- all of them ---- */

/* The strings that are not in the file. */
static char **
made_string(struct options *o, unsigned i)
{
	char **const all[] = { &o->config_digest, &o->server_id, &o->xkey, &o->bound_host };

	return (i < sizeof(all) / sizeof(all[0]) ? all[i] : NULL);
}

static char *const *
made_string_of(const struct options *o, unsigned i)
{
	char *const *const all[] = { &o->config_digest, &o->server_id, &o->xkey, &o->bound_host };

	return (i < sizeof(all) / sizeof(all[0]) ? all[i] : NULL);
}

static void
free_row(struct options *o, const struct option_row *r)
{
	char *s;

	memcpy(&s, place(o, r), sizeof(s));
	free(s);
}

void
options_free(struct options *o)
{
	for (size_t i = 0; i < NROWS; i++)
		if (option_is_string(&rows[i]))
			free_row(o, &rows[i]);
	for (unsigned i = 0; made_string(o, i) != NULL; i++)
		free(*made_string(o, i));
	access_free(o->access);
	tls_options_free(o->tls);
	memset(o, 0, sizeof(*o));
}

int
options_init(struct options *o, struct err *e)
{
	memset(o, 0, sizeof(*o));
	if ((o->access = access_new(e)) == NULL)
		goto fail;
	for (unsigned i = 0; made_string(o, i) != NULL; i++)
		if (set_string(made_string(o, i), STR(""), e) != 0)
			goto fail;
	for (size_t i = 0; i < NROWS; i++) {
		if (!option_is_string(&rows[i]))
			option_set_number(o, &rows[i], rows[i].number);
		else if (option_set_string(o, &rows[i], str_of(rows[i].string), e) != 0)
			goto fail;
	}
	return (0);
fail:
	options_free(o);
	return (-1);
}

int
options_copy(struct options *o, const struct options *from, struct err *e)
{
	*o = *from;
	for (size_t i = 0; i < NROWS; i++)
		if (option_is_string(&rows[i]))
			memset(place_mut(o, &rows[i]), 0, sizeof(char *));
	for (unsigned i = 0; made_string(o, i) != NULL; i++)
		*made_string(o, i) = NULL;
	o->access = access_copy(from->access, e);
	o->tls = tls_options_copy(from->tls, e);
	if (o->access == NULL || (o->tls == NULL && from->tls != NULL))
		goto fail;
	for (size_t i = 0; i < NROWS; i++)
		if (option_is_string(&rows[i]) &&
		    option_set_string(o, &rows[i], str_of(option_string(from, &rows[i])), e) != 0)
			goto fail;
	for (unsigned i = 0; made_string(o, i) != NULL; i++)
		if (set_string(made_string(o, i), str_of(*made_string_of(from, i)), e) != 0)
			goto fail;
	return (0);
fail:
	options_free(o);
	return (-1);
}

/* ---- to a child ---- */

static bool
tells_tls(const struct options *o, enum role role)
{
	return (role == ROLE_FRONT && o->tls != NULL);
}

/*
 *	| stamp u32 | role u32 | values of the rows that the role is told, in their order |
 *	| generation u32 | start i64 | load i64 | made strings | port i64 | http port i64 |
 *	| access | has tls u8 | tls |
 *
 * A number is 8 bytes, a string its length in 4 and its bytes; little endian.
 */
static void
encode(struct wr *out, const struct options *o, enum role role)
{
	wr_u32(out, STAMP);
	wr_u32(out, (uint32_t)role);
	for (size_t i = 0; i < NROWS; i++) {
		if ((rows[i].roles & role) == 0)
			continue;
		if (option_is_string(&rows[i]))
			wr_str32(out, str_of(option_string(o, &rows[i])));
		else
			wr_u64(out, (uint64_t)option_number(o, &rows[i]));
	}
	wr_u32(out, o->generation);
	wr_u64(out, (uint64_t)o->start_wall_ns);
	wr_u64(out, (uint64_t)o->config_load_wall_ns);
	for (unsigned i = 0; made_string_of(o, i) != NULL; i++)
		wr_str32(out, str_of(*made_string_of(o, i)));
	wr_u64(out, (uint64_t)o->bound_port);
	wr_u64(out, (uint64_t)o->bound_http_port);
	access_encode(o->access, role, out);
	wr_u8(out, tells_tls(o, role));
	if (tells_tls(o, role))
		tls_options_encode(o->tls, out);
}

int
options_encode(const struct options *o, enum role role, uint8_t **p, size_t *n, struct err *e)
{
	uint8_t *space;
	struct wr out;

	for (size_t size = ENCODED_FIRST; size <= OPTIONS_ENCODED_MAX; size *= 4) {
		if ((space = malloc(size)) == NULL)
			return (err_set(e, "out of memory"));
		out = wr_of(space, size);
		encode(&out, o, role);
		if (wr_end(&out) == 0) {
			*p = space;
			*n = wr_len(&out);
			return (0);
		}
		options_encoded_free(space, size);
	}
	return (err_set(e, "the configuration is larger than %u bytes", OPTIONS_ENCODED_MAX));
}

void
options_encoded_free(uint8_t *p, size_t n)
{
	if (p != NULL)
		explicit_bzero(p, n);
	free(p);
}

/* A string of at most max bytes without a NUL. */
static int
read_string(struct rd *in, int64_t max, struct str *s)
{
	*s = rd_str32(in);
	if (in->short_ || (int64_t)s->n > max || (s->n > 0 && memchr(s->p, '\0', s->n) != NULL))
		return (-1);
	return (0);
}

static int
decode_row(struct rd *in, struct options *o, const struct option_row *r, struct err *e)
{
	struct str s;
	int64_t v;

	if (option_is_string(r)) {
		if (read_string(in, r->max, &s) != 0)
			return (err_set(e, "option %s: not a string of at most %lld bytes", r->field,
			    (long long)r->max));
		return (option_set_string(o, r, s, e));
	}
	v = (int64_t)rd_u64(in);
	if (in->short_ || !option_in_bounds(r, v))
		return (err_set(e, "option %s: %lld is out of bounds", r->field, (long long)v));
	option_set_number(o, r, v);
	return (0);
}

/* What is no row: accounts and users, TLS. */
static int
decode_parts(struct rd *in, struct options *o, enum role role, struct err *e)
{
	struct access *access = access_decode(in, role, e);
	uint8_t has_tls;

	if (access == NULL)
		return (-1);
	access_free(o->access);
	o->access = access;
	has_tls = rd_u8(in);
	if (in->short_ || has_tls > (role == ROLE_FRONT))
		return (err_set(e, "options: TLS is said wrongly"));
	if (has_tls == 0)
		return (0);
	tls_options_free(o->tls);
	return ((o->tls = tls_options_decode(in, e)) == NULL ? -1 : 0);
}

int
options_decode(struct options *o, const uint8_t *p, size_t n, struct err *e)
{
	struct rd in = rd_of(p, n);
	struct str s;
	uint32_t role;

	if (rd_u32(&in) != STAMP)
		return (err_set(e, "options of another build"));
	role = rd_u32(&in);
	if (role != ROLE_FRONT && role != ROLE_JS && role != ROLE_RAFT)
		return (err_set(e, "options for nobody"));
	for (size_t i = 0; i < NROWS; i++)
		if ((rows[i].roles & role) != 0 && decode_row(&in, o, &rows[i], e) != 0)
			return (-1);
	o->generation = rd_u32(&in);
	o->start_wall_ns = (int64_t)rd_u64(&in);
	o->config_load_wall_ns = (int64_t)rd_u64(&in);
	for (unsigned i = 0; made_string(o, i) != NULL; i++)
		if (read_string(&in, UINT16_MAX, &s) != 0)
			return (err_set(e, "options: a string is missing"));
		else if (set_string(made_string(o, i), s, e) != 0)
			return (-1);
	o->bound_port = (int64_t)rd_u64(&in);
	o->bound_http_port = (int64_t)rd_u64(&in);
	if (decode_parts(&in, o, (enum role)role, e) != 0)
		return (-1);
	if (rd_end(&in) != 0)
		return (err_set(e, "options of a wrong length"));
	if (o->bound_port < 0 || o->bound_port > UINT16_MAX || o->bound_http_port < 0 ||
	    o->bound_http_port > UINT16_MAX)
		return (err_set(e, "options: a port is out of bounds"));
	return (0);
}
