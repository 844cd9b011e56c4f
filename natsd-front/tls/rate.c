#include "config.h"

#include "natsd-front/tls/rate.h"

void
tls_rate_init(struct tls_rate *r, int64_t most)
{
	*r = (struct tls_rate){ .most = most < 0 ? 0 : most };
	pthread_mutex_init(&r->lock, NULL);
}

void
tls_rate_end(struct tls_rate *r)
{
	pthread_mutex_destroy(&r->lock);
}

bool
tls_rate_allow(struct tls_rate *r, struct mono now)
{
	bool allowed;

	if (r->most == 0)
		return (true);
	pthread_mutex_lock(&r->lock);
	if (!mono_before(now, r->end)) {
		r->count = 0;
		r->end = mono_add_ns(now, NS_PER_S);
	}
	allowed = r->count < r->most;
	if (allowed)
		r->count++;
	else
		r->blocked++;
	pthread_mutex_unlock(&r->lock);
	return (allowed);
}

uint64_t
tls_rate_blocked(struct tls_rate *r)
{
	uint64_t n;

	if (r->most == 0)
		return (0);
	pthread_mutex_lock(&r->lock);
	n = r->blocked;
	r->blocked = 0;
	pthread_mutex_unlock(&r->lock);
	return (n);
}
