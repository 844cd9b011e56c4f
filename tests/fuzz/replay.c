/*
 * replay - the main() of a fuzz target in builds without libFuzzer: runs it on every file of the
 * folders (or on the files) named, by default of corpus/<target>/ beside the source.
 */
#include "config.h"

#include <dirent.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

static unsigned
replay_file(const char *path)
{
	struct stat st;
	uint8_t *data;
	size_t n;
	FILE *f = fopen(path, "rb");

	if (f == NULL || fstat(fileno(f), &st) != 0)
		err(1, "%s", path);
	/* exactly as large as the input, so that a sanitizer sees one byte too far */
	if ((data = malloc(st.st_size == 0 ? 1 : (size_t)st.st_size)) == NULL)
		err(1, "malloc");
	n = fread(data, 1, (size_t)st.st_size, f);
	fclose(f);
	(void)LLVMFuzzerTestOneInput(data, n);
	free(data);
	return (1);
}

static unsigned
replay(const char *path)
{
	struct dirent *entry;
	unsigned done = 0;
	char file[4096];
	DIR *dir = opendir(path);

	if (dir == NULL)
		return (replay_file(path));
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		done += replay_file(file);
	}
	closedir(dir);
	return (done);
}

/* The target's name: argv[0] without its folder, "fuzz_" and "replay_". */
static const char *
target_name(const char *argv0)
{
	const char *slash = strrchr(argv0, '/'), *name = slash == NULL ? argv0 : slash + 1;

	if (strncmp(name, "replay_", 7) == 0)
		name += 7;
	if (strncmp(name, "fuzz_", 5) == 0)
		name += 5;
	return (name);
}

int
main(int argc, char *argv[])
{
	const char *srcdir = getenv("srcdir");
	unsigned done = 0;
	char corpus[4096];

	if (argc == 1) {
		snprintf(corpus, sizeof(corpus), "%s/tests/fuzz/corpus/%s", srcdir == NULL ? "." : srcdir,
		    target_name(argv[0]));
		done = replay(corpus);
	}
	for (int i = 1; i < argc; i++)
		done += replay(argv[i]);
	printf("%s: %u inputs\n", target_name(argv[0]), done);
	return (done == 0 ? 1 : 0);
}
