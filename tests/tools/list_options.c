/*
 * list_options - every name of every option that the table knows, one a line; check-options compares
 * them with natsd.conf(5).
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "common/options.h"

static void
print_names(const char *block, const char *names)
{
	for (const char *at = names; *at != '\0';) {
		size_t len = strcspn(at, "|");

		printf("%s%s%.*s\n", block, block[0] == '\0' ? "" : ".", (int)len, at);
		at += len + (at[len] == '|' ? 1 : 0);
	}
}

static void
print_block(const char *block, const char *names)
{
	puts(block);
	print_names(block, names);
}

int
main(void)
{
	const struct option_row *r;
	size_t n;

	r = options_rows(&n);
	for (size_t i = 0; i < n; i++)
		print_names("", r[i].keys);
	#define BLOCK(NAME, NAMES) print_block(NAME, NAMES);
	OPTION_BLOCK_LIST(BLOCK)
#undef BLOCK
#define PRINT(KEY, ...) puts(KEY);
	OPTION_LISTEN_LIST(PRINT)
	OPTION_UNBUILT_LIST(PRINT)
#undef PRINT
	return (0);
}
