/*
 * sandbox_calls - which system calls a role may make on Linux; read by sandbox_linux.c only.
 *
 * Lists end with -1.  sandbox_calls_build holds what the tool that the build is instrumented with
 * needs besides (sandbox_build_plain.c: nothing; sandbox_build_sanitized.c: what the sanitizers'
 * runtime calls); the build chooses the file.
 */
#ifndef COMMON_SANDBOX_CALLS_H
#define COMMON_SANDBOX_CALLS_H

extern const int sandbox_calls_all[];	/* every role */
extern const int sandbox_calls_front[]; /* accept and talk */
extern const int sandbox_calls_files[]; /* below the directories of the role */
extern const int sandbox_calls_fatal[]; /* whoever tries one of these is not ours any more */
extern const int sandbox_calls_build[];

#endif
