/* SPDX-License-Identifier: BSD-2-Clause */
#include "listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int parse_port(const char *text, uint16_t *port)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long n;

	if (!digits || digits > 5 || text[digits])
		return -EINVAL;
	n = strtoul(text, NULL, 10);
	if (n < 1 || n > 65535)
		return -EINVAL;
	*port = (uint16_t)n;
	return 0;
}

/* Where host and port stand: *host_bytes from *host, and the port's text. */
static int split(const char *text, const char **host, size_t *host_bytes, const char **port,
		 bool *bracketed)
{
	const char *colon;

	*bracketed = *text == '[';
	*host = text + *bracketed;
	colon = *bracketed ? strstr(text, "]:") : strchr(text, ':');
	if (!colon)
		return -EINVAL;
	*host_bytes = (size_t)(colon - *host);
	*port = colon + 1 + *bracketed;
	return 0;
}

int tg_listen_parse(const char *text, struct sockaddr_storage *address, socklen_t *bytes)
{
	union {
		struct sockaddr_storage any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} to = {0};
	char host[INET6_ADDRSTRLEN];
	const char *host_at, *port_at;
	size_t host_bytes;
	uint16_t port;
	bool v6;

	if (split(text, &host_at, &host_bytes, &port_at, &v6) || host_bytes >= sizeof(host) ||
	    parse_port(port_at, &port))
		return -EINVAL;
	memcpy(host, host_at, host_bytes);
	host[host_bytes] = '\0';
	to.any.ss_family = v6 ? AF_INET6 : AF_INET;
	if (inet_pton(to.any.ss_family, host,
		      v6 ? (void *)&to.v6.sin6_addr : (void *)&to.v4.sin_addr) != 1)
		return -EINVAL;
	if (v6)
		to.v6.sin6_port = htons(port);
	else
		to.v4.sin_port = htons(port);
	*address = to.any;
	*bytes = v6 ? sizeof(to.v6) : sizeof(to.v4);
	return 0;
}

bool tg_listen_same_port(const char *one, const char *other)
{
	const char *host, *port;
	uint16_t ports[2];
	size_t host_bytes;
	bool bracketed;

	return !split(one, &host, &host_bytes, &port, &bracketed) && !parse_port(port, &ports[0]) &&
	       !split(other, &host, &host_bytes, &port, &bracketed) &&
	       !parse_port(port, &ports[1]) && ports[0] == ports[1];
}
