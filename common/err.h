/*
 * err - a failure that carries its reason upward.
 *
 * Functions that can fail for reasons worth telling take a struct err and return -1 (or NULL)
 * after filling it.  Who decides what to do about it logs it, once.  Reasons are wrapped on the
 * way up, so that the last line reads from the outside in:
 *
 *	stream ORDERS: append to block 12: write 4096 at 81920: no space left on device
 *
 * A struct err lives on the caller's stack; it owns nothing.  Every function accepts NULL for it.
 */
#ifndef COMMON_ERR_H
#define COMMON_ERR_H

#define ERR_TEXT_MAX 512

struct err {
	int sys;		     /* errno behind it, 0 when none */
	char text[ERR_TEXT_MAX];     /* always terminated; cut, never overrun */
};

/* err_set - a reason of our own; errno is not part of the story.  Returns -1. */
int err_set(struct err *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* err_sys - a system call failed: appends ": " and the text of errno as Go has it (no
 * capital), keeps errno in sys.  -1. */
int err_sys(struct err *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* err_wrap - puts "<formatted>: " before the reason that is there.  Returns -1. */
int err_wrap(struct err *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
