/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the scanner remembers. struct tg_scan lives as long as the connection;
 * struct tg_head only while a header is being read, so that the millions of
 * idle connections do not pay for it.
 */
#ifndef TOLLGATE_HTTP_STATE_H
#define TOLLGATE_HTTP_STATE_H

#include "http_config.h"
#include "siphash.h"

/* Where in the byte stream the scanner stands: what the next byte is part of. */
enum tg_phase {
	TG_PHASE_START, /* between messages; empty lines are skipped */
	/* From here to the last value phase, struct tg_head is in use. */
	TG_PHASE_METHOD,
	TG_PHASE_TARGET_SPACE,
	TG_PHASE_PATH,
	TG_PHASE_QUERY_NAME,
	TG_PHASE_QUERY_TOKEN,
	TG_PHASE_QUERY_SKIP,
	TG_PHASE_VERSION,
	TG_PHASE_VERSION_END,
	TG_PHASE_LINE, /* at the first byte of a header line */
	TG_PHASE_NAME,
	TG_PHASE_VALUE_SPACE,
	TG_PHASE_VALUE_SKIP,
	TG_PHASE_SCHEME,
	TG_PHASE_TOKEN,
	TG_PHASE_BASIC,
	TG_PHASE_LENGTH,
	TG_PHASE_CODING,
	TG_PHASE_ORIGIN,
	TG_PHASE_HEAD_LF, /* a CR was the last byte */
	/* Body. */
	TG_PHASE_BODY,
	TG_PHASE_CHUNK_SIZE,
	TG_PHASE_CHUNK_EXTENSION,
	TG_PHASE_CHUNK_DATA,
	TG_PHASE_CHUNK_END,
	TG_PHASE_TRAILER,
	TG_PHASE_TRAILER_VALUE,
	TG_PHASE_BODY_LF,
	/* No message. */
	TG_PHASE_EMPTY_LF, /* CR of an empty line between messages */
	TG_PHASE_SYNC,	   /* awaiting a segment that begins with a request line */
	TG_PHASE_DEAD,	   /* error says why; nothing more is guessed */
};

/* Which line a CR or LF ends. */
enum tg_line {
	TG_LINE_EMPTY,
	TG_LINE_REQUEST,
	TG_LINE_SIMPLE, /* a request line without a version */
	TG_LINE_HEADER,
	TG_LINE_NO_COLON, /* in place of a header */
	TG_LINE_HEADER_END,
	TG_LINE_CHUNK_SIZE,
	TG_LINE_CHUNK_DATA,
	TG_LINE_TRAILER,
	TG_LINE_TRAILER_END,
};

enum tg_scan_flag {
	TG_SCAN_SEEN = 1,      /* a request was completed on this connection */
	TG_SCAN_TENTATIVE = 2, /* picked up: not trusted before a whole header */
	TG_SCAN_SWITCHING = 4, /* this message asks to leave HTTP/1 */
	TG_SCAN_TUNNEL = 8,    /* it is over: HTTP/1 only if it visibly is */
};

struct tg_scan {
	__u64 skip;  /* body or chunk bytes still to be stepped over */
	__u64 begin; /* stream offset: of the header, chunk line or trailer section */
	__u8 phase;  /* enum tg_phase */
	__u8 flags;  /* enum tg_scan_flag */
	__u8 line;   /* enum tg_line, in the *_LF phases */
	__u8 sub;    /* progress within the phase */
	__u8 error;  /* enum tg_packet_reason, in TG_PHASE_DEAD */
	__u8 pad[3];
};
TG_ASSERT_SIZE(struct tg_scan, 24);

enum tg_head_flag {
	TG_HEAD_LENGTH = 1,	  /* Content-Length stood there */
	TG_HEAD_CODING = 2,	  /* Transfer-Encoding stood there */
	TG_HEAD_CHUNKED = 4,	  /* it says "chunked" */
	TG_HEAD_BAD_FRAMING = 8,  /* one of them makes no sense to any server */
	TG_HEAD_SWITCH = 16,	  /* Upgrade, or method CONNECT */
	TG_HEAD_SPACE = 32,	  /* token in progress: last byte was a space */
	TG_HEAD_AUTHORITY = 64,	  /* origin in progress: "://" was seen */
	TG_HEAD_ORIGIN = 128,	  /* Origin stood there */
	TG_HEAD_REFERER = 256,	  /* Referer stood there */
	TG_HEAD_OLD = 512,	  /* HTTP/1.0 */
	TG_HEAD_AMBIGUOUS = 1024, /* servers differ on this request */
	TG_HEAD_AGAIN = 2048,	  /* a length before this one stands in name[0] */
	TG_HEAD_GET = 4096,	  /* method GET */
};

struct tg_head {
	__u64 name[TG_NAME_BYTES_MAX / 8]; /* method, header, parameter, scheme, earlier length */
	__u64 length;			   /* Content-Length */
	__u64 prefix[TG_PREFIX_BYTES_MAX / 8];
	struct tg_sip sip;	/* token or host in progress */
	struct tg_sip sip_text; /* sip as it was before trailing white space */
	struct tg_token token;	/* the best so far */
	__u64 start[TG_PREFIX_BYTES_MAX /
		    8];	 /* its first bytes, for policies: never kept or shown */
	__u64 origin_id; /* 0: none */
	__u64 host[TG_HOST_BYTES_MAX / 8];
	__u32 host_bytes;   /* in progress */
	__u32 origin_bytes; /* of the host that origin_id stands for */
	__u32 name_bytes;   /* in progress */
	__u32 header_bytes; /* of the whole header, once it is complete */
	__u32 base64;	    /* Basic: bits that wait for a whole byte */
	__u16 flags;	    /* enum tg_head_flag */
	__u8 best;	    /* place that token came from, or TG_PLACE_NONE */
	__u8 place;	    /* place of the token in progress */
	__u8 row;	    /* header row in progress */
	__u8 base64_bits;
	__u8 escape; /* query: bytes of a %XX seen; first digit in escape_digit */
	__u8 escape_digit;
	__u32 pad;
};
TG_ASSERT_SIZE(struct tg_head, 296);

/*
 * What one step came to: bytes consumed in the low byte (with an error: up to
 * and with the byte at fault), and some of these.
 */
#define TG_STEP_BYTES(step) ((step)&0xff)
#define TG_STEP_REQUEST	    0x100 /* a header is complete: struct tg_head tells whose */
#define TG_STEP_ERROR	    0x200 /* scan->phase is DEAD or SYNC, scan->error says why */
/* Within the scanner: work that several parts end in, done in one place. */
#define TG_STEP_LINE	   0x400  /* scan->line ends with the CR or LF behind the consumed bytes */
#define TG_STEP_TOKEN	   0x800  /* input->text is part of a token */
#define TG_STEP_TOKEN_END  0x1000 /* the token in progress is whole */
#define TG_STEP_HOST	   0x2000 /* input->text is part of an origin's host */
#define TG_STEP_HOST_END   0x4000
#define TG_STEP_CODE(step) (((step) >> 16) & 0xff)
/*
 * code: enum tg_packet_reason, of a step that left the scanner with TG_CODE_REQUEST
 * if a server may take what it broke off in for a request. TG_FAIL: the byte at
 * index is at fault.
 */
#define TG_CODE_REQUEST	     0x80
#define TG_CODE_REASON(code) ((code)&0x7f)
#define TG_AMBIGUOUS_REQUEST (TG_PACKET_AMBIGUOUS | TG_CODE_REQUEST)
#define TG_ERROR(code)	     (TG_STEP_ERROR | (__u32)(code) << 16)
#define TG_FAIL(code, index) (TG_ERROR(code) | ((index) + 1))

/* A step's input: the next bytes (1..8) of the stream; bytes beyond them 0xff. */
struct tg_input {
	__u64 word;
	__u32 bytes;
	__u64 at; /* stream offset of the first byte */
	/* Within the scanner: what TG_STEP_TOKEN and TG_STEP_HOST add. */
	__u64 text;
	__u32 text_bytes;
};

tg_inline void tg_input_text(struct tg_input *in, __u64 text, __u32 bytes)
{
	in->text = text;
	in->text_bytes = bytes;
}

tg_inline __u8 tg_input_byte(const struct tg_input *in, __u32 index)
{
	return in->word >> (index * 8 & 63); /* index 8: nobody looks at the result */
}

tg_inline int tg_phase_in_head(__u8 phase)
{
	return phase >= TG_PHASE_METHOD && phase <= TG_PHASE_HEAD_LF;
}

tg_inline int tg_phase_in_request_line(__u8 phase)
{
	return phase >= TG_PHASE_METHOD && phase <= TG_PHASE_VERSION_END;
}

tg_inline int tg_phase_in_body(__u8 phase)
{
	return phase >= TG_PHASE_BODY && phase <= TG_PHASE_BODY_LF;
}

#endif
