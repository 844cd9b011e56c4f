#include "config.h"

#include <crypt.h>
#include <stdlib.h>
#include <string.h>

#include "natsd-front/auth/bcrypt_fits.h"
#include "natsd-front/auth/secret.h"

#define SETTING_BYTES (BCRYPT_HEAD_BYTES + BCRYPT_SALT_DIGITS)

bool
bcrypt_fits(const char *hash, const char *password)
{
	struct crypt_data *work = calloc(1, sizeof(*work)); /* 32 KiB */
	const char *got;
	bool fits = false;

	if (work == NULL)
		return (false);
	got = crypt_r(password, hash, work);
	/* The last digit of a salt may be written in more than one way; the hash may not. */
	if (got != NULL && strlen(got) == BCRYPT_BYTES)
		fits = secret_equal((struct str){ got + SETTING_BYTES, BCRYPT_HASH_DIGITS },
		    (struct str){ hash + SETTING_BYTES, BCRYPT_HASH_DIGITS });
	explicit_bzero(work, sizeof(*work));
	free(work);
	return (fits);
}
