#include "config.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "natsd-front/client/parser.h"

enum parser_phase { PHASE_START, PHASE_BLANKS, PHASE_ARG, PHASE_PAYLOAD, PHASE_SKIP };

#define KIND(k) (1u << (k))

/*
 * V(NAME, letters, phase behind it, needs a blank, kinds of connections, state 1, state 2)
 * No verb is the beginning of another one.  The states are what nats-server calls "one letter
 * seen" and "two letters seen" in its log; each further letter is one more.
 */
#define PARSER_VERBS(V)								\
	V(PUB, "pub", PHASE_BLANKS, true, KIND(PARSER_CLIENT), 29, 30)		\
	V(HPUB, "hpub", PHASE_BLANKS, true, KIND(PARSER_CLIENT), 18, 19)	\
	V(SUB, "sub", PHASE_BLANKS, true, KIND(PARSER_CLIENT), 43, 44)		\
	V(UNSUB, "unsub", PHASE_BLANKS, true, KIND(PARSER_CLIENT), 59, 60)	\
	V(PING, "ping", PHASE_SKIP, false, KIND(PARSER_CLIENT), 29, 34)		\
	V(PONG, "pong", PHASE_SKIP, false, KIND(PARSER_CLIENT), 29, 37)		\
	V(OK, "+ok", PHASE_SKIP, false, KIND(PARSER_CLIENT), 1, 2)		\
	V(CONNECT, "connect", PHASE_BLANKS, false, KIND(PARSER_CLIENT), 10, 11) \
	V(ERR, "-err", PHASE_BLANKS, true, KIND(PARSER_CLIENT), 4, 5)		\
	V(INFO, "info", PHASE_BLANKS, false, KIND(PARSER_CLIENT), 71, 72)

#define STATE_START 0
#define STATE_MSG_END_R 41
#define STATE_MSG_END_N 42

#define VERB_ENUM(NAME, ...) VERB_##NAME,
enum parser_verb { PARSER_VERBS(VERB_ENUM) VERB_COUNT };

struct verb {
	const char *letters;
	uint8_t n;
	uint8_t phase;
	bool blank;
	uint8_t kinds;
	uint8_t state1, state2;
};

#define VERB_ROW(NAME, letters, phase, blank, kinds, state1, state2) \
	{ letters, sizeof(letters) - 1, phase, blank, kinds, state1, state2 },
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
	const uint8_t *data; /* all that was fed */
	const uint8_t *at;   /* first byte not consumed */
	const uint8_t *end;
	struct parser_pub pub; /* of the line in work, when pub_at is f->at */
	const uint8_t *pub_at;
	bool pub_kept; /* the parser knows it too, for the next call */
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

static enum parser_next
feed_fault(struct feed *f, enum parser_fault fault)
{
	struct parser_trouble t = { .fault = fault };

	f->ops->op_fault(f->ctx, &t);
	return (PARSER_CLOSE);
}

/* The byte at `at` does not belong there. */
static enum parser_next
feed_unknown(struct feed *f, const uint8_t *at, unsigned state)
{
	struct parser_trouble t = { .fault = PARSER_FAULT_PROTOCOL, .state = state,
		.at = (size_t)(at - f->data),
		.text = { (const char *)at, (size_t)(f->end - at) } };

	f->ops->op_fault(f->ctx, &t);
	return (PARSER_CLOSE);
}

/* The state in which so many letters of the verb were seen. */
static unsigned
verb_state(unsigned verb, unsigned letters)
{
	const struct verb *v = &parser_verbs[verb];

	if (letters == 0)
		return (STATE_START);
	return (letters == 1 ? v->state1 : v->state2 + letters - 2);
}

static unsigned
first_of(uint16_t verbs)
{
	unsigned v = 0;

	while (v < VERB_COUNT - 1u && (verbs & 1u << v) == 0)
		v++;
	return (v);
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
			return (feed_fault(f, PARSER_FAULT_AUTH));
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
		return (feed_unknown(f, f->at, verb_state(first_of(p->candidates), p->verb_at)));
	p->candidates = left;
	p->verb_at++;
	f->at++;
	return (PARSER_GO);
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
			return (feed_unknown(f, f->at, verb_state(p->verb, parser_verbs[p->verb].n)));
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
 * more words than any line may have, or a CR that does not end the line where that is no blank.
 */
#define ARGS_BAD (ARGS_MAX + 1)

static const uint8_t *
args_scan(const uint8_t *at, const uint8_t *end, bool cr_is_blank, struct args *args, bool *cr)
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
			else if (!cr_is_blank)
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

/* What the next call must know of a PUB line whose message is not finished in this one. */
static void
pub_keep(struct feed *f)
{
	struct parser *p = f->p;
	const struct parser_pub *pub = &f->pub;

#define OFFSET(s) ((s).n == 0 ? 0 : (uint32_t)((const uint8_t *)(s).p - f->at))
	p->subject_at = OFFSET(pub->subject);
	p->subject_n = (uint32_t)pub->subject.n;
	p->reply_at = OFFSET(pub->reply);
	p->reply_n = (uint32_t)pub->reply.n;
	p->hdr_at = OFFSET(pub->hdr_digits);
	p->hdr_n = (uint32_t)pub->hdr_digits.n;
	p->size_at = OFFSET(pub->size_digits);
	p->size_n = (uint32_t)pub->size_digits.n;
#undef OFFSET
	p->hdr = pub->hdr;
	p->canonical = pub->canonical;
	f->pub_kept = true;
}

/* The line at f->at, up to its LF, is not what its verb asks for. */
static enum parser_next
feed_bad_args(struct feed *f, const char *verb, const char *what)
{
	const uint8_t *lf = memchr(f->at, '\n', feed_left(f));
	size_t n = (size_t)(lf - f->at);
	struct parser_trouble t = { .fault = PARSER_FAULT_ARGS, .verb = verb, .what = what };

	/* The CR does not count, unless it is all there is. */
	if (n > 1 && lf[-1] == '\r')
		n--;
	t.text = (struct str){ (const char *)f->at, n };
	f->ops->op_fault(f->ctx, &t);
	return (PARSER_CLOSE);
}

/* What was kept of it, as strings again. */
static void
pub_rebuild(struct feed *f)
{
	const struct parser *p = f->p;
	const char *b = (const char *)f->at;
	uint32_t behind = p->subject_at + p->subject_n;
	struct parser_pub *pub = &f->pub;

	pub->subject = (struct str){ b + p->subject_at, p->subject_n };
	pub->reply = (struct str){ b + p->reply_at, p->reply_n };
	pub->hdr_digits = (struct str){ b + p->hdr_at, p->hdr_n };
	pub->size_digits = (struct str){ b + p->size_at, p->size_n };
	pub->line = (struct str){ b + behind, p->body_at - behind };
	pub->hdr = p->hdr;
	pub->size = p->size;
	pub->canonical = p->canonical;
	f->pub_at = f->at;
	f->pub_kept = true;
}

/* One blank before each argument and CR LF, so that the line can be copied as it stands. */
static bool
pub_is_canonical(const struct args *args, const char *line, uint32_t line_bytes, bool cr)
{
	size_t n = 2;
	unsigned i;

	if (!cr || args->n == 0 || args->n > ARGS_MAX)
		return (false);
	for (i = 0; i < args->n; i++) {
		if (i > 0 && args->at[i].p[-1] != ' ')
			return (false);
		n += (i > 0 ? 1 : 0) + args->at[i].n;
	}
	return (args->at[0].p == line && n == line_bytes);
}

/* -1 is a size that is none. */
static enum parser_next
bad_sizes(struct feed *f, bool headers, int32_t hdr, int32_t size)
{
	if (!headers)
		return (feed_bad_args(f, "PUB", "processPub Bad or Missing Size"));
	if (hdr < 0)
		return (feed_bad_args(f, "HPUB", "processHeaderPub Bad or Missing Header Size"));
	if (size < 0)
		return (feed_bad_args(f, "HPUB", "processHeaderPub Bad or Missing Total Size"));
	return (feed_bad_args(f, "HPUB", "processHeaderPub Header Size larger then TotalSize"));
}

/* The line of a PUB or HPUB begins at f->at. */
static enum parser_next
line_pub(struct feed *f, const struct args *args, bool canonical, uint32_t line_bytes)
{
	struct parser *p = f->p;
	struct parser_pub *pub = &f->pub;
	bool headers = p->verb == VERB_HPUB;
	unsigned least = headers ? 3 : 2;
	const struct str *a = args->at;
	struct str none;
	int32_t hdr, size;

	if (args->n < least || args->n > least + 1)
		return (headers ? feed_bad_args(f, "HPUB", "processHeaderPub Parse Error")
				: feed_bad_args(f, "PUB", "processPub Parse Error"));
	hdr = headers ? size_of(a[args->n - 2]) : 0;
	size = size_of(a[args->n - 1]);
	if (hdr < 0 || size < 0 || hdr > size)
		return (bad_sizes(f, headers, hdr, size));
	none = (struct str){ a[0].p, 0 };
	pub->subject = a[0];
	pub->reply = args->n > least ? a[1] : none;
	pub->hdr_digits = headers ? a[args->n - 2] : none;
	pub->size_digits = a[args->n - 1];
	pub->line.p = a[0].p + a[0].n;
	pub->line.n = (size_t)((const char *)f->at + line_bytes - pub->line.p);
	pub->hdr = (uint32_t)hdr;
	pub->size = p->size = (uint32_t)size;
	pub->canonical = canonical;
	p->body_at = line_bytes;
	pub->body.p = (const char *)f->at + line_bytes;
	pub->body.n = feed_left(f) - line_bytes;
	if (pub->body.n > pub->hdr)
		pub->body.n = pub->hdr;
	p->phase = PHASE_PAYLOAD;
	f->pub_at = f->at;
	f->pub_kept = false;
	return (f->ops->op_pub_line(f->ctx, pub));
}

static enum parser_next
line_sub(struct feed *f, const struct args *args)
{
	if (args->n < 2 || args->n > 3)
		return (feed_bad_args(f, "SUB", "processSub Parse Error"));
	return (f->ops->op_sub(f->ctx, args->at[0], args->n == 3 ? args->at[1] : STR_NONE,
	    args->at[args->n - 1]));
}

static enum parser_next
line_unsub(struct feed *f, const struct args *args)
{
	if (args->n < 1 || args->n > 2)
		return (feed_bad_args(f, "UNSUB", "processUnsub Parse Error"));
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
	return (line_pub(f, args, pub_is_canonical(args, (const char *)f->at, line_bytes, cr),
	    line_bytes));
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
	return (args_scan(f->at, f->end, p->verb == VERB_SUB || p->verb == VERB_UNSUB, args, cr));
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
		return (feed_fault(f, PARSER_FAULT_LINE));
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
		return (feed_unknown(f, f->at + body_end, STATE_MSG_END_R));
	if (left < body_end + 2)
		return (PARSER_GO);
	if (f->at[body_end + 1] != '\n')
		return (feed_unknown(f, f->at + body_end + 1, STATE_MSG_END_N));
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

/* ---- the whole of a PUB at once ---- */

#define EACH_BYTE(b) (UINT64_C(0x0101010101010101) * (b))

/* The first blank or control byte; end: there is none.  Eight bytes at a time. */
static inline const uint8_t *
word_end(const uint8_t *at, const uint8_t *end)
{
	uint64_t eight, low;

	for (; end - at >= 8; at += 8) {
		memcpy(&eight, at, 8);
		eight = le64toh(eight);
		/* The lowest bit that stands is that of the first byte up to ' '. */
		low = (eight - EACH_BYTE(' ' + 1u)) & ~eight & EACH_BYTE(0x80u);
		if (low != 0)
			return (at + __builtin_ctzll(low) / 8);
	}
	while (at < end && *at > ' ')
		at++;
	return (at);
}

/* The words of a line with one blank between two of them and CR LF; NULL: it is none, or not
 * complete.  Else what stands behind it. */
static inline const uint8_t *
args_quick(const uint8_t *at, const uint8_t *end, struct args *args)
{
	const uint8_t *from;

	for (args->n = 0; args->n < ARGS_MAX;) {
		from = at;
		at = word_end(at, end);
		if (at == from || end - at < 2)
			return (NULL);
		args->at[args->n++] = (struct str){ (const char *)from, (size_t)(at - from) };
		if (*at == '\r')
			return (at[1] == '\n' ? at + 2 : NULL);
		if (*at++ != ' ')
			return (NULL);
	}
	return (NULL);
}

/*
 * PUB and HPUB as every client library writes them, the line complete.  False: nothing was done, the
 * phases will tell what it is.  (Without this a publish took 490 instructions of the parser, with it
 * 295.)
 */
static bool
pub_quick(struct feed *f, enum parser_next *next)
{
	struct parser *p = f->p;
	enum parser_verb verb;
	const uint8_t *line, *behind;
	struct args args;

	if (p->verb_at != 0 || p->connect_only || feed_left(f) < 5)
		return (false);
	if (memcmp(f->at, "PUB ", 4) == 0) {
		verb = VERB_PUB;
		line = f->at + 4;
	} else if (memcmp(f->at, "HPUB ", 5) == 0) {
		verb = VERB_HPUB;
		line = f->at + 5;
	} else {
		return (false);
	}
	if ((p->allowed & 1u << verb) == 0)
		return (false);
	behind = args_quick(line, f->end, &args);
	if (behind == NULL || (size_t)(behind - line) - 2 > p->line_max)
		return (false);
	f->at = line;
	p->verb = (uint8_t)verb;
	*next = line_pub(f, &args, true, (uint32_t)(behind - line));
	if (*next == PARSER_GO)
		*next = phase_payload(f);
	return (true);
}

static enum parser_next
phase_start(struct feed *f)
{
	enum parser_next next = PARSER_GO;

	if (pub_quick(f, &next))
		return (next);
	while (next == PARSER_GO && f->p->phase == PHASE_START && f->at < f->end)
		next = verb_letter(f, *f->at);
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
	f.data = data;
	f.at = data;
	f.end = data + n;
	f.pub_at = NULL;
	f.pub_kept = true;
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
	if (p->phase == PHASE_PAYLOAD && !f.pub_kept)
		pub_keep(&f);
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
