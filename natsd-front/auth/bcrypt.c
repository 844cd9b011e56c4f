#include "config.h"

#include <crypt.h>
#include <stdlib.h>
#include <string.h>

#include "natsd-front/auth/bcrypt.h"
#include "natsd-front/auth/secret.h"

#define HEAD_BYTES 7u /* "$2b$10$" */
#define SALT_DIGITS 22u
#define HASH_DIGITS 31u
#define SETTING_BYTES (HEAD_BYTES + SALT_DIGITS)
#define COST_MIN 4
#define COST_MAX 31
#define PASSWORD_USED 72u /* bytes; what follows does not count */

static bool
is_digit(char c)
{
	return (c >= '0' && c <= '9');
}

bool
bcrypt_is(struct str s)
{
	return (s.n >= HEAD_BYTES && s.p[0] == '$' && s.p[1] == '2' &&
	    (s.p[2] == 'a' || s.p[2] == 'b' || s.p[2] == 'x' || s.p[2] == 'y') && s.p[3] == '$' &&
	    is_digit(s.p[4]) && is_digit(s.p[5]) && s.p[6] == '$');
}

/* The library's own variants of old mistakes are not wanted: all are computed as $2b$. */
static int
setting_of(struct str hash, char setting[SETTING_BYTES + 1])
{
	int cost;

	if (!bcrypt_is(hash) || hash.n != SETTING_BYTES + HASH_DIGITS)
		return (-1);
	cost = (hash.p[4] - '0') * 10 + hash.p[5] - '0';
	if (cost < COST_MIN || cost > COST_MAX)
		return (-1);
	memcpy(setting, hash.p, SETTING_BYTES);
	setting[2] = 'b';
	setting[SETTING_BYTES] = '\0';
	return (0);
}

/* A password with a NUL would be cut there, and fit what it must not fit. */
static int
key_of(struct str password, char key[PASSWORD_USED + 1])
{
	size_t n = password.n < PASSWORD_USED ? password.n : PASSWORD_USED;

	if (n != 0 && memchr(password.p, '\0', n) != NULL)
		return (-1);
	if (n != 0)
		memcpy(key, password.p, n);
	key[n] = '\0';
	return (0);
}

bool
bcrypt_check(struct str hash, struct str password)
{
	struct crypt_data *work; /* 32 KiB */
	char setting[SETTING_BYTES + 1], key[PASSWORD_USED + 1];
	const char *got = NULL;
	bool fits = false;

	if (setting_of(hash, setting) != 0 || key_of(password, key) != 0 ||
	    (work = calloc(1, sizeof(*work))) == NULL)
		return (false);
	got = crypt_r(key, setting, work);
	if (got != NULL && strlen(got) == SETTING_BYTES + HASH_DIGITS)
		fits = secret_equal((struct str){ got + SETTING_BYTES, HASH_DIGITS },
		    (struct str){ hash.p + SETTING_BYTES, HASH_DIGITS });
	explicit_bzero(work, sizeof(*work));
	explicit_bzero(key, sizeof(key));
	free(work);
	return (fits);
}
