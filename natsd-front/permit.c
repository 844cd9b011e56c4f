#include "config.h"

#include "natsd-front/permit.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "common/quote.h"
#include "common/subject.h"
#include "common/subject_set.h"

struct permit {
	uint64_t serial;
	struct subject_set *pub_allow, *pub_deny, *sub_allow, *sub_deny; /* NULL: no such list */
	bool responses;
	int64_t max, ttl_ns;
};

static uint64_t
next_serial(void)
{
	static _Atomic uint64_t last;

	return (atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1);
}

/* ---- compiling ---- */

enum list_kind { LIST_PUBLISH, LIST_SUBSCRIBE };

static int
add_all(struct subject_set *set, const struct access_list *list, enum list_kind kind,
    struct err *e)
{
	char quoted[QUOTE_TEXT_MAX];

	for (size_t i = 0; i < list->n; i++) {
		const struct access_subject *s = &list->at[i];

		if (!subject_valid_sub(s->subject))
			return (err_set(e, "%s is not a valid subject", quote(s->subject, quoted)));
		if (subject_set_add(set, s->subject,
		    kind == LIST_SUBSCRIBE ? s->queue : STR_NONE) != 0)
			return (err_set(e, "no memory"));
	}
	return (0);
}

static int
compile(struct subject_set **to, const struct access_list *list, enum list_kind kind,
    struct err *e)
{
	if (!list->given)
		return (0);
	if ((*to = subject_set_new()) == NULL)
		return (err_set(e, "no memory"));
	return (add_all(*to, list, kind, e));
}

struct permit *
permit_new(const struct access_permissions *a, struct err *e)
{
	struct permit *p = calloc(1, sizeof(*p));

	if (p == NULL) {
		err_set(e, "no memory");
		return (NULL);
	}
	p->serial = next_serial();
	p->responses = a->responses;
	p->max = a->responses_max;
	p->ttl_ns = a->responses_ttl_ns;
	if (compile(&p->pub_allow, &a->pub_allow, LIST_PUBLISH, e) != 0 ||
	    compile(&p->pub_deny, &a->pub_deny, LIST_PUBLISH, e) != 0 ||
	    compile(&p->sub_allow, &a->sub_allow, LIST_SUBSCRIBE, e) != 0 ||
	    compile(&p->sub_deny, &a->sub_deny, LIST_SUBSCRIBE, e) != 0) {
		err_wrap(e, "permissions");
		permit_free(p);
		return (NULL);
	}
	return (p);
}

void
permit_free(struct permit *p)
{
	if (p == NULL)
		return;
	subject_set_free(p->pub_allow);
	subject_set_free(p->pub_deny);
	subject_set_free(p->sub_allow);
	subject_set_free(p->sub_deny);
	free(p);
}

uint64_t
permit_serial(const struct permit *p)
{
	return (p->serial);
}

/* ---- deciding ---- */

bool
permit_publish(const struct permit *p, struct str subject)
{
	if (p->pub_allow != NULL && !subject_set_plain(p->pub_allow, subject))
		return (false);
	return (p->pub_deny == NULL || !subject_set_plain(p->pub_deny, subject));
}

/* Entries with a queue, where there are any for this subject, decide about a queue alone. */
static bool
is_allowed(const struct subject_set *allow, struct str subject, struct str queue)
{
	struct subject_set_match m;

	subject_set_match(allow, subject, queue, &m);
	return (queue.n != 0 && m.queued ? m.fits : m.plain);
}

static bool
is_denied(const struct subject_set *deny, struct str subject, struct str queue)
{
	struct subject_set_match m;

	subject_set_match(deny, subject, queue, &m);
	return (m.plain || (queue.n != 0 && m.fits));
}

bool
permit_subscribe(const struct permit *p, struct str subject, struct str queue)
{
	if (p->sub_allow != NULL && !is_allowed(p->sub_allow, subject, queue))
		return (false);
	return (p->sub_deny == NULL || !is_denied(p->sub_deny, subject, queue));
}

bool
permit_overlaps(const struct permit *p, struct str subject, struct str queue)
{
	return (p->sub_deny != NULL && (queue.n != 0 || subject_has_wildcard(subject)) &&
	    subject_set_collides(p->sub_deny, subject));
}

bool
permit_deliver(const struct permit *p, struct str subject, struct str queue)
{
	return (p->sub_deny == NULL || !is_denied(p->sub_deny, subject, queue));
}

bool
permit_responses(const struct permit *p, int64_t *max, int64_t *ttl_ns)
{
	*max = p->max;
	*ttl_ns = p->ttl_ns;
	return (p->responses);
}
