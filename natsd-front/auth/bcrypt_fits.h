/*
 * bcrypt_fits - the computation behind bcrypt.c: bcrypt_crypt.c where there is crypt_r(3),
 * bcrypt_openbsd.c where there is bcrypt_checkpass(3); the build chooses.
 */
#ifndef FRONT_AUTH_BCRYPT_FITS_H
#define FRONT_AUTH_BCRYPT_FITS_H

#include <stdbool.h>

#define BCRYPT_HEAD_BYTES 7u /* "$2b$10$" */
#define BCRYPT_SALT_DIGITS 22u
#define BCRYPT_HASH_DIGITS 31u
#define BCRYPT_BYTES (BCRYPT_HEAD_BYTES + BCRYPT_SALT_DIGITS + BCRYPT_HASH_DIGITS)
#define BCRYPT_PASSWORD_USED 72u /* bytes; what follows does not count */

/* bcrypt_fits - hash: of BCRYPT_BYTES, variant b, a cost in bounds; both terminated.  False too when
 * there is no memory. */
bool bcrypt_fits(const char *hash, const char *password);

#endif
