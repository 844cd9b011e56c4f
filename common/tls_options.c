#include "config.h"

#include "common/tls_options.h"

#include <stdlib.h>
#include <string.h>

#define TIMEOUT_NS (2LL * 1000000000LL)
#define NAMES_MAX 4096u

#define FLAG_VERIFY 1u
#define FLAG_MAP 2u
#define FLAG_INSECURE 4u
#define FLAG_FIRST 8u

/* ---- strings ---- */

int
tls_string(char **at, const char *s, struct err *e)
{
	char *copy;

	if (s == NULL)
		return (0);
	if ((copy = strdup(s)) == NULL)
		return (err_set(e, "out of memory"));
	free(*at);
	*at = copy;
	return (0);
}

static void
wipe(char *s)
{
	if (s != NULL)
		explicit_bzero(s, strlen(s));
	free(s);
}

/* The strings that are not certificates with their keys. */
#define NSTRINGS 5u
static char **
string_at(struct tls_options *t, unsigned i)
{
	char **const all[NSTRINGS] = { &t->ca_pem, &t->ciphers, &t->suites, &t->groups, &t->cert_file };

	return (all[i]);
}

static const char *
string_of(const struct tls_options *t, unsigned i)
{
	const char *const all[NSTRINGS] = { t->ca_pem, t->ciphers, t->suites, t->groups, t->cert_file };

	return (all[i]);
}

static size_t
string_max(unsigned i)
{
	return (i == 0 ? TLS_PEM_MAX : NAMES_MAX);
}

/* ---- life ---- */

struct tls_options *
tls_options_new(struct err *e)
{
	struct tls_options *t = calloc(1, sizeof(*t));

	if (t == NULL) {
		err_set(e, "out of memory");
		return (NULL);
	}
	t->timeout_ns = TIMEOUT_NS;
	t->min_version = 12;
	if (tls_string(&t->ciphers, "", e) != 0 || tls_string(&t->suites, "", e) != 0 ||
	    tls_string(&t->groups, "", e) != 0) {
		tls_options_free(t);
		return (NULL);
	}
	return (t);
}

void
tls_options_free(struct tls_options *t)
{
	if (t == NULL)
		return;
	free(t->cert_pem);
	wipe(t->key_pem);
	for (size_t i = 0; i < t->nmore; i++) {
		free(t->more[i].cert_pem);
		wipe(t->more[i].key_pem);
	}
	free(t->more);
	for (unsigned i = 0; i < NSTRINGS; i++)
		free(*string_at(t, i));
	free(t->pins);
	free(t);
}

static int
copy_pairs(struct tls_options *to, const struct tls_options *from, struct err *e)
{
	if (tls_string(&to->cert_pem, from->cert_pem, e) != 0 ||
	    tls_string(&to->key_pem, from->key_pem, e) != 0)
		return (-1);
	if (from->nmore == 0)
		return (0);
	if ((to->more = calloc(from->nmore, sizeof(*to->more))) == NULL)
		return (err_set(e, "out of memory"));
	for (; to->nmore < from->nmore; to->nmore++)
		if (tls_string(&to->more[to->nmore].cert_pem, from->more[to->nmore].cert_pem, e) != 0 ||
		    tls_string(&to->more[to->nmore].key_pem, from->more[to->nmore].key_pem, e) != 0)
			return (-1);
	return (0);
}

static int
copy_pins(struct tls_options *to, const struct tls_options *from, struct err *e)
{
	if (from->npins == 0)
		return (0);
	if ((to->pins = calloc(from->npins, sizeof(*to->pins))) == NULL)
		return (err_set(e, "out of memory"));
	memcpy(to->pins, from->pins, from->npins * sizeof(*to->pins));
	to->npins = from->npins;
	return (0);
}

static void
copy_numbers(struct tls_options *to, const struct tls_options *from)
{
	to->verify = from->verify;
	to->map = from->map;
	to->insecure = from->insecure;
	to->timeout_ns = from->timeout_ns;
	to->first_delay_ns = from->first_delay_ns;
	to->first = from->first;
	to->min_version = from->min_version;
	to->rate_limit = from->rate_limit;
	to->not_after_s = from->not_after_s;
}

struct tls_options *
tls_options_copy(const struct tls_options *from, struct err *e)
{
	struct tls_options *to;

	if (from == NULL || (to = tls_options_new(e)) == NULL)
		return (NULL);
	copy_numbers(to, from);
	if (copy_pairs(to, from, e) != 0 || copy_pins(to, from, e) != 0)
		goto fail;
	for (unsigned i = 0; i < NSTRINGS; i++)
		if (tls_string(string_at(to, i), string_of(from, i), e) != 0)
			goto fail;
	return (to);
fail:
	tls_options_free(to);
	return (NULL);
}

/* ---- comparing ---- */

static bool
same(const char *a, const char *b)
{
	return (a == NULL || b == NULL ? a == b : strcmp(a, b) == 0);
}

static bool
pairs_equal(const struct tls_options *a, const struct tls_options *b)
{
	if (!same(a->cert_pem, b->cert_pem) || !same(a->key_pem, b->key_pem) || a->nmore != b->nmore)
		return (false);
	for (size_t i = 0; i < a->nmore; i++)
		if (!same(a->more[i].cert_pem, b->more[i].cert_pem) ||
		    !same(a->more[i].key_pem, b->more[i].key_pem))
			return (false);
	return (true);
}

bool
tls_options_equal(const struct tls_options *a, const struct tls_options *b)
{
	if (a == NULL || b == NULL)
		return (a == b);
	if (!pairs_equal(a, b) || a->npins != b->npins ||
	    (a->npins > 0 && memcmp(a->pins, b->pins, a->npins * sizeof(*a->pins)) != 0))
		return (false);
	for (unsigned i = 0; i < NSTRINGS; i++)
		if (!same(string_of(a, i), string_of(b, i)))
			return (false);
	return (a->verify == b->verify && a->map == b->map && a->insecure == b->insecure &&
	    a->timeout_ns == b->timeout_ns && a->first_delay_ns == b->first_delay_ns &&
	    a->first == b->first && a->min_version == b->min_version &&
	    a->rate_limit == b->rate_limit && a->not_after_s == b->not_after_s);
}

/* ---- to the front and back ---- */

/*
 *	| npairs u32 | npairs x (certificate, key) | 5 x string | npins u32 | npins x 32 bytes |
 *	| flags u8 | timeout i64 | first delay i64 | rate limit i64 | not after i64 | version u8 |
 *
 * A string is its length + 1 in 4 bytes, 0 for NULL, and its bytes.
 */
static void
write_string(struct wr *out, const char *s)
{
	size_t n = s == NULL ? 0 : strlen(s);

	wr_u32(out, s == NULL ? 0 : (uint32_t)n + 1);
	wr_bytes(out, s, n);
}

void
tls_options_encode(const struct tls_options *t, struct wr *out)
{
	wr_u32(out, t->cert_pem == NULL ? 0 : 1 + (uint32_t)t->nmore);
	if (t->cert_pem != NULL) {
		write_string(out, t->cert_pem);
		write_string(out, t->key_pem);
	}
	for (size_t i = 0; i < t->nmore; i++) {
		write_string(out, t->more[i].cert_pem);
		write_string(out, t->more[i].key_pem);
	}
	for (unsigned i = 0; i < NSTRINGS; i++)
		write_string(out, string_of(t, i));
	wr_u32(out, (uint32_t)t->npins);
	wr_bytes(out, t->pins, t->npins * sizeof(*t->pins));
	wr_u8(out, (uint8_t)((t->verify ? FLAG_VERIFY : 0) | (t->map ? FLAG_MAP : 0) |
	    (t->insecure ? FLAG_INSECURE : 0) | (t->first ? FLAG_FIRST : 0)));
	wr_u64(out, (uint64_t)t->timeout_ns);
	wr_u64(out, (uint64_t)t->first_delay_ns);
	wr_u64(out, (uint64_t)t->rate_limit);
	wr_u64(out, (uint64_t)t->not_after_s);
	wr_u8(out, (uint8_t)t->min_version);
}

/* NULL in the place of a string is allowed where `may_miss`. */
static int
read_string(struct rd *in, char **to, size_t max, bool may_miss, struct err *e)
{
	uint32_t n = rd_u32(in);
	struct str s;
	char *copy;

	if (!in->short_ && n == 0 && may_miss)
		return (0);
	if (n == 0 || n - 1 > max)
		return (err_set(e, "tls: broken string"));
	s = rd_bytes(in, n - 1);
	if (in->short_ || (s.n > 0 && memchr(s.p, '\0', s.n) != NULL))
		return (err_set(e, "tls: broken string"));
	if ((copy = malloc(s.n + 1)) == NULL)
		return (err_set(e, "out of memory"));
	if (s.n > 0)
		memcpy(copy, s.p, s.n);
	copy[s.n] = '\0';
	free(*to);
	*to = copy;
	return (0);
}

static int
read_pair(struct rd *in, char **cert, char **key, struct err *e)
{
	return (read_string(in, cert, TLS_PEM_MAX, false, e) == 0 &&
		    read_string(in, key, TLS_PEM_MAX, false, e) == 0 ? 0 : -1);
}

static int
decode_pairs(struct rd *in, struct tls_options *t, struct err *e)
{
	uint32_t n = rd_u32(in);

	if (in->short_ || n > TLS_PAIRS_MAX)
		return (err_set(e, "tls: broken count of certificates"));
	if (n == 0)
		return (0);
	if (read_pair(in, &t->cert_pem, &t->key_pem, e) != 0)
		return (-1);
	if (n > 1 && (t->more = calloc(n - 1, sizeof(*t->more))) == NULL)
		return (err_set(e, "out of memory"));
	t->nmore = n - 1;
	for (size_t i = 0; i < t->nmore; i++)
		if (read_pair(in, &t->more[i].cert_pem, &t->more[i].key_pem, e) != 0)
			return (-1);
	return (0);
}

static int
decode_pins(struct rd *in, struct tls_options *t, struct err *e)
{
	uint32_t n = rd_u32(in);
	struct str bytes;

	if (in->short_ || n > TLS_PINS_MAX)
		return (err_set(e, "tls: broken count of pins"));
	bytes = rd_bytes(in, (size_t)n * TLS_PIN_BYTES);
	if (in->short_)
		return (err_set(e, "tls: pins are missing"));
	if (n == 0)
		return (0);
	if ((t->pins = malloc(bytes.n)) == NULL)
		return (err_set(e, "out of memory"));
	memcpy(t->pins, bytes.p, bytes.n);
	t->npins = n;
	return (0);
}

static int
decode_numbers(struct rd *in, struct tls_options *t, struct err *e)
{
	unsigned flags = rd_u8(in);

	t->verify = (flags & FLAG_VERIFY) != 0;
	t->map = (flags & FLAG_MAP) != 0;
	t->insecure = (flags & FLAG_INSECURE) != 0;
	t->first = (flags & FLAG_FIRST) != 0;
	t->timeout_ns = (int64_t)rd_u64(in);
	t->first_delay_ns = (int64_t)rd_u64(in);
	t->rate_limit = (int64_t)rd_u64(in);
	t->not_after_s = (int64_t)rd_u64(in);
	t->min_version = rd_u8(in);
	if (in->short_ || flags > (FLAG_VERIFY | FLAG_MAP | FLAG_INSECURE | FLAG_FIRST) ||
	    (t->min_version != 12 && t->min_version != 13) || t->first_delay_ns < 0)
		return (err_set(e, "tls: a number is out of bounds"));
	return (0);
}

struct tls_options *
tls_options_decode(struct rd *in, struct err *e)
{
	struct tls_options *t = tls_options_new(e);

	if (t == NULL)
		return (NULL);
	if (decode_pairs(in, t, e) != 0)
		goto fail;
	for (unsigned i = 0; i < NSTRINGS; i++) {
		char **at = string_at(t, i);

		if (read_string(in, at, string_max(i), *at == NULL, e) != 0)
			goto fail;
	}
	if (decode_pins(in, t, e) != 0 || decode_numbers(in, t, e) != 0)
		goto fail;
	return (t);
fail:
	tls_options_free(t);
	return (NULL);
}
