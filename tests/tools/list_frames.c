/*
 * list_frames - the frames that programs say to each other, as the rows of the table in
 * docs/frames.md; check-frames compares the two.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "common/frame.h"

/* "JS | RAFT" as "js, raft". */
static void
print_roles(const char *words)
{
	for (; *words != '\0'; words++) {
		if (*words == '|')
			fputs(",", stdout);
		else if (*words != ' ' || words[1] != '|')
			putchar(*words >= 'A' && *words <= 'Z' ? *words - 'A' + 'a' : *words);
	}
}

int
main(void)
{
#define PRINT(NAME, name, code, from, to, min, max)	\
	printf("| `%s` | %d | ", #NAME, code);		\
	print_roles(#from);				\
	fputs(" | ", stdout);				\
	print_roles(#to);				\
	printf(" | %u | %u |\n", (unsigned)(min), (unsigned)(max));
	FRAME_LIST(PRINT)
#undef PRINT
	return (0);
}
