#include "config.h"

#include "natsd-supervisor/advertise.h"

#include <ctype.h>
#include <string.h>

#include "common/num.h"
#include "common/quote.h"

int
advertise_check(const char *text, struct err *e)
{
	const char *colon = strrchr(text, ':'), *first = strchr(text, ':'), *p;
	char quoted[QUOTE_TEXT_MAX];
	struct str port;
	int64_t number;

	if (colon == NULL) /* the port is the listener's */
		return (0);
	if (text[0] == '[') {
		if ((p = strchr(text, ']')) == NULL)
			return (err_set(e, "address %s: missing ']' in address", text));
		if (p[1] == '\0')
			return (0);
		if (p[1] != ':' || p + 1 != colon)
			return (err_set(e, "address %s: too many colons in address", text));
	} else if (first != colon) {
		return (err_set(e, "address %s: too many colons in address", text));
	}
	for (p = colon + 1; isspace((unsigned char)*p);)
		p++;
	for (port = str_of(p); port.n > 0 && isspace((unsigned char)port.p[port.n - 1]);)
		port.n--;
	if (num_parse_i64(port, INT64_MIN, INT64_MAX, &number) != 0)
		return (err_set(e, "strconv.Atoi: parsing %s: invalid syntax", quote(port, quoted)));
	return (0);
}
