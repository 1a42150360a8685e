/* SPDX-License-Identifier: BSD-2-Clause */
#include "scenarios.h"

/*
 * A request of 40 bytes whose token is its last word, and the pieces that it
 * is cut into: the request line ends at 16, the name at 27.
 */
#define LINE	   "GET / HTTP/1.1\r\n"
#define FIELD	   "X-API-Key: "
#define KEY_A	   "token-aaa\r\n\r\n"
#define KEY_B	   "token-bbb\r\n\r\n"
#define GET_A	   LINE FIELD KEY_A
#define GET_B	   LINE FIELD KEY_B
#define GET_BYTES  40
#define LINE_BYTES 16
#define NAME_BYTES 27

/* A request with a body of 60 bytes: a header of 43 bytes without, 63 with the token's line. */
#define POST_A	    "POST / HTTP/1.1\r\nX-API-Key: token-aaa\r\nContent-Length: 60\r\n\r\n"
#define POST_BYTES  61
#define BODY_20	    "GET / HTTP/1.1\r\n\r\n  "
#define WHOLE_BYTES (POST_BYTES + 60)

#define SYN(reason)                                                                                \
	{                                                                                          \
		TG_SYN, -1, "", TG_PACKET_##reason                                                 \
	}
#define DATA(at, text, reason)                                                                     \
	{                                                                                          \
		TG_ACK | TG_PSH, at, text, TG_PACKET_##reason                                      \
	}
#define BARE(flags, at, reason)                                                                    \
	{                                                                                          \
		flags, at, "", TG_PACKET_##reason                                                  \
	}
#define END                                                                                        \
	{                                                                                          \
		0, 0, NULL, 0                                                                      \
	}

const struct tg_scenario tg_scenarios[] = {
	{"a request",
	 {SYN(SYN), DATA(0, GET_A, REQUEST), BARE(TG_ACK, GET_BYTES, ACK),
	  BARE(TG_ACK | TG_FIN, GET_BYTES, FIN), END},
	 {{"token-aaa", 1, GET_BYTES}}},
	{"three requests in one segment",
	 {SYN(SYN), DATA(0, GET_A GET_B GET_A, REQUEST), END},
	 {{"token-aaa", 2, 2 * GET_BYTES}, {"token-bbb", 1, GET_BYTES}}},
	{"a request in three segments",
	 {SYN(SYN), DATA(0, LINE, HEADER), DATA(LINE_BYTES, FIELD, HEADER),
	  DATA(NAME_BYTES, KEY_A, REQUEST), END},
	 {{"token-aaa", 1, GET_BYTES}}},
	{"the end of one request and the beginning of the next",
	 {SYN(SYN), DATA(0, LINE, HEADER), DATA(LINE_BYTES, FIELD KEY_A LINE, REQUEST),
	  DATA(GET_BYTES + LINE_BYTES, FIELD KEY_B, REQUEST), END},
	 {{"token-aaa", 1, GET_BYTES}, {"token-bbb", 1, GET_BYTES}}},
	{"acknowledgements, keep-alives and window probes between",
	 {SYN(SYN), BARE(TG_ACK, 0, ACK), DATA(0, LINE, HEADER), BARE(TG_ACK, LINE_BYTES, ACK),
	  BARE(TG_ACK, LINE_BYTES - 1, ACK), DATA(LINE_BYTES - 1, "\n", RETRANSMIT),
	  DATA(LINE_BYTES, FIELD KEY_A, REQUEST), DATA(GET_BYTES - 1, "\n", RETRANSMIT), END},
	 {{"token-aaa", 1, GET_BYTES}}},

	/* Again. */
	{"a request again",
	 {SYN(SYN), DATA(0, GET_A, REQUEST), DATA(0, GET_A, RETRANSMIT), DATA(0, GET_A, RETRANSMIT),
	  DATA(GET_BYTES, GET_A, REQUEST), END},
	 {{"token-aaa", 2, 2 * GET_BYTES}}},
	{"the beginning of a header again",
	 {SYN(SYN), DATA(0, LINE, HEADER), DATA(0, LINE, RETRANSMIT),
	  DATA(LINE_BYTES, FIELD KEY_A, REQUEST), END},
	 {{"token-aaa", 1, GET_BYTES}}},
	{"again with more behind it",
	 {SYN(SYN), DATA(0, LINE, HEADER), DATA(0, LINE FIELD, HEADER), DATA(0, GET_A, REQUEST),
	  DATA(0, GET_A GET_B, REQUEST), END},
	 {{"token-aaa", 1, GET_BYTES}, {"token-bbb", 1, GET_BYTES}}},
	{"an overlap that begins within a segment",
	 {SYN(SYN), DATA(0, LINE FIELD, HEADER), DATA(LINE_BYTES, FIELD "token-", HEADER),
	  DATA(NAME_BYTES, KEY_A, REQUEST), END},
	 {{"token-aaa", 1, GET_BYTES}}},
	{"an overlap of one byte",
	 {SYN(SYN), DATA(0, LINE FIELD "to", HEADER),
	  DATA(NAME_BYTES + 1, "oken-aaa\r\n\r\n", REQUEST), END},
	 {{"token-aaa", 1, GET_BYTES}}},
	{"other bytes the second time count for nothing",
	 {SYN(SYN), DATA(0, LINE FIELD, HEADER), DATA(0, GET_B, REQUEST),
	  DATA(0, "XXX / HTTP/1.1\r\n", RETRANSMIT), DATA(0, GET_A, RETRANSMIT), END},
	 {{"token-bbb", 1, GET_BYTES}}},
	{"a request that was seen, and a new one, by one segment",
	 {SYN(SYN), DATA(0, GET_A GET_B, REQUEST), DATA(GET_BYTES, GET_B GET_A, REQUEST), END},
	 {{"token-aaa", 2, 2 * GET_BYTES}, {"token-bbb", 1, GET_BYTES}}},

	/* Bodies. */
	{"a body in segments",
	 {SYN(SYN), DATA(0, POST_A, REQUEST), DATA(POST_BYTES, BODY_20, BODY),
	  DATA(POST_BYTES + 20, BODY_20, BODY), DATA(POST_BYTES + 40, BODY_20, BODY),
	  DATA(WHOLE_BYTES, GET_B, REQUEST), END},
	 {{"token-aaa", 1, WHOLE_BYTES}, {"token-bbb", 1, GET_BYTES}}},
	{"the end of a body and a request",
	 {SYN(SYN), DATA(0, POST_A BODY_20, REQUEST), DATA(POST_BYTES + 20, BODY_20, BODY),
	  DATA(POST_BYTES + 40, BODY_20 GET_B, REQUEST), END},
	 {{"token-aaa", 1, WHOLE_BYTES}, {"token-bbb", 1, GET_BYTES}}},
	{"body bytes again",
	 {SYN(SYN), DATA(0, POST_A BODY_20, REQUEST), DATA(POST_BYTES, BODY_20, RETRANSMIT),
	  DATA(POST_BYTES, BODY_20 BODY_20, BODY), DATA(POST_BYTES + 20, BODY_20 BODY_20, BODY),
	  END},
	 {{"token-aaa", 1, WHOLE_BYTES}}},
	{"a body that breaks off with FIN",
	 {SYN(SYN), DATA(0, POST_A BODY_20, REQUEST), DATA(POST_BYTES + 20, BODY_20, BODY),
	  BARE(TG_ACK | TG_FIN, POST_BYTES + 40, FIN), END},
	 {{"token-aaa", 1, POST_BYTES + 40}}},
	{"a body that breaks off with RST",
	 {SYN(SYN), DATA(0, POST_A, REQUEST), DATA(POST_BYTES, BODY_20, BODY),
	  BARE(TG_RST, POST_BYTES + 20, RST), END},
	 {{"token-aaa", 1, POST_BYTES + 20}}},
	{"a gap within a body is none",
	 {SYN(SYN), DATA(0, POST_A, REQUEST), DATA(POST_BYTES + 20, BODY_20, BODY),
	  DATA(POST_BYTES, BODY_20, RETRANSMIT), DATA(POST_BYTES + 40, BODY_20, BODY),
	  DATA(WHOLE_BYTES, GET_B, REQUEST), END},
	 {{"token-aaa", 1, WHOLE_BYTES}, {"token-bbb", 1, GET_BYTES}}},
	{"a gap of the rest of a body",
	 {SYN(SYN), DATA(0, POST_A, REQUEST), DATA(WHOLE_BYTES, GET_B, REQUEST), END},
	 {{"token-aaa", 1, WHOLE_BYTES}, {"token-bbb", 1, GET_BYTES}}},

	/* Gaps. */
	{"a gap within a header, then the next request",
	 {SYN(SYN), DATA(0, LINE, HEADER), DATA(NAME_BYTES, KEY_A, GAP),
	  DATA(LINE_BYTES, FIELD, RETRANSMIT), DATA(GET_BYTES, GET_B, REQUEST), END},
	 {{"token-bbb", 1, GET_BYTES}}},
	{"a gap before a request",
	 {SYN(SYN), DATA(0, GET_A, REQUEST), DATA(2 * GET_BYTES, GET_B, GAP),
	  DATA(GET_BYTES, GET_A, RETRANSMIT), DATA(3 * GET_BYTES, GET_B, REQUEST), END},
	 {{"token-aaa", 1, GET_BYTES}, {"token-bbb", 2, 2 * GET_BYTES}}},
	{"a gap beyond the end of a body",
	 {SYN(SYN), DATA(0, POST_A, REQUEST), DATA(WHOLE_BYTES + GET_BYTES, GET_B, GAP),
	  DATA(WHOLE_BYTES + 2 * GET_BYTES, GET_B, REQUEST), END},
	 {{"token-aaa", 1, POST_BYTES}, {"token-bbb", 2, 2 * GET_BYTES}}},
	{"a first segment that is missing",
	 {SYN(SYN), DATA(LINE_BYTES, FIELD KEY_A, GAP), DATA(GET_BYTES, GET_B, REQUEST), END},
	 {{"token-bbb", 1, GET_BYTES}}},
	{"after a gap, segments that begin with no request line",
	 {SYN(SYN), DATA(0, LINE, HEADER), DATA(NAME_BYTES, KEY_A, GAP),
	  DATA(GET_BYTES, "()" GET_A, UNSYNCED), DATA(GET_BYTES + 42, "GET / HT", UNSYNCED),
	  DATA(GET_BYTES + 50, "TP/1.1\r\n\r\n", UNSYNCED), DATA(GET_BYTES + 60, GET_B, REQUEST),
	  END},
	 {{"token-bbb", 1, GET_BYTES}}},
	{"after a gap, a request line alone is enough",
	 {SYN(SYN), DATA(0, LINE, HEADER), DATA(NAME_BYTES, KEY_A, GAP),
	  DATA(GET_BYTES, LINE, HEADER), DATA(GET_BYTES + LINE_BYTES, FIELD KEY_B, REQUEST), END},
	 {{"token-bbb", 1, GET_BYTES}}},

	/* Picked up. */
	{"picked up at a request",
	 {DATA(0, GET_A, REQUEST), DATA(GET_BYTES, GET_B, REQUEST), END},
	 {{"token-aaa", 1, GET_BYTES}, {"token-bbb", 1, GET_BYTES}}},
	{"picked up at a request line",
	 {DATA(0, LINE, HEADER), DATA(LINE_BYTES, FIELD KEY_A, REQUEST), END},
	 {{"token-aaa", 1, GET_BYTES}}},
	{"picked up within a header",
	 {DATA(0, FIELD KEY_A, UNSYNCED), DATA(24, GET_B, REQUEST), END},
	 {{"token-bbb", 1, GET_BYTES}}},
	{"picked up within a body",
	 {DATA(0, "{\"some\": \"json\"}", UNSYNCED), DATA(16, "more of it", UNSYNCED),
	  DATA(26, GET_B, REQUEST), END},
	 {{"token-bbb", 1, GET_BYTES}}},
	{"picked up at an acknowledgement",
	 {BARE(TG_ACK, 0, ACK), DATA(0, GET_A, REQUEST), END},
	 {{"token-aaa", 1, GET_BYTES}}},
	{"picked up within TLS",
	 {DATA(0, "\x17\x03\x03\x01\x40 encrypted", UNSYNCED),
	  DATA(15, "\x17\x03\x03\x01\x40 encrypted", UNSYNCED), END},
	 {{0}}},
	{"picked up at what is no header: the next request is awaited",
	 {DATA(0, LINE "no colon\r\n\r\n", UNSYNCED), DATA(28, GET_A, REQUEST), END},
	 {{"token-aaa", 1, GET_BYTES}}},

	/* Errors. */
	{"nothing is guessed at after an error",
	 {SYN(SYN), DATA(0, "\x16\x03\x01", NOT_HTTP), DATA(3, GET_A, OPAQUE),
	  DATA(3, GET_A, RETRANSMIT), DATA(3 + GET_BYTES, GET_A, OPAQUE), END},
	 {{0}}},
	{"nor after a gap after an error",
	 {SYN(SYN), DATA(0, "\x16\x03\x01", NOT_HTTP), DATA(100, GET_A, GAP),
	  DATA(100 + GET_BYTES, GET_A, OPAQUE), END},
	 {{0}}},
	{"an error behind a request in the same segment",
	 {SYN(SYN), DATA(0, GET_A "\x01", REQUEST), DATA(GET_BYTES + 1, GET_B, OPAQUE), END},
	 {{"token-aaa", 1, GET_BYTES}}},

	/* The ends of connections, and new ones in their place. */
	{"FIN with the last bytes",
	 {SYN(SYN),
	  DATA(0, LINE, HEADER),
	  {TG_ACK | TG_FIN, LINE_BYTES, FIELD KEY_A, TG_PACKET_REQUEST},
	  END},
	 {{"token-aaa", 1, GET_BYTES}}},
	{"FIN with the last bytes, again",
	 {SYN(SYN),
	  {TG_ACK | TG_FIN, 0, GET_A, TG_PACKET_REQUEST},
	  {TG_ACK | TG_FIN, 0, GET_A, TG_PACKET_RETRANSMIT},
	  BARE(TG_ACK | TG_FIN, GET_BYTES, FIN),
	  {TG_ACK | TG_FIN, 0, GET_A, TG_PACKET_RETRANSMIT},
	  END},
	 {{"token-aaa", 1, GET_BYTES}}},
	{"after FIN, a request again",
	 {SYN(SYN), DATA(0, GET_A, REQUEST), BARE(TG_ACK | TG_FIN, GET_BYTES, FIN),
	  DATA(0, GET_A, RETRANSMIT), BARE(TG_ACK | TG_FIN, GET_BYTES, FIN),
	  DATA(0, GET_A, RETRANSMIT), BARE(TG_SYN, 4999, SYN), DATA(5000, GET_B, REQUEST),
	  DATA(5000, GET_B, RETRANSMIT), END},
	 {{"token-aaa", 1, GET_BYTES}, {"token-bbb", 1, GET_BYTES}}},
	{"FIN and data before a gap is closed",
	 {SYN(SYN),
	  DATA(0, GET_A, REQUEST),
	  {TG_ACK | TG_FIN, 2 * GET_BYTES, GET_B, TG_PACKET_GAP},
	  DATA(GET_BYTES, GET_A, RETRANSMIT),
	  {TG_ACK | TG_FIN, 2 * GET_BYTES, GET_B, TG_PACKET_RETRANSMIT},
	  END},
	 {{"token-aaa", 1, GET_BYTES}, {"token-bbb", 1, GET_BYTES}}},
	{"after FIN, the same addresses and ports",
	 {SYN(SYN), DATA(0, GET_A, REQUEST), BARE(TG_ACK | TG_FIN, GET_BYTES, FIN),
	  BARE(TG_SYN, 999, SYN), DATA(1000, GET_B, REQUEST), END},
	 {{"token-aaa", 1, GET_BYTES}, {"token-bbb", 1, GET_BYTES}}},
	{"without FIN, the same addresses and ports",
	 {SYN(SYN), DATA(0, GET_A, REQUEST), BARE(TG_SYN, 999, SYN), DATA(1000, LINE, HEADER),
	  DATA(1000 + LINE_BYTES, FIELD KEY_B, REQUEST), END},
	 {{"token-aaa", 1, GET_BYTES}, {"token-bbb", 1, GET_BYTES}}},
	{"the same addresses and ports, sequence numbers below",
	 {SYN(SYN), DATA(0, GET_A, REQUEST), BARE(TG_SYN, -5001, SYN), DATA(-5000, GET_B, REQUEST),
	  END},
	 {{"token-aaa", 1, GET_BYTES}, {"token-bbb", 1, GET_BYTES}}},
	{"the same addresses and ports, within an unfinished header",
	 {SYN(SYN), DATA(0, LINE FIELD "token-a", HEADER), BARE(TG_SYN, 999, SYN),
	  DATA(1000, GET_B, REQUEST), DATA(1000 + GET_BYTES, LINE, HEADER),
	  DATA(1000 + GET_BYTES + LINE_BYTES, FIELD KEY_A, REQUEST), END},
	 {{"token-aaa", 1, GET_BYTES}, {"token-bbb", 1, GET_BYTES}}},
	{"the same addresses and ports, after an error",
	 {SYN(SYN), DATA(0, "\x16\x03\x01", NOT_HTTP), BARE(TG_SYN, 999, SYN),
	  DATA(1000, GET_B, REQUEST), END},
	 {{"token-bbb", 1, GET_BYTES}}},
	{"the same addresses and ports, within a body",
	 {SYN(SYN), DATA(0, POST_A BODY_20, REQUEST), BARE(TG_SYN, 999, SYN),
	  DATA(1000, GET_B, REQUEST), END},
	 {{"token-aaa", 1, POST_BYTES + 20}, {"token-bbb", 1, GET_BYTES}}},
	{"a forged SYN does not disturb a connection",
	 {SYN(SYN), DATA(0, LINE, HEADER), BARE(TG_SYN, 77777, SYN),
	  DATA(LINE_BYTES, FIELD KEY_A, REQUEST), BARE(TG_SYN, -99999, SYN),
	  DATA(GET_BYTES, GET_B, REQUEST), END},
	 {{"token-aaa", 1, GET_BYTES}, {"token-bbb", 1, GET_BYTES}}},
	{"a SYN again does not disturb a connection",
	 {SYN(SYN), SYN(SYN), DATA(0, LINE, HEADER), SYN(SYN),
	  DATA(LINE_BYTES, FIELD KEY_A, REQUEST), DATA(0, LINE, RETRANSMIT),
	  DATA(GET_BYTES, GET_B, REQUEST), END},
	 {{"token-aaa", 1, GET_BYTES}, {"token-bbb", 1, GET_BYTES}}},
	{"a forged RST or FIN elsewhere does not disturb a connection",
	 {SYN(SYN), DATA(0, LINE, HEADER), BARE(TG_RST, 5000, RST), BARE(TG_RST, 3, RST),
	  BARE(TG_ACK | TG_FIN, 5000, FIN), DATA(LINE_BYTES, FIELD KEY_A, REQUEST), END},
	 {{"token-aaa", 1, GET_BYTES}}},
	{"two SYNs before the first data: the last one tells",
	 {BARE(TG_SYN, 5000, SYN), SYN(SYN), DATA(0, GET_A, REQUEST), END},
	 {{"token-aaa", 1, GET_BYTES}}},
	{"data after RST is picked up",
	 {SYN(SYN), DATA(0, GET_A, REQUEST), BARE(TG_RST, GET_BYTES, RST),
	  DATA(GET_BYTES, GET_B, REQUEST), END},
	 {{"token-aaa", 1, GET_BYTES}, {"token-bbb", 1, GET_BYTES}}},
	{0},
};
