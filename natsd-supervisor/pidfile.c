#include "config.h"

#include "natsd-supervisor/pidfile.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int
refuse(struct err *e, const char *call, const char *path)
{
	char reason[128];

	snprintf(reason, sizeof(reason), "%s", strerror(errno));
	reason[0] = (char)tolower((unsigned char)reason[0]);
	return (err_set(e, "%s %s: %s", call, path, reason));
}

int
pidfile_write(const char *path, struct err *e)
{
	char text[16];
	int fd, rc = 0, n = snprintf(text, sizeof(text), "%d", (int)getpid());

	if ((fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) == -1)
		return (refuse(e, "open", path));
	if (write(fd, text, (size_t)n) != n)
		rc = refuse(e, "write", path);
	close(fd);
	return (rc);
}
