/* SPDX-License-Identifier: BSD-2-Clause */
#include "refusals.h"

/* A request with room for any answer, and the pieces that it is cut into. */
#define LINE "GET /a/path/of/some/length HTTP/1.1\r\n"
#define HOST "Host: api.example.org\r\nUser-Agent: a client with a name\r\nAccept: */*\r\n"
#define REST "Accept-Language: en, de;q=0.8\r\n\r\n"
#define GET  LINE HOST REST
#define OTHER                                                                                      \
	"PUT"                                                                                      \
	" /a/path/of/some/length HTTP/1.1\r\n" HOST REST /* as long */
#define L ((int)sizeof(LINE) - 1)
#define H ((int)sizeof(HOST) - 1)
#define R ((int)sizeof(REST) - 1)
#define G (L + H + R)

/* With a body of 40. */
#define POST "POST /a/path HTTP/1.1\r\n" HOST "Content-Length: 40\r\n\r\n"
#define BODY "a body of 20 bytes, "
#define P    ((int)sizeof(POST) - 1)

#define TINY "GET / HTTP/1.1\r\n\r\n" /* no answer fits in it */
#define T    18

/* Of the client: */
#define SYN		       .flags = TG_SYN, .at = -1, .text = ""
#define ANEW(where)	       .flags = TG_SYN, .at = where, .text = ""
#define DATA(where, has, what) .flags = TG_ACK | TG_PSH, .at = where, .ack = has, .text = what
#define LAST(where, has, what)                                                                     \
	.flags = TG_ACK | TG_PSH | TG_FIN, .at = where, .ack = has, .text = what
#define BARE(where, has) .flags = TG_ACK, .at = where, .ack = has, .text = ""
#define FIN(where, has)	 .flags = TG_ACK | TG_FIN, .at = where, .ack = has, .text = ""
#define RST(where)	 .flags = TG_RST, .at = where, .text = ""
/* What becomes of it: */
#define AS(why)		.reason = TG_PACKET_##why
#define PASSES		.kind = TG_OUT_PASS
#define DROPPED		.kind = TG_OUT_DROP
#define TELLS_429(s, a) .kind = TG_OUT_429, .out_seq = s, .out_ack = a
#define TELLS_ACK(s, a) .kind = TG_OUT_ACK, .out_seq = s, .out_ack = a
#define TELLS_RST(s, a) .kind = TG_OUT_RST, .out_seq = s, .out_ack = a
#define ABORTS(s, a)	.kind = TG_OUT_ABORT, .out_seq = s, .out_ack = a
#define IS_CUT(bytes)	.kind = TG_OUT_CUT, .keep = bytes

#define HELLO                                                                                      \
	{                                                                                          \
		SYN, AS(SYN), PASSES                                                               \
	}
#define CASE(name) .what = name, .action = "reject"

const struct tg_refusal_case tg_refusal_cases[] = {
	/* The 429. */
	{CASE("429, the next acknowledgement resets the server, FIN is acknowledged"),
	 .step = {HELLO,
		  {BARE(0, 0), AS(ACK), PASSES},
		  {DATA(0, 0, GET), AS(DENIED), TELLS_429(0, G)},
		  {BARE(G, 90), AS(REFUSED), ABORTS(0, 90)},
		  {BARE(G, 90), AS(REFUSED), DROPPED},
		  {FIN(G, 90), AS(REFUSED), TELLS_ACK(90, G + 1)},
		  {BARE(G + 1, 90), AS(ACK), PASSES}},
	 .denied = 1},
	{CASE("429, in a connection that was open before"),
	 .step = {{DATA(0, 0, GET), AS(DENIED), TELLS_429(0, G)},
		  {FIN(G, 90), AS(REFUSED), ABORTS(0, 90)},
		  {FIN(G, 90), AS(REFUSED), TELLS_ACK(90, G + 1)}},
	 .denied = 1},
	{CASE("429, the request again, and again"),
	 .step = {HELLO,
		  {DATA(0, 0, GET), AS(DENIED), TELLS_429(0, G)},
		  {DATA(0, 0, GET), AS(REFUSED), TELLS_429(0, G)},
		  {DATA(0, 0, GET), AS(REFUSED), TELLS_429(0, G)},
		  {BARE(G, 90), AS(REFUSED), ABORTS(0, 90)},
		  {FIN(G, 90), AS(REFUSED), TELLS_ACK(90, G + 1)}},
	 .denied = 1},
	{CASE("429, the request again after the server was reset"),
	 .step = {HELLO,
		  {DATA(0, 0, GET), AS(DENIED), TELLS_429(0, G)},
		  {BARE(G, 0), AS(REFUSED), ABORTS(0, 0)},
		  {DATA(0, 0, GET), AS(REFUSED), TELLS_429(0, G)},
		  {FIN(G, 90), AS(REFUSED), TELLS_ACK(90, G + 1)}},
	 .denied = 1},
	{CASE("429, keep-alive: the answer to the first request is through"), .left = 1,
	 .step = {HELLO,
		  {DATA(0, 0, GET), AS(REQUEST), PASSES},
		  {BARE(G, 500), AS(ACK), PASSES},
		  {DATA(G, 500, GET), AS(DENIED), TELLS_429(500, 2 * G)},
		  {BARE(2 * G, 590), AS(REFUSED), ABORTS(G, 590)},
		  {FIN(2 * G, 590), AS(REFUSED), TELLS_ACK(590, 2 * G + 1)}},
	 .denied = 1},
	{CASE("429, and what comes after it is not scanned"),
	 .step = {HELLO,
		  {DATA(0, 0, GET), AS(DENIED), TELLS_429(0, G)},
		  {DATA(G, 90, GET), AS(REFUSED), ABORTS(0, 90)},
		  {DATA(G, 90, GET), AS(REFUSED), TELLS_ACK(90, 2 * G)},
		  {DATA(2 * G, 90, GET), AS(REFUSED), TELLS_ACK(90, 3 * G)},
		  {FIN(3 * G, 90), AS(REFUSED), TELLS_ACK(90, 3 * G + 1)}},
	 .denied = 1},

	/* Requests in pieces. */
	{CASE("429, header in three segments: the last one is answered"),
	 .step = {HELLO,
		  {DATA(0, 0, LINE), AS(HEADER), PASSES},
		  {DATA(L, 0, HOST), AS(HEADER), PASSES},
		  {DATA(L + H, 0, REST BODY BODY BODY), AS(DENIED), TELLS_429(0, G + 60)},
		  {BARE(G + 60, 90), AS(REFUSED), ABORTS(L + H, 90)},
		  {FIN(G + 60, 90), AS(REFUSED), TELLS_ACK(90, G + 61)}},
	 .denied = 1},
	{CASE("429, the last piece comes with the one before it again"),
	 .step = {HELLO,
		  {DATA(0, 0, LINE), AS(HEADER), PASSES},
		  {DATA(0, 0, GET), AS(DENIED), TELLS_429(0, G)},
		  {BARE(G, 90), AS(REFUSED), ABORTS(L, 90)},
		  {RST(G), AS(REFUSED), DROPPED}},
	 .denied = 1},
	{CASE("429, the request again in smaller pieces: reset"),
	 .step = {HELLO,
		  {DATA(0, 0, GET), AS(DENIED), TELLS_429(0, G)},
		  {DATA(0, 0, "GET /a/path/of"), AS(REFUSED), ABORTS(0, 0)},
		  {DATA(0, 0, "GET /a/path/of"), AS(REFUSED), TELLS_RST(0, 14)}},
	 .small = true, .denied = 1},

	/* Bodies. */
	{CASE("429, the body in the same segment"),
	 .step = {HELLO,
		  {DATA(0, 0, POST BODY BODY), AS(DENIED), TELLS_429(0, P + 40)},
		  {BARE(P + 40, 90), AS(REFUSED), ABORTS(0, 90)},
		  {FIN(P + 40, 90), AS(REFUSED), TELLS_ACK(90, P + 41)}},
	 .denied = 1},
	{CASE("429, body bytes on their way are dropped until the 429 is there, then acknowledged"),
	 .step = {HELLO,
		  {DATA(0, 0, POST), AS(DENIED), TELLS_429(0, P)},
		  {DATA(P, 0, BODY), AS(REFUSED), ABORTS(0, 0)},
		  {DATA(P + 20, 0, BODY), AS(REFUSED), DROPPED},
		  {DATA(P, 90, BODY), AS(REFUSED), TELLS_ACK(90, P + 20)},
		  {DATA(P + 20, 90, BODY), AS(REFUSED), TELLS_ACK(90, P + 40)},
		  {FIN(P + 40, 90), AS(REFUSED), TELLS_ACK(90, P + 41)}},
	 .denied = 1},
	{CASE("429, a body with a hole, and FIN before it is closed"),
	 .step = {HELLO,
		  {DATA(0, 0, POST), AS(DENIED), TELLS_429(0, P)},
		  {BARE(P, 90), AS(REFUSED), ABORTS(0, 90)},
		  {LAST(P + 20, 90, BODY), AS(REFUSED), TELLS_ACK(90, P)},
		  {DATA(P, 90, BODY), AS(REFUSED), TELLS_ACK(90, P + 20)},
		  {LAST(P + 20, 90, BODY), AS(REFUSED), TELLS_ACK(90, P + 41)}},
	 .denied = 1},

	/* Ends. */
	{CASE("429, FIN with the request: it is acknowledged, too"),
	 .step = {HELLO,
		  {LAST(0, 0, GET), AS(DENIED), TELLS_429(0, G + 1)},
		  {BARE(G + 1, 90), AS(REFUSED), ABORTS(0, 90)}},
	 .denied = 1},
	{CASE("429, FIN with the request, which comes again"),
	 .step = {HELLO,
		  {LAST(0, 0, GET), AS(DENIED), TELLS_429(0, G + 1)},
		  {LAST(0, 0, GET), AS(REFUSED), TELLS_429(0, G + 1)},
		  {BARE(G + 1, 90), AS(REFUSED), ABORTS(0, 90)}},
	 .denied = 1},
	{CASE("429, then the client's RST: it is the server's"),
	 .step = {HELLO,
		  {DATA(0, 0, GET), AS(DENIED), TELLS_429(0, G)},
		  {RST(G), AS(REFUSED), ABORTS(0, 0)}},
	 .denied = 1},
	{CASE("429, and RST after the server's"),
	 .step = {HELLO,
		  {DATA(0, 0, GET), AS(DENIED), TELLS_429(0, G)},
		  {BARE(G, 90), AS(REFUSED), ABORTS(0, 90)},
		  {RST(G), AS(REFUSED), DROPPED}},
	 .denied = 1},
	{CASE("429, and a client that says nothing more stays"),
	 .step = {HELLO,
		  {DATA(0, 0, GET), AS(DENIED), TELLS_429(0, G)},
		  {BARE(G, 90), AS(REFUSED), ABORTS(0, 90)},
		  {BARE(G, 90), AS(REFUSED), DROPPED}},
	 .denied = 1, .followed = true},
	{CASE("a new connection in its place: the server is reset first, then it starts anew"),
	 .step = {HELLO,
		  {DATA(0, 0, GET), AS(DENIED), TELLS_429(0, G)},
		  {ANEW(49999), AS(REFUSED), ABORTS(0, 0)},
		  {ANEW(49999), AS(SYN), PASSES},
		  {BARE(50000, 7000), AS(ACK), PASSES},
		  {DATA(50000, 7000, OTHER), AS(DENIED), TELLS_429(7000, 50000 + G)},
		  {RST(50000 + G), AS(REFUSED), ABORTS(50000, 0)}},
	 .denied = 2},
	{CASE("a new connection after the server's reset"),
	 .step = {HELLO,
		  {DATA(0, 0, GET), AS(DENIED), TELLS_429(0, G)},
		  {BARE(G, 90), AS(REFUSED), ABORTS(0, 90)},
		  {ANEW(49999), AS(SYN), PASSES},
		  {DATA(50000, 7000, LINE), AS(HEADER), PASSES}},
	 .denied = 1},

	/* Too small. */
	{CASE("too small for a 429: RST to the server, then to the client"),
	 .step = {HELLO,
		  {DATA(0, 0, TINY), AS(DENIED), ABORTS(0, 0)},
		  {DATA(0, 0, TINY), AS(REFUSED), TELLS_RST(0, T)}},
	 .small = true, .denied = 1},
	{CASE("too small for a 429: header in two segments"),
	 .step = {HELLO,
		  {DATA(0, 0, LINE HOST), AS(HEADER), PASSES},
		  {DATA(L + H, 0, "A: b\r\n\r\n"), AS(DENIED), ABORTS(L + H, 0)},
		  {FIN(L + H + 8, 0), AS(REFUSED), TELLS_RST(0, L + H + 9)}},
	 .small = true, .denied = 1},

	/* reset */
	{.what = "reset: RST to the server, then to the client",
	 .action = "reset",
	 .step = {HELLO,
		  {DATA(0, 0, GET), AS(DENIED), ABORTS(0, 0)},
		  {DATA(0, 0, GET), AS(REFUSED), TELLS_RST(0, G)}},
	 .denied = 1},
	{.what = "reset: an acknowledgement is answered as well",
	 .action = "reset",
	 .step = {HELLO,
		  {DATA(0, 0, LINE), AS(HEADER), PASSES},
		  {DATA(L, 7, HOST REST), AS(DENIED), ABORTS(L, 7)},
		  {BARE(G, 7), AS(REFUSED), TELLS_RST(7, G)}},
	 .denied = 1},
	{.what = "reset: the client was first",
	 .action = "reset",
	 .step = {HELLO,
		  {DATA(0, 0, GET), AS(DENIED), ABORTS(0, 0)},
		  {RST(G), AS(REFUSED), DROPPED}},
	 .denied = 1},

	/* drop */
	{.what = "drop: RST to the server, silence for the client",
	 .action = "drop",
	 .step = {HELLO,
		  {DATA(0, 0, GET), AS(DENIED), ABORTS(0, 0)},
		  {DATA(0, 0, GET), AS(REFUSED), DROPPED},
		  {DATA(0, 0, GET), AS(REFUSED), DROPPED},
		  {FIN(G, 0), AS(REFUSED), DROPPED}},
	 .denied = 1,
	 .followed = true},
	{.what = "drop: until the client's RST",
	 .action = "drop",
	 .step = {HELLO,
		  {DATA(0, 0, GET), AS(DENIED), ABORTS(0, 0)},
		  {RST(G), AS(REFUSED), DROPPED}},
	 .denied = 1},

	/* Pipelined. */
	{CASE("pipelined: the first one passes, the second is cut off"), .left = 1,
	 .step = {HELLO,
		  {DATA(0, 0, GET OTHER), AS(DENIED), IS_CUT(G)},
		  {BARE(2 * G, 100), AS(REFUSED), PASSES},
		  {BARE(2 * G, 500), AS(REFUSED), PASSES},
		  {DATA(G, 500, OTHER), AS(REFUSED), IS_CUT(0)},
		  {DATA(G, 500, OTHER), AS(REFUSED), ABORTS(G, 500)},
		  {DATA(G, 500, OTHER), AS(REFUSED), TELLS_RST(500, 2 * G)}},
	 .denied = 1},
	{CASE("pipelined: while answers come, the server is left alone"), .left = 2,
	 .step = {HELLO,
		  {DATA(0, 0, GET), AS(REQUEST), PASSES},
		  {DATA(G, 0, GET OTHER), AS(DENIED), IS_CUT(G)},
		  {DATA(2 * G, 0, OTHER), AS(REFUSED), IS_CUT(0)},
		  {DATA(2 * G, 0, OTHER), AS(REFUSED), IS_CUT(0)},
		  {DATA(2 * G, 400, OTHER), AS(REFUSED), IS_CUT(0)},
		  {DATA(2 * G, 800, OTHER), AS(REFUSED), IS_CUT(0)},
		  {DATA(2 * G, 800, OTHER), AS(REFUSED), ABORTS(2 * G, 800)},
		  {DATA(2 * G, 800, OTHER), AS(REFUSED), TELLS_RST(800, 3 * G)}},
	 .denied = 1},
	{CASE("pipelined: what passed, once more, passes; with the refused one it is cut"),
	 .left = 1,
	 .step = {HELLO,
		  {DATA(0, 0, GET OTHER), AS(DENIED), IS_CUT(G)},
		  {DATA(0, 0, GET), AS(REFUSED), PASSES},
		  {DATA(0, 0, GET OTHER), AS(REFUSED), IS_CUT(G)},
		  {DATA(L, 0, HOST REST OTHER), AS(REFUSED), IS_CUT(H + R)},
		  {RST(2 * G), AS(REFUSED), ABORTS(G, 0)}},
	 .denied = 1},
	{CASE("pipelined: FIN is cut off as well"), .left = 1,
	 .step = {HELLO,
		  {LAST(0, 0, GET OTHER), AS(DENIED), IS_CUT(G)},
		  {FIN(2 * G, 500), AS(REFUSED), IS_CUT(0)},
		  {FIN(2 * G, 500), AS(REFUSED), ABORTS(G, 500)},
		  {FIN(2 * G, 500), AS(REFUSED), TELLS_RST(500, 2 * G + 1)}},
	 .denied = 1},
	{CASE("pipelined: the second in a segment of its own, the answer not there yet"), .left = 1,
	 .step = {HELLO,
		  {DATA(0, 0, GET), AS(REQUEST), PASSES},
		  {DATA(G, 0, OTHER), AS(DENIED), IS_CUT(0)},
		  {DATA(G, 300, OTHER), AS(REFUSED), IS_CUT(0)},
		  {DATA(G, 300, OTHER), AS(REFUSED), ABORTS(G, 300)},
		  {DATA(G, 300, OTHER), AS(REFUSED), TELLS_RST(300, 2 * G)}},
	 .denied = 1},
	{CASE("pipelined: the second's header began in a segment that passed"), .left = 1,
	 .step = {HELLO,
		  {DATA(0, 0, GET LINE), AS(REQUEST), PASSES},
		  {DATA(G + L, 0, HOST REST), AS(DENIED), IS_CUT(0)},
		  {RST(2 * G), AS(REFUSED), ABORTS(G + L, 0)}},
	 .denied = 1},
	{CASE("pipelined, with a body before"), .left = 1,
	 .step = {HELLO,
		  {DATA(0, 0, POST BODY), AS(REQUEST), PASSES},
		  {DATA(P + 20, 0, BODY GET), AS(DENIED), IS_CUT(20)},
		  {RST(P + 40 + G), AS(REFUSED), ABORTS(P + 40, 0)}},
	 .denied = 1},
	{.what = "pipelined, drop: cut off, then RST to the server, then silence",
	 .action = "drop",
	 .left = 1,
	 .step = {HELLO,
		  {DATA(0, 0, GET OTHER), AS(DENIED), IS_CUT(G)},
		  {DATA(G, 500, OTHER), AS(REFUSED), IS_CUT(0)},
		  {DATA(G, 500, OTHER), AS(REFUSED), ABORTS(G, 500)},
		  {DATA(G, 500, OTHER), AS(REFUSED), DROPPED}},
	 .denied = 1,
	 .followed = true},
	{CASE("pipelined: a new connection in its place"), .left = 1,
	 .step = {HELLO,
		  {DATA(0, 0, GET OTHER), AS(DENIED), IS_CUT(G)},
		  {ANEW(49999), AS(REFUSED), ABORTS(G, 0)},
		  {ANEW(49999), AS(SYN), PASSES},
		  {DATA(50000, 7000, OTHER), AS(DENIED), TELLS_429(7000, 50000 + G)},
		  {RST(50000 + G), AS(REFUSED), ABORTS(50000, 0)}},
	 .denied = 2},
	{0},
};
