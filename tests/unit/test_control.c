/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/control.c user/client.c user/text.c user/error.c user/clock.c */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <json-c/json.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../user/client.h"
#include "../../user/control.h"

#define BIG (8 * 1024 * 1024)

struct fixture {
	char dir[32];
	char socket[64];
	struct tg_control *control;
	uint64_t now_ns;
	unsigned int handled;
};

/* "big": an answer that fits no socket buffer. Others: the request back. */
static void handle(struct json_object *request, struct tg_text *reply, void *arg)
{
	struct fixture *fixture = arg;
	const char *verb = json_object_get_string(json_object_object_get(request, "verb"));

	fixture->handled++;
	if (verb && !strcmp(verb, "big")) {
		tg_text_puts(reply, "{\"big\":\"");
		for (int i = 0; i < BIG / 16; i++)
			tg_text_puts(reply, "0123456789abcdef");
		tg_text_puts(reply, "\"}");
	} else if (verb && !strcmp(verb, "fail")) {
		tg_text_puts(reply, "half an ans");
		tg_control_error(reply, 1, "no \"such\" thing: %d", 42);
	} else {
		tg_text_puts(reply,
			     json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN));
	}
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	char error[200];

	strcpy(fixture->dir, "/tmp/tg-control-XXXXXX");
	if (!mkdtemp(fixture->dir))
		return -1;
	snprintf(fixture->socket, sizeof(fixture->socket), "%s/%s", fixture->dir,
		 TG_CONTROL_SOCKET);
	fixture->now_ns = 1000000000;
	*state = fixture;
	return tg_control_open(fixture->dir, handle, fixture, &fixture->control, error,
			       sizeof(error));
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	tg_control_close(fixture->control);
	if (!access(fixture->socket, F_OK) || rmdir(fixture->dir))
		return -1; /* it left something behind */
	free(fixture);
	return 0;
}

static void run(struct fixture *fixture)
{
	for (int i = 0; i < 4; i++)
		tg_control_run(fixture->control, fixture->now_ns);
}

static int dial(const struct fixture *fixture)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, fixture->socket);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void say(int fd, const char *data, size_t bytes)
{
	assert_int_equal(send(fd, data, bytes, MSG_NOSIGNAL), bytes);
}

/* What has arrived; "" when the other side hung up, "(nothing)" when there is none. */
static const char *heard(int fd)
{
	static char text[65536];
	ssize_t bytes = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	if (bytes < 0)
		return errno == EAGAIN ? "(nothing)" : "";
	text[bytes] = '\0';
	return text;
}

static void a_request_is_answered(void **state)
{
	struct fixture *fixture = *state;
	struct stat stat_of;
	int fd = dial(fixture);

	assert_int_equal(stat(fixture->socket, &stat_of), 0);
	assert_int_equal(stat_of.st_mode & 0777, 0660);
	say(fd, "{\"a\":1}\n", 8);
	run(fixture);
	assert_string_equal(heard(fd), "{\"a\":1}\n");
	say(fd, "{\"a\":2}\n{\"a\":3}\n", 16); /* the connection stays; two at once */
	run(fixture);
	assert_string_equal(heard(fd), "{\"a\":2}\n{\"a\":3}\n");
	close(fd);
	run(fixture);
}

static void a_request_may_come_in_pieces(void **state)
{
	struct fixture *fixture = *state;
	const char *request = "{\"a\":1}\n";
	int fd = dial(fixture);

	for (size_t i = 0; i < strlen(request); i++) {
		assert_int_equal(fixture->handled, 0);
		say(fd, request + i, 1);
		run(fixture);
	}
	assert_string_equal(heard(fd), "{\"a\":1}\n");
	close(fd);
}

static void errors_are_answers(void **state)
{
	struct fixture *fixture = *state;
	int fd = dial(fixture);

	say(fd, "{\"verb\":\"fail\"}\n", 16);
	run(fixture);
	assert_string_equal(heard(fd), "{\"error\":\"no \\\"such\\\" thing: 42\",\"exit\":1}\n");
	close(fd);
}

static void garbage_is_refused(void **state)
{
	static const char *const garbage[] = {
		"\n",
		"GET / HTTP/1.1\r\n",
		"{\n",
		"[]\n",
		"7\n",
		"\"usage\"\n",
		"null\n",
		"{\"a\":1} trailing\n",
		"{\"a\":\"\xff\xfe\"}\n",
		"{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}}}}\n",
	};
	struct fixture *fixture = *state;
	int fd = dial(fixture);

	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		say(fd, garbage[i], strlen(garbage[i]));
		run(fixture);
		assert_string_equal(heard(fd), "{\"error\":\"control: not a JSON object; send one "
					       "object a line\",\"exit\":2}\n");
	}
	say(fd, "\0\0\0\n", 4);
	run(fixture);
	assert_non_null(strstr(heard(fd), "not a JSON object"));
	assert_int_equal(fixture->handled, 0);
	say(fd, "{}\n", 3); /* and the connection still serves */
	run(fixture);
	assert_string_equal(heard(fd), "{}\n");
	close(fd);
}

static void too_much_is_refused(void **state)
{
	static char much[TG_CONTROL_REQUEST_BYTES];
	struct fixture *fixture = *state;
	int fd = dial(fixture);

	memset(much, ' ', sizeof(much));
	say(fd, much, sizeof(much));
	run(fixture);
	assert_non_null(strstr(heard(fd), "a request of more than"));
	assert_string_equal(heard(fd), "");
	assert_int_equal(fixture->handled, 0);
	close(fd);

	/* one byte less, with its newline, is fine */
	fd = dial(fixture);
	memcpy(much, "{}", 2);
	much[sizeof(much) - 1] = '\n';
	say(fd, much, sizeof(much));
	run(fixture);
	assert_string_equal(heard(fd), "{}\n");
	close(fd);
}

static void silence_ends(void **state)
{
	struct fixture *fixture = *state;
	int silent = dial(fixture);
	int trickling = dial(fixture);

	run(fixture);
	for (int i = 0; i < 4; i++) {
		say(trickling, "{", 1);
		fixture->now_ns += TG_CONTROL_IDLE_NS / 4;
		run(fixture);
		assert_string_equal(heard(silent), "(nothing)");
	}
	fixture->now_ns += 2;
	run(fixture);
	assert_string_equal(heard(silent), "");
	fixture->now_ns += TG_CONTROL_IDLE_NS / 4;
	run(fixture);
	assert_string_equal(heard(trickling), "");
	close(silent);
	close(trickling);
}

static void clients_are_bounded(void **state)
{
	struct fixture *fixture = *state;
	int fd[TG_CONTROL_CLIENTS], one_more;

	for (int i = 0; i < TG_CONTROL_CLIENTS; i++) {
		fd[i] = dial(fixture);
		run(fixture);
	}
	one_more = dial(fixture);
	run(fixture);
	assert_non_null(strstr(heard(one_more), "too many clients"));
	assert_string_equal(heard(one_more), "");
	close(one_more);
	close(fd[3]);
	run(fixture);
	fd[3] = dial(fixture); /* room again */
	say(fd[3], "{}\n", 3);
	run(fixture);
	assert_string_equal(heard(fd[3]), "{}\n");
	for (int i = 0; i < TG_CONTROL_CLIENTS; i++)
		close(fd[i]);
}

/* Who has said nothing for a while goes when another comes; who has just spoken stays. */
static void the_silent_make_room(void **state)
{
	struct fixture *fixture = *state;
	int fd[TG_CONTROL_CLIENTS], one_more;

	for (int i = 0; i < TG_CONTROL_CLIENTS; i++) {
		fd[i] = dial(fixture);
		run(fixture);
		fixture->now_ns += 1000;
	}
	fixture->now_ns += TG_CONTROL_PATIENCE_NS;
	for (int i = 0; i < TG_CONTROL_CLIENTS; i++) {
		if (i == 7)
			continue;
		say(fd[i], "{}\n", 3);
		run(fixture);
		assert_string_equal(heard(fd[i]), "{}\n");
	}
	one_more = dial(fixture);
	run(fixture);
	say(one_more, "{\"a\":1}\n", 8);
	run(fixture);
	assert_string_equal(heard(one_more), "{\"a\":1}\n");
	assert_string_equal(heard(fd[7]), "");
	assert_string_equal(heard(fd[6]), "(nothing)");
	close(one_more);
	for (int i = 0; i < TG_CONTROL_CLIENTS; i++)
		close(fd[i]);
}

/* Many requests at once: the others need not wait until all of them are answered. */
static void the_greedy_take_turns(void **state)
{
	struct fixture *fixture = *state;
	int greedy = dial(fixture), other = dial(fixture);
	char text[3 * 1000];

	for (size_t i = 0; i < sizeof(text); i += 3)
		memcpy(text + i, "{}\n", 3);
	run(fixture);
	say(greedy, text, sizeof(text));
	run(fixture);
	say(other, "{\"a\":1}\n", 8);
	run(fixture);
	assert_string_equal(heard(other), "{\"a\":1}\n");
	assert_true(fixture->handled < 20);
	for (size_t bytes = 0; bytes < sizeof(text); bytes += strlen(heard(greedy)))
		run(fixture);
	assert_int_equal(fixture->handled, 1001);
	assert_string_equal(heard(greedy), "(nothing)");
	close(greedy);
	close(other);
}

/* A client that does not read its answer holds up nobody. */
static void a_stalled_reader_hurts_nobody(void **state)
{
	struct fixture *fixture = *state;
	int stalled = dial(fixture);
	int other = dial(fixture);

	say(stalled, "{\"verb\":\"big\"}\n", 15);
	run(fixture);
	say(other, "{}\n", 3);
	run(fixture);
	assert_string_equal(heard(other), "{}\n");
	close(other);
	fixture->now_ns += TG_CONTROL_IDLE_NS + 1;
	run(fixture);
	assert_int_not_equal(strlen(heard(stalled)), 0); /* what had been sent */
	while (*heard(stalled))
		;
	close(stalled);
}

static void a_client_that_hangs_up_early(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 0; i < 3 * TG_CONTROL_CLIENTS; i++) {
		int fd = dial(fixture);

		say(fd, "{\"verb\":\"big\"}\n{\"verb\":\"big\"}\n", i % 31);
		if (i % 2)
			run(fixture);
		close(fd);
		run(fixture);
	}
	a_request_is_answered(state);
}

struct server {
	struct fixture *fixture;
	atomic_bool stop;
};

static void *serve(void *arg)
{
	struct server *server = arg;

	while (!atomic_load(&server->stop)) {
		tg_control_run(server->fixture->control, server->fixture->now_ns);
		usleep(200);
	}
	return NULL;
}

static void the_client_gets_big_answers(void **state)
{
	struct server server = {.fixture = *state};
	struct json_object *request = json_tokener_parse("{\"verb\":\"big\"}");
	struct json_object *reply = NULL;
	struct tg_client *client;
	char error[200] = "";
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, serve, &server), 0);
	assert_int_equal(tg_client_open(server.fixture->dir, &client, error, sizeof(error)), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(tg_client_call(client, request, &reply, error, sizeof(error)), 0);
		assert_int_equal(json_object_get_string_len(json_object_object_get(reply, "big")),
				 BIG);
		json_object_put(reply);
	}
	tg_client_close(client);
	atomic_store(&server.stop, true);
	pthread_join(thread, NULL);
	json_object_put(request);
}

static void one_listener_a_directory(void **state)
{
	struct fixture *fixture = *state;
	struct tg_control *second = NULL;
	char error[200] = "";

	assert_int_equal(
		tg_control_open(fixture->dir, handle, fixture, &second, error, sizeof(error)),
		-EADDRINUSE);
	assert_null(second);
	assert_non_null(strstr(error, "another agent listens there"));
	a_request_is_answered(state); /* the first is unharmed */
}

static void a_dead_socket_is_taken_over(void **state)
{
	struct fixture *fixture = *state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct tg_client *client = NULL;
	char error[200] = "";
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	tg_control_close(fixture->control);
	fixture->control = NULL;
	assert_int_equal(tg_client_open(fixture->dir, &client, error, sizeof(error)), -ENOENT);
	assert_true(tg_client_is_absent(-ENOENT));
	strcpy(address.sun_path, fixture->socket);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd); /* the file stays, as after kill -9 */
	assert_int_equal(tg_client_open(fixture->dir, &client, error, sizeof(error)),
			 -ECONNREFUSED);
	assert_true(tg_client_is_absent(-ECONNREFUSED));
	assert_null(client);
	assert_int_equal(tg_control_open(fixture->dir, handle, fixture, &fixture->control, error,
					 sizeof(error)),
			 0);
	a_request_is_answered(state);
}

static void a_path_that_does_not_fit(void **state)
{
	struct tg_control *control = NULL;
	struct tg_client *client = NULL;
	char path[200], error[400] = "";

	(void)state;
	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(tg_control_open(path, handle, NULL, &control, error, sizeof(error)),
			 -ENAMETOOLONG);
	assert_int_equal(tg_client_open(path, &client, error, sizeof(error)), -ENAMETOOLONG);
}

#define with_control(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

/* What a client said goes with it, though its line did not end: it may hold a token. */
static void what_is_half_said_is_wiped(void **state)
{
	static const char half[] = "{\"verb\":\"explain\",\"token\":\"half_a_token";
	struct fixture *fixture = *state;
	size_t bytes = malloc_usable_size(fixture->control);
	int fd = dial(fixture);

	run(fixture);
	say(fd, half, strlen(half));
	run(fixture);
	assert_non_null(memmem(fixture->control, bytes, "half_a_token", 12));
	close(fd);
	run(fixture);
	assert_null(memmem(fixture->control, bytes, "half_a_token", 12));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_control(a_request_is_answered),
		with_control(a_request_may_come_in_pieces),
		with_control(errors_are_answers),
		with_control(garbage_is_refused),
		with_control(too_much_is_refused),
		with_control(silence_ends),
		with_control(clients_are_bounded),
		with_control(the_silent_make_room),
		with_control(the_greedy_take_turns),
		with_control(what_is_half_said_is_wiped),
		with_control(a_stalled_reader_hurts_nobody),
		with_control(a_client_that_hangs_up_early),
		with_control(the_client_gets_big_answers),
		with_control(one_listener_a_directory),
		with_control(a_dead_socket_is_taken_over),
		cmocka_unit_test(a_path_that_does_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
