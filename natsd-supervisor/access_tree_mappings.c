/* Mappings of subjects: of an account, or of $G at the root (config.md 4.6). */
#include "config.h"

#include <string.h>

#include "common/mapping.h"
#include "common/num.h"
#include "common/quote.h"
#include "common/subject.h"
#include "natsd-supervisor/access_tree.h"

#define WEIGHT_MAX 100

/* ---- one destination ---- */

/* 40, "40" or "40%". */
static bool
set_weight(struct access_tree *t, uint32_t *weight, const struct conf_value *v)
{
	char quoted[QUOTE_TEXT_MAX], text[LOADER_TEXT_MAX];
	struct str s = v->kind == CONF_STRING ? v->string : STR_NONE;
	int64_t n = v->kind == CONF_INT ? v->integer : 0;

	if (s.n > 0 && s.p[s.n - 1] == '%')
		s.n--;
	if (v->kind != CONF_INT && v->kind != CONF_STRING)
		loader_error(t->l, "Unknown entry type for weight of %s", loader_text(v, text));
	else if (v->kind == CONF_STRING && num_parse_i64(s, INT64_MIN, INT64_MAX, &n) != 0)
		loader_error(t->l, "Invalid weight %s for mapping destination", quote(s, quoted));
	else if (n < 0 || n > WEIGHT_MAX)
		loader_error(t->l, "Invalid weight %lld for mapping destination", (long long)n);
	else {
		*weight = (uint32_t)n;
		return (true);
	}
	return (false);
}

/* A wrong type of these is told at the destination as a whole. */
static bool
set_text(struct access_tree *t, struct str *to, const struct conf_value *v,
    const struct conf_value *dest)
{
	if (v->kind == CONF_STRING)
		return (access_keep(t, to, v->string));
	loader_error_at(t->l, dest, "interface conversion: interface {} is %s, not string",
	    conf_type_name(v));
	return (false);
}

static bool
read_destination(struct access_tree *t, struct access_destination *d, const struct conf_value *v)
{
	char quoted[QUOTE_TEXT_MAX];
	bool weight = false, good = true;

	loader_look(t->l, v);
	if (v->kind != CONF_MAP) {
		loader_error(t->l, "Expected an entry for the mapping destination");
		return (false);
	}
	for (size_t i = 0; i < v->map.n && good; i++) {
		const struct conf_item *item = &v->map.at[i];

		loader_item(t->l, item);
		if (loader_key(item->key, "dest|destination"))
			good = set_text(t, &d->subject, item->value, v);
		else if (loader_key(item->key, "weight"))
			good = weight = set_weight(t, &d->weight, item->value);
		else if (loader_key(item->key, "cluster"))
			good = set_text(t, &d->cluster, item->value, v);
		else {
			loader_error(t->l, "Unknown field %s for mapping destination",
			    quote(item->key, quoted));
			good = false;
		}
	}
	if (good && !weight)
		loader_error_at(t->l, v, "Missing weight for mapping destination %s",
		    quote(d->subject, quoted));
	return (good && weight);
}

/* ---- one mapping ---- */

static bool
read_destinations(struct access_tree *t, struct access_mapping *m, const struct conf_value *v)
{
	size_t n = v->kind == CONF_ARRAY ? v->array.n : 1;
	bool good = true;

	if (n > ACCESS_LIST_MAX ||
	    (n > 0 && (m->at = access_alloc(t->a, n * sizeof(*m->at))) == NULL)) {
		loader_error(t->l, "too many destinations");
		return (false);
	}
	if (v->kind == CONF_STRING) {
		m->at[0].weight = WEIGHT_MAX;
		m->n = 1;
		return (access_keep(t, &m->at[0].subject, v->string));
	}
	if (v->kind != CONF_ARRAY) {
		m->n = 1;
		return (read_destination(t, &m->at[0], v));
	}
	for (size_t i = 0; i < n; i++)
		if (read_destination(t, &m->at[m->n], v->array.at[i]))
			m->n++;
		else
			good = false;
	return (good);
}

/* Whether the front can make a mapping of it. */
static bool
check_mapping(struct access_tree *t, const struct access_mapping *m, const struct conf_value *v)
{
	char source[QUOTE_TEXT_MAX], dest[QUOTE_TEXT_MAX];
	struct mappings *compiled;
	struct err e;

	if ((compiled = mappings_new(m, 1, STR(""), &e)) != NULL) {
		mappings_free(compiled);
		return (true);
	}
	if (v->kind == CONF_STRING)
		loader_error_at(t->l, v, "Error adding mapping for %s to %s : %s",
		    quote(m->source, source), quote(v->string, dest), e.text);
	else
		loader_error_at(t->l, v, "Error adding mapping for %s : %s", quote(m->source, source),
		    e.text);
	return (false);
}

static bool
read_mapping(struct access_tree *t, struct access_mapping *m, const struct conf_item *item,
    const struct conf_value *block)
{
	char quoted[QUOTE_TEXT_MAX];

	if (!subject_valid(item->key)) {
		loader_error_at(t->l, block, "Subject %s is not a valid subject",
		    quote(item->key, quoted));
		return (false);
	}
	loader_item(t->l, item);
	*m = (struct access_mapping){ .n = 0 };
	return (access_keep(t, &m->source, item->key) && read_destinations(t, m, item->value) &&
	    check_mapping(t, m, item->value));
}

/* ---- the block ---- */

void
access_mappings(struct access_tree *t, const struct conf_value *v, uint32_t account)
{
	struct access_account *to = &t->a->accounts[account];
	struct access_mapping *all;
	size_t n;

	if (!loader_want(t->l, v, CONF_MAP) || v->map.n == 0)
		return;
	n = to->nmappings + v->map.n;
	if (n > ACCESS_LIST_MAX || (all = access_alloc(t->a, n * sizeof(*all))) == NULL) {
		loader_error(t->l, "too many mappings");
		return;
	}
	if (to->nmappings > 0)
		memcpy(all, to->mappings, to->nmappings * sizeof(*all));
	to->mappings = all;
	for (size_t i = 0; i < v->map.n; i++)
		if (read_mapping(t, &all[to->nmappings], &v->map.at[i], v))
			to->nmappings++;
}
