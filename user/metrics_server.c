/* SPDX-License-Identifier: BSD-2-Clause */
#include "metrics_server.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "listen.h"
#include "log.h"

#define CONNECTIONS_MAX 64
#define ROUNDS_MAX	64
#define TIMEOUT_S	5     /* half of what Prometheus waits: who stalls cannot make it miss */
#define MEMORY_BYTES	32768 /* for the header of a request, per connection */

struct tg_metrics_server {
	struct MHD_Daemon *daemon;
	int epoll_fd;
	const char *content_type;
	tg_metrics_page page;
	void *arg;
};

static enum MHD_Result send_text(struct MHD_Connection *connection, unsigned int status,
				 const char *content_type, struct tg_text *text)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(text->bytes, text->data, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result result;

	if (!response) {
		tg_text_free(text);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result send_line(struct MHD_Connection *connection, unsigned int status,
				 const char *line)
{
	struct tg_text text = {0};

	tg_text_puts(&text, line);
	return text.failed ? MHD_NO
			   : send_text(connection, status, "text/plain; charset=utf-8", &text);
}

static enum MHD_Result send_page(struct tg_metrics_server *server,
				 struct MHD_Connection *connection)
{
	struct tg_text text = {0};
	int err = server->page(&text, server->arg);

	if (!err && !text.failed)
		return send_text(connection, MHD_HTTP_OK, server->content_type, &text);
	tg_text_free(&text);
	return send_line(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "the maps cannot be read now\n");
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
	return MHD_start_daemon(flags, 0, NULL, NULL, handle, server, MHD_OPTION_EXTERNAL_LOGGER,
				log_line, NULL, MHD_OPTION_SOCK_ADDR, address,
				MHD_OPTION_CONNECTION_LIMIT, (unsigned int)CONNECTIONS_MAX,
				MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)TIMEOUT_S,
				MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_BYTES,
				MHD_OPTION_END);
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
	free(server);
}
