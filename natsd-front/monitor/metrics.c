#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "common/json_out.h"
#include "common/utf8.h"
#include "natsd-front/monitor/metrics.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

void
metrics_begin(struct metrics *m, struct buf *to)
{
	*m = (struct metrics){ .to = to };
}

int
metrics_end(const struct metrics *m)
{
	return (m->failed ? -1 : 0);
}

static void
add(struct metrics *m, struct str s)
{
	if (!m->failed && buf_add_str(m->to, s) != 0)
		m->failed = true;
}

static bool
is_name_byte(char c)
{
	return ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'));
}

/* Runs of anything else become one '_', none stands at the end (as the exporter does with '/'). */
static void
make_name(char out[METRICS_NAME_MAX], const char *prefix, struct str name)
{
	size_t n = strlen(prefix), i;

	memcpy(out, prefix, n);
	out[n++] = '_';
	for (i = 0; i < name.n && n < METRICS_NAME_MAX - 1; i++) {
		if (is_name_byte(name.p[i]))
			out[n++] = name.p[i];
		else if (out[n - 1] != '_')
			out[n++] = '_';
	}
	while (out[n - 1] == '_')
		n--;
	out[n] = '\0';
}

void
metrics_family(struct metrics *m, const char *prefix, struct str name, enum metrics_type type,
    const char *help)
{
	static const char *const types[] = { [METRICS_GAUGE] = "gauge",
		[METRICS_COUNTER] = "counter", [METRICS_UNTYPED] = "untyped" };

	make_name(m->name, prefix, name);
	add(m, STR("# HELP "));
	add(m, str_of(m->name));
	add(m, STR(" "));
	add(m, str_of(help != NULL ? help : m->name + strlen(prefix) + 1));
	add(m, STR("\n# TYPE "));
	add(m, str_of(m->name));
	add(m, STR(" "));
	add(m, str_of(types[type]));
	add(m, STR("\n"));
}

void
metrics_sample(struct metrics *m)
{
	add(m, str_of(m->name));
	m->labels = 0;
}

static void
add_escaped(struct metrics *m, struct str s)
{
	size_t i = 0, n;

	while (i < s.n) {
		n = utf8_rune((const uint8_t *)s.p + i, s.n - i);
		if (n == 0) {
			add(m, STR(REPLACEMENT));
			n = 1;
		} else if (s.p[i] == '\n')
			add(m, STR("\\n"));
		else if (s.p[i] == '"' || s.p[i] == '\\') {
			add(m, STR("\\"));
			add(m, (struct str){ .p = s.p + i, .n = 1 });
		} else
			add(m, (struct str){ .p = s.p + i, .n = n });
		i += n;
	}
}

void
metrics_label(struct metrics *m, const char *name, struct str value)
{
	add(m, m->labels++ == 0 ? STR("{") : STR(","));
	add(m, str_of(name));
	add(m, STR("=\""));
	add_escaped(m, value);
	add(m, STR("\""));
}

static void
before_value(struct metrics *m)
{
	add(m, m->labels == 0 ? STR(" ") : STR("} "));
}

void
metrics_u64(struct metrics *m, uint64_t v)
{
	before_value(m);
	if (!m->failed && buf_addf(m->to, "%" PRIu64 "\n", v) != 0)
		m->failed = true;
}

void
metrics_i64(struct metrics *m, int64_t v)
{
	before_value(m);
	if (!m->failed && buf_addf(m->to, "%" PRId64 "\n", v) != 0)
		m->failed = true;
}

/* In the shortest form that reads back as the same. */
void
metrics_num(struct metrics *m, double v)
{
	struct json_out j;

	before_value(m);
	json_begin(&j, m->to, 0);
	json_num(&j, v);
	if (json_end(&j) != 0)
		m->failed = true;
	add(m, STR("\n"));
}
