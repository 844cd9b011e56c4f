/* What a user may publish and subscribe (config.md 4.5, client.md 11.1). */
#include "config.h"

#include <string.h>

#include "common/duration.h"
#include "common/quote.h"
#include "common/subject.h"
#include "natsd-supervisor/access_tree.h"

#define NO_SUBJECTS "Expected subject permissions to be a subject, or array of subjects, got %s"

/* ---- one subject ---- */

static bool
is_blank(char c)
{
	return (c == ' ' || (c >= '\t' && c <= '\r'));
}

/* The next run without blanks of *rest; empty: there is none. */
static struct str
next_word(struct str *rest)
{
	struct str word;

	while (rest->n > 0 && is_blank(rest->p[0]))
		rest->p++, rest->n--;
	word = (struct str){ .p = rest->p, .n = 0 };
	while (rest->n > 0 && !is_blank(rest->p[0]))
		rest->p++, rest->n--, word.n++;
	return (word);
}

/*
 * "subject", or where queues are allowed "subject queue".  Where: the value that a mistake is told at;
 * NULL: nowhere.
 */
static bool
split_subject(struct access_tree *t, struct str text, bool queues, struct access_subject *to,
    const struct conf_value *where)
{
	struct str rest = text, subject, queue, wrong;
	const char *what = "subject";
	char quoted[QUOTE_TEXT_MAX];

	*to = (struct access_subject){ .subject = text };
	if (subject_valid(text))
		return (true);
	wrong = text;
	if (queues) {
		subject = next_word(&rest);
		queue = next_word(&rest);
		if (queue.n > 0 && next_word(&rest).n == 0) {
			*to = (struct access_subject){ .subject = subject, .queue = queue };
			if (subject_valid(subject) && subject_valid(queue))
				return (true);
			what = subject_valid(subject) ? "queue" : "subject";
			wrong = subject_valid(subject) ? queue : subject;
		}
	}
	if (where == NULL)
		loader_error_nowhere(t->l, "%s %s is not a valid %s", what, quote(wrong, quoted), what);
	else
		loader_error_at(t->l, where, "%s %s is not a valid %s", what, quote(wrong, quoted), what);
	return (false);
}

/* ---- a list of subjects ---- */

static bool
add_subject(struct access_tree *t, struct access_list *to, struct str text, bool queues,
    const struct conf_value *where)
{
	struct access_subject s, *at = &to->at[to->n];

	if (!split_subject(t, text, queues, &s, where) || !access_keep(t, &at->subject, s.subject) ||
	    !access_keep(t, &at->queue, s.queue))
		return (false);
	to->n++;
	return (true);
}

static bool
add_subjects(struct access_tree *t, struct access_list *to, const struct conf_value *v, bool queues,
    const struct conf_value *where)
{
	if (v->kind == CONF_STRING)
		return (add_subject(t, to, v->string, queues, where));
	for (size_t i = 0; i < v->array.n; i++) {
		const struct conf_value *s = v->array.at[i];

		if (s->kind != CONF_STRING) {
			loader_error_at(t->l, s, "Subject in permissions array cannot be cast to string");
			return (false);
		}
		if (!add_subject(t, to, s->string, queues, where))
			return (false);
	}
	return (true);
}

/* A string, or an array of strings; an empty array is no list at all. */
static void
set_list(struct access_tree *t, struct access_list *to, const struct conf_value *v, bool queues,
    const struct conf_value *where)
{
	struct access_list list = { .n = 0 };
	size_t n = v->kind == CONF_ARRAY ? v->array.n : 1;

	if (v->kind != CONF_STRING && v->kind != CONF_ARRAY) {
		if (where == NULL)
			loader_error_nowhere(t->l, NO_SUBJECTS, conf_type_name(v));
		else
			loader_error_at(t->l, where, NO_SUBJECTS, conf_type_name(v));
		return;
	}
	if (n > ACCESS_LIST_MAX ||
	    (n > 0 && (list.at = access_alloc(t->a, n * sizeof(*list.at))) == NULL)) {
		loader_error(t->l, "too many subjects");
		return;
	}
	if (add_subjects(t, &list, v, queues, where)) {
		list.given = list.n > 0;
		*to = list;
	}
}

/* Subjects are allowed ones; a map says which are allowed and which denied. */
static void
set_direction(struct access_tree *t, struct access_list *allow, struct access_list *deny,
    const struct conf_value *v, bool queues)
{
	char quoted[QUOTE_TEXT_MAX];

	*allow = *deny = (struct access_list){ .n = 0 };
	if (v->kind != CONF_MAP) {
		set_list(t, allow, v, queues, NULL);
		return;
	}
	for (size_t i = 0; i < v->map.n; i++) {
		const struct conf_item *item = &v->map.at[i];

		loader_item(t->l, item);
		if (loader_key(item->key, "allow"))
			set_list(t, allow, item->value, queues, item->value);
		else if (loader_key(item->key, "deny"))
			set_list(t, deny, item->value, queues, item->value);
		else if (!item->value->used_as_variable)
			loader_error(t->l, "Unknown field name %s parsing subject permissions, only "
			    "'allow' or 'deny' are permitted", quote(item->key, quoted));
	}
}

/* ---- responses ---- */

/* 0 stands for the default. */
static void
set_response_ttl(struct access_tree *t, struct access_permissions *p, const struct conf_value *v)
{
	struct err e;
	int64_t ns;

	if (v->kind != CONF_STRING)
		loader_error(t->l, "error parsing expires, not a duration string");
	else if (duration_parse(v->string, &ns, &e) != 0)
		loader_error(t->l, "error parsing expires: %s", e.text);
	else
		p->responses_ttl_ns = ns != 0 ? ns : ACCESS_RESPONSES_TTL_NS;
}

static void
response_item(struct access_tree *t, struct access_permissions *p, const struct conf_item *item)
{
	const struct conf_value *v = item->value;
	char quoted[QUOTE_TEXT_MAX];

	loader_item(t->l, item);
	if (loader_key(item->key, "max|max_msgs|max_messages|max_responses")) {
		if (loader_want(t->l, v, CONF_INT))
			p->responses_max = v->integer != 0 ? v->integer : ACCESS_RESPONSES_MAX;
	} else if (loader_key(item->key, "expires|expiration|ttl"))
		set_response_ttl(t, p, v);
	else if (!v->used_as_variable)
		loader_error(t->l, "Unknown field %s parsing permissions", quote(item->key, quoted));
}

static void
set_responses(struct access_tree *t, struct access_permissions *p, const struct conf_value *v)
{
	p->responses = v->kind == CONF_BOOL ? v->boolean : true;
	if (v->kind == CONF_BOOL)
		return;
	if (v->kind != CONF_MAP) {
		loader_error(t->l, "error parsing response permissions, expected a boolean or a map");
		return;
	}
	for (size_t i = 0; i < v->map.n; i++)
		response_item(t, p, &v->map.at[i]);
}

/* ---- the block ---- */

static void
permissions_item(struct access_tree *t, struct access_permissions *p, const struct conf_item *item)
{
	char quoted[QUOTE_TEXT_MAX];

	loader_item(t->l, item);
	if (loader_key(item->key, "pub|publish|import"))
		set_direction(t, &p->pub_allow, &p->pub_deny, item->value, false);
	else if (loader_key(item->key, "sub|subscribe|export"))
		set_direction(t, &p->sub_allow, &p->sub_deny, item->value, true);
	else if (loader_key(item->key, "publish_allow_responses|allow_responses"))
		set_responses(t, p, item->value);
	else if (!item->value->used_as_variable)
		loader_error(t->l, "Unknown field %s parsing permissions", quote(item->key, quoted));
}

struct access_permissions *
access_permissions(struct access_tree *t, const struct conf_value *v)
{
	struct access_permissions *p;
	char text[LOADER_TEXT_MAX];
	struct err e;

	if (v->kind != CONF_MAP) {
		loader_error(t->l, "Expected permissions to be a map/struct, got %s",
		    loader_text(v, text));
		return (NULL);
	}
	if ((p = access_add_permissions(t->a, &e)) == NULL) {
		loader_error(t->l, "%s", e.text);
		return (NULL);
	}
	for (size_t i = 0; i < v->map.n; i++)
		permissions_item(t, p, &v->map.at[i]);
	if (p->responses)
		p->pub_allow.given = true; /* nothing but responses, unless a list says more */
	return (p);
}
