/* SPDX-License-Identifier: BSD-2-Clause */
#include "metrics_server.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"
#include "error.h"
#include "listen.h"
#include "log.h"

#define CONNECTIONS_MAX 256
#define ROOM		32 /* connections that are to be had when those that stall have gone */
#define ROUNDS_MAX	64
#define TIMEOUT_S	5	     /* for a connection on which nothing happens */
#define PATIENCE_NS	250000000ULL /* with one that others wait for: a scrape takes less */
#define MEMORY_BYTES	32768	     /* for the header of a request, per connection */

struct connection {
	int fd; /* -1: free */
	uint64_t since_ns;
	bool ending;
};

struct tg_metrics_server {
	struct MHD_Daemon *daemon;
	struct connection connection[CONNECTIONS_MAX];
	unsigned int connections;
	struct MHD_Response *last; /* the page that was sent last */
	struct tg_text last_text;  /* its bytes, which are its own */
	int epoll_fd;
	const char *content_type;
	tg_metrics_page page;
	void *arg;
};

/* --- connections ------------------------------------------------------------------------ */

/* *context: of the connection, ours. */
static void note_connection(void *arg, struct MHD_Connection *mhd, void **context,
			    enum MHD_ConnectionNotificationCode code)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct tg_metrics_server *server = arg;
	struct connection *at = *context;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (at)
			at->fd = -1;
		server->connections -= at != NULL;
		return;
	}
	for (int i = 0; info && i < CONNECTIONS_MAX; i++) {
		at = &server->connection[i];
		if (at->fd >= 0)
			continue;
		*at = (struct connection){info->connect_fd, tg_clock_monotonic_ns(), false};
		server->connections++;
		*context = at;
		return;
	}
}

/*
 * Who stalls keeps nobody out for longer than this. Shut down only: the daemon, which
 * closes it, learns that as if the other side had left.
 */
static void make_room(struct tg_metrics_server *server)
{
	uint64_t now_ns = tg_clock_monotonic_ns();

	if (server->connections + ROOM <= CONNECTIONS_MAX)
		return;
	for (int i = 0; i < CONNECTIONS_MAX; i++) {
		struct connection *at = &server->connection[i];

		if (at->fd < 0 || at->ending || now_ns - at->since_ns < PATIENCE_NS)
			continue;
		at->ending = true;
		shutdown(at->fd, SHUT_RDWR);
	}
}

/* --- answers -------------------------------------------------------------------------------- */

static enum MHD_Result queue(struct MHD_Connection *connection, unsigned int status,
			     struct MHD_Response *response)
{
	enum MHD_Result result = MHD_queue_response(connection, status, response);

	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result send_text(struct MHD_Connection *connection, unsigned int status,
				 const char *content_type, struct tg_text *text)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(text->bytes, text->data, MHD_RESPMEM_MUST_FREE);

	if (!response) {
		tg_text_free(text);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	return queue(connection, status, response);
}

static enum MHD_Result send_line(struct MHD_Connection *connection, unsigned int status,
				 const char *line)
{
	struct tg_text text = {0};

	tg_text_puts(&text, line);
	return text.failed ? MHD_NO
			   : send_text(connection, status, "text/plain; charset=utf-8", &text);
}

static void forget_last(struct tg_metrics_server *server)
{
	if (server->last)
		MHD_destroy_response(server->last); /* who still takes it keeps it */
	server->last = NULL;
	server->last_text = (struct tg_text){0};
}

/*
 * Takes text. Those who get the same page share its memory: it is as large as the books,
 * and they may take all the time that they are given.
 */
static struct MHD_Response *share(struct tg_metrics_server *server, struct tg_text *text)
{
	if (server->last && server->last_text.bytes == text->bytes &&
	    !memcmp(server->last_text.data, text->data, text->bytes)) {
		tg_text_free(text);
		return server->last;
	}
	forget_last(server);
	server->last =
		MHD_create_response_from_buffer(text->bytes, text->data, MHD_RESPMEM_MUST_FREE);
	if (!server->last) {
		tg_text_free(text);
		return NULL;
	}
	server->last_text = *text;
	MHD_add_response_header(server->last, MHD_HTTP_HEADER_CONTENT_TYPE, server->content_type);
	return server->last;
}

static enum MHD_Result send_page(struct tg_metrics_server *server,
				 struct MHD_Connection *connection)
{
	struct MHD_Response *response;
	struct tg_text text = {0};
	int err = server->page(&text, server->arg);

	if (err || text.failed) {
		tg_text_free(&text);
		return send_line(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
				 "the maps cannot be read now\n");
	}
	response = share(server, &text);
	return response ? MHD_queue_response(connection, MHD_HTTP_OK, response) : MHD_NO;
}

/* Called for the header, for each piece of a body, and at the end of the request. */
static enum MHD_Result handle(void *arg, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload_data,
			      size_t *upload_bytes, void **request_state)
{
	static const char seen;
	struct tg_metrics_server *server = arg;

	(void)version;
	(void)upload_data;
	if (!*request_state) {
		*request_state = (void *)&seen;
		return MHD_YES;
	}
	if (*upload_bytes) { /* a body nobody asked for */
		*upload_bytes = 0;
		return MHD_YES;
	}
	if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD))
		return send_line(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET\n");
	if (!strcmp(url, "/metrics"))
		return send_page(server, connection);
	if (!strcmp(url, "/healthz"))
		return send_line(connection, MHD_HTTP_OK, "ok\n");
	if (!strcmp(url, "/"))
		return send_line(connection, MHD_HTTP_OK, "Tollgate: see /metrics\n");
	return send_line(connection, MHD_HTTP_NOT_FOUND, "not found; see /metrics\n");
}

static void log_line(void *arg, const char *format, va_list args)
{
	char line[256];

	(void)arg;
	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\r\n")] = '\0';
	tg_log_debug("metrics: %s", line);
}

static struct MHD_Daemon *start(struct tg_metrics_server *server, const struct sockaddr *address)
{
	unsigned int flags = MHD_USE_EPOLL | MHD_USE_ERROR_LOG;

	if (address->sa_family == AF_INET6)
		flags |= MHD_USE_IPv6;
	return MHD_start_daemon(
		flags, 0, NULL, NULL, handle, server, MHD_OPTION_EXTERNAL_LOGGER, log_line, NULL,
		MHD_OPTION_SOCK_ADDR, address, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned int)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned int)TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_BYTES,
		MHD_OPTION_NOTIFY_CONNECTION, note_connection, server, MHD_OPTION_END);
}

int tg_metrics_server_open(const char *listen, const char *content_type, tg_metrics_page page,
			   void *arg, struct tg_metrics_server **out, char *error,
			   size_t error_bytes)
{
	struct tg_metrics_server *server = calloc(1, sizeof(*server));
	struct sockaddr_storage address;
	socklen_t bytes;
	int err;

	if (!server)
		return tg_error(-ENOMEM, error, error_bytes, "out of memory");
	for (int i = 0; i < CONNECTIONS_MAX; i++)
		server->connection[i].fd = -1;
	server->content_type = content_type;
	server->page = page;
	server->arg = arg;
	err = tg_listen_parse(listen, &address, &bytes);
	errno = 0;
	if (!err)
		server->daemon = start(server, (struct sockaddr *)&address);
	if (!server->daemon) {
		err = err ? err : errno ? -errno : -EIO;
		free(server);
		return tg_error(
			err, error, error_bytes,
			"metrics.listen %s: cannot listen: %s; free the port, choose another, "
			"or set metrics.listen to \"\"",
			listen, strerror(-err));
	}
	server->epoll_fd = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	*out = server;
	return 0;
}

int tg_metrics_server_fd(const struct tg_metrics_server *server)
{
	return server->epoll_fd;
}

/* Its descriptors are edge-triggered: what it has left to do, nobody will tell again. */
void tg_metrics_server_run(struct tg_metrics_server *server)
{
	unsigned long long wait_ms = 0;

	make_room(server);
	for (int rounds = 0; rounds < ROUNDS_MAX && !wait_ms; rounds++) {
		MHD_run(server->daemon);
		if (MHD_get_timeout(server->daemon, &wait_ms) != MHD_YES)
			return;
	}
}

void tg_metrics_server_close(struct tg_metrics_server *server)
{
	if (!server)
		return;
	MHD_stop_daemon(server->daemon);
	forget_last(server);
	free(server);
}
