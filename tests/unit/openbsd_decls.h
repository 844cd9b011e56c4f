/*
 * openbsd_decls - what OpenBSD's <unistd.h> declares besides, for the compile check on Linux.
 */
#ifndef TESTS_UNIT_OPENBSD_DECLS_H
#define TESTS_UNIT_OPENBSD_DECLS_H

int pledge(const char *promises, const char *execpromises);
int unveil(const char *path, const char *permissions);

#endif
