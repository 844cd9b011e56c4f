#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "natsd-front/auth/secret.h"

int
secret_set(struct secret *to, struct str s)
{
	char *p = NULL;

	if (s.n != 0) {
		if ((p = malloc(s.n)) == NULL) {
			secret_wipe(to);
			return (-1);
		}
		memcpy(p, s.p, s.n);
	}
	secret_wipe(to);
	to->p = p;
	to->n = s.n;
	return (0);
}

void
secret_wipe(struct secret *s)
{
	if (s->p != NULL)
		explicit_bzero(s->p, s->n);
	free(s->p);
	s->p = NULL;
	s->n = 0;
}

bool
secret_equal(struct str a, struct str b)
{
	volatile unsigned char differ = 0;
	size_t i;

	if (a.n != b.n)
		return (false);
	for (i = 0; i < a.n; i++)
		differ = (unsigned char)(differ | (a.p[i] ^ b.p[i]));
	return (differ == 0);
}
