#include "config.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "natsd-front/client/connect_json.h"
#include "natsd-front/client/json_in.h"

/* ---- what fields there are ---- */

enum type {
	TYPE_BOOL,
	TYPE_INT,
	TYPE_INT32,
	TYPE_UINT64,
	TYPE_BYTE,
	TYPE_TEXT,
	TYPE_TEXTS,
	TYPE_BYTES,
	TYPE_PERMISSION, /* an object of two TEXTS */
};

static const char *const type_names[] = {
	[TYPE_BOOL] = "bool",
	[TYPE_INT] = "int",
	[TYPE_INT32] = "int32",
	[TYPE_UINT64] = "uint64",
	[TYPE_BYTE] = "uint8",
	[TYPE_TEXT] = "string",
	[TYPE_TEXTS] = "[]string",
	[TYPE_BYTES] = "[]uint8",
	[TYPE_PERMISSION] = "server.SubjectPermission",
};

#define NOT_KEPT SIZE_MAX

struct field {
	const char *name;
	enum type type;
	size_t at; /* in struct connect_options */
};

struct record { /* as nats-server names it in its errors */
	const char *name, *type;
	const struct field *fields;
	size_t n;
};

#define KEPT(name, type) { #name, type, offsetof(struct connect_options, name) }
static const struct field connect_fields[] = {
	KEPT(verbose, TYPE_BOOL), KEPT(pedantic, TYPE_BOOL), KEPT(echo, TYPE_BOOL),
	KEPT(tls_required, TYPE_BOOL), KEPT(headers, TYPE_BOOL), KEPT(no_responders, TYPE_BOOL),
	KEPT(new_account, TYPE_BOOL), KEPT(protocol, TYPE_INT), KEPT(name, TYPE_TEXT),
	KEPT(lang, TYPE_TEXT), KEPT(version, TYPE_TEXT), KEPT(account, TYPE_TEXT),
	KEPT(user, TYPE_TEXT), KEPT(pass, TYPE_TEXT), KEPT(auth_token, TYPE_TEXT),
	KEPT(jwt, TYPE_TEXT), KEPT(nkey, TYPE_TEXT), KEPT(sig, TYPE_TEXT),
	KEPT(proxy_sig, TYPE_TEXT),
	{ "import", TYPE_PERMISSION, NOT_KEPT }, { "export", TYPE_PERMISSION, NOT_KEPT },
	{ "remote_account", TYPE_TEXT, NOT_KEPT },
};

#define INFO(name, type) { #name, type, NOT_KEPT }
static const struct field info_fields[] = {
	INFO(server_id, TYPE_TEXT), INFO(server_name, TYPE_TEXT), INFO(version, TYPE_TEXT),
	INFO(proto, TYPE_INT), INFO(git_commit, TYPE_TEXT), INFO(go, TYPE_TEXT),
	INFO(host, TYPE_TEXT), INFO(port, TYPE_INT), INFO(headers, TYPE_BOOL),
	INFO(auth_required, TYPE_BOOL), INFO(tls_required, TYPE_BOOL), INFO(tls_verify, TYPE_BOOL),
	INFO(tls_available, TYPE_BOOL), INFO(max_payload, TYPE_INT32), INFO(jetstream, TYPE_BOOL),
	INFO(ip, TYPE_TEXT), INFO(client_id, TYPE_UINT64), INFO(client_ip, TYPE_TEXT),
	INFO(nonce, TYPE_TEXT), INFO(cluster, TYPE_TEXT), INFO(cluster_dynamic, TYPE_BOOL),
	INFO(domain, TYPE_TEXT), INFO(connect_urls, TYPE_TEXTS), INFO(ws_connect_urls, TYPE_TEXTS),
	INFO(ldm, TYPE_BOOL), INFO(compression, TYPE_TEXT), INFO(connect_info, TYPE_BOOL),
	INFO(remote_account, TYPE_TEXT), INFO(acc_is_sys, TYPE_BOOL), INFO(api_lvl, TYPE_INT),
	INFO(import, TYPE_PERMISSION), INFO(export, TYPE_PERMISSION), INFO(lnoc, TYPE_BOOL),
	INFO(lnocu, TYPE_BOOL), INFO(ln, TYPE_BOOL), INFO(info_on_connect, TYPE_BOOL),
	INFO(route_pool_size, TYPE_INT), INFO(route_pool_idx, TYPE_INT),
	INFO(route_account, TYPE_TEXT), INFO(route_acc_add_reqid, TYPE_TEXT),
	INFO(gossip_mode, TYPE_BYTE), INFO(gateway, TYPE_TEXT), INFO(gateway_urls, TYPE_TEXTS),
	INFO(gateway_url, TYPE_TEXT), INFO(gateway_cmd, TYPE_BYTE),
	INFO(gateway_cmd_payload, TYPE_BYTES), INFO(gateway_nrp, TYPE_BOOL),
	INFO(gateway_iom, TYPE_BOOL), INFO(leafnode_urls, TYPE_TEXTS), INFO(xkey, TYPE_TEXT),
};

static const struct field permission_fields[] = {
	{ "allow", TYPE_TEXTS, NOT_KEPT }, { "deny", TYPE_TEXTS, NOT_KEPT },
};

#define RECORD(name, fields) { name, "server." name, fields, sizeof(fields) / sizeof(fields[0]) }
static const struct record connect_record = RECORD("ClientOpts", connect_fields);
static const struct record info_record = RECORD("Info", info_fields);
static const struct record permission_record = RECORD("SubjectPermission", permission_fields);

static const struct field *
field_find(const struct record *r, struct str key)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (json_in_key_is(key, r->fields[i].name))
			return (&r->fields[i]);
	return (NULL);
}

/* ---- do the values fit ---- */

/* Where in the object we are, for the text of an error. */
struct place {
	const struct record *record;
	const struct field *outer, *field; /* outer NULL: not inside of another */
	char *why;
};

static int
misfit(const struct place *p, const struct json_value *v, const char *type)
{
	static const char *const kinds[] = { [JSON_NULL] = "null", [JSON_BOOL] = "bool",
		[JSON_NUMBER] = "number", [JSON_STRING] = "string", [JSON_ARRAY] = "array",
		[JSON_OBJECT] = "object" };

	snprintf(p->why, CONNECT_WHY_MAX,
	    "json: cannot unmarshal %s into Go struct field %s.%s%s%s of type %s", kinds[v->kind],
	    p->record->name, p->outer == NULL ? "" : p->outer->name, p->outer == NULL ? "" : ".",
	    p->field->name, type);
	return (-1);
}

static int
bad_number(const struct place *p, struct str digits)
{
	snprintf(p->why, CONNECT_WHY_MAX,
	    "json: cannot unmarshal number %.*s into Go struct field %s.%s of type %s",
	    (int)(digits.n < 100 ? digits.n : 100), digits.p, p->record->name, p->field->name,
	    type_names[p->field->type]);
	return (-1);
}

/* Decimal digits with or without a sign, between the two; false: something else, or outside. */
static bool
number_read(struct str s, int64_t least, uint64_t most, int64_t *to)
{
	bool minus = s.n > 0 && s.p[0] == '-';
	uint64_t limit = minus ? (uint64_t)0 - (uint64_t)least : most, v = 0, digit;
	size_t i;

	for (i = minus ? 1 : 0; i < s.n; i++) {
		digit = (uint64_t)(uint8_t)s.p[i] - '0';
		if (digit > 9 || v > (UINT64_MAX - digit) / 10)
			return (false);
		v = v * 10 + digit;
	}
	if (v > limit)
		return (false);
	*to = (int64_t)(minus ? (uint64_t)0 - v : v);
	return (true);
}

static int
fit_number(const struct place *p, const struct json_value *v, int64_t *to)
{
	static const struct {
		int64_t least;
		uint64_t most;
	} ranges[] = {
		[TYPE_INT] = { INT64_MIN, INT64_MAX },
		[TYPE_INT32] = { INT32_MIN, INT32_MAX },
		[TYPE_UINT64] = { 0, UINT64_MAX },
		[TYPE_BYTE] = { 0, UINT8_MAX },
	};
	enum type t = p->field->type;

	if (v->kind != JSON_NUMBER)
		return (misfit(p, v, type_names[t]));
	if (!number_read(v->text, ranges[t].least, ranges[t].most, to))
		return (bad_number(p, v->text));
	return (0);
}

static int
fit_texts(const struct place *p, const struct json_value *v)
{
	struct json_value item;
	size_t at = 0;

	if (v->kind != JSON_ARRAY)
		return (misfit(p, v, type_names[TYPE_TEXTS]));
	while (json_in_next(v, &at, &item))
		if (item.kind != JSON_STRING && item.kind != JSON_NULL)
			return (misfit(p, &item, type_names[TYPE_TEXT]));
	return (0);
}

static int
fit_permission(const struct place *outer, const struct json_value *v)
{
	struct place p = { &permission_record, outer->field, NULL, outer->why };
	struct json_value item;
	struct str key;
	size_t at = 0;

	if (v->kind != JSON_OBJECT)
		return (misfit(outer, v, type_names[TYPE_PERMISSION]));
	while (json_in_next_member(v, &at, &key, &item)) {
		p.field = field_find(&permission_record, key);
		if (p.field != NULL && item.kind != JSON_NULL && fit_texts(&p, &item) != 0)
			return (-1);
	}
	return (0);
}

static int
fit(const struct place *p, const struct json_value *v)
{
	const char *type = type_names[p->field->type];
	int64_t number;

	switch (p->field->type) {
	case TYPE_BOOL:
		return (v->kind == JSON_BOOL ? 0 : misfit(p, v, type));
	case TYPE_TEXT:
		return (v->kind == JSON_STRING ? 0 : misfit(p, v, type));
	case TYPE_INT:
	case TYPE_INT32:
	case TYPE_UINT64:
	case TYPE_BYTE:
		return (fit_number(p, v, &number));
	case TYPE_TEXTS:
		return (fit_texts(p, v));
	case TYPE_BYTES:
		return (v->kind == JSON_STRING || v->kind == JSON_ARRAY ? 0 : misfit(p, v, type));
	case TYPE_PERMISSION:
		return (fit_permission(p, v));
	}
	return (-1);
}

/* The document is this record; *object: it.  1: it is null, which says nothing. */
static int
read_record(struct str json, const struct record *r, struct json_value *object, char *why)
{
	static const char *const kinds[] = { [JSON_BOOL] = "bool", [JSON_NUMBER] = "number",
		[JSON_STRING] = "string", [JSON_ARRAY] = "array" };
	struct place p = { .record = r, .why = why };
	struct json_value v;
	struct str key;
	size_t at = 0;

	if (json_in_check(json, why) != 0)
		return (-1);
	*object = json_in_value(json);
	if (object->kind == JSON_NULL)
		return (1);
	if (object->kind != JSON_OBJECT) {
		snprintf(why, CONNECT_WHY_MAX, "json: cannot unmarshal %s into Go value of type %s",
		    kinds[object->kind], r->type);
		return (-1);
	}
	while (json_in_next_member(object, &at, &key, &v)) {
		p.field = field_find(r, key);
		if (p.field != NULL && v.kind != JSON_NULL && fit(&p, &v) != 0)
			return (-1);
	}
	return (0);
}

/* ---- keeping them ---- */

static void
text_wipe(struct connect_text *t)
{
	if (t->p != NULL) {
		explicit_bzero(t->p, t->n);
		free(t->p);
	}
	*t = (struct connect_text){ NULL, 0 };
}

static int
text_store(struct connect_text *t, struct str quoted)
{
	char *p = malloc(JSON_IN_TEXT_MAX(quoted.n) + 1);

	if (p == NULL)
		return (-1);
	text_wipe(t);
	t->n = json_in_text(p, quoted);
	p[t->n] = '\0';
	t->p = p;
	return (0);
}

static int
field_store(const struct field *f, const struct json_value *v, struct connect_options *o)
{
	void *to;

	if (f->at == NOT_KEPT)
		return (0);
	to = (char *)o + f->at;
	if (f->type == TYPE_BOOL)
		*(bool *)to = v->text.p[0] == 't';
	else if (f->type == TYPE_INT)
		number_read(v->text, INT64_MIN, INT64_MAX, to);
	else
		return (text_store(to, v->text));
	return (0);
}

int
connect_json_read(struct str json, struct connect_options *o, char why[CONNECT_WHY_MAX])
{
	struct json_value object, v;
	const struct field *f;
	struct str key;
	size_t at = 0;
	int rc = read_record(json, &connect_record, &object, why);

	if (rc != 0)
		return (rc == 1 ? 0 : -1);
	while (json_in_next_member(&object, &at, &key, &v)) {
		f = field_find(&connect_record, key);
		if (f != NULL && v.kind != JSON_NULL && field_store(f, &v, o) != 0) {
			snprintf(why, CONNECT_WHY_MAX, "no memory");
			return (-1);
		}
	}
	return (0);
}

int
connect_json_check_info(struct str json, char why[CONNECT_WHY_MAX])
{
	struct json_value object;

	return (read_record(json, &info_record, &object, why) < 0 ? -1 : 0);
}

void
connect_options_free(struct connect_options *o)
{
	struct connect_text *texts[] = { &o->name, &o->lang, &o->version, &o->account, &o->user,
		&o->pass, &o->auth_token, &o->jwt, &o->nkey, &o->sig, &o->proxy_sig };
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		text_wipe(texts[i]);
	*o = (struct connect_options){ .verbose = false };
}
