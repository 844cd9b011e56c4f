/*
 * Damage of the index in LMDB: what is found is right, or the index is made again; a process that
 * dies of it does so twice at most.
 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "natsd-js/store/store.h"
#include "natsd-js/store/sums.h"
#include "tests/unit/store_dir.h"
#include "tests/unit/unit.h"

#define MESSAGES 400u
#define SUBJECTS 120u

static char dir[64], index_dir[80];

static struct store *
open_store(struct disk *d)
{
	struct store_options o = store_options_default();
	struct err err;
	struct store *store;

	o.journal.segment_bytes = 64u << 10;
	o.journal.segments = 4;
	o.block_bytes = 8u << 10;
	o.thread = false;
	o.index = index_dir;
	o.subject_cache = 1;
	store = store_open(d, &o, &err);
	if (store == NULL)
		fprintf(stderr, "%s\n", err.text);
	return (store);
}

static struct str
subject(unsigned i, char *text)
{
	return ((struct str){ .p = text, .n = (size_t)snprintf(text, 300, "a.%u.%0*u", i,
	    i % 10 == 0 ? 250 : 3, i) });
}

static void
make(void)
{
	struct stream_config c = { .account = STR("A"), .name = STR("S"), .created = 1 };
	struct store *store;
	struct stream *s;
	struct disk *d;
	char text[300];

	snprintf(dir, sizeof(dir), STORE_DIR_INIT);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(index_dir, sizeof(index_dir), "%s/index", dir);
	d = store_dir_open(dir);
	store = open_store(d);
	ck_assert(stream_create(store, &c, &s, NULL) == STORE_OK);
	for (unsigned i = 1; i <= MESSAGES; i++) {
		struct store_message m = { .subject = subject(i % SUBJECTS, text),
			.payload = STR("payload"), .time = i };

		ck_assert(stream_append(s, &m, NULL) == STORE_OK);
		ck_assert(store_wait(store, NULL) == STORE_OK);
		if (i % 50 == 0)
			ck_assert(store_checkpoint(store, NULL) == STORE_OK);
	}
	ck_assert_int_eq(store_close(store, NULL), 0);
	disk_free(d);
}

/* 0: everything is as it has to be. */
static int
look(void)
{
	struct disk *d = store_dir_open(dir);
	struct store *store = open_store(d);
	struct stream *s = store == NULL ? NULL : stream_find(store, STR("A"), STR("S"));
	struct store_message m;
	struct stream_state st;
	char text[300];
	int bad = s == NULL;

	for (unsigned i = 0; i < 3 && bad == 0; i++)
		store_turn(store, mono_now()); /* it looks at what it found */
	for (unsigned i = 0; i < SUBJECTS && bad == 0; i++) {
		unsigned last = MESSAGES - (MESSAGES + SUBJECTS - i) % SUBJECTS;

		bad = stream_last(s, subject(i, text), UINT64_MAX, &m, NULL) != STORE_OK ||
		    m.seq != last;
	}
	if (bad == 0)
		bad = stream_last(s, STR("none"), UINT64_MAX, &m, NULL) != STORE_NONE;
	if (bad == 0)
		stream_state(s, &st);
	if (bad == 0 && st.subjects != SUBJECTS)
		bad = 1;
	store_abandon(store);
	disk_free(d);
	return (bad);
}

/* In a process of its own: how it ended. */
static int
look_apart(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(look());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return (status);
}

static uint8_t *
index_load(size_t *n)
{
	char path[100];
	uint8_t *p = malloc(4u << 20);
	FILE *f;

	snprintf(path, sizeof(path), "%s/data.mdb", index_dir);
	f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	*n = fread(p, 1, 4u << 20, f);
	fclose(f);
	return (p);
}

static void
index_save(const uint8_t *p, size_t n)
{
	char path[100];
	FILE *f;

	snprintf(path, sizeof(path), "%s/data.mdb", index_dir);
	f = fopen(path, "we");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(p, 1, n, f), n);
	fclose(f);
	snprintf(path, sizeof(path), "%s/lives", index_dir);
	(void)remove(path);
}

/* Third time lucky, at the latest. */
static void
must_recover(const char *what, size_t at)
{
	for (unsigned i = 0; i <= SUMS_DEATHS; i++) {
		int status = look_apart();

		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			return;
		ck_assert_msg(!WIFEXITED(status), "%s %zu: wrong", what, at);
	}
	ck_abort_msg("%s %zu: dies again and again", what, at);
}

START_TEST(flips_of_the_index_faults_38)
{
	size_t n, step = getenv("NATSD_LONG") != NULL ? 7 : 211;
	uint8_t *p;

	make();
	p = index_load(&n);
	ck_assert_int_eq(look_apart(), 0);
	for (size_t at = 0; at < n; at += step) {
		p[at] ^= (uint8_t)(1u << at % 8);
		index_save(p, n);
		p[at] ^= (uint8_t)(1u << at % 8);
		must_recover("flip", at);
	}
	free(p);
	store_dir_remove(dir);
}
END_TEST

START_TEST(cuts_of_the_index_faults_38)
{
	size_t n;
	uint8_t *p;

	make();
	p = index_load(&n);
	for (size_t to = 0; to < n; to += 2048) {
		index_save(p, to);
		must_recover("cut", to);
	}
	memset(p, 'x', n);
	index_save(p, n);
	must_recover("all of it", n);
	free(p);
	store_dir_remove(dir);
}
END_TEST

UNIT_MAIN("store_index",
    tcase_add_test(tc, flips_of_the_index_faults_38);
    tcase_add_test(tc, cuts_of_the_index_faults_38);)
