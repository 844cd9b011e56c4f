/*
 * list_options - every name of every option that the table knows, one a line; check-options compares
 * them with natsd.conf(5).
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "common/options.h"

int
main(void)
{
	const struct option_row *r;
	size_t n;

	r = options_rows(&n);
	for (size_t i = 0; i < n; i++)
		for (const char *at = r[i].keys; *at != '\0';) {
			size_t len = strcspn(at, "|");

			printf("%.*s\n", (int)len, at);
			at += len + (at[len] == '|' ? 1 : 0);
		}
#define PRINT(KEY, ...) puts(KEY);
	OPTION_LISTEN_LIST(PRINT)
	OPTION_UNBUILT_LIST(PRINT)
#undef PRINT
	return (0);
}
