/* SPDX-License-Identifier: BSD-2-Clause */
#include "control.h"

#include <errno.h>
#include <json-c/json.h>
#include <json-c/printbuf.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "error.h"

#define EVENTS	    16
#define KEEP_BYTES  65536 /* of a client's answer buffer, from one answer to the next */
#define DEPTH_MAX   8
#define ERROR_BYTES 512

struct client {
	int fd; /* -1: free */
	uint64_t active_ns;
	char in[TG_CONTROL_REQUEST_BYTES];
	size_t in_bytes;
	struct tg_text out;
	size_t sent;
	bool closing; /* after the answer is sent */
};

struct tg_control {
	struct sockaddr_un address;
	int listen_fd;
	int epoll_fd;
	tg_control_handler handler;
	void *arg;
	struct client client[TG_CONTROL_CLIENTS];
};

/* --- answers -------------------------------------------------------------------------- */

void tg_control_error(struct tg_text *reply, int status, const char *format, ...)
{
	struct json_object *object = json_object_new_object();
	char text[ERROR_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	tg_text_reset(reply, KEEP_BYTES);
	json_object_object_add(object, "error", json_object_new_string(text));
	json_object_object_add(object, "exit", json_object_new_int(status));
	tg_text_puts(reply, json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
	json_object_put(object);
}

/* One object, and nothing but white space after it. */
static struct json_object *parse(const char *line, size_t bytes)
{
	struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
	struct json_object *object = NULL;
	size_t end;

	if (!tokener)
		return NULL;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, line, (int)bytes);
	end = json_tokener_get_parse_end(tokener);
	if (json_tokener_get_error(tokener) != json_tokener_success ||
	    end + strspn(line + end, " \t\r") != bytes ||
	    !json_object_is_type(object, json_type_object)) {
		json_object_put(object);
		object = NULL;
	}
	/* Its buffer holds the last text that it read: the token of an explain, perhaps. */
	explicit_bzero(tokener->pb->buf, (size_t)tokener->pb->size);
	json_tokener_free(tokener);
	return object;
}

/* explain names a whole token; it is not to stay in memory that is handed out again. */
static void wipe_token(struct json_object *request)
{
	struct json_object *token = json_object_object_get(request, "token");

	if (json_object_is_type(token, json_type_string))
		explicit_bzero((char *)json_object_get_string(token),
			       (size_t)json_object_get_string_len(token));
}

/* line: NUL-terminated instead of by its newline. */
static void answer(struct tg_control *control, struct client *client, const char *line,
		   size_t bytes)
{
	struct json_object *request = parse(line, bytes);

	tg_text_reset(&client->out, KEEP_BYTES);
	client->sent = 0;
	if (request)
		control->handler(request, &client->out, control->arg);
	else
		tg_control_error(&client->out, 2,
				 "control: not a JSON object; send one object a line");
	if (client->out.failed)
		tg_control_error(&client->out, 1,
				 "control: no memory for the answer; ask for less (--top N)");
	tg_text_puts(&client->out, "\n");
	wipe_token(request);
	json_object_put(request);
}

/* --- clients ---------------------------------------------------------------------------- */

static void drop(struct client *client)
{
	close(client->fd); /* leaves the epoll set, too */
	tg_text_free(&client->out);
	explicit_bzero(client->in, client->in_bytes); /* half an explain, perhaps, with its token */
	client->in_bytes = 0;
	client->fd = -1;
}

static void watch(struct tg_control *control, struct client *client, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = client};

	epoll_ctl(control->epoll_fd, EPOLL_CTL_MOD, client->fd, &event);
}

/* true: all is sent. false: more to send, or the client is gone. */
static bool flush(struct tg_control *control, struct client *client, uint64_t now_ns)
{
	while (client->sent < client->out.bytes) {
		ssize_t sent = send(client->fd, client->out.data + client->sent,
				    client->out.bytes - client->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN) {
			watch(control, client, EPOLLOUT);
			return false;
		}
		if (sent < 0) {
			drop(client);
			return false;
		}
		client->sent += (size_t)sent;
		client->active_ns = now_ns;
	}
	if (client->closing) {
		drop(client);
		return false;
	}
	tg_text_reset(&client->out, KEEP_BYTES);
	client->sent = 0;
	return true;
}

static char *line_end(struct client *client)
{
	return memchr(client->in, '\n', client->in_bytes);
}

static void answer_line(struct tg_control *control, struct client *client, char *end)
{
	size_t bytes = (size_t)(end - client->in);

	*end = '\0';
	answer(control, client, client->in, bytes);
	client->in_bytes -= bytes + 1;
	memmove(client->in, end + 1, client->in_bytes);
	/* The question may have held a token (explain). */
	explicit_bzero(client->in + client->in_bytes, bytes + 1);
}

/* One line, then it is the others' turn: who asks a thousand things at once waits for them. */
static void serve_line(struct tg_control *control, struct client *client, uint64_t now_ns)
{
	char *end = line_end(client);

	if (end) {
		answer_line(control, client, end);
		if (!flush(control, client, now_ns))
			return; /* goes on when the answer is out */
	}
	if (line_end(client)) {
		watch(control, client, EPOLLOUT); /* that is at once, but not before the others */
		return;
	}
	if (client->in_bytes == sizeof(client->in)) {
		tg_control_error(&client->out, 2, "control: a request of more than %zu bytes",
				 sizeof(client->in) - 1);
		tg_text_puts(&client->out, "\n");
		client->closing = true;
		flush(control, client, now_ns);
		return;
	}
	watch(control, client, EPOLLIN);
}

static void receive(struct tg_control *control, struct client *client, uint64_t now_ns)
{
	ssize_t bytes = recv(client->fd, client->in + client->in_bytes,
			     sizeof(client->in) - client->in_bytes, MSG_DONTWAIT);

	if (bytes < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (bytes <= 0) {
		drop(client);
		return;
	}
	if (!client->in_bytes) /* a request must come complete in time: trickling does not help */
		client->active_ns = now_ns;
	client->in_bytes += (size_t)bytes;
	serve_line(control, client, now_ns);
}

static void refuse(int fd)
{
	struct tg_text text = {0};

	tg_control_error(&text, 1, "control: too many clients; try again");
	tg_text_puts(&text, "\n");
	if (!text.failed)
		send(fd, text.data, text.bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
	tg_text_free(&text);
	close(fd);
}

static struct client *free_client(struct tg_control *control)
{
	for (int i = 0; i < TG_CONTROL_CLIENTS; i++) {
		if (control->client[i].fd < 0)
			return &control->client[i];
	}
	return NULL;
}

/* The one that has been silent for longest, if that is long enough, makes room. */
static struct client *make_room(struct tg_control *control, uint64_t now_ns)
{
	struct client *oldest = &control->client[0];

	for (int i = 1; i < TG_CONTROL_CLIENTS; i++)
		if (control->client[i].active_ns < oldest->active_ns)
			oldest = &control->client[i];
	if (now_ns - oldest->active_ns < TG_CONTROL_PATIENCE_NS)
		return NULL;
	drop(oldest);
	return oldest;
}

static void accept_all(struct tg_control *control, uint64_t now_ns)
{
	for (;;) {
		int fd = accept4(control->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		struct epoll_event event = {.events = EPOLLIN};
		struct client *client;

		if (fd < 0)
			return;
		client = free_client(control);
		if (!client)
			client = make_room(control, now_ns);
		event.data.ptr = client;
		if (!client || epoll_ctl(control->epoll_fd, EPOLL_CTL_ADD, fd, &event)) {
			refuse(fd);
			continue;
		}
		client->fd = fd;
		client->active_ns = now_ns;
		client->in_bytes = 0;
		client->closing = false;
	}
}

static void expire(struct tg_control *control, uint64_t now_ns)
{
	for (int i = 0; i < TG_CONTROL_CLIENTS; i++) {
		struct client *client = &control->client[i];

		if (client->fd >= 0 && now_ns - client->active_ns > TG_CONTROL_IDLE_NS)
			drop(client);
	}
}

void tg_control_run(struct tg_control *control, uint64_t now_ns)
{
	struct epoll_event events[EVENTS];
	int count = epoll_wait(control->epoll_fd, events, EVENTS, 0);
	bool knocks = false;

	for (int i = 0; i < count; i++) {
		struct client *client = events[i].data.ptr;

		if (!client)
			knocks = true;
		else if (client->fd < 0)
			continue;
		else if (events[i].events & EPOLLOUT && flush(control, client, now_ns))
			serve_line(control, client, now_ns);
		else if (events[i].events & EPOLLIN)
			receive(control, client, now_ns);
		else if (events[i].events & (EPOLLHUP | EPOLLERR))
			drop(client);
	}
	if (knocks) /* last: who makes room may be among the events */
		accept_all(control, now_ns);
	expire(control, now_ns);
}

/* --- the listener ------------------------------------------------------------------------- */

int tg_control_fd(const struct tg_control *control)
{
	return control->epoll_fd;
}

/* Does someone listen on it? */
static bool is_alive(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool alive = fd >= 0 && (!connect(fd, (const struct sockaddr *)address, sizeof(*address)) ||
				 errno == EAGAIN);

	if (fd >= 0)
		close(fd);
	return alive;
}

static int bind_socket(struct tg_control *control)
{
	const struct sockaddr *address = (const struct sockaddr *)&control->address;
	mode_t mask = umask(0117); /* 0660 from the first moment on */
	int err = 0;

	if (bind(control->listen_fd, address, sizeof(control->address)))
		err = -errno;
	if (err == -EADDRINUSE && !is_alive(&control->address)) {
		unlink(control->address.sun_path);
		err = bind(control->listen_fd, address, sizeof(control->address)) ? -errno : 0;
	}
	umask(mask);
	return err;
}

static int start(struct tg_control *control)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
	int err;

	control->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (control->listen_fd < 0)
		return -errno;
	err = bind_socket(control);
	if (err)
		return err;
	if (listen(control->listen_fd, TG_CONTROL_CLIENTS))
		return -errno;
	control->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (control->epoll_fd < 0 ||
	    epoll_ctl(control->epoll_fd, EPOLL_CTL_ADD, control->listen_fd, &event))
		return -errno;
	return 0;
}

static void stop(struct tg_control *control)
{
	for (int i = 0; i < TG_CONTROL_CLIENTS; i++) {
		if (control->client[i].fd >= 0)
			drop(&control->client[i]);
	}
	if (control->epoll_fd >= 0)
		close(control->epoll_fd);
	if (control->listen_fd >= 0)
		close(control->listen_fd);
	free(control);
}

static struct tg_control *control_new(void)
{
	struct tg_control *control = calloc(1, sizeof(*control));

	if (!control)
		return NULL;
	control->address.sun_family = AF_UNIX;
	control->listen_fd = -1;
	control->epoll_fd = -1;
	for (int i = 0; i < TG_CONTROL_CLIENTS; i++)
		control->client[i].fd = -1;
	return control;
}

int tg_control_open(const char *run_dir, tg_control_handler handler, void *arg,
		    struct tg_control **out, char *error, size_t error_bytes)
{
	struct tg_control *control = control_new();
	size_t room = sizeof(control->address.sun_path);
	int err;

	if (!control)
		return tg_error(-ENOMEM, error, error_bytes, "control: out of memory");
	control->handler = handler;
	control->arg = arg;
	if ((size_t)snprintf(control->address.sun_path, room, "%s/" TG_CONTROL_SOCKET, run_dir) >=
	    room) {
		stop(control);
		return tg_error(-ENAMETOOLONG, error, error_bytes,
				"%s: too long a path for a socket; choose another run_dir",
				run_dir);
	}
	if (mkdir(run_dir, 0755) && errno != EEXIST)
		err = -errno;
	else
		err = start(control);
	if (!err) {
		*out = control;
		return 0;
	}
	tg_error(err, error, error_bytes,
		 err == -EADDRINUSE ? "%s: another agent listens there; stop it, or choose another "
				      "run_dir"
				    : "%s: cannot listen: %s",
		 control->address.sun_path, strerror(-err));
	stop(control);
	return err;
}

void tg_control_close(struct tg_control *control)
{
	if (!control)
		return;
	unlink(control->address.sun_path);
	stop(control);
}
