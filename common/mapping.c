#include "config.h"

#include "common/mapping.h"

#include <stdlib.h>
#include <string.h>

#include "common/quote.h"
#include "common/subject.h"
#include "common/subject_set.h"

#define WHOLE 100u

struct destination {
	struct transform *t;
	uint32_t weight; /* its own while compiling; then of it and all before it */
};

struct mapping {
	struct str source;
	bool literal;
	struct destination *at;
	size_t n;
};

struct mappings {
	struct subject_set *sources; /* most subjects meet none, and that is found here */
	struct mapping *at;
	size_t n;
	size_t slope, start; /* of mappings_room */
};

/* ---- compiling ---- */

static int
check_destinations(const struct access_mapping *m, struct err *e)
{
	char quoted[QUOTE_TEXT_MAX];
	uint32_t sum;

	for (size_t i = 0; i < m->n; i++) {
		for (size_t k = 0; k < i; k++)
			if (str_eq(m->at[k].subject, m->at[i].subject))
				return (err_set(e, "duplicate entry for %s",
				    quote(m->at[i].subject, quoted)));
		if (m->at[i].weight > WHOLE)
			return (err_set(e, "individual weights need to be <= 100"));
		sum = 0;
		for (size_t k = 0; k <= i; k++)
			if (str_eq(m->at[k].cluster, m->at[i].cluster))
				sum += m->at[k].weight;
		if (sum > WHOLE)
			return (err_set(e, "total weight needs to be <= 100"));
		if (transform_check(m->source, m->at[i].subject, e) != 0)
			return (-1);
	}
	return (0);
}

/* Whether some destination is meant for this cluster: then those alone count. */
static bool
is_for(const struct access_mapping *m, struct str cluster)
{
	for (size_t i = 0; i < m->n; i++)
		if (str_eq(m->at[i].cluster, cluster))
			return (true);
	return (false);
}

static int
add_destination(struct mapping *to, struct str dest, uint32_t weight, struct err *e)
{
	struct transform *t = transform_new(to->source, dest, false, e);

	if (t == NULL)
		return (-1);
	to->at[to->n++] = (struct destination){ t, weight };
	return (0);
}

/* What the weights leave goes to the source itself, unless that was named: then it is lost. */
static int
add_source(struct mapping *to, const struct access_mapping *m, struct err *e)
{
	uint32_t sum = 0;
	char *dest;
	int rc;

	for (size_t i = 0; i < to->n; i++)
		sum += to->at[i].weight;
	for (size_t i = 0; i < m->n; i++)
		if (str_eq(m->at[i].subject, m->source))
			return (0);
	if (sum == WHOLE)
		return (0);
	if ((dest = transform_tokenize(to->source)) == NULL)
		return (err_set(e, "no memory"));
	rc = add_destination(to, str_of(dest), WHOLE - sum, e);
	free(dest);
	return (rc);
}

static int
by_weight(const void *va, const void *vb)
{
	const struct destination *a = va, *b = vb;

	return (a->weight < b->weight ? -1 : a->weight > b->weight);
}

static int
compile(struct mapping *to, const struct access_mapping *m, struct str cluster, struct err *e)
{
	struct str wanted = cluster.n != 0 && is_for(m, cluster) ? cluster : STR("");
	uint32_t sum = 0;

	to->source = m->source;
	to->literal = !subject_has_wildcard(m->source);
	if (!subject_valid(m->source))
		return (err_set(e, "invalid subject"));
	if (check_destinations(m, e) != 0)
		return (-1);
	if ((to->at = calloc(m->n + 1, sizeof(*to->at))) == NULL)
		return (err_set(e, "no memory"));
	for (size_t i = 0; i < m->n; i++)
		if (str_eq(m->at[i].cluster, wanted) &&
		    add_destination(to, m->at[i].subject, m->at[i].weight, e) != 0)
			return (-1);
	if (add_source(to, m, e) != 0)
		return (-1);
	if (to->n > 1)
		qsort(to->at, to->n, sizeof(*to->at), by_weight);
	for (size_t i = 0; i < to->n; i++)
		to->at[i].weight = sum += to->at[i].weight;
	return (0);
}

/* The room of each transform is a line over the size of the subject: the highest start and slope. */
static void
note_room(struct mappings *ms, const struct mapping *m)
{
	size_t start, slope;

	for (size_t i = 0; i < m->n; i++) {
		start = transform_room(m->at[i].t, 0);
		slope = transform_room(m->at[i].t, 1) - start;
		ms->start = start > ms->start ? start : ms->start;
		ms->slope = slope > ms->slope ? slope : ms->slope;
	}
}

struct mappings *
mappings_new(const struct access_mapping *m, size_t n, struct str cluster, struct err *e)
{
	struct mappings *ms = calloc(1, sizeof(*ms));

	if (ms == NULL || (ms->sources = subject_set_new()) == NULL ||
	    (ms->at = calloc(n + 1, sizeof(*ms->at))) == NULL) {
		err_set(e, "no memory");
		goto fail;
	}
	for (size_t i = 0; i < n; i++) {
		ms->n++;
		if (compile(&ms->at[i], &m[i], cluster, e) != 0)
			goto fail;
		if (subject_set_add(ms->sources, m[i].source, STR_NONE) != 0) {
			err_set(e, "no memory");
			goto fail;
		}
		note_room(ms, &ms->at[i]);
	}
	return (ms);
fail:
	mappings_free(ms);
	return (NULL);
}

void
mappings_free(struct mappings *ms)
{
	if (ms == NULL)
		return;
	for (size_t i = 0; ms->at != NULL && i < ms->n; i++) {
		for (size_t k = 0; k < ms->at[i].n; k++)
			transform_free(ms->at[i].at[k].t);
		free(ms->at[i].at);
	}
	subject_set_free(ms->sources);
	free(ms->at);
	free(ms);
}

/* ---- applying ---- */

size_t
mappings_room(const struct mappings *ms, size_t n)
{
	return (ms->start + ms->slope * n);
}

static const struct transform *
choose(const struct mapping *m, const struct chance *chance)
{
	uint32_t w;

	if (m->n == 1 && m->at[0].weight == WHOLE)
		return (m->at[0].t);
	w = chance->below(chance->ctx, WHOLE);
	for (size_t i = 0; i < m->n; i++)
		if (w < m->at[i].weight)
			return (m->at[i].t);
	return (NULL);
}

enum mapped
mappings_apply(const struct mappings *ms, struct str subject, const struct chance *chance,
    struct wr *out)
{
	const struct transform *t;
	const struct mapping *m;
	size_t i;

	if (!subject_set_plain(ms->sources, subject))
		return (MAPPED_NOT);
	for (i = 0, m = ms->at; i < ms->n; i++, m++)
		if (m->literal ? str_eq(m->source, subject) : subject_subset(subject, m->source))
			break;
	if (i == ms->n)
		return (MAPPED_NOT);
	if ((t = choose(m, chance)) == NULL)
		return (MAPPED_LOST);
	/*
	 * nats-server cuts a subject into tokens when it meets the first source that is not the
	 * subject itself.  Before that partition() has nothing to look at, and says so for ever.
	 */
	transform_apply(t, i == 0 && m->literal ? STR("") : subject, chance, out);
	return (MAPPED_TO);
}
