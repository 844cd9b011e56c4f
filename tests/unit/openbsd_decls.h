/*
 * openbsd_decls - what OpenBSD's <unistd.h> and <pwd.h> declare besides, for the compile check on Linux.
 */
#ifndef TESTS_UNIT_OPENBSD_DECLS_H
#define TESTS_UNIT_OPENBSD_DECLS_H

int pledge(const char *promises, const char *execpromises);
int unveil(const char *path, const char *permissions);
int bcrypt_checkpass(const char *password, const char *hash);

#endif
