/*
 * What ThreadSanitizer cannot know: a descriptor that one worker closes and that accept(2) gives
 * out again in another thread is handed over by the kernel, whose order it does not see.
 */
#include "config.h"

#ifdef NATSD_TSAN
const char *__tsan_default_suppressions(void);

const char *
__tsan_default_suppressions(void)
{
	return ("race:conn_hang_up\n");
}
#else
typedef int front_has_no_tsan; /* a file may not be empty */
#endif
