/* SPDX-License-Identifier: BSD-2-Clause */
#include "client.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "control.h"
#include "error.h"
#include "text.h"

#define TIMEOUT_S   5 /* reading millions of rows takes the agent less */
#define REPLY_BYTES (1024UL * 1024 * 1024)

struct tg_client {
	int fd;
	struct sockaddr_un address;
};

bool tg_client_is_absent(int err)
{
	return err == -ENOENT || err == -ECONNREFUSED;
}

static int dial(struct tg_client *client)
{
	struct timeval timeout = {.tv_sec = TIMEOUT_S};

	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->fd < 0)
		return -errno;
	if (setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) ||
	    setsockopt(client->fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) ||
	    connect(client->fd, (struct sockaddr *)&client->address, sizeof(client->address)))
		return errno == EAGAIN ? -ETIMEDOUT : -errno; /* its backlog stays full */
	return 0;
}

int tg_client_open(const char *run_dir, struct tg_client **out, char *error, size_t error_bytes)
{
	struct tg_client *client = calloc(1, sizeof(*client));
	size_t room = sizeof(client->address.sun_path);
	int err;

	if (!client)
		return tg_error(-ENOMEM, error, error_bytes, "out of memory");
	client->fd = -1;
	client->address.sun_family = AF_UNIX;
	if ((size_t)snprintf(client->address.sun_path, room, "%s/" TG_CONTROL_SOCKET, run_dir) <
	    room)
		err = dial(client);
	else
		err = -ENAMETOOLONG;
	if (!err) {
		*out = client;
		return 0;
	}
	tg_error(err, error, error_bytes, "%s/" TG_CONTROL_SOCKET ": cannot reach the agent: %s%s",
		 run_dir, strerror(-err),
		 err == -EACCES ? "; run as root, or join the group of the socket" : "");
	tg_client_close(client);
	return err;
}

void tg_client_close(struct tg_client *client)
{
	if (!client)
		return;
	if (client->fd >= 0)
		close(client->fd);
	free(client);
}

static int send_all(int fd, const char *data, size_t bytes)
{
	while (bytes) {
		ssize_t sent = send(fd, data, bytes, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		data += sent;
		bytes -= (size_t)sent;
	}
	return 0;
}

/* Up to the newline, which is left out. */
static int receive_line(int fd, struct tg_text *line)
{
	static char buffer[65536];

	while (line->bytes < REPLY_BYTES) {
		ssize_t bytes = recv(fd, buffer, sizeof(buffer), 0);

		if (bytes < 0 && errno == EINTR)
			continue;
		if (bytes < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (!bytes)
			return -ECONNRESET;
		if (buffer[bytes - 1] == '\n') {
			tg_text_put(line, buffer, (size_t)bytes - 1);
			return line->failed ? -ENOMEM : 0;
		}
		tg_text_put(line, buffer, (size_t)bytes);
		if (line->failed)
			return -ENOMEM;
	}
	return -EMSGSIZE;
}

static int exchange(struct tg_client *client, struct json_object *request, struct tg_text *line)
{
	const char *text = json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN);
	int err = text ? send_all(client->fd, text, strlen(text)) : -ENOMEM;

	if (!err)
		err = send_all(client->fd, "\n", 1);
	return err ? err : receive_line(client->fd, line);
}

int tg_client_call(struct tg_client *client, struct json_object *request,
		   struct json_object **reply, char *error, size_t error_bytes)
{
	struct json_object *object;
	struct tg_text line = {0};
	int err = exchange(client, request, &line);

	if (err) {
		tg_text_free(&line);
		return tg_error(err, error, error_bytes, "%s: no answer from the agent: %s",
				client->address.sun_path, strerror(-err));
	}
	object = json_tokener_parse(line.data ? line.data : "");
	tg_text_free(&line);
	if (!json_object_is_type(object, json_type_object)) {
		json_object_put(object);
		return tg_error(-EPROTO, error, error_bytes,
				"%s: the answer is not a JSON object; is it a Tollgate agent?",
				client->address.sun_path);
	}
	*reply = object;
	return 0;
}
