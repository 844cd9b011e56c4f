#include "config.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "common/subject.h"
#include "tests/unit/store_model.h"

static const char *const subjects[MODEL_SUBJECTS] = { "a.1", "a.2", "a.3.x", "b.1", "b.2", "b.3.y",
	"c", "c.1" };
static const char *const filters[] = { "a.*", "b.>", ">", "*", "c.1", "*.1", "a.3.x", "none" };
static const char *const keys[MODEL_KEYS] = { "config", "consumer.a", "consumer.b", "/../x" };
#define FILTERS (unsigned)(sizeof(filters) / sizeof(filters[0]))

struct str
model_subject(unsigned n)
{
	return (str_of(subjects[n]));
}

struct str
model_name(unsigned stream)
{
	static const char *const names[MODEL_STREAMS] = { "ORDERS", "/../..", "x" };

	return (str_of(names[stream]));
}

/* One in eight says when it expires, one in eight that it never does. */
static int64_t
model_expires(const struct model_message *m)
{
	if (m->what % 8 == 1)
		return (STORE_NEVER);
	return (m->what % 8 == 2 ? m->expires : 0);
}

void
model_fill(struct model_message *m, struct store_message *to, uint8_t *memory)
{
	size_t headers = m->what % 3 == 0 ? 12 + m->what % 40 : 0;
	size_t payload = m->what % 150;

	if (m->what % 31 == 0)
		payload = 2500;
	else if (m->what % 61 == 0)
		payload = 4000 + m->what % 7000;
	else if (m->what % 509 == 0)
		payload = MODEL_PAYLOAD_MAX - m->what % 200000;
	memset(memory, (int)(m->what * 7 + 1) & 0xff, headers + payload);
	if (payload >= sizeof(m->what))
		memcpy(memory + headers, &m->what, sizeof(m->what));
	to->subject = model_subject(m->subject);
	to->headers = (struct str){ .p = (const char *)memory, .n = headers };
	to->payload = (struct str){ .p = (const char *)memory + headers, .n = payload };
	to->time = m->time;
	to->id = STR_NONE;
	to->expires = model_expires(m);
}

static uint64_t
message_bytes(const struct model_message *m)
{
	static uint8_t memory[MODEL_MESSAGE_MAX];
	struct store_message full;
	struct model_message copy = *m;

	model_fill(&copy, &full, memory);
	return (store_message_bytes(&full));
}

static uint64_t
model_count(const struct model_stream *ms)
{
	uint64_t n = 0;

	for (uint64_t seq = 1; seq <= ms->last; seq++)
		n += ms->messages[seq].here;
	return (n);
}

/* The lowest sequence that is there; last + 1 when there is none. */
static uint64_t
model_first(const struct model_stream *ms)
{
	uint64_t seq = 1;

	while (seq <= ms->last && !ms->messages[seq].here)
		seq++;
	return (seq);
}

/* ---- changes ---- */

static struct stream *
find(struct store *store, unsigned i)
{
	return (stream_find(store, STR("ACC"), model_name(i)));
}

static bool
create(struct model *m, struct store *store, unsigned i, struct seed *seed)
{
	struct model_stream *ms = &m->streams[i];
	struct stream_config c = { .account = STR("ACC"), .name = model_name(i),
		.created = 1000 + i, .first_seq = seed_below(seed, 4) == 0 ? 50 : 0 };
	uint32_t life = ms->life;
	struct stream *s;

	if (stream_create(store, &c, &s, NULL) != STORE_OK)
		return (false);
	memset(ms, 0, sizeof(*ms));
	ms->here = true;
	ms->life = life + 1;
	ms->last = c.first_seq == 0 ? 0 : c.first_seq - 1;
	return (true);
}

/* Each has one of a few, which are used again and again: the last one counts. */
static struct str
model_id(unsigned k, char text[16])
{
	snprintf(text, 16, "id-%u", k);
	return (str_of(text));
}

static bool
put_id(struct model_stream *ms, struct stream *s, struct seed *seed, int64_t now)
{
	unsigned k = seed_below(seed, MODEL_IDS);
	char text[16];

	if (ms->last == 0)
		return (true);
	if (stream_id_put(s, model_id(k, text), ms->last, now, NULL) != STORE_OK)
		return (false);
	ms->ids[k] = (struct model_id){ .seq = ms->last, .time = now };
	return (true);
}

/* A large one that could not be written: it was never there. */
static void
told_failed(void *arg, uint64_t first, uint64_t last, struct str subject, enum removal why)
{
	struct model_stream *ms = arg;

	(void)subject;
	if (why == REMOVAL_ASKED)
		return;
	ck_assert(why == REMOVAL_FAILED);
	ck_assert(first == last && ms->messages[first].here);
	ms->messages[first].here = false;
	for (unsigned k = 0; k < MODEL_IDS; k++)
		if (ms->ids[k].seq == first)
			ms->ids[k].seq = 0;
}

static bool
append(struct model_stream *ms, struct stream *s, struct seed *seed, int64_t now)
{
	static uint8_t memory[MODEL_MESSAGE_MAX];
	struct model_message m = { .here = true, .subject = (uint8_t)seed_below(seed,
		MODEL_SUBJECTS), .what = (uint32_t)seed_next(seed) };
	unsigned k = seed_below(seed, 2 * MODEL_IDS);
	struct store_message full;
	char text[16];
	struct err err;
	enum store_result result;

	if (ms->last + 1 >= MODEL_SEQS)
		return (true);
	m.time = now - (int64_t)seed_below(seed, 5);
	m.expires = now + 1 + (int64_t)seed_below(seed, 400);
	model_fill(&m, &full, memory);
	full.id = k < MODEL_IDS ? model_id(k, text) : STR_NONE;
	result = stream_append(s, &full, &err);
	if (result != STORE_OK)
		return (false);
	ck_assert_uint_eq(full.seq, ms->last + 1);
	ck_assert_int_ge(full.time, ms->last_time);
	m.time = full.time;
	ms->messages[++ms->last] = m;
	ms->last_time = full.time;
	if (k < MODEL_IDS)
		ms->ids[k] = (struct model_id){ .seq = full.seq, .time = full.time };
	return (true);
}

static bool
remove_one(struct model_stream *ms, struct stream *s, struct seed *seed)
{
	uint64_t seq = 1 + seed_below(seed, (unsigned)ms->last + 2), cut;
	bool erase = seed_below(seed, 20) == 0;
	enum store_result result = erase ? stream_erase(s, seq, &cut, NULL) :
	    stream_remove(s, seq, NULL);
	bool here = seq <= ms->last && ms->messages[seq].here;

	if (!here)
		ck_assert(result == STORE_NONE);
	else if (result == STORE_OK)
		ms->messages[seq].here = false;
	/* Also when that could not be said in the journal. */
	if (here && erase)
		ms->erased[seq] = ++ms->erasures;
	return (!here || result == STORE_OK);
}

static void
told_gone(void *arg, uint64_t first, uint64_t last, struct str subject, enum removal why)
{
	bool *gone = arg;

	(void)subject;
	ck_assert(why == REMOVAL_ASKED);
	for (; first <= last; first++)
		gone[first] = true;
}

/* The store took a part of it: what it told is gone. */
static bool
purge_half(struct model_stream *ms, const bool *gone)
{
	for (uint64_t seq = 1; seq <= ms->last; seq++)
		ms->messages[seq].here &= !gone[seq];
	return (false);
}

static bool
purge(struct model_stream *ms, struct stream *s, struct seed *seed)
{
	struct str filter = str_of(filters[seed_below(seed, FILTERS)]);
	uint64_t first = model_first(ms), span = ms->last + 1 - first;
	uint64_t below = first + seed_below(seed, (unsigned)span + 3), keep = seed_below(seed, 8);
	uint64_t purged, expect = 0, matching = 0;
	enum store_result result;
	unsigned what = seed_below(seed, 6);
	bool gone[MODEL_SEQS] = { false };

	stream_tell(s, told_gone, gone);
	switch (what) {
	case 0:
		result = stream_purge_all(s, &purged, NULL);
		below = ms->last + 1;
		break;
	case 1:
		result = stream_purge_keep(s, keep, &purged, NULL);
		below = ms->last + 1;
		for (uint64_t n = 0; below > 1 && n < keep; below--)
			n += ms->messages[below - 1].here;
		break;
	case 2:
		result = stream_purge_below(s, below, &purged, NULL);
		break;
	default:
		if (what == 3)
			below = 0;
		else
			keep = 0;
		result = stream_purge_filter(s, filter, below, keep, &purged, NULL);
		for (uint64_t seq = 1; seq <= ms->last; seq++)
			matching += ms->messages[seq].here &&
			    subject_matches(model_subject(ms->messages[seq].subject), filter);
		matching = keep > matching ? 0 : matching - keep;
		stream_tell(s, told_failed, ms);
		if (result != STORE_OK)
			return (purge_half(ms, gone));
		for (uint64_t seq = 1; seq <= ms->last && matching > 0; seq++)
			if (ms->messages[seq].here && (below == 0 || seq < below) &&
			    subject_matches(model_subject(ms->messages[seq].subject), filter)) {
				ck_assert(gone[seq]);
				ms->messages[seq].here = false;
				matching--;
				expect++;
			}
		ck_assert_uint_eq(purged, expect);
		return (true);
	}
	stream_tell(s, told_failed, ms);
	if (result != STORE_OK)
		return (purge_half(ms, gone));
	for (uint64_t seq = 1; seq < below && seq <= ms->last; seq++) {
		ck_assert(!ms->messages[seq].here || gone[seq]);
		expect += ms->messages[seq].here;
		ms->messages[seq].here = false;
	}
	if (below > ms->last + 1)
		ms->last = below - 1;
	ck_assert_uint_eq(purged, expect);
	return (true);
}

/* What the store tells goes in the model: it is told of all of it. */
static void
told(void *arg, uint64_t first, uint64_t last, struct str subject, enum removal why)
{
	struct model_stream *ms = arg;

	(void)subject;
	ck_assert(why != REMOVAL_ASKED);
	ck_assert(first < last || ms->messages[first].here);
	for (; first <= last; first++)
		ms->messages[first].here = false;
}

static bool
enforce(struct model_stream *ms, struct stream *s, struct seed *seed)
{
	struct stream_limits l = { .max_msgs = 20 + seed_below(seed, 60),
		.max_bytes = 4000 + seed_below(seed, 8000),
		.max_per_subject = 4 + seed_below(seed, 10) };
	uint64_t count[MODEL_SUBJECTS] = { 0 }, bytes = 0;
	enum store_result result;

	stream_tell(s, told, ms);
	result = stream_enforce(s, &l, NULL, NULL);
	stream_tell(s, told_failed, ms);
	if (result != STORE_OK)
		return (false);
	ck_assert_uint_le(model_count(ms), l.max_msgs);
	for (uint64_t seq = 1; seq <= ms->last; seq++) {
		if (!ms->messages[seq].here)
			continue;
		count[ms->messages[seq].subject]++;
		bytes += message_bytes(&ms->messages[seq]);
	}
	ck_assert_uint_le(bytes, l.max_bytes);
	for (unsigned i = 0; i < MODEL_SUBJECTS; i++)
		ck_assert_uint_le(count[i], l.max_per_subject);
	return (true);
}

/* Says no to every third. */
static bool
may(void *arg, const struct store_message *m, enum removal why, bool last)
{
	struct model_stream *ms = arg;
	unsigned same = 0;

	for (uint64_t seq = 1; seq <= ms->last; seq++)
		same += ms->messages[seq].here &&
		    str_eq(model_subject(ms->messages[seq].subject), m->subject);
	ck_assert(last == (same == 1));
	ck_assert(why == REMOVAL_MAX_AGE || m->expires != 0);
	return (m->seq % 3 != 0);
}

static bool
expire(struct model_stream *ms, struct stream *s, struct seed *seed, int64_t now)
{
	int64_t age = 300 + seed_below(seed, 300);
	enum store_result result;

	age = seed_below(seed, 2) == 0 ? age : 0;
	stream_max_age(s, age, now);
	stream_tell(s, told, ms);
	result = stream_expire(s, now, may, ms, NULL);
	stream_tell(s, told_failed, ms);
	for (uint64_t seq = 1; seq <= ms->last && result == STORE_OK; seq++) {
		const struct model_message *m = &ms->messages[seq];
		int64_t expires = model_expires(m);

		if (!m->here || seq % 3 == 0)
			continue;
		ck_assert(age == 0 || expires == STORE_NEVER || m->time > now - age);
		ck_assert(expires == 0 || expires == STORE_NEVER || expires > now);
	}
	return (result == STORE_OK);
}

static bool
small(struct model_stream *ms, struct stream *s, struct seed *seed)
{
	unsigned k = seed_below(seed, MODEL_KEYS);
	uint32_t value = (uint32_t)seed_next(seed) | 1;
	struct str key = str_of(keys[k]);
	enum store_result result;

	if (seed_below(seed, 4) == 0) {
		result = stream_unset(s, key, NULL);
		if (ms->small[k] == 0)
			ck_assert(result == STORE_NONE);
		else if (result != STORE_OK)
			return (false);
		ms->small[k] = 0;
		return (true);
	}
	if (stream_put(s, key, (struct str){ .p = (const char *)&value, .n = sizeof(value) },
		NULL) != STORE_OK)
		return (false);
	ms->small[k] = value;
	return (true);
}

static bool
truncate_to(struct model_stream *ms, struct stream *s, struct seed *seed)
{
	uint64_t back = seed_below(seed, 12), to = ms->last > back ? ms->last - back : 0;
	bool gone[MODEL_SEQS] = { false };
	enum store_result result;

	stream_tell(s, told_gone, gone);
	result = stream_truncate(s, to, NULL);
	stream_tell(s, told_failed, ms);
	if (result != STORE_OK) /* what could be read of it may be gone */
		return (purge_half(ms, gone));
	for (uint64_t seq = to + 1; seq <= ms->last; seq++)
		ms->messages[seq].here = false;
	for (unsigned k = 0; k < MODEL_IDS && to < ms->last; k++)
		if (ms->ids[k].seq > to)
			ms->ids[k].seq = 0;
	ms->last = to;
	return (true);
}

bool
model_step(struct model *m, struct store *store, struct seed *seed, int64_t now)
{
	unsigned i = seed_below(seed, MODEL_STREAMS), what = seed_below(seed, 100);
	struct model_stream *ms = &m->streams[i];
	struct stream *s = find(store, i);
	uint64_t to;

	ck_assert(ms->here == (s != NULL));
	if (s == NULL)
		return (create(m, store, i, seed));
	stream_ids(s, MODEL_WINDOW, ms->now = now);
	stream_tell(s, told_failed, ms);
	if (what < 2)
		return (put_id(ms, s, seed, now));
	if (what < 69)
		return (append(ms, s, seed, now));
	if (what < 83)
		return (remove_one(ms, s, seed));
	if (what < 85)
		return (purge(ms, s, seed));
	if (what < 87)
		return (seed_below(seed, 2) == 0 ? enforce(ms, s, seed) : expire(ms, s, seed, now));
	if (what < 93)
		return (small(ms, s, seed));
	if (what < 96) {
		if (stream_mark(s, 7, 3, ms->mark + 8, NULL) != STORE_OK)
			return (false);
		ms->mark += 8;
		return (true);
	}
	if (what < 98)
		return (truncate_to(ms, s, seed));
	if (what < 99) {
		to = ms->last + seed_below(seed, 5);
		if (to >= MODEL_SEQS || stream_advance(s, to, NULL) != STORE_OK)
			return (to >= MODEL_SEQS);
		ms->last = to;
		return (true);
	}
	if (seed_below(seed, 3) != 0 && ms->last + 200 < MODEL_SEQS)
		return (true);
	if (stream_delete(s, NULL) != STORE_OK)
		return (false);
	ms->here = false;
	return (true);
}

/* ---- comparing ---- */

static const char *
ids_differ(const struct model_stream *ms, struct stream *s)
{
	static char why[120];
	enum store_result result;
	uint64_t seq = 0;
	char text[16];

	stream_ids(s, MODEL_WINDOW, ms->now);
	for (unsigned k = 0; k < MODEL_IDS; k++) {
		const struct model_id *id = &ms->ids[k];
		bool known = id->seq != 0 && id->time > ms->now - MODEL_WINDOW;

		result = stream_id(s, model_id(k, text), ms->now, &seq, NULL);
		if (result != (known ? STORE_OK : STORE_NONE) || (known && seq != id->seq)) {
			snprintf(why, sizeof(why), "id %u: result %d, sequence %u, expected %d, %u, last %u", k,
			    result, (unsigned)seq, known, (unsigned)id->seq, (unsigned)ms->last);
			return (why);
		}
	}
	return (NULL);
}

static bool
same(const struct model_message *m, const struct store_message *found)
{
	static uint8_t memory[MODEL_MESSAGE_MAX];
	struct model_message copy = *m;
	struct store_message full;

	model_fill(&copy, &full, memory);
	return (str_eq(full.subject, found->subject) && str_eq(full.headers, found->headers) &&
	    str_eq(full.payload, found->payload) && full.time == found->time &&
	    full.expires == found->expires);
}

/* The last of each subject, and the first of a time. */
static void
look_more(const struct model_stream *ms, struct stream *s, struct seed *seed)
{
	struct str filter = str_of(filters[seed_below(seed, FILTERS)]);
	struct stream_filter *f = stream_filter_new(s, &filter, 1);
	uint64_t upto = seed_below(seed, (unsigned)ms->last + 2), seqs[MODEL_SUBJECTS], at;
	uint64_t first = ms->last + 1;
	int64_t time = ms->last_time - (int64_t)seed_below(seed, 300);
	unsigned n, expect = 0;
	bool seen[MODEL_SUBJECTS] = { false };

	ck_assert(stream_lasts(f, upto, seqs, MODEL_SUBJECTS, &n, NULL) == STORE_OK);
	for (uint64_t seq = upto < ms->last ? upto : ms->last; seq > 0; seq--) {
		const struct model_message *m = &ms->messages[seq];

		if (!m->here || seen[m->subject] || !subject_matches(model_subject(m->subject), filter))
			continue;
		seen[m->subject] = true;
		expect++;
		ck_assert_uint_le(expect, n);
		ck_assert_uint_eq(seqs[n - expect], seq);
	}
	ck_assert_uint_eq(n, expect);
	stream_filter_free(f);
	for (uint64_t seq = ms->last; seq > 0; seq--)
		if (ms->messages[seq].here && ms->messages[seq].time >= time)
			first = seq;
	ck_assert(stream_at_time(s, time, &at, NULL) == STORE_OK);
	ck_assert_uint_eq(at, first);
}

void
model_look(const struct model *m, struct store *store, struct seed *seed)
{
	unsigned i = seed_below(seed, MODEL_STREAMS), k = seed_below(seed, FILTERS), n = 0;
	const struct model_stream *ms = &m->streams[i];
	struct str list[2] = { str_of(filters[k]), str_of(filters[seed_below(seed, FILTERS)]) };
	unsigned count = 1 + seed_below(seed, 2);
	struct stream *s = find(store, i);
	struct stream_filter *f;
	struct filter_state st;
	struct store_message found;
	uint64_t from, first = 0, last = 0, here = 0, upto, newest = 0;
	struct str subject = model_subject(seed_below(seed, MODEL_SUBJECTS));

	if (s == NULL)
		return;
	look_more(ms, s, seed);
	from = seed_below(seed, 2) == 0 ? 0 : seed_below(seed, (unsigned)ms->last + 2);
	f = stream_filter_new(s, list, count);
	for (uint64_t seq = from == 0 ? 1 : from; seq <= ms->last; seq++) {
		struct str text = model_subject(ms->messages[seq].subject);

		if (!ms->messages[seq].here || !(subject_matches(text, list[0]) ||
		    (count == 2 && subject_matches(text, list[1]))))
			continue;
		first = first == 0 ? seq : first;
		last = seq;
		here++;
	}
	ck_assert(stream_filtered(f, from, &st, NULL) == STORE_OK);
	ck_assert_uint_eq(st.messages, here);
	ck_assert_uint_eq(st.first_seq, first);
	ck_assert_uint_eq(st.last_seq, last);
	for (uint64_t at = from; stream_next(f, at, &found, NULL) == STORE_OK; at = found.seq + 1) {
		ck_assert(same(&ms->messages[found.seq], &found));
		n++;
	}
	ck_assert_uint_eq(n, here);
	stream_filter_free(f);
	upto = seed_below(seed, 2) == 0 ? UINT64_MAX : seed_below(seed, (unsigned)ms->last + 2);
	for (uint64_t seq = 1; seq <= ms->last && seq <= upto; seq++)
		if (ms->messages[seq].here &&
		    str_eq(model_subject(ms->messages[seq].subject), subject))
			newest = seq;
	if (stream_last(s, subject, upto, &found, NULL) == STORE_OK)
		ck_assert_uint_eq(found.seq, newest);
	else
		ck_assert_uint_eq(newest, 0);
}

const char *
model_stream_differs(const struct model_stream *ms, struct stream *s)
{
	static char text[200];
	struct store_message found;
	struct stream_state st;
	uint64_t bytes = 0;
	struct str value;
	enum store_result result;

	stream_state(s, &st);
	if (st.last_seq != ms->last || st.messages != model_count(ms) ||
	    st.first_seq != model_first(ms) || st.lost != 0) {
		unsigned seq = 1;

		while (seq <= ms->last && ms->messages[seq].here ==
		    (stream_load(s, seq, &found, NULL) == STORE_OK))
			seq++;
		snprintf(text, sizeof(text),
		    "sequence %u: last %u %u, messages %u %u, first %u %u, lost %u", seq,
		    (unsigned)st.last_seq, (unsigned)ms->last, (unsigned)st.messages,
		    (unsigned)model_count(ms), (unsigned)st.first_seq, (unsigned)model_first(ms),
		    (unsigned)st.lost);
		return (text);
	}
	for (uint64_t seq = 1; seq <= ms->last; seq++) {
		result = stream_load(s, seq, &found, NULL);
		if (ms->messages[seq].here != (result == STORE_OK) ||
		    (result == STORE_OK && !same(&ms->messages[seq], &found))) {
			snprintf(text, sizeof(text), "sequence %u: %d", (unsigned)seq, result);
			return (text);
		}
		if (ms->messages[seq].here)
			bytes += message_bytes(&ms->messages[seq]);
	}
	if (bytes != st.bytes)
		return ("bytes");
	for (unsigned k = 0; k < MODEL_KEYS; k++) {
		result = stream_get(s, str_of(keys[k]), &value);
		if ((ms->small[k] != 0) != (result == STORE_OK) ||
		    (result == STORE_OK && memcmp(value.p, &ms->small[k], 4) != 0))
			return ("small state");
	}
	return (stream_marked(s, 7, 3) == ms->mark ? ids_differ(ms, s) : "mark");
}

const char *
model_differs(const struct model *m, struct store *store)
{
	const char *why;

	for (unsigned i = 0; i < MODEL_STREAMS; i++) {
		struct stream *s = find(store, i);

		if (m->streams[i].here != (s != NULL))
			return ("a stream is there, or not");
		why = s == NULL ? NULL : model_stream_differs(&m->streams[i], s);
		if (why != NULL)
			return (why);
	}
	return (NULL);
}
