/* SPDX-License-Identifier: BSD-2-Clause */
/* links: tests/fuzz/frame.c */
/*
 * tg_parse() of bpf/packet.bpf.h, compiled natively, over any frame: it reads
 * nothing beyond the frame, and says what the plain reader in frame.c says.
 *
 *   0     bit 0: the IPv4 header's checksum is made right
 *   1..2  bytes that the frame has beyond its first part (XDP fragments), low byte first
 *   3...  the frame's first part
 */
#include <linux/types.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What the BPF loader and the kernel do is done here. */
#include "../../bpf/settings.bpf.h"
#undef TG_FORGET
#define TG_FORGET(number) ((void)(number))
#include "../../bpf/maps.bpf.h"

static __u8 fuzz_ports[8192];
static __u64 fuzz_frame_bytes;

static __u64 fuzz_buff_len(struct xdp_md *xdp)
{
	(void)xdp;
	return fuzz_frame_bytes;
}

static struct tg_scratch fuzz_scratch;

/* Of the frame's first part alone: what lies beyond is not made here. */
static long fuzz_load_bytes(struct xdp_md *xdp, __u32 at, void *to, __u32 bytes)
{
	if ((__u64)at + bytes > xdp->data_end - xdp->data)
		return -1;
	memcpy(to, (void *)(long)xdp->data + at, bytes);
	return 0;
}

#define tg_ports	     fuzz_ports
#define bpf_xdp_get_buff_len fuzz_buff_len
#define bpf_xdp_load_bytes   fuzz_load_bytes
#define tg_scratch()	     (&fuzz_scratch)
#undef tg_global
#define tg_global static
#include "../../bpf/packet.bpf.h"

#include "frame.h"
#include "must.h"

#define CHOICE_BYTES 3
#define ROOM_BYTES   4096
#define LOW_ADDRESS  0x20000000UL /* struct xdp_md has room for 32 bits */

static __u8 *room; /* ROOM_BYTES, then a page that may not be touched */

static void make_room(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	room = mmap((void *)LOW_ADDRESS, ROOM_BYTES + page, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	must(room == (void *)LOW_ADDRESS, "no memory below 4 GiB");
	must(!mprotect(room + ROOM_BYTES, page, PROT_NONE), "mprotect");
	for (unsigned int port = 0; port < 65536; port++) {
		if (frame_port_is_metered((__u16)port))
			fuzz_ports[port / 8] |= (__u8)(1 << port % 8);
	}
}

/* Without tags, with one or with two. */
static void fix_ipv4_checksum(__u8 *frame, size_t bytes)
{
	for (size_t at = 14; at <= 22; at += 4) {
		size_t header = at < bytes ? (frame[at] & 15u) * 4 : 0;
		__u16 sum;

		if (bytes < at + 20 || header < 20 || bytes < at + header ||
		    frame[at - 2] != 0x08 || frame[at - 1] != 0)
			continue;
		frame[at + 10] = frame[at + 11] = 0;
		sum = frame_ipv4_sum(frame + at, header);
		frame[at + 10] = (__u8)(sum >> 8);
		frame[at + 11] = (__u8)sum;
		return;
	}
}

static void compare(const struct tg_segment *segment, const struct frame *frame)
{
	must(segment->ip_offset == frame->ip && segment->tcp_offset == frame->tcp &&
		     segment->offset == frame->payload && segment->bytes == frame->payload_bytes,
	     "IP at %u, TCP at %u, payload %u + %u; not %zu, %zu, %zu + %u", segment->ip_offset,
	     segment->tcp_offset, segment->offset, segment->bytes, frame->ip, frame->tcp,
	     frame->payload, frame->payload_bytes);
	must(!memcmp(&segment->key.client, frame->client, 16) &&
		     !memcmp(&segment->key.server, frame->server, 16),
	     "addresses");
	must(bpf_ntohs(segment->key.client_port) == frame->client_port &&
		     bpf_ntohs(segment->key.server_port) == frame->server_port,
	     "ports");
	must(segment->seq == frame->seq && segment->ack == frame->ack, "seq %u, ack %u",
	     segment->seq, segment->ack);
	must(!segment->syn == !frame->syn && !segment->fin == !frame->fin &&
		     !segment->rst == !frame->rst && segment->ipv6 == frame->ipv6,
	     "flags");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct tg_segment segment;
	struct frame frame = {0};
	struct xdp_md xdp = {0};
	size_t first, total;
	__u32 reason;
	__u8 *at;
	int expected;

	if (!room)
		make_room();
	if (bytes < CHOICE_BYTES || bytes - CHOICE_BYTES > ROOM_BYTES)
		return 0;
	first = bytes - CHOICE_BYTES;
	total = first + (data[1] | (size_t)data[2] << 8);
	at = room + ROOM_BYTES - first;
	memcpy(at, data + CHOICE_BYTES, first);
	if (data[0] & 1)
		fix_ipv4_checksum(at, first);
	memset(&segment, 0xa5, sizeof(segment));
	xdp.data = (__u32)(unsigned long)at;
	xdp.data_end = (__u32)(unsigned long)(room + ROOM_BYTES);
	fuzz_frame_bytes = total;

	reason = tg_parse(&xdp, &segment);
	expected = frame_read(at, first, total, &frame);
	must(reason == (__u32)expected, "reason %u, not %d", reason, expected);
	must(segment.frame_bytes == first || segment.frame_bytes == total, "frame_bytes %u",
	     segment.frame_bytes);
	if (reason == TG_CONTINUE)
		compare(&segment, &frame);
	return 0;
}
