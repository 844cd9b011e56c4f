#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/conf.h"

/* The reason as nats-server writes it: strerror(3) with a small first letter. */
static int
refuse(struct err *e, const char *call, const char *path)
{
	char reason[128];
	int sys = errno;

	snprintf(reason, sizeof(reason), "%s", strerror(sys));
	reason[0] = (char)tolower((unsigned char)reason[0]);
	err_set(e, "%s %s: %s", call, path, reason);
	if (e != NULL)
		e->sys = sys;
	return (-1);
}

/* Not by fstat's size: a file in /proc or a pipe has none. */
static int
read_all(int fd, const char *path, char **data, size_t *n, struct err *e)
{
	size_t size = 0, len = 0;
	char *p = NULL, *q;
	ssize_t got;

	for (;;) {
		if (len == size) {
			size = size == 0 ? 16384 : size * 2;
			if (size > 2 * CONF_BYTES_MAX) {
				free(p);
				return (err_set(e, "read %s: larger than %u bytes", path, CONF_BYTES_MAX));
			}
			if ((q = realloc(p, size)) == NULL) {
				free(p);
				return (err_set(e, "out of memory"));
			}
			p = q;
		}
		got = read(fd, p + len, size - len);
		if (got == 0)
			break;
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			refuse(e, "read", path);
			free(p);
			return (-1);
		}
		len += (size_t)got;
	}
	*data = p;
	*n = len;
	return (0);
}

static int
read_file(void *ctx, const char *path, char **data, size_t *n, struct err *e)
{
	int fd, rc;

	(void)ctx;
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return (refuse(e, "open", path));
	rc = read_all(fd, path, data, n, e);
	close(fd);
	return (rc);
}

const struct conf_reader conf_reader_files = { .read = read_file };
