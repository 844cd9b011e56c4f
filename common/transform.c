#include "config.h"

#include "common/transform.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/subject.h"
#include "common/transform_priv.h"

#define NUMBER_ROOM 16u	  /* digits of a number, its sign, and some */

struct transform {
	char *source, *dest;
	size_t dest_n;
	uint32_t source_tokens;
	bool any; /* the source is `>` and the destination, too: nothing changes */
	struct step *steps;
	uint32_t nsteps;
};

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
	return (err_set(e, MISFIT MISFIT_RANGE " in " STR_FMT ": [%lld]", STR_ARG(token),
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
		if (r->step.kind == STEP_PARTITION && transform_next_arg(&rest, &more, &arg))
			transform_number(arg, INT64_MIN, INT64_MAX, &index);
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
	return (transform_misfit(e, MISFIT_RANGE, token));
}

static int
compile_token(struct transform *t, struct str token, const struct shape *sh, bool strict,
    struct err *e)
{
	struct reading r;

	if (transform_read(token, &r, e) != 0)
		return (-1);
	if (strict && r.step.kind != STEP_LITERAL && r.step.kind != STEP_REST &&
	    r.step.kind != STEP_WILDCARD)
		return (transform_misfit(e, "the only mapping function allowed for import transforms is "
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
		return (transform_misfit(e, "not using all of the token wildcard(s)", dest));
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
	struct str token;
	bool ended = false;

	while (dest.n != 0 && subject_next(&it, &token)) {
		if (token.n == 0 || ended)
			return (token.n == 0 ? err_set(e, MISFIT "invalid transform") :
			    transform_misfit(e, "invalid transform", token));
		if (transform_looks_like_call(token)) {
			if (!transform_is_call(token))
				return (transform_misfit(e, MISFIT_UNKNOWN, token));
			continue;
		}
		ended = token.n == 1 && token.p[0] == '>';
		for (size_t i = 0; i < token.n; i++)
			if (strchr(" \t\n\f\r", token.p[i]) != NULL && token.p[i] != '\0')
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
