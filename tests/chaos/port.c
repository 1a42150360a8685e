/* SPDX-License-Identifier: BSD-2-Clause */
#include "port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_BYTES (32 << 20) /* what comes while others have the CPU */

static int set_up(int fd, unsigned int index)
{
	const int on = 1, bytes = BUFFER_BYTES;
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)index,
	};

	if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)))
		return -errno;
	return 0;
}

int chaos_port_open(struct chaos_port *port, const char *interface)
{
	unsigned int index = if_nametoindex(interface);
	int err;

	memset(port, 0, sizeof(*port));
	if (!index)
		return -errno;
	/* Protocol 0: nothing comes in until it is bound, from other interfaces neither. */
	port->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (port->fd < 0)
		return -errno;
	err = set_up(port->fd, index);
	if (err)
		close(port->fd);
	return err;
}

/* Messages over the frames of a batch. */
static void lay_out(struct mmsghdr *messages, struct iovec *at, uint8_t (*frames)[CHAOS_FRAME_MAX])
{
	unsigned int i;

	memset(messages, 0, CHAOS_BATCH * sizeof(*messages));
	for (i = 0; i < CHAOS_BATCH; i++) {
		at[i] = (struct iovec){frames[i], CHAOS_FRAME_MAX};
		messages[i].msg_hdr.msg_iov = &at[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
}

int chaos_port_receive(struct chaos_port *port,
		       void (*take)(void *to, const uint8_t *frame, size_t bytes), void *to)
{
	static uint8_t frames[CHAOS_BATCH][CHAOS_FRAME_MAX];
	struct mmsghdr messages[CHAOS_BATCH];
	struct iovec at[CHAOS_BATCH];
	int i, count;

	lay_out(messages, at, frames);
	/* MSG_TRUNC: a frame's length is told even if there was no room for all of it. */
	count = recvmmsg(port->fd, messages, CHAOS_BATCH, MSG_TRUNC, NULL);
	if (count < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	for (i = 0; i < count; i++) {
		if (messages[i].msg_len > CHAOS_FRAME_MAX)
			port->too_long++;
		else
			take(to, frames[i], messages[i].msg_len);
	}
	return 0;
}

void chaos_port_send(void *to, const uint8_t *frame, size_t bytes)
{
	struct chaos_port *port = to;

	if (port->waiting == CHAOS_BATCH)
		chaos_port_flush(port);
	memcpy(port->frames[port->waiting], frame, bytes);
	port->bytes[port->waiting++] = bytes;
}

/*
 * One by one: where a frame in the middle finds no room, sendmmsg() tells of those before
 * it and not of it, which then would go out a second time, with the device's count of
 * drops already one too high.
 */
void chaos_port_flush(struct chaos_port *port)
{
	unsigned int at = 0;

	while (at < port->waiting) {
		if (send(port->fd, port->frames[at], port->bytes[at], 0) < 0) {
			if (errno == EINTR)
				continue;
			port->unsent++;
		}
		at++;
	}
	port->waiting = 0;
}

void chaos_port_close(struct chaos_port *port)
{
	struct tpacket_stats stats = {0};

	if (!getsockopt(port->fd, SOL_PACKET, PACKET_STATISTICS, &stats,
			&(socklen_t){sizeof(stats)}))
		port->missed += stats.tp_drops;
	close(port->fd);
}
