/* A token of a destination: a literal, `$N`, or a function with its arguments. */
#include "config.h"

#include <string.h>

#include "common/log.h"
#include "common/num.h"
#include "common/transform_priv.h"

/* ---- reading a destination token ---- */

struct call { /* of a function: its arguments as they were written */
	enum step_kind kind;
	struct str args;
};

struct function {
	enum step_kind kind;
	const char *words[3]; /* the first letter of each in either case */
};

/* In the order in which they are looked for: a token may hold more than one name. */
static const struct function functions[] = {
	{ STEP_WILDCARD, { "wildcard" } },
	{ STEP_PARTITION, { "partition" } },
	{ STEP_SPLIT_FROM_LEFT, { "split", "from", "left" } },
	{ STEP_SPLIT_FROM_RIGHT, { "split", "from", "right" } },
	{ STEP_SLICE_FROM_LEFT, { "slice", "from", "left" } },
	{ STEP_SLICE_FROM_RIGHT, { "slice", "from", "right" } },
	{ STEP_RIGHT, { "right" } },
	{ STEP_LEFT, { "left" } },
	{ STEP_SPLIT, { "split" } },
	{ STEP_RANDOM, { "random" } },
};

static bool
is_space(char c)
{
	return (c == ' ' || (c >= '\t' && c <= '\r' && c != '\v'));
}

static struct str
skip_space(struct str s)
{
	while (s.n > 0 && is_space(s.p[0]))
		s.p++, s.n--;
	return (s);
}

static bool
take_word(struct str *s, const char *word)
{
	size_t n = strlen(word);

	if (s->n < n || (s->p[0] | 0x20) != word[0] || memcmp(s->p + 1, word + 1, n - 1) != 0)
		return (false);
	s->p += n;
	s->n -= n;
	return (true);
}

static bool
take_name(struct str *s, const struct function *f)
{
	for (unsigned i = 0; i < 3 && f->words[i] != NULL; i++)
		if (!take_word(s, f->words[i]))
			return (false);
	return (true);
}

/* Up to the last `)` that `}}` follows. */
static bool
take_args(struct str s, struct str *args)
{
	struct str after;

	for (size_t i = s.n; i-- > 0;) {
		if (s.p[i] != ')')
			continue;
		after = skip_space((struct str){ s.p + i + 1, s.n - i - 1 });
		if (str_starts(after, STR("}}")) && memchr(s.p, '\n', i) == NULL) {
			*args = (struct str){ s.p, i };
			return (true);
		}
	}
	return (false);
}

static bool
find_call(struct str token, const struct function *f, struct call *call)
{
	struct str s;

	for (size_t i = 0; i + 1 < token.n; i++) {
		s = (struct str){ token.p + i, token.n - i };
		if (!str_starts(s, STR("{{")))
			continue;
		s = skip_space((struct str){ s.p + 2, s.n - 2 });
		if (!take_name(&s, f))
			continue;
		s = skip_space(s);
		if (s.n == 0 || s.p[0] != '(')
			continue;
		call->kind = f->kind;
		if (take_args((struct str){ s.p + 1, s.n - 1 }, &call->args))
			return (true);
	}
	return (false);
}

bool
transform_looks_like_call(struct str token)
{
	return (token.n > 4 && str_starts(token, STR("{{")) && token.p[token.n - 2] == '}' &&
	    token.p[token.n - 1] == '}');
}

static bool
read_call(struct str token, struct call *call)
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (find_call(token, &functions[i], call))
			return (true);
	return (false);
}

/* ---- arguments ---- */

int
transform_misfit(struct err *e, const char *why, struct str token)
{
	return (err_set(e, MISFIT "%s in " STR_FMT, why, STR_ARG(token)));
}

#define TOO_FEW "not enough arguments passed to the function"
#define TOO_MANY "too many arguments passed to the function"
#define BAD_ARG "function argument is invalid or in the wrong format"

/* The next argument; blanks behind the comma are not part of the one after it. */
bool
transform_next_arg(struct str *rest, bool *more, struct str *arg)
{
	const char *comma;

	if (!*more)
		return (false);
	comma = rest->n == 0 ? NULL : memchr(rest->p, ',', rest->n);
	if (comma == NULL) {
		*arg = *rest;
		*more = false;
		return (true);
	}
	*arg = (struct str){ rest->p, (size_t)(comma - rest->p) };
	*rest = skip_space((struct str){ comma + 1, rest->n - arg->n - 1 });
	return (true);
}

static uint32_t
count_args(struct str args)
{
	bool more = true;
	struct str arg;
	uint32_t n = 0;

	while (transform_next_arg(&args, &more, &arg))
		n++;
	return (n);
}

bool
transform_number(struct str s, int64_t min, int64_t max, int64_t *v)
{
	while (s.n > 0 && s.p[0] == ' ')
		s.p++, s.n--;
	while (s.n > 0 && s.p[s.n - 1] == ' ')
		s.n--;
	if (s.n > 1 && s.p[0] == '+' && s.p[1] != '-' && s.p[1] != '+')
		s.p++, s.n--;
	return (num_parse_i64(s, min, max, v) == 0);
}

static int
read_partition(struct str token, struct str args, uint32_t n, struct reading *r, struct err *e)
{
	bool more = true;
	struct str arg;
	int64_t index;

	transform_next_arg(&args, &more, &arg);
	if (!transform_number(arg, INT64_MIN, INT32_MAX, &r->step.number))
		return (transform_misfit(e, BAD_ARG, token));
	r->nindexes = n - 1;
	r->more = args;
	while (transform_next_arg(&args, &more, &arg))
		if (!transform_number(arg, INT64_MIN, INT64_MAX, &index))
			return (transform_misfit(e, BAD_ARG, token));
	return (0);
}

static int
read_two(struct str token, struct str args, uint32_t n, struct reading *r, struct err *e)
{
	struct str index, second;
	bool more = true;

	if (n != 2)
		return (transform_misfit(e, n < 2 ? TOO_FEW : TOO_MANY, token));
	transform_next_arg(&args, &more, &index);
	transform_next_arg(&args, &more, &second);
	r->nindexes = 1;
	if (!transform_number(index, INT64_MIN, INT64_MAX, &r->index[0]))
		return (transform_misfit(e, BAD_ARG, token));
	if (r->step.kind == STEP_SPLIT) {
		if (second.n > 0 && memchr(second.p, ' ', second.n) != NULL)
			return (transform_misfit(e, BAD_ARG, token));
		r->step.text = second;
	} else if (!transform_number(second, INT32_MIN, INT32_MAX, &r->step.number)) {
		return (transform_misfit(e, BAD_ARG, token));
	}
	return (0);
}

static int
read_args(struct str token, const struct call *call, struct reading *r, struct err *e)
{
	uint32_t n = count_args(call->args);

	r->step.kind = call->kind;
	switch (call->kind) {
	case STEP_WILDCARD:
		if (n != 1 || call->args.n == 0)
			return (transform_misfit(e, n == 1 ? TOO_FEW : TOO_MANY, token));
		r->nindexes = 1;
		if (!transform_number(call->args, INT64_MIN, INT64_MAX, &r->index[0]))
			return (transform_misfit(e, BAD_ARG, token));
		return (0);
	case STEP_PARTITION:
		return (read_partition(token, call->args, n, r, e));
	case STEP_RANDOM:
		if (n != 1)
			return (transform_misfit(e, TOO_FEW, token));
		if (!transform_number(call->args, INT64_MIN, INT32_MAX, &r->step.number))
			return (transform_misfit(e, BAD_ARG, token));
		return (0);
	case STEP_SPLIT_FROM_LEFT:
	case STEP_SPLIT_FROM_RIGHT:
	case STEP_SLICE_FROM_LEFT:
	case STEP_SLICE_FROM_RIGHT:
	case STEP_SPLIT:
	case STEP_LEFT:
	case STEP_RIGHT:
		return (read_two(token, call->args, n, r, e));
	case STEP_LITERAL:
	case STEP_REST:
		break;
	}
	bug("transform: arguments of what is no function");
}

int
transform_read(struct str token, struct reading *r, struct err *e)
{
	struct call call;
	int64_t index;

	*r = (struct reading){ .step = { .kind = STEP_LITERAL, .text = token } };
	if (token.n == 1 && token.p[0] == '>') {
		r->step.kind = STEP_REST;
	} else if (token.n > 1 && token.p[0] == '$') {
		/* Much begins with $: what is no number stays as it is. */
		if (token.p[1] == ' ' || token.p[token.n - 1] == ' ' ||
		    !transform_number((struct str){ token.p + 1, token.n - 1 }, INT64_MIN, INT64_MAX,
		    &index))
			return (0);
		r->step.kind = STEP_WILDCARD;
		r->nindexes = 1;
		r->index[0] = index;
	} else if (transform_looks_like_call(token)) {
		if (!read_call(token, &call))
			return (transform_misfit(e, MISFIT_UNKNOWN, token));
		return (read_args(token, &call, r, e));
	}
	return (0);
}

bool
transform_is_call(struct str token)
{
	struct call call;

	return (read_call(token, &call));
}
