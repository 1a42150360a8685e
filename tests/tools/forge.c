/* SPDX-License-Identifier: BSD-2-Clause */
/* links: tests/forge/frame.c */
/*
 * forge INTERFACE MAC: put forged TCP segments on the wire, towards a MAC address. Reads
 * one packet a line (tests/forge/frame.h), sends it, and says "sent N".
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../forge/frame.h"

#define BATCH	   64
#define LINE_BYTES 4096

struct wire {
	int fd;
	uint8_t to[6], from[6];
	uint64_t random;
	uint8_t frame[BATCH][TG_FORGE_FRAME_MAX];
	struct iovec part[BATCH];
	struct mmsghdr message[BATCH];
};

static int open_interface(struct wire *wire, const char *name)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_ifindex = if_nametoindex(name)};
	struct ifreq request = {0};
	int on = 1;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	wire->fd = socket(AF_PACKET, SOCK_RAW, 0); /* sends, and hears nothing */
	if (wire->fd < 0 || !at.sll_ifindex || ioctl(wire->fd, SIOCGIFHWADDR, &request))
		return -1;
	memcpy(wire->from, request.ifr_hwaddr.sa_data, 6);
	setsockopt(wire->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on));
	return bind(wire->fd, (struct sockaddr *)&at, sizeof(at));
}

static int read_mac(uint8_t mac[6], const char *text)
{
	return sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2], &mac[3],
		      &mac[4], &mac[5]) == 6
		       ? 0
		       : -1;
}

/* All of a batch, however many the kernel takes at once. 0 or -1. */
static int send_batch(struct wire *wire, unsigned int count)
{
	unsigned int done = 0;

	while (done < count) {
		int sent = sendmmsg(wire->fd, wire->message + done, count - done, 0);

		if (sent <= 0)
			return -1;
		done += sent;
	}
	return 0;
}

static int send_all(struct wire *wire, const struct tg_forge *forge)
{
	unsigned long left = forge->count;

	while (left) {
		unsigned int count = left < BATCH ? left : BATCH;

		for (unsigned int i = 0; i < count; i++) {
			wire->part[i] = (struct iovec){
				wire->frame[i], tg_forge_frame(forge, wire->to, wire->from,
							       &wire->random, wire->frame[i])};
			wire->message[i] = (struct mmsghdr){
				.msg_hdr = {.msg_iov = &wire->part[i], .msg_iovlen = 1}};
		}
		if (send_batch(wire, count))
			return -1;
		left -= count;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static struct wire wire = {.random = 0x9e3779b97f4a7c15ULL};
	static char line[LINE_BYTES];
	struct tg_forge forge;

	if (argc != 3 || read_mac(wire.to, argv[2]) || open_interface(&wire, argv[1])) {
		fprintf(stderr, "usage: forge INTERFACE MAC <packets\n");
		return 2;
	}
	wire.random ^= getpid();
	while (fgets(line, sizeof(line), stdin)) {
		if (!tg_forge_read(&forge, line)) {
			fprintf(stderr, "forge: cannot read the line\n");
			return 2;
		}
		if (send_all(&wire, &forge)) {
			perror("forge: sendmmsg");
			return 1;
		}
		printf("sent %lu\n", forge.count);
		fflush(stdout);
	}
	return 0;
}
