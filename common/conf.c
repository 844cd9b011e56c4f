#include "config.h"

#include "common/conf.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/conf_lex.h"
#include "common/conf_scalar.h"
#include "common/path.h"

/*
 * Everything of a tree lives in blocks that go with it.  A map or an array is gathered in ordinary
 * memory while it is open and copied into a block when it is closed.
 */
#define BLOCK_BYTES 16384u

struct block {
	struct block *next;
	size_t used, size;
	_Alignas(max_align_t) char data[];
};

struct conf {
	struct block *blocks;
	unsigned includes; /* files read besides the first */
	struct conf_value *root;
};

/* An open map or array. */
struct open {
	bool is_map;
	struct conf_item *items;
	struct conf_value **values;
	size_t n, size;
};

struct key {
	struct str name;
	struct conf_pos pos;
};

/* One text: the file, an included one, or the value of an environment variable. */
struct parser {
	struct conf *conf;
	const struct conf_reader *reader;
	const struct parser *outer; /* who includes or refers to us */
	unsigned level;		    /* how many of them */
	const char *file;	    /* in the tree; NULL: an environment variable's value */
	const char *variable;	    /* its name */
	struct open open[CONF_DEPTH_MAX + 2];
	unsigned depth;
	struct key *keys; /* seen, and without a value yet */
	size_t nkeys, keys_size;
	struct err *err;
};

static struct conf_value *parse_text(struct parser *, struct str text);

/* ---- memory ---- */

static void *
conf_alloc(struct conf *c, size_t n)
{
	struct block *b = c->blocks;
	void *p;

	n = (n + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
	if (b == NULL || n > b->size - b->used) {
		size_t size = n > BLOCK_BYTES ? n : BLOCK_BYTES;

		if ((b = malloc(sizeof(*b) + size)) == NULL)
			return (NULL);
		*b = (struct block){ .next = c->blocks, .size = size };
		c->blocks = b;
	}
	p = b->data + b->used;
	b->used += n;
	return (p);
}

static char *
conf_copy(struct conf *c, struct str s)
{
	char *p = conf_alloc(c, s.n + 1);

	if (p == NULL)
		return (NULL);
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return (p);
}

/* Makes room for one more of `each` bytes in a growing array. */
static int
grow(void **at, size_t n, size_t *size, size_t each)
{
	size_t want = *size == 0 ? 8 : *size * 2;
	void *p;

	if (n < *size)
		return (0);
	if ((p = reallocarray(*at, want, each)) == NULL)
		return (-1);
	*at = p;
	*size = want;
	return (0);
}

static int
no_memory(const struct parser *p)
{
	return (err_set(p->err, "out of memory"));
}

/* ---- open maps and arrays ---- */

static int
open_push(struct parser *p, bool is_map)
{
	if (p->depth == sizeof(p->open) / sizeof(p->open[0]))
		return (err_set(p->err, "maps and arrays are nested too deep"));
	p->open[p->depth++] = (struct open){ .is_map = is_map };
	return (0);
}

static void
open_drop(struct open *o)
{
	free(o->items);
	free(o->values);
	*o = (struct open){ .is_map = false };
}

static struct open *
open_top(struct parser *p)
{
	assert(p->depth > 0);
	return (&p->open[p->depth - 1]);
}

struct ranked {
	const struct conf_item *item;
	size_t rank;
};

static int
ranked_compare(const void *va, const void *vb)
{
	const struct ranked *a = va, *b = vb;
	int c = str_cmp(a->item->key, b->item->key);

	return (c != 0 ? c : (a->rank > b->rank) - (a->rank < b->rank));
}

/* Of items with one key the last counts, at the place of the first. */
static int
items_unique(struct conf_item *items, size_t *n)
{
	struct ranked *sorted = reallocarray(NULL, *n + 1, sizeof(*sorted));
	size_t kept = 0;

	if (sorted == NULL)
		return (-1);
	for (size_t i = 0; i < *n; i++)
		sorted[i] = (struct ranked){ .item = &items[i], .rank = i };
	qsort(sorted, *n, sizeof(*sorted), ranked_compare);
	for (size_t i = 0, next; i < *n; i = next) {
		for (next = i + 1; next < *n; next++) {
			if (!str_eq(sorted[next].item->key, sorted[i].item->key))
				break;
			items[sorted[i].rank] = items[sorted[next].rank];
			items[sorted[next].rank].value = NULL;
		}
	}
	for (size_t i = 0; i < *n; i++)
		if (items[i].value != NULL)
			items[kept++] = items[i];
	*n = kept;
	free(sorted);
	return (0);
}

/* Counts `in` as part of `v`; refuses what repeated variables have made too large or deep. */
static int
value_count(const struct parser *p, struct conf_value *v, const struct conf_value *in)
{
	if (in->depth >= v->depth)
		v->depth = in->depth + 1;
	if (v->depth > CONF_DEPTH_MAX)
		return (err_set(p->err, "maps and arrays are nested too deep"));
	if (in->values > CONF_VALUES_MAX - v->values)
		return (err_set(p->err, "variables repeat too many values"));
	v->values += in->values;
	return (0);
}

/* Closes the innermost map or array: what was gathered becomes v's. */
static int
open_close(struct parser *p, struct conf_value *v)
{
	struct open *o = open_top(p);
	size_t bytes;
	void *at;

	v->kind = o->is_map ? CONF_MAP : CONF_ARRAY;
	v->values = 1;
	if (o->is_map && items_unique(o->items, &o->n) != 0)
		return (no_memory(p));
	for (size_t i = 0; i < o->n; i++)
		if (value_count(p, v, o->is_map ? o->items[i].value : o->values[i]) != 0)
			return (-1);
	bytes = o->n * (o->is_map ? sizeof(*o->items) : sizeof(*o->values));
	if ((at = conf_alloc(p->conf, bytes)) == NULL)
		return (no_memory(p));
	if (bytes > 0)
		memcpy(at, o->is_map ? (void *)o->items : (void *)o->values, bytes);
	if (o->is_map) {
		v->map.at = at;
		v->map.n = o->n;
	} else {
		v->array.at = at;
		v->array.n = o->n;
	}
	open_drop(o);
	p->depth--;
	return (0);
}

/* ---- keys and values ---- */

static int
key_push(struct parser *p, struct str name, struct conf_pos pos)
{
	char *copy = conf_copy(p->conf, name);

	if (copy == NULL || grow((void **)&p->keys, p->nkeys, &p->keys_size, sizeof(*p->keys)) != 0)
		return (no_memory(p));
	p->keys[p->nkeys++] = (struct key){ .name = { .p = copy, .n = name.n }, .pos = pos };
	return (0);
}

/*
 * Puts v into the innermost map or array.  In a map it takes the key seen last and that key's position;
 * a key that never got its value stays behind for an outer one: nats-server's way.
 */
static int
value_put(struct parser *p, struct conf_value *v)
{
	struct open *o = open_top(p);
	struct key key;

	if (!o->is_map) {
		if (grow((void **)&o->values, o->n, &o->size, sizeof(*o->values)) != 0)
			return (no_memory(p));
		o->values[o->n++] = v;
		return (0);
	}
	if (p->nkeys == 0)
		return (err_set(p->err, "a value without a key on line %u", v->pos.line));
	key = p->keys[--p->nkeys];
	if (grow((void **)&o->items, o->n, &o->size, sizeof(*o->items)) != 0)
		return (no_memory(p));
	v->pos = key.pos;
	o->items[o->n++] = (struct conf_item){ .key = key.name, .key_pos = key.pos, .value = v };
	return (0);
}

static struct conf_pos
token_pos(const struct parser *p, const struct conf_token *tok)
{
	return ((struct conf_pos){ .file = p->file, .line = tok->line, .column = tok->column });
}

static struct conf_value *
value_new(struct parser *p, const struct conf_token *tok, enum conf_kind kind)
{
	struct conf_value *v = conf_alloc(p->conf, sizeof(*v));

	if (v == NULL) {
		no_memory(p);
		return (NULL);
	}
	*v = (struct conf_value){ .kind = kind, .pos = token_pos(p, tok), .values = 1 };
	return (v);
}

/* ---- scalars ---- */

/* A size with a suffix that does not exist leaves its key without a value: nats-server's way. */
static int
put_integer(struct parser *p, const struct conf_token *tok)
{
	struct conf_value *v;
	int64_t n = 0;

	switch (conf_number_read(tok->text, &n)) {
	case CONF_NUMBER_NONE:
		return (err_set(p->err, "expected integer, but got '" STR_FMT "'", STR_ARG(tok->text)));
	case CONF_NUMBER_LARGE:
		return (err_set(p->err, "integer '" STR_FMT "' is out of the range", STR_ARG(tok->text)));
	case CONF_NUMBER_SUFFIX:
		return (0);
	case CONF_NUMBER_OK:
		break;
	}
	if ((v = value_new(p, tok, CONF_INT)) == NULL)
		return (-1);
	v->integer = n;
	return (value_put(p, v));
}

static int
put_float(struct parser *p, const struct conf_token *tok)
{
	struct conf_value *v = value_new(p, tok, CONF_FLOAT);
	char *text, *end;

	if (v == NULL)
		return (-1);
	if ((text = conf_copy(p->conf, tok->text)) == NULL)
		return (no_memory(p));
	v->real = strtod(text, &end);
	if (*end != '\0')
		return (err_set(p->err, "expected float, but got '%s'", text));
	if (v->real > 1.7976931348623157e308 || v->real < -1.7976931348623157e308)
		return (err_set(p->err, "float '%s' is out of the range", text));
	return (value_put(p, v));
}

static int
put_bool(struct parser *p, const struct conf_token *tok)
{
	struct conf_value *v = value_new(p, tok, CONF_BOOL);
	int first = tolower((unsigned char)tok->text.p[0]);

	if (v == NULL)
		return (-1);
	/* of true, yes, on, false, no, off only the second letter of the o's tells */
	v->boolean = first == 't' || first == 'y' ||
	    (first == 'o' && tolower((unsigned char)tok->text.p[1]) == 'n');
	return (value_put(p, v));
}

static int
put_string(struct parser *p, const struct conf_token *tok)
{
	struct conf_value *v = value_new(p, tok, CONF_STRING);
	char *copy;

	if (v == NULL)
		return (-1);
	if ((copy = conf_copy(p->conf, tok->text)) == NULL)
		return (no_memory(p));
	v->string = (struct str){ .p = copy, .n = tok->text.n };
	return (value_put(p, v));
}

static int
put_time(struct parser *p, const struct conf_token *tok)
{
	struct conf_value *v = value_new(p, tok, CONF_TIME);

	if (v == NULL)
		return (-1);
	if (conf_time_read(tok->text, &v->time_s) != 0)
		return (err_set(p->err, "expected Zulu formatted DateTime, but got '" STR_FMT "'",
		    STR_ARG(tok->text)));
	return (value_put(p, v));
}

/* ---- variables ---- */

/* What an enclosing map has said so far, innermost first; the last of equal keys. */
static struct conf_value *
find_key(struct parser *p, struct str name)
{
	for (unsigned d = p->depth; d-- > 0;)
		for (size_t i = p->open[d].is_map ? p->open[d].n : 0; i-- > 0;)
			if (str_eq(p->open[d].items[i].key, name))
				return (p->open[d].items[i].value);
	return (NULL);
}

static bool
is_cycle(const struct parser *p, const char *name)
{
	for (; p != NULL; p = p->outer)
		if (p->variable != NULL && strcmp(p->variable, name) == 0)
			return (true);
	return (false);
}

static struct parser *parser_new(const struct parser *outer, struct conf *, struct err *);
static void parser_free(struct parser *);

/* The value of an environment variable, read as if the file said "pk=VALUE".  NULL without a reason:
 * there is none. */
static struct conf_value *
find_environment(struct parser *p, const char *name, struct err *e)
{
	struct parser *inner;
	const struct conf_value *map;
	const struct conf_item *item = NULL;
	const char *value;
	size_t size;
	char *text;

	e->text[0] = '\0';
	if (is_cycle(p, name)) {
		err_set(e, "variable reference cycle for '%s'", name);
		return (NULL);
	}
	if ((value = getenv(name)) == NULL)
		return (NULL);
	size = strlen(value) + sizeof("pk=");
	if ((text = conf_alloc(p->conf, size)) == NULL ||
	    (inner = parser_new(p, p->conf, e)) == NULL) {
		err_set(e, "out of memory");
		return (NULL);
	}
	snprintf(text, size, "pk=%s", value);
	inner->variable = name;
	if ((map = parse_text(inner, str_of(text))) != NULL)
		for (size_t i = 0; i < map->map.n; i++)
			if (str_eq(map->map.at[i].key, STR("pk")))
				item = &map->map.at[i];
	parser_free(inner);
	return (item == NULL ? NULL : item->value);
}

static int
put_variable(struct parser *p, const struct conf_token *tok)
{
	struct conf_value *v = value_new(p, tok, CONF_STRING), *from;
	char *name = conf_copy(p->conf, tok->text), *text;
	struct err e;

	if (v == NULL)
		return (-1);
	if (name == NULL)
		return (no_memory(p));
	/* an unquoted password hash is no variable */
	if (str_starts(tok->text, STR("2a$"))) {
		if ((text = conf_alloc(p->conf, tok->text.n + 2)) == NULL)
			return (no_memory(p));
		text[0] = '$';
		memcpy(text + 1, name, tok->text.n + 1);
		v->string = (struct str){ .p = text, .n = tok->text.n + 1 };
		return (value_put(p, v));
	}
	if ((from = find_key(p, tok->text)) == NULL) {
		if ((from = find_environment(p, name, &e)) == NULL && e.text[0] != '\0')
			return (err_set(p->err, "variable reference for '%s' on line %u could not be "
			    "parsed: %s", name, tok->line, e.text));
		if (from == NULL)
			return (err_set(p->err, "variable reference for '%s' on line %u can not be found",
			    name, tok->line));
	}
	from->used_as_variable = true;
	*v = *from;
	v->used_as_variable = false;
	v->pos = token_pos(p, tok);
	return (value_put(p, v));
}

/* ---- includes ---- */

static bool
is_open_file(const struct parser *p, const char *path)
{
	for (; p != NULL; p = p->outer)
		if (p->file != NULL && strcmp(p->file, path) == 0)
			return (true);
	return (false);
}

static struct conf_value *
parse_file(struct parser *p, const char *path)
{
	struct conf_value *root;
	char *data = NULL;
	size_t n = 0;

	if ((p->file = conf_copy(p->conf, str_of(path))) == NULL) {
		no_memory(p);
		return (NULL);
	}
	if (p->reader->read(p->reader->ctx, path, &data, &n, p->err) != 0)
		return (NULL);
	root = parse_text(p, (struct str){ .p = data, .n = n });
	explicit_bzero(data, n); /* passwords are in it */
	free(data);
	return (root);
}

/* Parses the file and merges its keys into the open map, under their own positions. */
static int
include_file(struct parser *p, const char *path, struct err *e)
{
	struct parser *inner;
	const struct conf_value *map;

	if (is_open_file(p, path))
		return (err_set(e, "%s includes itself", path));
	if (p->level + 1 >= CONF_DEPTH_MAX)
		return (err_set(e, "includes are nested too deep"));
	if (p->conf->includes++ >= CONF_INCLUDES_MAX)
		return (err_set(e, "more than %u includes", CONF_INCLUDES_MAX));
	if ((inner = parser_new(p, p->conf, e)) == NULL)
		return (err_set(e, "out of memory"));
	map = parse_file(inner, path);
	parser_free(inner);
	if (map == NULL)
		return (-1);
	for (size_t i = 0; i < map->map.n; i++) {
		const struct conf_item *item = &map->map.at[i];

		if (key_push(p, item->key, item->key_pos) != 0 || value_put(p, item->value) != 0)
			return (-1);
	}
	return (0);
}

static int
put_include(struct parser *p, const struct conf_token *tok)
{
	char *name = conf_copy(p->conf, tok->text);
	char *dir = p->file == NULL ? strdup(".") : path_dir(p->file);
	char *path = name == NULL || dir == NULL ? NULL : path_join(dir, name);
	struct err e = { .sys = 0 };
	int rc = -1;

	if (path == NULL)
		no_memory(p);
	else if ((rc = include_file(p, path, &e)) != 0 && e.text[0] != '\0')
		err_set(p->err, "error parsing include file '%s', %s", name, e.text);
	free(path);
	free(dir);
	return (rc);
}

/* ---- a text ---- */

static int
take_token(struct parser *p, const struct conf_token *tok)
{
	struct conf_value *v;

	switch (tok->kind) {
	case CONF_TOKEN_KEY:
		return (key_push(p, tok->text, token_pos(p, tok)));
	case CONF_TOKEN_MAP:
		return (open_push(p, true));
	case CONF_TOKEN_ARRAY:
		return (open_push(p, false));
	case CONF_TOKEN_MAP_END:
	case CONF_TOKEN_ARRAY_END:
		if ((v = value_new(p, tok, CONF_MAP)) == NULL || open_close(p, v) != 0)
			return (-1);
		return (value_put(p, v));
	case CONF_TOKEN_STRING:
		return (put_string(p, tok));
	case CONF_TOKEN_INTEGER:
		return (put_integer(p, tok));
	case CONF_TOKEN_FLOAT:
		return (put_float(p, tok));
	case CONF_TOKEN_BOOL:
		return (put_bool(p, tok));
	case CONF_TOKEN_TIME:
		return (put_time(p, tok));
	case CONF_TOKEN_VARIABLE:
		return (put_variable(p, tok));
	case CONF_TOKEN_INCLUDE:
		return (put_include(p, tok));
	case CONF_TOKEN_ERROR:
		return (err_set(p->err, "Parse error on line %u: '" STR_FMT "'", tok->line,
		    STR_ARG(tok->text)));
	case CONF_TOKEN_END:
		break;
	}
	return (0);
}

/* All of a text into the map that is open; NULL with the reason. */
static struct conf_value *
parse_text(struct parser *p, struct str text)
{
	struct conf_lex *lx = malloc(sizeof(*lx));
	struct conf_value *root = NULL;
	struct conf_token tok = { .kind = CONF_TOKEN_END };
	bool after_key = false;

	if (lx == NULL) {
		no_memory(p);
		return (NULL);
	}
	conf_lex_init(lx, text);
	if (open_push(p, true) != 0)
		goto out;
	for (conf_lex_next(lx, &tok); tok.kind != CONF_TOKEN_END; conf_lex_next(lx, &tok)) {
		/* a lone '}' may close a file that an open '{' began: JSON */
		after_key = tok.kind == CONF_TOKEN_KEY && !str_eq(tok.text, STR("}"));
		if (take_token(p, &tok) != 0)
			goto out;
	}
	if (after_key) {
		err_set(p->err, "config is invalid (%s:%u:%u)", p->file == NULL ? "" : p->file, tok.line,
		    tok.column);
		goto out;
	}
	while (p->depth > 1)
		open_drop(&p->open[--p->depth]);
	if ((root = value_new(p, &tok, CONF_MAP)) != NULL && open_close(p, root) != 0)
		root = NULL;
out:
	conf_lex_free(lx);
	free(lx);
	return (root);
}

static struct parser *
parser_new(const struct parser *outer, struct conf *c, struct err *e)
{
	struct parser *p = malloc(sizeof(*p));

	if (p == NULL) {
		err_set(e, "out of memory");
		return (NULL);
	}
	*p = (struct parser){ .conf = c, .outer = outer, .err = e };
	if (outer != NULL) {
		p->reader = outer->reader;
		p->level = outer->level + 1;
	}
	return (p);
}

static void
parser_free(struct parser *p)
{
	while (p->depth > 0)
		open_drop(&p->open[--p->depth]);
	free(p->keys);
	free(p);
}

/* ---- from outside ---- */

struct conf *
conf_parse_file(const char *path, const struct conf_reader *reader, struct err *e)
{
	struct conf *c = calloc(1, sizeof(*c));
	struct parser *p = c == NULL ? NULL : parser_new(NULL, c, e);
	struct err own;

	if (p == NULL) {
		free(c);
		err_set(e, "out of memory");
		return (NULL);
	}
	p->reader = reader;
	p->err = e == NULL ? &own : e;
	c->root = parse_file(p, path);
	parser_free(p);
	if (c->root == NULL) {
		conf_free(c);
		return (NULL);
	}
	return (c);
}

/* A reader that knows one text, and asks another one for everything else. */
struct one_text {
	struct str text;
	const struct conf_reader *others;
	bool read;
};

static int
one_text_read(void *ctx, const char *path, char **data, size_t *n, struct err *e)
{
	struct one_text *t = ctx;

	if (t->read)
		return (t->others->read(t->others->ctx, path, data, n, e));
	t->read = true;
	if ((*data = malloc(t->text.n + 1)) == NULL)
		return (err_set(e, "out of memory"));
	if (t->text.n > 0)
		memcpy(*data, t->text.p, t->text.n);
	*n = t->text.n;
	return (0);
}

struct conf *
conf_parse_text(struct str text, const char *name, const struct conf_reader *reader, struct err *e)
{
	struct one_text t = { .text = text, .others = reader };
	struct conf_reader first = { .read = one_text_read, .ctx = &t };

	return (conf_parse_file(name, &first, e));
}

void
conf_free(struct conf *c)
{
	struct block *next;

	if (c == NULL)
		return;
	for (struct block *b = c->blocks; b != NULL; b = next) {
		next = b->next;
		explicit_bzero(b->data, b->used); /* passwords are in it */
		free(b);
	}
	free(c);
}

const struct conf_value *
conf_root(const struct conf *c)
{
	return (c->root);
}

const struct conf_item *
conf_find(const struct conf_value *map, const char *key)
{
	size_t n = strlen(key);

	if (map->kind != CONF_MAP)
		return (NULL);
	for (size_t i = 0; i < map->map.n; i++)
		if (map->map.at[i].key.n == n && strncasecmp(map->map.at[i].key.p, key, n) == 0)
			return (&map->map.at[i]);
	return (NULL);
}

const char *
conf_type_name(const struct conf_value *v)
{
	switch (v->kind) {
	case CONF_STRING:
		return ("string");
	case CONF_INT:
		return ("int64");
	case CONF_FLOAT:
		return ("float64");
	case CONF_BOOL:
		return ("bool");
	case CONF_TIME:
		return ("time.Time");
	case CONF_ARRAY:
		return ("[]interface {}");
	case CONF_MAP:
		return ("map[string]interface {}");
	}
	return ("?");
}
