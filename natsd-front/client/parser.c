#include "config.h"

#include <assert.h>
#include <string.h>

#include "natsd-front/client/parser.h"

enum parser_phase { PHASE_START, PHASE_BLANKS, PHASE_ARG, PHASE_PAYLOAD, PHASE_SKIP };

#define KIND(k) (1u << (k))

/*
 * V(NAME, letters, phase behind it, needs a blank, kinds of connections)
 * No verb is the beginning of another one.
 */
#define PARSER_VERBS(V)							\
	V(PUB, "pub", PHASE_BLANKS, true, KIND(PARSER_CLIENT))		\
	V(HPUB, "hpub", PHASE_BLANKS, true, KIND(PARSER_CLIENT))	\
	V(SUB, "sub", PHASE_BLANKS, true, KIND(PARSER_CLIENT))		\
	V(UNSUB, "unsub", PHASE_BLANKS, true, KIND(PARSER_CLIENT))	\
	V(PING, "ping", PHASE_SKIP, false, KIND(PARSER_CLIENT))		\
	V(PONG, "pong", PHASE_SKIP, false, KIND(PARSER_CLIENT))		\
	V(OK, "+ok", PHASE_SKIP, false, KIND(PARSER_CLIENT))		\
	V(CONNECT, "connect", PHASE_BLANKS, false, KIND(PARSER_CLIENT)) \
	V(ERR, "-err", PHASE_BLANKS, true, KIND(PARSER_CLIENT))		\
	V(INFO, "info", PHASE_BLANKS, false, KIND(PARSER_CLIENT))

#define VERB_ENUM(NAME, ...) VERB_##NAME,
enum parser_verb { PARSER_VERBS(VERB_ENUM) VERB_COUNT };

struct verb {
	const char *letters;
	uint8_t n;
	uint8_t phase;
	bool blank;
	uint8_t kinds;
};

#define VERB_ROW(NAME, letters, phase, blank, kinds) \
	{ letters, sizeof(letters) - 1, phase, blank, kinds },
static const struct verb parser_verbs[VERB_COUNT] = { PARSER_VERBS(VERB_ROW) };

#define ARGS_MAX 5 /* one more than any line may have */

struct args {
	struct str at[ARGS_MAX];
	unsigned n;
};

/* What one call works on. */
struct feed {
	struct parser *p;
	const struct parser_ops *ops;
	void *ctx;
	const uint8_t *at; /* first byte not consumed */
	const uint8_t *end;
	struct parser_pub pub; /* of the line in work, when pub_at is f->at */
	const uint8_t *pub_at;
};

void
parser_init(struct parser *p, enum parser_kind kind, uint32_t line_max)
{
	unsigned v;

	*p = (struct parser){ .phase = PHASE_START, .line_max = line_max };
	for (v = 0; v < VERB_COUNT; v++)
		if (parser_verbs[v].kinds & KIND(kind))
			p->allowed |= (uint16_t)(1u << v);
}

size_t
parser_wants(const struct parser *p)
{
	return (p->phase == PHASE_PAYLOAD ? (size_t)p->body_at + p->size + 2 : 0);
}

static size_t
feed_left(const struct feed *f)
{
	return ((size_t)(f->end - f->at));
}

#define SNIPPET_MAX 32

static enum parser_next
feed_fault(struct feed *f, enum parser_fault fault, const char *state)
{
	size_t n = feed_left(f);

	f->ops->op_fault(f->ctx, fault, state,
	    (struct str){ (const char *)f->at, n < SNIPPET_MAX ? n : SNIPPET_MAX });
	return (PARSER_CLOSE);
}

static bool
is_blank(uint8_t b)
{
	return (b == ' ' || b == '\t');
}

/* ---- START: the verb, letter by letter ---- */

static uint8_t
lower(uint8_t b)
{
	return (b >= 'A' && b <= 'Z' ? (uint8_t)(b | 0x20) : b);
}

/* The verb is complete; its last letter was just consumed. */
static void
verb_found(struct parser *p, unsigned verb)
{
	p->verb = (uint8_t)verb;
	p->phase = parser_verbs[verb].phase;
	p->verb_at = 0;
	/* Until the first blank of a verb that needs one (phase_blanks). */
	p->candidates = parser_verbs[verb].blank ? 1 : 0;
	p->scanned = 0;
}

static enum parser_next
verb_letter(struct feed *f, uint8_t b)
{
	struct parser *p = f->p;
	uint16_t left = 0;
	unsigned v;

	if (p->verb_at == 0) {
		p->candidates = p->allowed;
		if (p->connect_only && lower(b) != 'c')
			return (feed_fault(f, PARSER_FAULT_AUTH, "OP_START"));
	}
	b = lower(b);
	for (v = 0; v < VERB_COUNT; v++) {
		if ((p->candidates & 1u << v) == 0 ||
		    (uint8_t)parser_verbs[v].letters[p->verb_at] != b)
			continue;
		if (p->verb_at + 1u == parser_verbs[v].n) {
			f->at++;
			verb_found(p, v);
			return (PARSER_GO);
		}
		left |= (uint16_t)(1u << v);
	}
	if (left == 0)
		return (feed_fault(f, PARSER_FAULT_PROTOCOL,
		    p->verb_at == 0 ? "OP_START" : "OP_VERB"));
	p->candidates = left;
	p->verb_at++;
	f->at++;
	return (PARSER_GO);
}

/* The common verbs at once, when all their letters are there. */
static bool
verb_quick(struct feed *f)
{
	struct parser *p = f->p;

	if (p->verb_at != 0 || p->connect_only || feed_left(f) < 4)
		return (false);
	if (memcmp(f->at, "PUB ", 4) == 0 && (p->allowed & 1u << VERB_PUB)) {
		f->at += 4;
		verb_found(p, VERB_PUB);
		p->candidates = 0;
		return (true);
	}
	if (memcmp(f->at, "HPUB", 4) == 0 && (p->allowed & 1u << VERB_HPUB)) {
		f->at += 4;
		verb_found(p, VERB_HPUB);
		return (true);
	}
	return (false);
}

static enum parser_next
phase_start(struct feed *f)
{
	enum parser_next next = PARSER_GO;

	if (verb_quick(f))
		return (PARSER_GO);
	while (next == PARSER_GO && f->p->phase == PHASE_START && f->at < f->end)
		next = verb_letter(f, *f->at);
	return (next);
}

/* ---- BLANKS ---- */

static enum parser_next
phase_blanks(struct feed *f)
{
	struct parser *p = f->p;

	if (f->at == f->end)
		return (PARSER_GO);
	if (p->candidates != 0) {
		if (!is_blank(*f->at))
			return (feed_fault(f, PARSER_FAULT_PROTOCOL, "OP_VERB"));
		p->candidates = 0;
		f->at++;
	}
	while (f->at < f->end && is_blank(*f->at))
		f->at++;
	if (f->at < f->end)
		p->phase = PHASE_ARG;
	return (PARSER_GO);
}

/* ---- ARG: a line ---- */

/*
 * Cuts a line into words.  Returns its LF; NULL: there is none before end.  args->n is ARGS_BAD for
 * more words than any line may have, or a CR that does not end the line.
 */
#define ARGS_BAD (ARGS_MAX + 1)

static const uint8_t *
args_scan(const uint8_t *at, const uint8_t *end, struct args *args, bool *cr)
{
	const uint8_t *from;
	unsigned n = 0;
	bool bad = false;

	*cr = false;
	for (;;) {
		while (at < end && is_blank(*at))
			at++;
		for (from = at; at < end && *at > ' '; at++)
			continue;
		/* Control bytes other than these belong to a word. */
		while (at < end && !is_blank(*at) && *at != '\r' && *at != '\n')
			at++;
		if (at == end)
			return (NULL);
		if (at > from) {
			if (n == ARGS_MAX)
				bad = true;
			else
				args->at[n++] = (struct str){ (const char *)from,
					(size_t)(at - from) };
		}
		if (*at == '\r') {
			if (++at == end)
				return (NULL);
			if (*at == '\n')
				*cr = true;
			else
				bad = true;
		}
		if (*at == '\n') {
			args->n = bad ? ARGS_BAD : n;
			return (at);
		}
	}
}

static int32_t
size_of(struct str s)
{
	uint32_t v = 0, digit;
	size_t i;

	if (s.n == 0 || s.n > 9)
		return (-1);
	for (i = 0; i < s.n; i++) {
		digit = (uint32_t)(uint8_t)s.p[i] - '0';
		if (digit > 9)
			return (-1);
		v = v * 10 + digit;
	}
	return ((int32_t)v);
}

/* What the parser keeps of a PUB line, as strings again. */
static void
pub_rebuild(struct feed *f)
{
	const struct parser *p = f->p;
	const char *b = (const char *)f->at;
	uint32_t behind = p->subject_at + p->subject_n;
	struct parser_pub *pub = &f->pub;

	pub->subject.p = b + p->subject_at;
	pub->subject.n = p->subject_n;
	pub->reply.p = b + p->reply_at;
	pub->reply.n = p->reply_n;
	pub->hdr_digits.p = b + p->hdr_at;
	pub->hdr_digits.n = p->hdr_n;
	pub->size_digits.p = b + p->size_at;
	pub->size_digits.n = p->size_n;
	pub->line.p = b + behind;
	pub->line.n = p->body_at - behind;
	pub->hdr = p->hdr;
	pub->size = p->size;
	pub->canonical = p->canonical;
	f->pub_at = f->at;
}

/* One blank before each argument and CR LF, so that the line can be copied as it stands. */
static bool
pub_is_canonical(const struct parser *p, const char *line, uint32_t line_bytes, bool cr)
{
	uint32_t n = p->subject_n + 1 + p->size_n + 2;

	if (p->reply_n != 0)
		n += 1 + p->reply_n;
	if (p->hdr_n != 0)
		n += 1 + p->hdr_n;
	if (!cr || p->subject_at != 0 || n != line_bytes || line[p->subject_n] != ' ')
		return (false);
	return (line[p->size_at - 1] == ' ' && (p->hdr_n == 0 || line[p->hdr_at - 1] == ' '));
}

static enum parser_next
line_pub(struct feed *f, const struct args *args, bool cr, uint32_t line_bytes)
{
	struct parser *p = f->p;
	bool headers = p->verb == VERB_HPUB;
	unsigned least = headers ? 3 : 2;
	const char *line = (const char *)f->at;
	const struct str *a = args->at;
	int32_t hdr, size;

	if (args->n < least || args->n > least + 1)
		return (feed_fault(f, PARSER_FAULT_ARGS, headers ? "HPUB_ARG" : "PUB_ARG"));
	hdr = headers ? size_of(a[args->n - 2]) : 0;
	size = size_of(a[args->n - 1]);
	if (hdr < 0 || size < 0 || hdr > size)
		return (feed_fault(f, PARSER_FAULT_ARGS, headers ? "HPUB_ARG" : "PUB_ARG"));
#define OFFSET(s) ((uint32_t)((s).p - line))
	p->subject_at = OFFSET(a[0]);
	p->subject_n = (uint32_t)a[0].n;
	p->reply_at = args->n > least ? OFFSET(a[1]) : 0;
	p->reply_n = args->n > least ? (uint32_t)a[1].n : 0;
	p->hdr_at = headers ? OFFSET(a[args->n - 2]) : 0;
	p->hdr_n = headers ? (uint32_t)a[args->n - 2].n : 0;
	p->size_at = OFFSET(a[args->n - 1]);
	p->size_n = (uint32_t)a[args->n - 1].n;
#undef OFFSET
	p->hdr = (uint32_t)hdr;
	p->size = (uint32_t)size;
	p->body_at = line_bytes;
	p->canonical = pub_is_canonical(p, line, line_bytes, cr);
	p->phase = PHASE_PAYLOAD;
	pub_rebuild(f);
	return (f->ops->op_pub_line(f->ctx, &f->pub));
}

static enum parser_next
line_sub(struct feed *f, const struct args *args)
{
	if (args->n < 2 || args->n > 3)
		return (feed_fault(f, PARSER_FAULT_ARGS, "SUB_ARG"));
	return (f->ops->op_sub(f->ctx, args->at[0], args->n == 3 ? args->at[1] : STR_NONE,
	    args->at[args->n - 1]));
}

static enum parser_next
line_unsub(struct feed *f, const struct args *args)
{
	if (args->n < 1 || args->n > 2)
		return (feed_fault(f, PARSER_FAULT_ARGS, "UNSUB_ARG"));
	return (f->ops->op_unsub(f->ctx, args->at[0], args->n == 2 ? size_of(args->at[1]) : -1));
}

/* A line that is one text. */
static enum parser_next
line_text(struct feed *f, struct str line)
{
	switch ((enum parser_verb)f->p->verb) {
	case VERB_CONNECT:
		return (f->ops->op_connect(f->ctx, line));
	case VERB_INFO:
		return (f->ops->op_info(f->ctx, line));
	case VERB_ERR:
		return (f->ops->op_err(f->ctx, line));
	case VERB_PUB:
	case VERB_HPUB:
	case VERB_SUB:
	case VERB_UNSUB:
	case VERB_PING:
	case VERB_PONG:
	case VERB_OK:
	case VERB_COUNT:
		break;
	}
	assert(false); /* a verb without a text */
	return (PARSER_CLOSE);
}

static enum parser_next
line_words(struct feed *f, const struct args *args, bool cr, uint32_t line_bytes)
{
	if (f->p->verb == VERB_SUB)
		return (line_sub(f, args));
	if (f->p->verb == VERB_UNSUB)
		return (line_unsub(f, args));
	return (line_pub(f, args, cr, line_bytes));
}

static bool
is_text(const struct parser *p)
{
	return (p->verb == VERB_CONNECT || p->verb == VERB_INFO || p->verb == VERB_ERR);
}

/* The LF of the line and its words, if it has words; NULL: the line is not complete. */
static const uint8_t *
line_end(struct feed *f, struct args *args, bool *cr)
{
	struct parser *p = f->p;
	const uint8_t *lf;

	/* What was looked at before is not looked at again. */
	if (is_text(p) || p->scanned != 0) {
		lf = memchr(f->at + p->scanned, '\n', feed_left(f) - p->scanned);
		if (lf == NULL)
			return (NULL);
		*cr = lf > f->at && lf[-1] == '\r';
		if (is_text(p))
			return (lf);
	}
	return (args_scan(f->at, f->end, args, cr));
}

static enum parser_next
phase_arg(struct feed *f)
{
	struct parser *p = f->p;
	struct args args;
	bool cr = false;
	const uint8_t *lf = line_end(f, &args, &cr);
	size_t n = lf == NULL ? feed_left(f) : (size_t)(lf - f->at);
	enum parser_next next;

	/* An unfinished line may end in the CR that does not count. */
	if (lf == NULL)
		cr = f->at[n - 1] == '\r';
	if (n - (cr ? 1 : 0) > p->line_max)
		return (feed_fault(f, PARSER_FAULT_LINE, "ARG"));
	if (lf == NULL) {
		p->scanned = (uint32_t)n;
		return (PARSER_GO);
	}
	p->scanned = 0;
	p->phase = PHASE_START;
	if (is_text(p))
		next = line_text(f, (struct str){ (const char *)f->at, n - (cr ? 1 : 0) });
	else
		next = line_words(f, &args, cr, (uint32_t)n + 1);
	if (p->phase == PHASE_START && next != PARSER_CLOSE)
		f->at = lf + 1;
	return (next);
}

/* ---- PAYLOAD ---- */

static enum parser_next
phase_payload(struct feed *f)
{
	struct parser *p = f->p;
	size_t left = feed_left(f), body_end = (size_t)p->body_at + p->size;
	enum parser_next next;

	if (left > body_end && f->at[body_end] != '\r')
		return (feed_fault(f, PARSER_FAULT_PROTOCOL, "MSG_END_R"));
	if (left < body_end + 2)
		return (PARSER_GO);
	if (f->at[body_end + 1] != '\n')
		return (feed_fault(f, PARSER_FAULT_PROTOCOL, "MSG_END_N"));
	if (f->pub_at != f->at)
		pub_rebuild(f);
	f->pub.body.p = (const char *)f->at + p->body_at;
	f->pub.body.n = p->size;
	next = f->ops->op_pub(f->ctx, &f->pub);
	if (next == PARSER_HOLD || next == PARSER_CLOSE)
		return (next);
	f->at += body_end + 2;
	p->phase = PHASE_START;
	return (next);
}

/* ---- SKIP: whatever stands behind PING, PONG and +OK up to the LF ---- */

static enum parser_next
phase_skip(struct feed *f)
{
	const uint8_t *lf = memchr(f->at, '\n', feed_left(f));

	if (lf == NULL) {
		f->at = f->end;
		return (PARSER_GO);
	}
	f->at = lf + 1;
	f->p->phase = PHASE_START;
	if (f->p->verb == VERB_PING)
		return (f->ops->op_ping(f->ctx));
	if (f->p->verb == VERB_PONG)
		return (f->ops->op_pong(f->ctx));
	return (PARSER_GO);
}

/* True when the phase can do something with what is there. */
static bool
feed_can(const struct feed *f)
{
	const struct parser *p = f->p;

	if (f->at == f->end)
		return (false);
	if (p->phase == PHASE_ARG)
		return (p->scanned < feed_left(f));
	if (p->phase == PHASE_PAYLOAD)
		return (feed_left(f) > (size_t)p->body_at + p->size);
	return (true);
}

size_t
parser_feed(struct parser *p, const struct parser_ops *ops, void *ctx, const uint8_t *data,
    size_t n, enum parser_end *end)
{
	struct feed f;
	enum parser_next next = PARSER_GO;
	const uint8_t *before;
	uint8_t phase;

	/* Its pub is large and filled when there is one. */
	f.p = p;
	f.ops = ops;
	f.ctx = ctx;
	f.at = data;
	f.end = data + n;
	f.pub_at = NULL;
	while (next == PARSER_GO && feed_can(&f)) {
		before = f.at;
		phase = p->phase;
		switch ((enum parser_phase)phase) {
		case PHASE_START:
			next = phase_start(&f);
			break;
		case PHASE_BLANKS:
			next = phase_blanks(&f);
			break;
		case PHASE_ARG:
			next = phase_arg(&f);
			break;
		case PHASE_PAYLOAD:
			next = phase_payload(&f);
			break;
		case PHASE_SKIP:
			next = phase_skip(&f);
			break;
		}
		if (f.at == before && p->phase == phase)
			break;
	}
	*end = next == PARSER_GO ? PARSER_MORE
	    : next == PARSER_CLOSE ? PARSER_CLOSED
				   : PARSER_PAUSED;
	return ((size_t)(f.at - data));
}

bool
parser_is_fresh(const struct parser *p)
{
	return (p->phase == PHASE_START && p->verb_at == 0);
}
