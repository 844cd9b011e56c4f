/*
 * natsd-store on the files of a real directory.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "natsd-js/store/store.h"
#include "tests/unit/store_dir.h"
#include "tests/unit/unit.h"

static char dir[] = STORE_DIR_INIT;
static char output[65536];
static uint64_t uid;

/* Its exit status; what it said is in output. */
static int
tool(const char *arguments)
{
	const char *build = getenv("builddir");
	char command[1000];
	FILE *p;
	size_t n;
	int status;

	snprintf(command, sizeof(command), "%s/natsd-js/store/natsd-store %s 2>&1",
	    build == NULL ? "." : build, arguments);
	p = popen(command, "r");
	ck_assert_ptr_nonnull(p);
	n = fread(output, 1, sizeof(output) - 1, p);
	output[n] = '\0';
	status = pclose(p);
	ck_assert(WIFEXITED(status));
	return (WEXITSTATUS(status));
}

static int
tool_on(const char *command, const char *more)
{
	char arguments[300];

	snprintf(arguments, sizeof(arguments), "%s %s %s", command, dir, more);
	return (tool(arguments));
}

static struct store *
open_store(struct disk *d)
{
	struct store_options o = store_options_default();
	struct err err;
	struct store *store;

	o.journal.segment_bytes = 64u << 10;
	store = store_open(d, &o, &err);
	if (store == NULL)
		ck_abort_msg("%s", err.text);
	return (store);
}

static void
make(void)
{
	struct stream_config c = { .account = STR("ACC"), .name = STR("OR DERS"), .created = 1 };
	struct disk *d;
	struct store *store;
	struct stream *s;
	struct store_message m;
	struct err err;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	d = store_dir_open(dir);
	store = open_store(d);
	ck_assert(stream_create(store, &c, &s, &err) == STORE_OK);
	uid = stream_uid(s);
	for (unsigned i = 0; i < 5; i++) {
		m = (struct store_message){ .subject = STR("a.b"), .payload = STR("payload"),
			.time = 1000 + i };
		ck_assert(stream_append(s, &m, &err) == STORE_OK);
	}
	ck_assert(stream_remove(s, 2, &err) == STORE_OK);
	ck_assert_int_eq(store_close(store, &err), 0);
	disk_free(d);
}

START_TEST(looks_and_changes_nothing)
{
	char name[20];

	make();
	snprintf(name, sizeof(name), "%016" PRIx64, uid);
	ck_assert_int_eq(tool_on("ls", ""), 0);
	ck_assert(strstr(output, "ACC\tOR\\x20DERS\t") != NULL && strstr(output, name) != NULL);
	ck_assert_int_eq(tool_on("stat", ""), 0);
	ck_assert_ptr_nonnull(strstr(output, "messages 4\tbytes 160\tfirst 1\tlast 5\tdeleted 1"));
	ck_assert_int_eq(tool_on("verify", ""), 0);
	ck_assert_ptr_nonnull(strstr(output, "4 of 4 messages verify, 0 are lost\tok"));
	ck_assert_int_eq(tool_on("dump", "ACC 'OR DERS'"), 0);
	ck_assert_ptr_nonnull(strstr(output, "5\t1004\ta.b\t0\t7\npayload\n"));
	ck_assert_int_eq(tool_on("dump", "ACC none"), 1);
	ck_assert_int_eq(tool_on("frobnicate", ""), 1);
	store_dir_remove(dir);
}
END_TEST

START_TEST(names_damage)
{
	char path[200];
	FILE *f;

	make();
	snprintf(path, sizeof(path), "%s/natsd/streams/%016" PRIx64 "/00000001.blk", dir, uid);
	f = fopen(path, "r+");
	ck_assert_ptr_nonnull(f);
	fseek(f, -12 - 2 * 48, SEEK_END); /* behind the last message stand two tombstones */
	fputc('X', f);
	fclose(f);
	ck_assert_int_eq(tool_on("verify", ""), 2);
	ck_assert_ptr_nonnull(strstr(output, "sequences 5 to 5 are lost"));
	ck_assert_ptr_nonnull(strstr(output, "3 of 3 messages verify, 1 are lost\tDAMAGED"));
	store_dir_remove(dir);
}
END_TEST

START_TEST(keeps_out_of_one_in_use)
{
	struct disk *d;
	struct store *store;

	make();
	d = store_dir_open(dir);
	store = open_store(d);
	ck_assert_int_eq(tool_on("ls", ""), 1);
	ck_assert_ptr_nonnull(strstr(output, "in use by pid"));
	store_abandon(store);
	disk_free(d);
	ck_assert_int_eq(tool_on("ls", ""), 0);
	store_dir_remove(dir);
}
END_TEST

UNIT_MAIN("store_tool",
    tcase_add_test(tc, looks_and_changes_nothing);
    tcase_add_test(tc, names_damage);
    tcase_add_test(tc, keeps_out_of_one_in_use);)
