/*
 * natsd-store - looks at a store directory that no server has open; changes nothing.
 *
 *	natsd-store ls <dir>			account, stream, uid
 *	natsd-store stat <dir>			the state of each stream
 *	natsd-store verify <dir>		reads everything; exit 2: something is damaged
 *	natsd-store dump <dir> <account> <stream>	every message, a line of head and then its bytes
 *
 * Exit: 0, 1 wrong use or not to be opened, 2 damage.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "natsd-js/store/store.h"

#define EXIT_DAMAGE 2

struct tool {
	struct store *store;
	unsigned damaged;
};

/* Names come from clients: what is not printable is shown as \xNN. */
static void
print_text(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c > ' ' && c < 0x7f && c != '\\')
			putchar(c);
		else
			printf("\\x%02x", c);
	}
}

static void
print_name(const struct stream *s)
{
	print_text(stream_account(s));
	putchar('\t');
	print_text(stream_name(s));
}

static void
report(void *arg, bool damage, const char *text)
{
	struct tool *tool = arg;

	tool->damaged += damage;
	fprintf(stderr, "%s: %s\n", damage ? "damage" : "note", text);
}

static bool
ls_one(void *arg, struct stream *s)
{
	(void)arg;
	print_name(s);
	printf("\t%016" PRIx64 "\n", stream_uid(s));
	return (true);
}

static bool
stat_one(void *arg, struct stream *s)
{
	struct stream_state st;

	(void)arg;
	stream_state(s, &st);
	print_name(s);
	printf("\tmessages %" PRIu64 "\tbytes %" PRIu64 "\tfirst %" PRIu64 "\tlast %" PRIu64
	    "\tdeleted %" PRIu64 "\tlost %" PRIu64 "\tsubjects %" PRIu64 "\tblocks %" PRIu64 "\t%s\n",
	    st.messages, st.bytes, st.first_seq, st.last_seq, st.deleted, st.lost, st.subjects,
	    st.blocks, stream_fenced(s) == NULL ? "ok" : stream_fenced(s));
	return (true);
}

/* Calls fn for each message; what cannot be read is told and counted. */
static uint64_t
each_message(struct tool *tool, struct stream *s, void (*fn)(const struct store_message *))
{
	struct stream_filter *all = stream_filter_new(s, NULL, 0);
	struct store_message m = { .seq = 0 };
	enum store_result result;
	uint64_t seq = 0, read = 0;
	struct err err;

	while (all != NULL && (result = stream_next(all, seq, &m, &err)) != STORE_NONE) {
		if (result == STORE_OK) {
			read++;
			if (fn != NULL)
				fn(&m);
		} else {
			report(tool, true, err.text);
		}
		seq = m.seq + 1;
	}
	stream_filter_free(all);
	return (read);
}

static bool
verify_one(void *arg, struct stream *s)
{
	struct tool *tool = arg;
	unsigned before = tool->damaged;
	struct stream_state st;
	uint64_t read = each_message(tool, s, NULL);

	stream_state(s, &st);
	print_name(s);
	printf("\t%" PRIu64 " of %" PRIu64 " messages verify, %" PRIu64 " are lost\t%s\n", read,
	    st.messages, st.lost,
	    tool->damaged == before && st.lost == 0 && stream_fenced(s) == NULL ? "ok" :
	    "DAMAGED");
	tool->damaged += st.lost > 0 || stream_fenced(s) != NULL;
	return (true);
}

static void
dump_message(const struct store_message *m)
{
	printf("%" PRIu64 "\t%" PRId64 "\t", m->seq, m->time);
	print_text(m->subject);
	printf("\t%zu\t%zu\n", m->headers.n, m->payload.n);
	fwrite(m->headers.p, 1, m->headers.n, stdout);
	fwrite(m->payload.p, 1, m->payload.n, stdout);
	putchar('\n');
}

static int
dump(struct tool *tool, const char *account, const char *name)
{
	struct stream *s = stream_find(tool->store, str_of(account), str_of(name));

	if (s == NULL) {
		fprintf(stderr, "natsd-store: no stream %s in account %s\n", name, account);
		return (EXIT_FAILURE);
	}
	each_message(tool, s, dump_message);
	return (EXIT_SUCCESS);
}

static int
usage(void)
{
	fprintf(stderr, "usage: natsd-store ls|stat|verify <store_dir>\n"
	    "       natsd-store dump <store_dir> <account> <stream>\n");
	return (EXIT_FAILURE);
}

static int
run(struct tool *tool, const char *command, char *const rest[])
{
	if (strcmp(command, "ls") == 0)
		stream_each(tool->store, ls_one, tool);
	else if (strcmp(command, "stat") == 0)
		stream_each(tool->store, stat_one, tool);
	else if (strcmp(command, "verify") == 0)
		stream_each(tool->store, verify_one, tool);
	else
		return (dump(tool, rest[0], rest[1]));
	return (EXIT_SUCCESS);
}

static bool
is_use(int argc, char *const argv[])
{
	if (argc == 3)
		return (strcmp(argv[1], "ls") == 0 || strcmp(argv[1], "stat") == 0 ||
		    strcmp(argv[1], "verify") == 0);
	return (argc == 5 && strcmp(argv[1], "dump") == 0);
}

int
main(int argc, char *argv[])
{
	struct store_options options = store_options_default();
	struct tool tool = { .store = NULL };
	struct disk *disk;
	struct err err;
	int fd, status;

	if (!is_use(argc, argv))
		return (usage());
	fd = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	disk = fd < 0 ? NULL : disk_posix(fd);
	if (disk == NULL) {
		fprintf(stderr, "natsd-store: %s: %s\n", argv[2], strerror(errno));
		return (EXIT_FAILURE);
	}
	options.read_only = true;
	options.thread = false;
	options.report = report;
	options.arg = &tool;
	tool.store = store_open(disk, &options, &err);
	if (tool.store == NULL) {
		fprintf(stderr, "natsd-store: %s: %s\n", argv[2], err.text);
		disk_free(disk);
		return (EXIT_FAILURE);
	}
	status = run(&tool, argv[1], argv + 3);
	store_abandon(tool.store);
	disk_free(disk);
	if (fflush(stdout) != 0)
		status = EXIT_FAILURE;
	return (status == EXIT_SUCCESS && tool.damaged > 0 ? EXIT_DAMAGE : status);
}
