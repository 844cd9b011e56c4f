#include "config.h"

#include <pwd.h>
#include <unistd.h>

#include "natsd-front/auth/bcrypt_fits.h"

bool
bcrypt_fits(const char *hash, const char *password)
{
	return (bcrypt_checkpass(password, hash) == 0);
}
