#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"

int
err_set(struct err *err, const char *fmt, ...)
{
	va_list ap;

	if (err == NULL)
		return (-1);
	err->sys = 0;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return (-1);
}

int
err_sys(struct err *err, const char *fmt, ...)
{
	int sys = errno;
	char text[128], reason[128];
	va_list ap;
	size_t used;

	if (err == NULL)
		return (-1);
	err->sys = sys;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	used = strlen(err->text);
	snprintf(reason, sizeof(reason), "%s", strerror_r(sys, text, sizeof(text)));
	reason[0] = (char)tolower((unsigned char)reason[0]);
	snprintf(err->text + used, sizeof(err->text) - used, ": %s", reason);
	errno = sys;
	return (-1);
}

int
err_wrap(struct err *err, const char *fmt, ...)
{
	char inner[ERR_TEXT_MAX];
	va_list ap;
	size_t used, room;

	if (err == NULL)
		return (-1);
	memcpy(inner, err->text, sizeof(inner));
	inner[sizeof(inner) - 1] = '\0';
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	used = strlen(err->text);
	room = sizeof(err->text) - used;
	if (room > sizeof(": "))
		snprintf(err->text + used, room, ": %.*s", (int)(room - sizeof(": ")), inner);
	return (-1);
}
