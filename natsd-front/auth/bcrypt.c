#include "config.h"

#include <string.h>

#include "natsd-front/auth/bcrypt.h"
#include "natsd-front/auth/bcrypt_fits.h"

#define COST_MIN 4
#define COST_MAX 31

static bool
is_digit(char c)
{
	return (c >= '0' && c <= '9');
}

bool
bcrypt_is(struct str s)
{
	return (s.n >= BCRYPT_HEAD_BYTES && s.p[0] == '$' && s.p[1] == '2' &&
	    (s.p[2] == 'a' || s.p[2] == 'b' || s.p[2] == 'x' || s.p[2] == 'y') && s.p[3] == '$' &&
	    is_digit(s.p[4]) && is_digit(s.p[5]) && s.p[6] == '$');
}

/* The library's own variants of old mistakes are not wanted: all are computed as $2b$. */
static int
copy_hash(struct str hash, char to[BCRYPT_BYTES + 1])
{
	int cost;

	if (!bcrypt_is(hash) || hash.n != BCRYPT_BYTES || memchr(hash.p, '\0', hash.n) != NULL)
		return (-1);
	cost = (hash.p[4] - '0') * 10 + hash.p[5] - '0';
	if (cost < COST_MIN || cost > COST_MAX)
		return (-1);
	memcpy(to, hash.p, BCRYPT_BYTES);
	to[2] = 'b';
	to[BCRYPT_BYTES] = '\0';
	return (0);
}

/* A password with a NUL would be cut there, and fit what it must not fit. */
static int
copy_password(struct str password, char to[BCRYPT_PASSWORD_USED + 1])
{
	size_t n = password.n < BCRYPT_PASSWORD_USED ? password.n : BCRYPT_PASSWORD_USED;

	if (n != 0 && memchr(password.p, '\0', n) != NULL)
		return (-1);
	if (n != 0)
		memcpy(to, password.p, n);
	to[n] = '\0';
	return (0);
}

bool
bcrypt_check(struct str hash, struct str password)
{
	char known[BCRYPT_BYTES + 1], said[BCRYPT_PASSWORD_USED + 1];
	bool fits;

	if (copy_hash(hash, known) != 0 || copy_password(password, said) != 0)
		return (false);
	fits = bcrypt_fits(known, said);
	explicit_bzero(said, sizeof(said));
	return (fits);
}
