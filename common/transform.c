#include "config.h"

#include "common/transform.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/num.h"
#include "common/subject.h"

#define NUMBER_ROOM 16u	  /* digits of a number, its sign, and some */
#define MISFIT "invalid mapping destination: "

enum step_kind {
	STEP_LITERAL,
	STEP_REST, /* a last `>`: what the source's `>` stood for */
	STEP_WILDCARD,
	STEP_PARTITION,
	STEP_SPLIT_FROM_LEFT,
	STEP_SPLIT_FROM_RIGHT,
	STEP_SLICE_FROM_LEFT,
	STEP_SLICE_FROM_RIGHT,
	STEP_SPLIT,
	STEP_LEFT,
	STEP_RIGHT,
	STEP_RANDOM,
};

struct step { /* one token of the destination */
	enum step_kind kind;
	struct str text;   /* LITERAL: the token; SPLIT: the delimiter; both point into dest */
	int64_t number;	   /* n, or a size or position */
	uint32_t *indexes; /* tokens of the subject, from 0; the functions of one token have one */
	uint32_t nindexes;
};

struct transform {
	char *source, *dest;
	size_t dest_n;
	uint32_t source_tokens;
	bool any; /* the source is `>` and the destination, too: nothing changes */
	struct step *steps;
	uint32_t nsteps;
};

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

static bool
looks_like_call(struct str token)
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

static int
misfit(struct err *e, const char *why, struct str token)
{
	return (err_set(e, MISFIT "%s in " STR_FMT, why, STR_ARG(token)));
}

#define TOO_FEW "not enough arguments passed to the function"
#define TOO_MANY "too many arguments passed to the function"
#define BAD_ARG "function argument is invalid or in the wrong format"
#define UNKNOWN "unknown function"
#define OUT_OF_RANGE "wildcard index out of range"

/* The next argument; blanks behind the comma are not part of the one after it. */
static bool
next_arg(struct str *rest, bool *more, struct str *arg)
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

	while (next_arg(&args, &more, &arg))
		n++;
	return (n);
}

static bool
read_number(struct str s, int64_t min, int64_t max, int64_t *v)
{
	while (s.n > 0 && s.p[0] == ' ')
		s.p++, s.n--;
	while (s.n > 0 && s.p[s.n - 1] == ' ')
		s.n--;
	if (s.n > 1 && s.p[0] == '+' && s.p[1] != '-' && s.p[1] != '+')
		s.p++, s.n--;
	return (num_parse_i64(s, min, max, v) == 0);
}

/* How a destination token reads before the wildcards of the source are known. */
struct reading {
	struct step step;
	int64_t index[1]; /* of the functions of one token */
	struct str more;  /* PARTITION: the indexes, as written */
	uint32_t nindexes;
};

static int
read_partition(struct str token, struct str args, uint32_t n, struct reading *r, struct err *e)
{
	bool more = true;
	struct str arg;
	int64_t index;

	next_arg(&args, &more, &arg);
	if (!read_number(arg, INT64_MIN, INT32_MAX, &r->step.number))
		return (misfit(e, BAD_ARG, token));
	r->nindexes = n - 1;
	r->more = args;
	while (next_arg(&args, &more, &arg))
		if (!read_number(arg, INT64_MIN, INT64_MAX, &index))
			return (misfit(e, BAD_ARG, token));
	return (0);
}

static int
read_two(struct str token, struct str args, uint32_t n, struct reading *r, struct err *e)
{
	struct str index, second;
	bool more = true;

	if (n != 2)
		return (misfit(e, n < 2 ? TOO_FEW : TOO_MANY, token));
	next_arg(&args, &more, &index);
	next_arg(&args, &more, &second);
	r->nindexes = 1;
	if (!read_number(index, INT64_MIN, INT64_MAX, &r->index[0]))
		return (misfit(e, BAD_ARG, token));
	if (r->step.kind == STEP_SPLIT) {
		if (second.n > 0 && memchr(second.p, ' ', second.n) != NULL)
			return (misfit(e, BAD_ARG, token));
		r->step.text = second;
	} else if (!read_number(second, INT32_MIN, INT32_MAX, &r->step.number)) {
		return (misfit(e, BAD_ARG, token));
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
			return (misfit(e, n == 1 ? TOO_FEW : TOO_MANY, token));
		r->nindexes = 1;
		if (!read_number(call->args, INT64_MIN, INT64_MAX, &r->index[0]))
			return (misfit(e, BAD_ARG, token));
		return (0);
	case STEP_PARTITION:
		return (read_partition(token, call->args, n, r, e));
	case STEP_RANDOM:
		if (n != 1)
			return (misfit(e, TOO_FEW, token));
		if (!read_number(call->args, INT64_MIN, INT32_MAX, &r->step.number))
			return (misfit(e, BAD_ARG, token));
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

static int
read_token(struct str token, struct reading *r, struct err *e)
{
	struct call call;
	int64_t index;

	*r = (struct reading){ .step = { .kind = STEP_LITERAL, .text = token } };
	if (token.n == 1 && token.p[0] == '>') {
		r->step.kind = STEP_REST;
	} else if (token.n > 1 && token.p[0] == '$') {
		/* Much begins with $: what is no number stays as it is. */
		if (token.p[1] == ' ' || token.p[token.n - 1] == ' ' ||
		    !read_number((struct str){ token.p + 1, token.n - 1 }, INT64_MIN, INT64_MAX,
		    &index))
			return (0);
		r->step.kind = STEP_WILDCARD;
		r->nindexes = 1;
		r->index[0] = index;
	} else if (looks_like_call(token)) {
		if (!read_call(token, &call))
			return (misfit(e, UNKNOWN, token));
		return (read_args(token, &call, r, e));
	}
	return (0);
}

/* ---- compiling ---- */

struct shape { /* of a subject */
	uint32_t tokens, stars;
	bool rest;
};

static bool
read_shape(struct str s, struct shape *sh)
{
	struct subject_iter it = subject_iter(s);
	struct str token;

	*sh = (struct shape){ 0 };
	if (!subject_valid_sub(s))
		return (false);
	while (subject_next(&it, &token)) {
		sh->tokens++;
		sh->stars += token.n == 1 && token.p[0] == '*';
		sh->rest = token.n == 1 && token.p[0] == '>';
	}
	return (true);
}

/* Which token of the source the index-th `*` is; the first token for what is below 1. */
static uint32_t
star_place(struct str source, int64_t index)
{
	struct subject_iter it = subject_iter(source);
	struct str token;
	uint32_t at = 0;
	int64_t seen = 0;

	if (index < 1)
		return (0);
	while (subject_next(&it, &token)) {
		if (token.n == 1 && token.p[0] == '*' && ++seen == index)
			return (at);
		at++;
	}
	return (0);
}

static int
out_of_range(struct err *e, struct str token, int64_t index)
{
	return (err_set(e, MISFIT OUT_OF_RANGE " in " STR_FMT ": [%lld]", STR_ARG(token),
	    (long long)index));
}

static int
take_indexes(struct reading *r, struct str source, const struct shape *sh, struct str token,
    struct err *e)
{
	struct str rest = r->more, arg;
	bool more = true;
	int64_t index;

	if (r->nindexes == 0)
		return (0);
	if ((r->step.indexes = calloc(r->nindexes, sizeof(uint32_t))) == NULL)
		return (err_set(e, "no memory"));
	r->step.nindexes = r->nindexes;
	for (uint32_t i = 0; i < r->nindexes; i++) {
		index = r->index[0];
		if (r->step.kind == STEP_PARTITION && next_arg(&rest, &more, &arg))
			read_number(arg, INT64_MIN, INT64_MAX, &index);
		if (index > (int64_t)sh->stars) {
			free(r->step.indexes);
			return (out_of_range(e, token, index));
		}
		r->step.indexes[i] = star_place(source, index);
	}
	return (0);
}

/* A source without wildcards has nothing to take tokens from. */
static int
only_whole(struct reading *r, struct str token, struct err *e)
{
	switch (r->step.kind) {
	case STEP_LITERAL:
	case STEP_RANDOM:
		return (0);
	case STEP_PARTITION:
		r->nindexes = 0;
		return (0);
	case STEP_REST:
	case STEP_WILDCARD:
	case STEP_SPLIT_FROM_LEFT:
	case STEP_SPLIT_FROM_RIGHT:
	case STEP_SLICE_FROM_LEFT:
	case STEP_SLICE_FROM_RIGHT:
	case STEP_SPLIT:
	case STEP_LEFT:
	case STEP_RIGHT:
		break;
	}
	return (misfit(e, OUT_OF_RANGE, token));
}

static int
compile_token(struct transform *t, struct str token, const struct shape *sh, bool strict,
    struct err *e)
{
	struct reading r;

	if (read_token(token, &r, e) != 0)
		return (-1);
	if (strict && r.step.kind != STEP_LITERAL && r.step.kind != STEP_REST &&
	    r.step.kind != STEP_WILDCARD)
		return (misfit(e, "the only mapping function allowed for import transforms is "
		    "{{Wildcard()}}", token));
	if (sh->stars == 0 && !sh->rest && only_whole(&r, token, e) != 0)
		return (-1);
	if (take_indexes(&r, str_of(t->source), sh, token, e) != 0)
		return (-1);
	t->steps[t->nsteps++] = r.step;
	return (0);
}

static int
compile(struct transform *t, bool strict, struct err *e)
{
	struct str dest = { t->dest, t->dest_n }, source = str_of(t->source), token;
	struct subject_iter it = subject_iter(dest);
	struct shape from, to;
	uint32_t used = 0;

	if (!read_shape(source, &from) || !read_shape(dest, &to) || to.stars > 0 ||
	    from.rest != to.rest)
		return (err_set(e, "invalid subject"));
	t->source_tokens = from.tokens;
	t->any = from.tokens == 1 && from.rest && to.tokens == 1;
	if ((t->steps = calloc(to.tokens, sizeof(*t->steps))) == NULL)
		return (err_set(e, "no memory"));
	while (subject_next(&it, &token)) {
		if (compile_token(t, token, &from, strict, e) != 0)
			return (-1);
		used += t->steps[t->nsteps - 1].nindexes;
	}
	if (strict && used < from.stars)
		return (misfit(e, "not using all of the token wildcard(s)", dest));
	return (0);
}

struct transform *
transform_new(struct str source, struct str dest, bool strict, struct err *e)
{
	struct transform *t = calloc(1, sizeof(*t));

	if (t == NULL) {
		err_set(e, "no memory");
		return (NULL);
	}
	if (source.n == 0)
		source = STR(">");
	t->source = strndup(source.p, source.n);
	t->dest = dest.n == 0 ? strdup("") : strndup(dest.p, dest.n);
	t->dest_n = t->dest == NULL ? 0 : strlen(t->dest);
	if (t->source == NULL || t->dest == NULL) {
		err_set(e, "no memory");
		goto fail;
	}
	if (strlen(t->source) != source.n || t->dest_n != dest.n) {
		err_set(e, "invalid subject");
		goto fail;
	}
	if (compile(t, strict, e) == 0)
		return (t);
fail:
	transform_free(t);
	return (NULL);
}

void
transform_free(struct transform *t)
{
	if (t == NULL)
		return;
	for (uint32_t i = 0; i < t->nsteps; i++)
		free(t->steps[i].indexes);
	free(t->steps);
	free(t->source);
	free(t->dest);
	free(t);
}

int
transform_check(struct str source, struct str dest, struct err *e)
{
	struct subject_iter it = subject_iter(dest);
	struct transform *t;
	struct call call;
	struct str token;
	bool ended = false;

	while (dest.n != 0 && subject_next(&it, &token)) {
		if (token.n == 0 || ended)
			return (token.n == 0 ? err_set(e, MISFIT "invalid transform") :
			    misfit(e, "invalid transform", token));
		if (looks_like_call(token)) {
			if (!read_call(token, &call))
				return (misfit(e, UNKNOWN, token));
			continue;
		}
		ended = token.n == 1 && token.p[0] == '>';
		for (size_t i = 0; i < token.n; i++)
			if (is_space(token.p[i]))
				return (err_set(e, MISFIT "invalid transform"));
	}
	if ((t = transform_new(source, dest, false, e)) == NULL)
		return (dest.n == 0 ? 0 : -1);
	transform_free(t);
	return (0);
}

char *
transform_tokenize(struct str source)
{
	struct subject_iter it = subject_iter(source);
	size_t room = source.n * (NUMBER_ROOM + 1) + 1;
	char *text = malloc(room), *at = text;
	struct str token;
	unsigned n = 0;

	if (text == NULL)
		return (NULL);
	while (subject_next(&it, &token)) {
		if (at != text)
			*at++ = '.';
		if (token.n == 1 && token.p[0] == '*') {
			at += snprintf(at, NUMBER_ROOM, "$%u", ++n);
		} else {
			memcpy(at, token.p, token.n);
			at += token.n;
		}
	}
	*at = '\0';
	return (text);
}

/* ---- applying ---- */

uint32_t
transform_hash(uint32_t h, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (uint8_t)s.p[i]) * 16777619u;
	return (h);
}

static struct str
token_at(struct str subject, uint32_t index)
{
	struct subject_iter it = subject_iter(subject);
	struct str token = STR_NONE;

	for (uint32_t i = 0; subject_next(&it, &token); i++)
		if (i == index)
			return (token);
	return (STR_NONE);
}

static void
put(struct wr *out, struct str s)
{
	wr_bytes(out, s.p, s.n);
}

static void
put_part(struct wr *out, struct str s, size_t from, size_t n)
{
	wr_bytes(out, s.p + from, n);
}

static void
put_number(struct wr *out, int64_t v)
{
	char text[24];

	put(out, (struct str){ text, (size_t)snprintf(text, sizeof(text), "%lld", (long long)v) });
}

/* In 32 bits, as it was configured. */
static void
put_partition(struct wr *out, const struct step *st, struct str subject)
{
	uint32_t h = TRANSFORM_HASH_START, n = (uint32_t)st->number;

	if (st->nindexes == 0)
		h = transform_hash(h, subject);
	for (uint32_t i = 0; i < st->nindexes; i++)
		h = transform_hash(h, token_at(subject, st->indexes[i]));
	put_number(out, n == 0 ? 0 : (int64_t)(h % n));
}

static void
put_random(struct wr *out, const struct step *st, const struct chance *chance)
{
	int64_t n = (int32_t)st->number;

	put_number(out, n == 0 ? 0 : (int64_t)chance->below(chance->ctx, 1u << 31) % n);
}

/* In two at `left` bytes. */
static void
put_split_at(struct wr *out, struct str t, size_t left)
{
	put_part(out, t, 0, left);
	put(out, STR("."));
	put_part(out, t, left, t.n - left);
}

/* Pieces of `size` bytes; the odd one first or last. */
static void
put_slices(struct wr *out, struct str t, size_t size, bool odd_first)
{
	size_t at = 0, n = odd_first && t.n % size != 0 ? t.n % size : size;

	while (at < t.n) {
		if (at != 0)
			put(out, STR("."));
		if (n > t.n - at)
			n = t.n - at;
		put_part(out, t, at, n);
		at += n;
		n = size;
	}
}

/* Up to the delimiter; without one each character is a piece. */
static size_t
piece_bytes(struct str t, struct str delimiter)
{
	const char *at;
	size_t n = 1;

	if (delimiter.n == 0) {
		while (n < t.n && ((uint8_t)t.p[n] & 0xc0) == 0x80)
			n++;
		return (n);
	}
	at = memmem(t.p, t.n, delimiter.p, delimiter.n);
	return (at == NULL ? t.n : (size_t)(at - t.p));
}

static bool
next_piece(struct str *rest, bool *more, struct str delimiter, struct str *piece)
{
	size_t cut;

	if (!*more)
		return (false);
	*piece = (struct str){ rest->p, rest->n == 0 ? 0 : piece_bytes(*rest, delimiter) };
	*more = piece->n < rest->n;
	cut = *more ? piece->n + delimiter.n : rest->n;
	*rest = (struct str){ rest->p + cut, rest->n - cut };
	return (true);
}

/*
 * Empty pieces are left out.  A dot goes in front of a piece that is not empty, except behind an
 * empty first one: so of two delimiters in front one dot is left.
 */
static void
put_pieces(struct wr *out, struct str t, struct str delimiter)
{
	struct str piece = STR_NONE, before = STR_NONE;
	bool more = true;

	for (unsigned i = 0; next_piece(&t, &more, delimiter, &piece); i++) {
		if (i > 0 && piece.n != 0 && !(i == 1 && before.n == 0))
			put(out, STR("."));
		put(out, piece);
		before = piece;
	}
}

static void
put_cut(struct wr *out, const struct step *st, struct str t)
{
	size_t n = st->number > 0 ? (size_t)st->number : 0;

	if (st->kind != STEP_SPLIT && (n == 0 || n >= t.n)) {
		put(out, t);
		return;
	}
	switch (st->kind) {
	case STEP_SPLIT_FROM_LEFT:
		put_split_at(out, t, n);
		return;
	case STEP_SPLIT_FROM_RIGHT:
		put_split_at(out, t, t.n - n);
		return;
	case STEP_SLICE_FROM_LEFT:
		put_slices(out, t, n, false);
		return;
	case STEP_SLICE_FROM_RIGHT:
		put_slices(out, t, n, true);
		return;
	case STEP_SPLIT:
		put_pieces(out, t, st->text);
		return;
	case STEP_LEFT:
		put_part(out, t, 0, n);
		return;
	case STEP_RIGHT:
		put_part(out, t, t.n - n, n);
		return;
	case STEP_LITERAL:
	case STEP_REST:
	case STEP_WILDCARD:
	case STEP_PARTITION:
	case STEP_RANDOM:
		break;
	}
	bug("transform: not a function of one token");
}

/* From the token on where the source has its `>`. */
static void
put_rest(struct wr *out, const struct transform *t, struct str subject)
{
	struct str from = token_at(subject, t->source_tokens - 1);

	if (from.p != NULL)
		put(out, (struct str){ from.p, (size_t)(subject.p + subject.n - from.p) });
}

static void
put_step(struct wr *out, const struct transform *t, const struct step *st, struct str subject,
    const struct chance *chance)
{
	switch (st->kind) {
	case STEP_LITERAL:
		put(out, st->text);
		return;
	case STEP_REST:
		put_rest(out, t, subject);
		return;
	case STEP_WILDCARD:
		put(out, token_at(subject, st->indexes[0]));
		return;
	case STEP_PARTITION:
		put_partition(out, st, subject);
		return;
	case STEP_RANDOM:
		put_random(out, st, chance);
		return;
	case STEP_SPLIT_FROM_LEFT:
	case STEP_SPLIT_FROM_RIGHT:
	case STEP_SLICE_FROM_LEFT:
	case STEP_SLICE_FROM_RIGHT:
	case STEP_SPLIT:
	case STEP_LEFT:
	case STEP_RIGHT:
		put_cut(out, st, token_at(subject, st->indexes[0]));
		return;
	}
}

/* No token grows to more than twice its size. */
size_t
transform_room(const struct transform *t, size_t n)
{
	return (t->dest_n + t->nsteps * (2 * n + 24));
}

void
transform_apply(const struct transform *t, struct str subject, const struct chance *chance,
    struct wr *out)
{
	for (uint32_t i = 0; i < t->nsteps; i++) {
		if (i != 0)
			put(out, STR("."));
		put_step(out, t, &t->steps[i], subject, chance);
	}
}

bool
transform_match(const struct transform *t, struct str subject, const struct chance *chance,
    struct wr *out)
{
	if (t->any) {
		put(out, subject);
		return (true);
	}
	if (!subject_valid_literal(subject) || !subject_subset(subject, str_of(t->source)))
		return (false);
	transform_apply(t, subject, chance, out);
	return (true);
}
