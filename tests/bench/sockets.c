/* SPDX-License-Identifier: BSD-2-Clause */
#include "sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <linux/types.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "knobs.h"
#include "object.h"
#include "segment.h"

static void must(int result, const char *what)
{
	if (result)
		bench_die(what, strerror(errno));
}

static void shell(const char *command)
{
	if (system(command))
		bench_die(command, "failed");
}

static struct sockaddr_in address(const char *bytes, unsigned int port)
{
	struct sockaddr_in out = {.sin_family = AF_INET, .sin_port = htons(port)};

	memcpy(&out.sin_addr, bytes, 4);
	return out;
}

void bench_sockets_namespace(void)
{
	must(unshare(CLONE_NEWNET), "a namespace");
	shell("ip link set lo up && ip addr add 192.0.2.1/24 dev lo && ip route add default dev "
	      "lo");
}

void bench_sockets_listen(unsigned int port)
{
	struct sockaddr_in at = address(BENCH_SERVER, port);
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	must(fd < 0, "socket");
	must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), "SO_REUSEADDR");
	must(bind(fd, (struct sockaddr *)&at, sizeof(at)), "bind");
	must(listen(fd, 128), "listen");
}

/* The kernel looks for cookies for two minutes after the last that it sent. */
void bench_sockets_cookies(unsigned int port)
{
	struct sockaddr_in to = address(BENCH_SERVER, port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	shell("echo 2 >/proc/sys/net/ipv4/tcp_syncookies");
	must(fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)), "connect");
	close(fd);
}

/* A socket in repair (tcp(7) does not tell; Linux 3.5) is what it is told that it is. */
static void begin(int fd, int queue, unsigned int seq)
{
	must(setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, &queue, sizeof(queue)), "queue");
	must(setsockopt(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, &seq, sizeof(seq)), "TCP_QUEUE_SEQ");
}

void bench_sockets_accept(unsigned int client_port)
{
	struct sockaddr_in server = address(BENCH_SERVER, BENCH_PORT);
	struct sockaddr_in client = address(BENCH_SOURCE, client_port);
	struct tcp_repair_window window = {.snd_wl1 = BENCH_SEQ,
					   .snd_wnd = 0xffff,
					   .max_window = 0xffff,
					   .rcv_wnd = 1 << 30,
					   .rcv_wup = BENCH_SEQ};
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = TCP_REPAIR_ON;

	must(fd < 0, "socket");
	must(setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)), "TCP_REPAIR");
	begin(fd, TCP_RECV_QUEUE, BENCH_SEQ);
	begin(fd, TCP_SEND_QUEUE, BENCH_ACK_SEQ);
	must(bind(fd, (struct sockaddr *)&server, sizeof(server)), "bind");
	must(connect(fd, (struct sockaddr *)&client, sizeof(client)), "connect");
	/* Room for all that a turn sends, as nothing of it gets to the socket. */
	must(setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_WINDOW, &window, sizeof(window)), "window");
}
