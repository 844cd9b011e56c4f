#include "config.h"

#include "natsd-supervisor/wrapper.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "natsd-supervisor/supervise.h"

#define WORDS_MAX 32

/* Kept for the life of the process. */
static char *const *
split_words(const char *text)
{
	static char *words[WORDS_MAX + 1], *copy;
	unsigned n = 0;
	char *at;

	if ((at = copy = strdup(text)) == NULL)
		fatal("out of memory");
	while (n < WORDS_MAX) {
		at += strspn(at, " ");
		if (*at == '\0')
			break;
		words[n++] = at;
		at += strcspn(at, " ");
		if (*at != '\0')
			*at++ = '\0';
	}
	return (words);
}

void
wrapper_from_environment(struct supervise_setup *setup)
{
	const char *wrapper = getenv("NATSD_FRONT_WRAPPER");

	setup->kill_spec = getenv("NATSD_KILL");
	if (wrapper != NULL && wrapper[0] != '\0')
		setup->front_wrapper = split_words(wrapper);
	setup->probe = getenv("NATSD_PROBE") != NULL;
}
