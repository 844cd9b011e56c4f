/*
 * access_codec - what a child is told of it, and reading that again.
 *
 *	| whole u8 | naccounts u32 | accounts | system account u32 |
 *
 * and, when whole is 1 (the front):
 *
 *	| npermissions u32 | permissions | nusers u32 | users | single user, password, token |
 *	| no_auth_user | flags u8 | timeout i64 | nproxies u32 | their keys |
 *
 * Integers are little endian, a string is its length in 4 bytes and its bytes; see each encoder.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "common/access.h"

#define FLAG_HAS_USERS 1u
#define FLAG_PROXY_REQUIRED 2u
#define FLAG_GUEST 16u
#define FLAG_SYSTEM_MADE 32u
#define FLAG_HAS_PROXIES 64u
#define FLAG_RESPONSES 4u
#define FLAG_LIST_GIVEN 8u
#define NO_PERMISSIONS UINT32_MAX
#define TYPES_ALL 127u

/* Sizes of the smallest ones, so that a count is refused before memory is taken for it. */
#define ACCOUNT_BYTES 48u
#define SUBJECT_BYTES 8u
#define DESTINATION_BYTES 12u
#define MAPPING_BYTES 8u
#define PERMISSIONS_BYTES 37u
#define USER_BYTES 25u
#define PROXY_BYTES 4u

/* ---- to bytes ---- */

static void
encode_list(struct wr *out, const struct access_list *l)
{
	wr_u8(out, l->given ? FLAG_LIST_GIVEN : 0);
	wr_u32(out, (uint32_t)l->n);
	for (size_t i = 0; i < l->n; i++) {
		wr_str32(out, l->at[i].subject);
		wr_str32(out, l->at[i].queue);
	}
}

static void
encode_permissions(struct wr *out, const struct access_permissions *p)
{
	encode_list(out, &p->pub_allow);
	encode_list(out, &p->pub_deny);
	encode_list(out, &p->sub_allow);
	encode_list(out, &p->sub_deny);
	wr_u8(out, p->responses ? FLAG_RESPONSES : 0);
	wr_u64(out, (uint64_t)p->responses_max);
	wr_u64(out, (uint64_t)p->responses_ttl_ns);
}

static void
encode_user(struct wr *out, const struct access_user *u)
{
	wr_str32(out, u->name);
	wr_str32(out, u->password);
	wr_str32(out, u->nkey);
	wr_u32(out, u->account);
	wr_u32(out, u->permissions == NULL ? NO_PERMISSIONS : u->permissions->index);
	wr_u32(out, u->types);
	wr_u8(out, u->proxy_required ? FLAG_PROXY_REQUIRED : 0);
}

static void
encode_mapping(struct wr *out, const struct access_mapping *m)
{
	wr_str32(out, m->source);
	wr_u32(out, (uint32_t)m->n);
	for (size_t i = 0; i < m->n; i++) {
		wr_str32(out, m->at[i].subject);
		wr_str32(out, m->at[i].cluster);
		wr_u32(out, m->at[i].weight);
	}
}

static void
encode_account(struct wr *out, const struct access_account *a, bool whole)
{
	wr_str32(out, a->name);
	wr_u64(out, (uint64_t)a->max_conns);
	wr_u64(out, (uint64_t)a->max_subs);
	wr_u64(out, (uint64_t)a->max_payload);
	wr_u64(out, (uint64_t)a->max_leafs);
	wr_u32(out, a->trace_sampling);
	wr_str32(out, a->trace_dest);
	wr_u32(out, whole ? (uint32_t)a->nmappings : 0);
	if (!whole)
		return;
	for (size_t i = 0; i < a->nmappings; i++)
		encode_mapping(out, &a->mappings[i]);
	wr_str32(out, a->nkey);
}

void
access_encode(const struct access *a, enum role role, struct wr *out)
{
	bool whole = role == ROLE_FRONT;

	wr_u8(out, whole);
	wr_u32(out, (uint32_t)a->naccounts);
	for (size_t i = 0; i < a->naccounts; i++)
		encode_account(out, &a->accounts[i], whole);
	wr_u32(out, a->system_account);
	if (!whole)
		return;
	wr_u32(out, (uint32_t)a->npermissions);
	for (size_t i = 0; i < a->npermissions; i++)
		encode_permissions(out, a->permissions[i]);
	wr_u32(out, (uint32_t)a->nusers);
	for (size_t i = 0; i < a->nusers; i++)
		encode_user(out, &a->users[i]);
	wr_str32(out, a->user);
	wr_str32(out, a->password);
	wr_str32(out, a->token);
	wr_str32(out, a->no_auth_user);
	wr_u8(out, (uint8_t)((a->has_users ? FLAG_HAS_USERS : 0) |
	    (a->proxy_required ? FLAG_PROXY_REQUIRED : 0) | (a->guest ? FLAG_GUEST : 0) |
	    (a->system_made ? FLAG_SYSTEM_MADE : 0) | (a->has_proxies ? FLAG_HAS_PROXIES : 0)));
	wr_u64(out, (uint64_t)a->timeout_ns);
	wr_u32(out, (uint32_t)a->nproxies);
	for (size_t i = 0; i < a->nproxies; i++)
		wr_str32(out, a->proxies[i]);
}

/* ---- and back ---- */

static int
broken(struct err *e, const char *what)
{
	return (err_set(e, "access: broken %s", what));
}

static int
read_str(struct access *a, struct rd *in, struct str *to, struct err *e)
{
	struct str s = rd_str32(in);

	if (in->short_ || s.n > ACCESS_STRING_MAX)
		return (broken(e, "string"));
	return (access_str(a, to, s, e));
}

/* How many follow, each of at least `least` bytes. */
static int
read_count(struct rd *in, size_t most, size_t least, size_t *n, struct err *e)
{
	*n = rd_u32(in);
	if (in->short_ || *n > most || *n > rd_left(in) / least)
		return (broken(e, "count"));
	return (0);
}

static int
read_flags(struct rd *in, unsigned allowed, unsigned *flags, struct err *e)
{
	*flags = rd_u8(in);
	if (in->short_ || (*flags & ~allowed) != 0)
		return (broken(e, "flags"));
	return (0);
}

/* An array of n in the arena; *to may stay NULL when n is 0. */
static int
make_array(struct access *a, void **to, size_t n, size_t size, struct err *e)
{
	*to = n == 0 ? NULL : access_alloc(a, n * size);
	if (n > 0 && *to == NULL)
		return (err_set(e, "out of memory"));
	return (0);
}

static int
decode_list(struct access *a, struct rd *in, struct access_list *l, struct err *e)
{
	unsigned flags;
	void *at;

	if (read_flags(in, FLAG_LIST_GIVEN, &flags, e) != 0 ||
	    read_count(in, ACCESS_LIST_MAX, SUBJECT_BYTES, &l->n, e) != 0 ||
	    make_array(a, &at, l->n, sizeof(*l->at), e) != 0)
		return (-1);
	l->given = flags != 0;
	l->at = at;
	if (!l->given && l->n > 0)
		return (broken(e, "list"));
	for (size_t i = 0; i < l->n; i++)
		if (read_str(a, in, &l->at[i].subject, e) != 0 ||
		    read_str(a, in, &l->at[i].queue, e) != 0)
			return (-1);
	return (0);
}

static int
decode_permissions(struct access *a, struct rd *in, struct err *e)
{
	struct access_permissions *p = access_add_permissions(a, e);
	unsigned flags;

	if (p == NULL || decode_list(a, in, &p->pub_allow, e) != 0 ||
	    decode_list(a, in, &p->pub_deny, e) != 0 || decode_list(a, in, &p->sub_allow, e) != 0 ||
	    decode_list(a, in, &p->sub_deny, e) != 0 ||
	    read_flags(in, FLAG_RESPONSES, &flags, e) != 0)
		return (-1);
	p->responses = flags != 0;
	p->responses_max = (int64_t)rd_u64(in);
	p->responses_ttl_ns = (int64_t)rd_u64(in);
	if (in->short_ || p->responses_max == 0 || p->responses_ttl_ns == 0)
		return (broken(e, "permissions"));
	return (0);
}

static int
decode_user(struct access *a, struct rd *in, struct err *e)
{
	struct access_user *u = access_add_user(a, e);
	uint32_t permissions;
	unsigned flags;

	if (u == NULL || read_str(a, in, &u->name, e) != 0 ||
	    read_str(a, in, &u->password, e) != 0 || read_str(a, in, &u->nkey, e) != 0)
		return (-1);
	u->account = rd_u32(in);
	permissions = rd_u32(in);
	u->types = rd_u32(in);
	if (read_flags(in, FLAG_PROXY_REQUIRED, &flags, e) != 0)
		return (-1);
	u->proxy_required = flags != 0;
	if (u->account >= a->naccounts || (u->types & ~TYPES_ALL) != 0 ||
	    (permissions != NO_PERMISSIONS && permissions >= a->npermissions) ||
	    (u->name.n > 0) == (u->nkey.n > 0))
		return (broken(e, "user"));
	u->permissions = permissions == NO_PERMISSIONS ? NULL : a->permissions[permissions];
	return (0);
}

static int
decode_mapping(struct access *a, struct rd *in, struct access_mapping *m, struct err *e)
{
	void *at;

	if (read_str(a, in, &m->source, e) != 0 ||
	    read_count(in, ACCESS_LIST_MAX, DESTINATION_BYTES, &m->n, e) != 0 ||
	    make_array(a, &at, m->n, sizeof(*m->at), e) != 0)
		return (-1);
	m->at = at;
	for (size_t i = 0; i < m->n; i++) {
		if (read_str(a, in, &m->at[i].subject, e) != 0 ||
		    read_str(a, in, &m->at[i].cluster, e) != 0)
			return (-1);
		m->at[i].weight = rd_u32(in);
		if (in->short_ || m->at[i].weight > 100)
			return (broken(e, "weight"));
	}
	return (0);
}

static int
decode_account(struct access *a, struct rd *in, bool whole, struct err *e)
{
	struct str name = rd_str32(in);
	struct access_account *to;
	void *at;

	if (in->short_ || name.n == 0 || name.n > ACCESS_STRING_MAX)
		return (broken(e, "account"));
	if ((to = access_add_account(a, name, e)) == NULL)
		return (-1);
	to->max_conns = (int64_t)rd_u64(in);
	to->max_subs = (int64_t)rd_u64(in);
	to->max_payload = (int64_t)rd_u64(in);
	to->max_leafs = (int64_t)rd_u64(in);
	to->trace_sampling = rd_u32(in);
	if (in->short_ || to->trace_sampling < 1 || to->trace_sampling > 100)
		return (broken(e, "account"));
	if (read_str(a, in, &to->trace_dest, e) != 0 ||
	    read_count(in, whole ? ACCESS_LIST_MAX : 0, MAPPING_BYTES, &to->nmappings, e) != 0 ||
	    make_array(a, &at, to->nmappings, sizeof(*to->mappings), e) != 0)
		return (-1);
	to->mappings = at;
	for (size_t i = 0; i < to->nmappings; i++)
		if (decode_mapping(a, in, &to->mappings[i], e) != 0)
			return (-1);
	return (whole ? read_str(a, in, &to->nkey, e) : 0);
}

static int
decode_accounts(struct access *a, struct rd *in, bool whole, struct err *e)
{
	size_t n;

	if (read_count(in, ACCESS_USERS_MAX, ACCOUNT_BYTES, &n, e) != 0)
		return (-1);
	if (n == 0)
		return (broken(e, "accounts"));
	a->naccounts = 0; /* what is told takes the place of the new one's */
	for (size_t i = 0; i < n; i++)
		if (decode_account(a, in, whole, e) != 0)
			return (-1);
	a->system_account = rd_u32(in);
	if (in->short_ || (a->system_account != ACCESS_NO_ACCOUNT && a->system_account >= n))
		return (broken(e, "system account"));
	return (0);
}

static int
decode_users(struct access *a, struct rd *in, struct err *e)
{
	size_t n;

	if (read_count(in, ACCESS_USERS_MAX, PERMISSIONS_BYTES, &n, e) != 0)
		return (-1);
	for (size_t i = 0; i < n; i++)
		if (decode_permissions(a, in, e) != 0)
			return (-1);
	if (read_count(in, ACCESS_USERS_MAX, USER_BYTES, &n, e) != 0)
		return (-1);
	for (size_t i = 0; i < n; i++)
		if (decode_user(a, in, e) != 0)
			return (-1);
	return (0);
}

static int
decode_proxies(struct access *a, struct rd *in, struct err *e)
{
	size_t n;

	if (read_count(in, ACCESS_LIST_MAX, PROXY_BYTES, &n, e) != 0)
		return (-1);
	for (size_t i = 0; i < n; i++) {
		struct str key = rd_str32(in);

		if (in->short_ || key.n > ACCESS_STRING_MAX)
			return (broken(e, "proxy"));
		if (access_add_proxy(a, key, e) != 0)
			return (-1);
	}
	return (n > 0 && !a->has_proxies ? broken(e, "proxies") : 0);
}

static int
decode_rest(struct access *a, struct rd *in, struct err *e)
{
	unsigned flags;

	if (read_str(a, in, &a->user, e) != 0 || read_str(a, in, &a->password, e) != 0 ||
	    read_str(a, in, &a->token, e) != 0 || read_str(a, in, &a->no_auth_user, e) != 0 ||
	    read_flags(in, FLAG_HAS_USERS | FLAG_PROXY_REQUIRED | FLAG_GUEST |
		FLAG_SYSTEM_MADE | FLAG_HAS_PROXIES, &flags, e) != 0)
		return (-1);
	a->system_made = (flags & FLAG_SYSTEM_MADE) != 0;
	a->guest = (flags & FLAG_GUEST) != 0;
	a->has_users = (flags & FLAG_HAS_USERS) != 0;
	a->proxy_required = (flags & FLAG_PROXY_REQUIRED) != 0;
	a->has_proxies = (flags & FLAG_HAS_PROXIES) != 0;
	a->timeout_ns = (int64_t)rd_u64(in);
	if (in->short_ || (a->nusers > 0 && !a->has_users))
		return (broken(e, "end"));
	return (decode_proxies(a, in, e));
}

/* The front is told all, the others no more than they may know. */
static int
is_for(enum role role, bool whole, struct err *e)
{
	return (whole == (role == ROLE_FRONT) ? 0 : broken(e, "share"));
}

struct access *
access_decode(struct rd *in, enum role role, struct err *e)
{
	struct access *a = access_new_bare(e);
	unsigned whole;

	if (a == NULL)
		return (NULL);
	if (read_flags(in, 1, &whole, e) == 0 && is_for(role, whole != 0, e) == 0 &&
	    decode_accounts(a, in, whole != 0, e) == 0 &&
	    (whole == 0 || (decode_users(a, in, e) == 0 && decode_rest(a, in, e) == 0)))
		return (a);
	access_free(a);
	return (NULL);
}

/* ---- a copy ---- */

/* Through bytes: one walk over everything is enough to keep right. */
struct access *
access_copy(const struct access *from, struct err *e)
{
	struct access *to;
	uint8_t *space;
	struct wr out;
	struct rd in;

	for (size_t size = 4096; size <= ACCESS_ENCODED_MAX; size *= 4) {
		if ((space = malloc(size)) == NULL) {
			err_set(e, "out of memory");
			return (NULL);
		}
		out = wr_of(space, size);
		access_encode(from, ROLE_FRONT, &out);
		in = rd_of(space, wr_len(&out));
		to = wr_end(&out) == 0 ? access_decode(&in, ROLE_FRONT, e) : NULL;
		explicit_bzero(space, size);
		free(space);
		if (wr_end(&out) == 0)
			return (to);
	}
	err_set(e, "accounts and users are larger than %u bytes", ACCESS_ENCODED_MAX);
	return (NULL);
}
