/*
 * natsd-js and natsd-raft as processes, with the supervisor and the front played by the test
 * (hub_stage.h): what they say, and that a request has one effect and one answer through any death.
 */
#include "config.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "common/account_table.h"
#include "common/killpoint.h"
#include "common/ring_shared.h"
#include "tests/unit/hub_stage.h"
#include "tests/unit/unit.h"

#define FILE_HEAD 40u
#define MANY 200u

/* ---- what the test knows of each request ---- */

struct asked {
	char payload[32];
	uint64_t at;
	uint64_t sequence; /* 0: not answered yet */
	unsigned answers;
	bool error;
};

struct book {
	struct asked asked[MANY];
	unsigned n, answered;
};

static void
ask(struct stage *s, struct book *book)
{
	struct asked *a = &book->asked[book->n];

	ck_assert_uint_lt(book->n, MANY);
	snprintf(a->payload, sizeof(a->payload), "payload %u", book->n);
	a->at = front_ask(&s->front, str_of(a->payload), STR("_INBOX.test"));
	book->n++;
}

static const char *
text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	ck_assert_ptr_nonnull(text);
	return (text);
}

static uint64_t
number_of(const json_t *object, const char *key)
{
	json_t *number = json_object_get(object, key);

	ck_assert(json_is_integer(number));
	return ((uint64_t)json_integer_value(number));
}

static struct asked *
asked_at(struct book *book, uint64_t at)
{
	for (unsigned i = 0; i < book->n; i++)
		if (book->asked[i].at == at)
			return (&book->asked[i]);
	ck_abort_msg("an answer to what was never asked, at %llu", (unsigned long long)at);
	return (NULL);
}

/* The body of an answer, as system-account style has it; its data, borrowed from *body. */
static json_t *
answer_body(const struct frame_pub *pub, json_t **body)
{
	json_error_t error;
	json_t *server, *data;

	*body = json_loadb(pub->payload.p, pub->payload.n, 0, &error);
	ck_assert_msg(*body != NULL, "%s", error.text);
	server = json_object_get(*body, "server");
	ck_assert_str_eq(text_of(server, "name"), "stage");
	ck_assert_str_eq(text_of(server, "id"), "NSTAGE");
	ck_assert_str_eq(text_of(server, "ver"), NATS_VERSION);
	ck_assert_ptr_nonnull(data = json_object_get(*body, "data"));
	return (data);
}

/* An answer: to a request that was made, with its payload, and the same as any earlier one. */
static void
book_answer(struct stage *s, struct book *book, const struct ring_rec *whole)
{
	struct rd in = rd_of(whole->data, whole->len);
	struct frame_pub pub;
	struct asked *a;
	json_t *body, *data, *ingress;
	uint64_t sequence;

	ck_assert_int_eq(frame_pub_decode(&in, &pub), 0);
	ck_assert(str_eq(pub.subject, STR("_INBOX.test")) && pub.account == ACCOUNT_GLOBAL);
	ck_assert(pub.tail.has_ingress && pub.tail.ingress.life == STAGE_NATSD_LIFE);
	ck_assert_uint_eq(pub.tail.ingress.ring, ring_serial(ring_out_ring(s->front.out)));
	a = asked_at(book, pub.tail.ingress.at);
	data = answer_body(&pub, &body);
	ck_assert_str_eq(text_of(data, "role"), role_name(s->role));
	ck_assert_str_eq(text_of(data, "payload"), a->payload);
	ingress = json_object_get(data, "ingress");
	ck_assert_str_eq(text_of(ingress, "life"), "feedfacecafebeef");
	ck_assert_uint_eq(number_of(ingress, "ring"), pub.tail.ingress.ring);
	ck_assert_uint_eq(number_of(ingress, "position"), a->at);
	sequence = number_of(data, "sequence");
	a->error = strcmp(text_of(data, "verdict"), "error") == 0;
	ck_assert_uint_gt(sequence, 0);
	ck_assert(a->answers == 0 || a->sequence == sequence);
	a->sequence = sequence;
	book->answered += a->answers++ == 0;
	json_decref(body);
}

/* Reads up to `answered` answered requests; greetings and interest of a new life are passed over. */
static void
read_answers(struct stage *s, struct book *book, unsigned answered)
{
	struct ring_rec whole;

	while (book->answered < answered) {
		if (front_take(&s->front, &whole) == 0) {
			if (ring_sleep(s->front.in) && s->pid != -1) {
				int status;

				if (stage_ended(s, &status))
					return;
			}
			ring_wake(s->front.in);
			continue;
		}
		if (whole.type == FRAME_PUB)
			book_answer(s, book, &whole);
	}
}

/* ---- what the store holds ---- */

static unsigned
read_store(int fd, struct book *book)
{
	uint8_t head[FILE_HEAD];
	char payload[64];
	unsigned n = 0;
	off_t at = 0;

	while (pread(fd, head, FILE_HEAD, at) == (ssize_t)FILE_HEAD) {
		struct rd in = rd_of(head, FILE_HEAD);
		struct asked *a;
		uint32_t len;
		uint64_t position;

		ck_assert_uint_eq(rd_u32(&in), 0x4f484345);
		len = rd_u32(&in);
		rd_bytes(&in, 16);
		position = rd_u64(&in);
		ck_assert_uint_eq(rd_u64(&in), ++n);
		ck_assert_uint_lt(len, sizeof(payload));
		ck_assert_int_eq(pread(fd, payload, len, at + FILE_HEAD), (ssize_t)len);
		payload[len] = '\0';
		a = asked_at(book, position);
		ck_assert_str_eq(payload, a->payload);
		if (a->answers > 0)
			ck_assert_uint_eq(a->sequence, n);
		at += FILE_HEAD + len;
	}
	return (n);
}

/* ---- what they say ---- */

static const enum role roles[] = { ROLE_JS, ROLE_RAFT };

static void
expect_interest(struct stage *s, uint32_t account, uint64_t sid)
{
	struct frame_sub sub;
	struct ring_rec whole;
	struct rd in;

	front_expect(s, &s->front, FRAME_SUB, &whole);
	in = rd_of(whole.data, whole.len);
	ck_assert_int_eq(frame_sub_decode(&in, &sub), 0);
	ck_assert_uint_eq(sub.account, account);
	ck_assert_uint_eq(sub.sid, sid);
	ck_assert(str_eq(sub.subject, s->role == ROLE_JS ? STR("$SYS.REQ.DEV.ECHO.JS") :
							   STR("$SYS.REQ.DEV.ECHO.RAFT")));
	ck_assert_uint_eq(sub.queue.n, 0);
}

static void
expect_greeting(struct stage *s)
{
	struct frame_hello hello;
	struct frame_synced synced;
	struct ring_rec whole;
	struct rd in;

	front_expect(s, &s->front, FRAME_HELLO, &whole);
	in = rd_of(whole.data, whole.len);
	ck_assert_int_eq(frame_hello_decode(&in, &hello), 0);
	ck_assert_uint_eq(hello.life, s->life);
	expect_interest(s, ACCOUNT_GLOBAL, 1);
	expect_interest(s, ACCOUNT_SYSTEM, 2);
	front_expect(s, &s->front, FRAME_SYNCED, &whole);
	in = rd_of(whole.data, whole.len);
	ck_assert_int_eq(frame_synced_decode(&in, &synced), 0);
	ck_assert_uint_eq(synced.life, s->life);
}

START_TEST(says_the_same_in_every_life)
{
	struct stage s;

	stage_open(&s, roles[_i], -1);
	for (unsigned life = 0; life < 3; life++) {
		stage_start(&s, "");
		expect_greeting(&s);
		stage_kill(&s);
	}
	stage_close(&s);
}
END_TEST

/* Answers come before releases; a PONG comes after the turn that made both. */
static void
expect_all_released(struct stage *s, uint64_t useful)
{
	struct ctl_pong pong;

	ck_assert_int_eq(ctl_send_ping(s->ctl, &(struct ctl_ping){ 77 }, NULL), 0);
	stage_ctl(s, CTL_PONG);
	ck_assert_int_eq(ctl_get_pong(&s->msg, &pong), 0);
	ck_assert(pong.number == 77 && pong.useful == useful);
	ck_assert_uint_eq(ring_used(ring_out_ring(s->front.out)), 0);
}

START_TEST(echoes)
{
	static struct book book;
	struct stage s;

	memset(&book, 0, sizeof(book));
	stage_open(&s, roles[_i], -1);
	stage_start(&s, "");
	expect_greeting(&s);
	for (unsigned i = 0; i < MANY; i++)
		ask(&s, &book);
	read_answers(&s, &book, MANY);
	for (unsigned i = 0; i < MANY; i++) {
		ck_assert_uint_eq(book.asked[i].sequence, i + 1);
		ck_assert_uint_eq(book.asked[i].answers, 1);
		ck_assert(!book.asked[i].error);
	}
	ck_assert_uint_eq(read_store(s.store, &book), s.role == ROLE_JS ? MANY : 0);
	expect_all_released(&s, MANY);
	ck_assert_int_eq(ctl_send_stop(s.ctl, &(struct ctl_stop){ 0 }, NULL), 0);
	stage_ctl(&s, CTL_STOPPED);
	ck_assert_int_eq(stage_wait_end(&s), 0);
	stage_close(&s);
}
END_TEST

START_TEST(ends_with_its_supervisor)
{
	struct stage s;
	int status;

	stage_open(&s, roles[_i], -1);
	stage_start(&s, "");
	shutdown(ctl_fd(s.ctl), SHUT_RDWR);
	status = stage_wait_end(&s);
	ck_assert(WIFEXITED(status));
	stage_close(&s);
}
END_TEST

START_TEST(tells_its_status)
{
	struct frame_status status;
	struct ring_rec whole;
	struct stage s;
	struct rd in;
	json_t *body;

	stage_open(&s, roles[_i], -1);
	stage_start(&s, "");
	expect_greeting(&s);
	frame_send_status_ask(s.front.out, &(struct frame_status_ask){ .token = 99 }, NULL);
	front_expect(&s, &s.front, FRAME_STATUS, &whole);
	in = rd_of(whole.data, whole.len);
	ck_assert_int_eq(frame_status_decode(&in, &status), 0);
	ck_assert_uint_eq(status.token, 99);
	ck_assert_ptr_nonnull(body = json_loadb(status.json.p, status.json.n, 0, NULL));
	ck_assert_uint_eq(number_of(body, "life"), 1);
	ck_assert_uint_eq(number_of(body, "applied"), 0);
	ck_assert_uint_eq(json_array_size(json_object_get(body, "links")), 1);
	json_decref(body);
	stage_close(&s);
}
END_TEST

/* A request, and so its answer, that is cut into several records. */
START_TEST(echoes_what_is_cut)
{
	static char payload[40000];
	struct ring_rec whole;
	struct frame_pub pub;
	struct stage s;
	struct rd in;
	json_t *body, *data;

	memset(payload, 'p', sizeof(payload));
	stage_open(&s, roles[_i], -1);
	stage_start(&s, "");
	expect_greeting(&s);
	for (unsigned i = 0; i < 10; i++) {
		front_ask(&s.front, (struct str){ payload, sizeof(payload) - i * 3000 }, STR("r"));
		front_expect(&s, &s.front, FRAME_PUB, &whole);
		in = rd_of(whole.data, whole.len);
		ck_assert_int_eq(frame_pub_decode(&in, &pub), 0);
		data = answer_body(&pub, &body);
		ck_assert_uint_eq(strlen(text_of(data, "payload")), sizeof(payload) - i * 3000);
		json_decref(body);
	}
	expect_all_released(&s, 10);
	stage_close(&s);
}
END_TEST

/* Nobody reads the answers: the role takes no more than it may and neither turns nor forgets. */
START_TEST(answers_wait_for_room)
{
	static struct book book;
	struct stage s;

	memset(&book, 0, sizeof(book));
	stage_open(&s, roles[_i], -1);
	stage_start(&s, "");
	for (unsigned i = 0; i < MANY; i++) {
		ask(&s, &book);
		ring_out_flush(s.front.out);
	}
	ck_assert_int_eq(ctl_send_ping(s.ctl, &(struct ctl_ping){ 1 }, NULL), 0);
	stage_ctl(&s, CTL_PONG);
	read_answers(&s, &book, MANY);
	for (unsigned i = 0; i < MANY; i++)
		ck_assert_uint_eq(book.asked[i].sequence, i + 1);
	stage_close(&s);
}
END_TEST

START_TEST(reload)
{
	struct ctl_config_valid valid;
	struct stage s;

	stage_open(&s, roles[_i], -1);
	stage_start(&s, "");
	ck_assert_int_eq(ctl_send_config(s.ctl, &(struct ctl_config){ 2 }, s.options, NULL), 0);
	stage_ctl(&s, CTL_CONFIG_VALID);
	ck_assert_int_eq(ctl_get_config_valid(&s.msg, &valid), 0);
	ck_assert(valid.generation == 2 && valid.why.n == 0);
	ck_assert_int_eq(ctl_send_config_use(s.ctl, &(struct ctl_config_use){ 2 }, NULL), 0);
	ck_assert_int_eq(ctl_send_config(s.ctl, &(struct ctl_config){ 3 }, s.store, NULL), 0);
	stage_ctl(&s, CTL_CONFIG_VALID);
	ck_assert_int_eq(ctl_get_config_valid(&s.msg, &valid), 0);
	ck_assert(valid.generation == 3 && valid.why.n > 0);
	ck_assert_int_eq(ctl_send_config_drop(s.ctl, &(struct ctl_config_drop){ 3 }, NULL), 0);
	ck_assert_int_eq(ctl_send_ping(s.ctl, &(struct ctl_ping){ 1 }, NULL), 0);
	stage_ctl(&s, CTL_PONG);
	stage_close(&s);
}
END_TEST

/* ---- deaths ---- */

static void
expect_once(struct stage *s, struct book *book)
{
	for (unsigned i = 0; i < book->n; i++) {
		ck_assert_uint_gt(book->asked[i].answers, 0);
		ck_assert(!book->asked[i].error);
	}
	if (s->role == ROLE_JS)
		ck_assert_uint_eq(read_store(s->store, book), book->n);
}

/* Killed by surprise, again and again, with requests under way. */
START_TEST(killed_at_random)
{
	static struct book book;
	uint32_t seed = 4711;
	struct stage s;

	memset(&book, 0, sizeof(book));
	stage_open(&s, roles[_i], -1);
	stage_start(&s, "");
	while (book.n + 8 <= MANY) {
		seed = seed * 1664525 + 1013904223;
		for (unsigned i = 0; i < 1 + (seed >> 16) % 8; i++)
			ask(&s, &book);
		read_answers(&s, &book, book.n - (seed >> 24) % 4 % book.n);
		stage_kill(&s);
		stage_start(&s, "");
	}
	read_answers(&s, &book, book.n);
	expect_once(&s, &book);
	stage_close(&s);
}
END_TEST

static const char *const points[] = { "js: catalogue", "js: before effect", "js: effect, verdict",
	"js: verdict, answer", "js: answer, release", "js: after release", "raft: catalogue",
	"raft: before effect", "raft: verdict, answer", "raft: answer, release",
	"raft: after release" };

#define POINT_REQUESTS 10u

static void
killed_once(const char *point, unsigned visit)
{
	static struct book book;
	char spec[64];
	struct stage s;
	int status;

	memset(&book, 0, sizeof(book));
	snprintf(spec, sizeof(spec), "%s@%u", point, visit);
	stage_open(&s, point[0] == 'j' ? ROLE_JS : ROLE_RAFT, -1);
	for (unsigned i = 0; i < POINT_REQUESTS; i++)
		ask(&s, &book);
	stage_try_start(&s, spec);
	status = stage_wait_end(&s);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	stage_start(&s, "");
	read_answers(&s, &book, POINT_REQUESTS);
	expect_once(&s, &book);
	stage_close(&s);
}

/* Some points are passed once for each request, some once a life or a batch. */
START_TEST(killed_at_points)
{
	const char *point = points[_i];
	bool each = strstr(point, "effect") != NULL || strstr(point, "verdict") != NULL;

	if (!KILLPOINT_BUILD)
		return;
	for (unsigned visit = 1; visit <= (each ? POINT_REQUESTS : 1); visit++)
		killed_once(point, visit);
}
END_TEST

/* The same record kills three lives: the fourth passes it over, and goes on. */
START_TEST(poison)
{
	static struct book book;
	uint64_t at;
	struct stage s;

	if (!KILLPOINT_BUILD)
		return;
	memset(&book, 0, sizeof(book));
	stage_open(&s, ROLE_JS, -1);
	ask(&s, &book);
	ask(&s, &book);
	for (unsigned i = 0; i < 3; i++) {
		stage_try_start(&s, "js: before effect@1");
		stage_wait_end(&s);
		ck_assert_int_eq(ring_death(s.front.to_fd, false, &at, NULL), i == 2);
	}
	ck_assert_uint_eq(at, book.asked[0].at);
	stage_start(&s, "");
	read_answers(&s, &book, 2);
	ck_assert(book.asked[0].error && !book.asked[1].error);
	ck_assert_uint_eq(book.asked[1].sequence, 1);
	ck_assert_uint_eq(read_store(s.store, &book), 1);
	stage_close(&s);
}
END_TEST

START_TEST(torn_tail_is_cut)
{
	static struct book book;
	struct stat st;
	struct stage s;

	memset(&book, 0, sizeof(book));
	stage_open(&s, ROLE_JS, -1);
	stage_start(&s, "");
	for (unsigned i = 0; i < 3; i++)
		ask(&s, &book);
	read_answers(&s, &book, 3);
	stage_kill(&s);
	ck_assert_int_eq(fstat(s.store, &st), 0);
	for (off_t torn = 1; torn < 50; torn += 7) {
		uint8_t bytes[64];

		/* the begin of a record as the first one is, in another place */
		ck_assert_int_eq(pread(s.store, bytes, (size_t)torn, 0), torn);
		ck_assert_int_eq(pwrite(s.store, bytes, (size_t)torn, st.st_size), torn);
		stage_start(&s, "");
		stage_kill(&s);
		ck_assert_uint_eq(read_store(s.store, &book), 3);
	}
	stage_start(&s, "");
	ask(&s, &book);
	read_answers(&s, &book, 4);
	ck_assert_uint_eq(book.asked[3].sequence, 4);
	expect_once(&s, &book);
	stage_close(&s);
}
END_TEST

START_TEST(store_in_a_directory)
{
	static struct book book;
	char path[] = "/tmp/test_hub.XXXXXX";
	struct stage s;
	int dir, fd;

	memset(&book, 0, sizeof(book));
	ck_assert_ptr_nonnull(mkdtemp(path));
	ck_assert_int_eq(chmod(path, 0777), 0);
	ck_assert_int_ne(dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), -1);
	stage_open(&s, ROLE_JS, dir);
	for (unsigned life = 1; life <= 3; life++) {
		stage_start(&s, "");
		ask(&s, &book);
		read_answers(&s, &book, life);
		stage_kill(&s);
	}
	ck_assert_int_ne(fd = openat(dir, "echo", O_RDONLY | O_CLOEXEC), -1);
	ck_assert_uint_eq(read_store(fd, &book), 3);
	close(fd);
	ck_assert_int_eq(unlinkat(dir, "echo", 0), 0);
	stage_close(&s);
	ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

/* ---- the front dies ---- */

START_TEST(old_rings_are_read_to_their_end)
{
	static struct book book;
	struct stage_front old;
	struct ring_rec whole;
	struct stage s;

	memset(&book, 0, sizeof(book));
	stage_open(&s, ROLE_JS, -1);
	stage_start(&s, "");
	expect_greeting(&s);
	kill(s.pid, SIGSTOP);
	for (unsigned i = 0; i < 20; i++)
		ask(&s, &book);
	/* the front dies in the middle of a cut frame */
	ring_out_put_parts(s.front.out, FRAME_MSG, (const uint8_t *)"part", 4);
	old = s.front;
	front_open(&s.front, 2, &s.role_bell);
	front_hand_over(&s, &s.front);
	ck_assert_int_eq(ctl_send_peer(s.ctl, &(struct ctl_peer){ .role = ROLE_FRONT, .life = 2,
	    .state = CTL_PEER_STARTING }, NULL), 0);
	kill(s.pid, SIGCONT);
	expect_greeting(&s);
	while (ring_used(ring_out_ring(old.out)) > 0)
		ck_assert_int_ne(kill(s.pid, 0), -1);
	ck_assert_uint_eq(read_store(s.store, &book), 20);
	ck_assert_int_eq(front_take(&s.front, &whole), 0);
	book.n = 0;
	ask(&s, &book);
	read_answers(&s, &book, 1);
	ck_assert_uint_eq(book.asked[0].sequence, 21);
	front_close(&old);
	stage_close(&s);
}
END_TEST

/* ---- a ring that lies ---- */

static void
lie(struct stage *s, void (*act)(struct stage *))
{
	struct ctl_peer_fault fault;
	int status;

	stage_open(s, ROLE_JS, -1);
	stage_start(s, "");
	expect_greeting(s);
	act(s);
	doorbell_ring(&s->role_bell);
	stage_ctl(s, CTL_PEER_FAULT);
	ck_assert_int_eq(ctl_get_peer_fault(&s->msg, &fault), 0);
	ck_assert_uint_eq(fault.role, ROLE_FRONT);
	ck_assert_uint_gt(fault.why.n, 0);
	status = stage_wait_end(s);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	stage_close(s);
}

static void
lie_cursor(struct stage *s)
{
	uint64_t write = 1 << 20;

	ck_assert_int_eq(pwrite(s->front.to_fd, &write, 8, offsetof(struct ring_shared, write)), 8);
}

static void
lie_frame(struct stage *s)
{
	ck_assert_int_eq(ring_out_put_parts(s->front.out, FRAME_PUB, (const uint8_t *)"01234567890"
	    "1234567890123456789", 30), 0);
	ring_out_flush(s->front.out);
}

static void
lie_fields(struct stage *s)
{
	uint8_t bytes[40];

	memset(bytes, 0xff, sizeof(bytes));
	ck_assert_int_eq(ring_out_put_parts(s->front.out, FRAME_MSG, bytes, sizeof(bytes)), 0);
	ring_out_flush(s->front.out);
}

static void (*const lies[])(struct stage *) = { lie_cursor, lie_frame, lie_fields };

START_TEST(accuses_a_lying_front)
{
	struct stage s;

	lie(&s, lies[_i]);
}
END_TEST

UNIT_MAIN("hub",
    unit_rows(tc, says_the_same_in_every_life, roles);
    unit_rows(tc, echoes, roles);
    unit_rows(tc, ends_with_its_supervisor, roles);
    unit_rows(tc, tells_its_status, roles);
    unit_rows(tc, echoes_what_is_cut, roles);
    unit_rows(tc, answers_wait_for_room, roles);
    unit_rows(tc, reload, roles);
    unit_rows(tc, killed_at_random, roles);
    unit_rows(tc, killed_at_points, points);
    tcase_add_test(tc, poison);
    tcase_add_test(tc, torn_tail_is_cut);
    tcase_add_test(tc, store_in_a_directory);
    tcase_add_test(tc, old_rings_are_read_to_their_end);
    unit_rows(tc, accuses_a_lying_front, lies);)
