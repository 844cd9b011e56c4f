#include "config.h"

#include "natsd-supervisor/pidfile.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int
pidfile_write(const char *path, struct err *e)
{
	char text[16];
	int fd, rc = 0, n = snprintf(text, sizeof(text), "%d", (int)getpid());

	if ((fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) == -1)
		return (err_sys(e, "open %s", path));
	if (write(fd, text, (size_t)n) != n)
		rc = err_sys(e, "write %s", path);
	close(fd);
	return (rc);
}
