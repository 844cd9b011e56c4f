#include "config.h"

#include <string.h>

#include "natsd-front/local.h"

int
link_make(struct link *a, const struct doorbell *bell_a, struct link *b,
    const struct doorbell *bell_b, uint32_t bytes, struct err *e)
{
	struct ring *there, *back;

	*a = *b = (struct link){ .to = NULL };
	if (ring_make_local(bytes, bell_a, bell_b, &there, &b->from, e) != 0)
		return (-1);
	a->to = ring_out_new(there, LOCAL_LIST_MAX);
	if (ring_make_local(bytes, bell_b, bell_a, &back, &a->from, e) != 0)
		return (-1);
	b->to = ring_out_new(back, LOCAL_LIST_MAX);
	if (a->to == NULL || b->to == NULL)
		return (err_set(e, "no memory for a ring between threads"));
	return (0);
}

void
link_free(struct link *l)
{
	if (l->to != NULL)
		ring_out_free(l->to);
	ring_detach(l->from);
	*l = (struct link){ .to = NULL };
}

bool
local_say(struct link *l, enum local_type type, const void *what, uint32_t n)
{
	uint8_t *p = ring_out_reserve(l->to, n);

	if (p == NULL)
		return (false);
	if (n != 0)
		memcpy(p, what, n);
	ring_out_commit(l->to, (uint16_t)type, 0, n, NULL);
	l->dirty = true;
	return (true);
}

bool
link_flush(struct link *l)
{
	if (!l->dirty && ring_out_listed_bytes(l->to) == 0)
		return (true);
	l->dirty = false;
	l->receivers = 0;
	return (ring_out_flush(l->to));
}
