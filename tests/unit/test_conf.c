/*
 * The configuration's grammar against golden files recorded from nats-server 2.15.2:
 *
 *	tests/config/NAME.conf	as an operator writes it
 *	tests/config/NAME.ok	its digest, and the tree printed; read and printed again, the same
 *	tests/config/NAME.err	for the wrong ones: the error's text
 *
 * Where the name begins with err-ours, nats-server crashes or shows a NUL, and natsd does not.
 */
#include "config.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/conf.h"
#include "common/path.h"
#include "tests/unit/unit.h"

static const char *const environment[][2] = {
	{ "NATSD_TEST_INT", "22" },
	{ "NATSD_TEST_SIZE", "10MB" },
	{ "NATSD_TEST_STR", "'3'" },
	{ "NATSD_TEST_LIST", "[a,b]" },
	{ "NATSD_TEST_MAP", "{x: 1, y: [z]}" },
	{ "NATSD_TEST_REF", "$NATSD_TEST_INT" },
	{ "NATSD_TEST_EMPTY", "" },
	{ "NATSD_TEST_CYCLE", "$NATSD_TEST_CYCLE2" },
	{ "NATSD_TEST_CYCLE2", "$NATSD_TEST_CYCLE" },
	{ "NATSD_TEST_BAD", "a b" },
};

static void
go_to_cases(void)
{
	const char *srcdir = getenv("srcdir");
	char path[4096];

	for (size_t i = 0; i < sizeof(environment) / sizeof(environment[0]); i++)
		setenv(environment[i][0], environment[i][1], 1);
	unsetenv("NATSD_TEST_ABSENT");
	snprintf(path, sizeof(path), "%s/tests/config", srcdir == NULL ? "." : srcdir);
	ck_assert_msg(chdir(path) == 0, "no %s", path);
}

static char *
slurp(const char *path)
{
	char *data, *text;
	struct err e;
	size_t n;

	if (conf_reader_files.read(NULL, path, &data, &n, &e) != 0)
		return (NULL);
	text = realloc(data, n + 1);
	ck_assert_ptr_nonnull(text);
	text[n] = '\0';
	return (text);
}

static char *
golden(const char *name, const char *suffix)
{
	char path[512];

	snprintf(path, sizeof(path), "%.*s%s", (int)(strlen(name) - strlen(".conf")), name, suffix);
	return (slurp(path));
}

static void
check_error(const char *name, const struct err *e)
{
	char *want = golden(name, ".err");

	ck_assert_msg(want != NULL, "%s: %s", name, e->text);
	want[strcspn(want, "\n")] = '\0';
	ck_assert_msg(strcmp(want, e->text) == 0, "%s: \"%s\", not \"%s\"", name, e->text, want);
	free(want);
}

/* The tree printed behind "# digest"; malloc'ed. */
static char *
print(const struct conf *c)
{
	char digest[CONF_DIGEST_BYTES], *tree = conf_print(c), *out;
	struct err e;

	ck_assert_ptr_nonnull(tree);
	ck_assert_msg(conf_digest(c, digest, &e) == 0, "%s", e.text);
	ck_assert_int_gt(asprintf(&out, "# %s\n%s", digest, tree), 0);
	free(tree);
	return (out);
}

static void
check_tree(const char *name, const struct conf *c)
{
	char *want = golden(name, ".ok"), *have = print(c), *again;
	struct conf *second;
	struct err e;

	ck_assert_msg(want != NULL, "%s: no error, but:\n%s", name, have);
	ck_assert_msg(strcmp(want, have) == 0, "%s: have\n%s\nwant\n%s", name, have, want);
	second = conf_parse_text(str_of(have), "printed", &conf_reader_files, &e);
	ck_assert_msg(second != NULL, "%s: printed, and then: %s", name, e.text);
	again = print(second);
	ck_assert_msg(strcmp(have, again) == 0, "%s: printed again:\n%s", name, again);
	conf_free(second);
	free(again);
	free(have);
	free(want);
}

START_TEST(golden_files)
{
	struct dirent *entry;
	struct conf *c;
	unsigned cases = 0;
	struct err e;
	DIR *dir;

	go_to_cases();
	ck_assert_ptr_nonnull(dir = opendir("."));
	while ((entry = readdir(dir)) != NULL) {
		size_t n = strlen(entry->d_name);

		if (n < 6 || strcmp(entry->d_name + n - 5, ".conf") != 0)
			continue;
		cases++;
		c = conf_parse_file(entry->d_name, &conf_reader_files, &e);
		if (c == NULL)
			check_error(entry->d_name, &e);
		else
			check_tree(entry->d_name, c);
		conf_free(c);
	}
	closedir(dir);
	ck_assert_uint_ge(cases, 60);
}
END_TEST

struct position {
	const char *key;
	unsigned line, column;
};

/* Columns from 0 on the first line and from 1 on the others; a value stands where its key does. */
START_TEST(positions)
{
	static const char text[] = "first: 1\nsecond: 2\n  third { inner: 4 }\n\"fourth\": [a, \"b\"]\n";
	static const struct position want[] = { { "first", 1, 0 }, { "second", 2, 1 },
		{ "third", 3, 3 }, { "fourth", 4, 2 } };
	struct err e;
	struct conf *c = conf_parse_text(STR(text), "f.conf", &conf_reader_files, &e);
	const struct conf_value *array;

	ck_assert_msg(c != NULL, "%s", e.text);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		const struct conf_item *item = conf_find(conf_root(c), want[i].key);

		ck_assert_ptr_nonnull(item);
		ck_assert_str_eq(item->value->pos.file, "f.conf");
		ck_assert_uint_eq(item->value->pos.line, want[i].line);
		ck_assert_uint_eq(item->value->pos.column, want[i].column);
	}
	array = conf_find(conf_root(c), "FOURTH")->value;
	ck_assert_uint_eq(array->array.at[0]->pos.column, 12);
	ck_assert_uint_eq(array->array.at[1]->pos.column, 16);
	conf_free(c);
}
END_TEST

START_TEST(used_as_variable)
{
	static const char text[] = "a: 1\nb: $a\n";
	struct conf *c = conf_parse_text(STR(text), "f.conf", &conf_reader_files, NULL);

	ck_assert_ptr_nonnull(c);
	ck_assert(conf_find(conf_root(c), "a")->value->used_as_variable);
	ck_assert(!conf_find(conf_root(c), "b")->value->used_as_variable);
	ck_assert_int_eq(conf_find(conf_root(c), "b")->value->integer, 1);
	conf_free(c);
}
END_TEST

/* The two digests that the specification gives. */
START_TEST(digests)
{
	char digest[CONF_DIGEST_BYTES];
	struct conf *c = conf_parse_text(STR("foo = bar"), "f", &conf_reader_files, NULL);

	ck_assert_int_eq(conf_digest(c, digest, NULL), 0);
	ck_assert_str_eq(digest, "sha256:226e49e13d16e5e8aa0d62e58cd63361bf097d3e2b2444aa3044334628a2e8de");
	conf_free(c);
	c = conf_parse_text(STR("port: -1"), "f", &conf_reader_files, NULL);
	ck_assert_int_eq(conf_digest(c, digest, NULL), 0);
	ck_assert_str_eq(digest, "sha256:7ea4cc5c6864139d814ce940a40ee6546b7ac5285eec3c390a4ce11e34dc1102");
	conf_free(c);
}
END_TEST

static const char *const joins[][3] = {
	{ ".", "x.conf", "x.conf" },
	{ "a/b", "../x", "a/x" },
	{ "/etc", "/x.conf", "/etc/x.conf" },
	{ "/etc", "../../x", "/x" },
	{ "a", "../../x", "../x" },
	{ "..", "../x", "../../x" },
	{ "a//b/./", "c/", "a/b/c" },
	{ "a", "..", "." },
	{ "", "x", "x" },
	{ "/", "", "/" },
};

START_TEST(paths)
{
	char *path = path_join(joins[_i][0], joins[_i][1]);

	ck_assert_str_eq(path, joins[_i][2]);
	free(path);
	path = path_dir("a/b//c");
	ck_assert_str_eq(path, "a/b");
	free(path);
	path = path_dir("c");
	ck_assert_str_eq(path, ".");
	free(path);
	ck_assert_str_eq(path_base("/a/b"), "b");
	ck_assert_str_eq(path_base("b"), "b");
}
END_TEST

UNIT_MAIN("conf", tcase_add_test(tc, golden_files); tcase_add_test(tc, positions);
    tcase_add_test(tc, used_as_variable); tcase_add_test(tc, digests);
    tcase_add_loop_test(tc, paths, 0, (int)(sizeof(joins) / sizeof(joins[0])));)
