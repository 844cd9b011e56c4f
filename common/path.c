#include "config.h"

#include "common/path.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Takes the last element off out[0..n), which begins at `root`; the new length. */
static size_t
up(const char *out, size_t n, size_t root)
{
	while (n > root && out[n - 1] != '/')
		n--;
	return (n > root ? n - 1 : n);
}

/* Whether the last element is ".." (or there is none), so that another one must be kept. */
static bool
ends_above(const char *out, size_t n, size_t root)
{
	if (n == root)
		return (true);
	return (n >= root + 2 && memcmp(out + n - 2, "..", 2) == 0 &&
	    (n == root + 2 || out[n - 3] == '/'));
}

/* In place: the result is never longer, except that "" becomes ".". */
static void
clean(char *path)
{
	bool absolute = path[0] == '/';
	size_t root = absolute ? 1 : 0, n = root;
	const char *in = path;

	while (*in != '\0') {
		size_t len = strcspn(in, "/");

		if (len == 0) {
			in++;
			continue;
		}
		if (len == 2 && in[0] == '.' && in[1] == '.' && (absolute || !ends_above(path, n, root))) {
			n = up(path, n, root);
		} else if (!(len == 1 && in[0] == '.')) {
			if (n > root)
				path[n++] = '/';
			memmove(path + n, in, len);
			n += len;
		}
		in += len;
	}
	if (n == 0)
		path[n++] = '.';
	path[n] = '\0';
}

char *
path_join(const char *dir, const char *path)
{
	size_t nd = strlen(dir), np = strlen(path);
	char *out = malloc(nd + np + sizeof("/."));

	if (out == NULL)
		return (NULL);
	memcpy(out, dir, nd);
	out[nd] = '/';
	memcpy(out + nd + 1, path, np + 1);
	if (nd == 0)
		memmove(out, path, np + 1);
	clean(out);
	return (out);
}

char *
path_dir(const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash == NULL ? 0 : (size_t)(slash - path) + 1;
	char *out = malloc(n + sizeof("."));

	if (out == NULL)
		return (NULL);
	memcpy(out, path, n);
	out[n] = '\0';
	clean(out);
	return (out);
}

const char *
path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return (slash == NULL ? path : slash + 1);
}
