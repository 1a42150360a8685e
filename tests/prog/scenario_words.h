/* SPDX-License-Identifier: BSD-2-Clause */
/* The words that scenarios are told in. */
#ifndef TOLLGATE_TESTS_SCENARIO_WORDS_H
#define TOLLGATE_TESTS_SCENARIO_WORDS_H

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
		TG_SYN, -1, "", TG_PACKET_##reason, false                                          \
	}
#define DATA(at, text, reason)                                                                     \
	{                                                                                          \
		TG_ACK | TG_PSH, at, text, TG_PACKET_##reason, false                               \
	}
#define LAST(at, text, reason)                                                                     \
	{                                                                                          \
		TG_ACK | TG_PSH | TG_FIN, at, text, TG_PACKET_##reason, false                      \
	}
/* What was missing before it does not come any more. */
#define LATE(at, text, reason)                                                                     \
	{                                                                                          \
		TG_ACK | TG_PSH, at, text, TG_PACKET_##reason, true                                \
	}
#define BARE(flags, at, reason)                                                                    \
	{                                                                                          \
		flags, at, "", TG_PACKET_##reason, false                                           \
	}
#define END                                                                                        \
	{                                                                                          \
		.text = NULL                                                                       \
	}

#endif
