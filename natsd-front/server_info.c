#include "config.h"

#include "natsd-front/server_info.h"

#include <stdatomic.h>
#include <string.h>

/* "a\nb" as a list. */
void
server_info_tags(struct json_out *j, const struct options *o)
{
	struct str rest = str_of(o->server_tags), line;
	const char *end;

	if (rest.n == 0)
		return;
	json_key(j, "tags");
	json_array_begin(j);
	while (rest.n > 0) {
		end = memchr(rest.p, '\n', rest.n);
		line = rest;
		if (end != NULL)
			line.n = (size_t)(end - rest.p);
		json_str(j, line);
		rest.p += line.n + (end != NULL);
		rest.n -= line.n + (end != NULL);
	}
	json_array_end(j);
}

void
server_info_metadata(struct json_out *j, const struct options *o)
{
	const char *lines = o->server_metadata, *line, *tab, *end;
	char key[256];
	size_t n;

	if (lines[0] == '\0')
		return;
	json_key(j, "metadata");
	json_object_begin(j);
	for (line = lines; *line != '\0'; line = *end == '\n' ? end + 1 : end) {
		end = strchrnul(line, '\n');
		tab = memchr(line, '\t', (size_t)(end - line));
		n = tab == NULL ? 0 : (size_t)(tab - line);
		if (tab == NULL || n >= sizeof(key))
			continue;
		memcpy(key, line, n);
		key[n] = '\0';
		json_kstr(j, key, (struct str){ .p = tab + 1, .n = (size_t)(end - tab - 1) });
	}
	json_object_end(j);
}

void
server_info_features(struct json_out *j)
{
	json_key(j, "feature_flags");
	json_object_begin(j);
	json_kbool(j, "js_ack_fc_v2", false);
	json_kbool(j, "js_api_reply_v2", false);
	json_kbool(j, "js_raft_delete_range", true);
	json_kbool(j, "js_snapshot_sources", false);
	json_object_end(j);
}

/* Over all messages that carry it, from 2 on. */
static uint64_t
next_seq(void)
{
	static _Atomic uint64_t last = 1;

	return (atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1);
}

void
server_info(struct json_out *j, const struct options *o)
{
	json_key(j, "server");
	json_object_begin(j);
	json_kstr(j, "name", str_of(o->server_name[0] != '\0' ? o->server_name : o->server_id));
	json_kstr(j, "host", str_of(o->host));
	json_kstr(j, "id", str_of(o->server_id));
	json_kstr(j, "ver", STR(NATS_VERSION));
	server_info_tags(j, o);
	server_info_metadata(j, o);
	server_info_features(j);
	json_kbool(j, "jetstream", false);
	json_ku64(j, "flags", 0);
	json_ku64(j, "seq", next_seq());
	json_ktime(j, "time", wall_now(), false);
	json_object_end(j);
}
