/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The only place that turns a reason into an XDP action. The meter lets every
 * packet pass: what it does not understand, too.
 */
#ifndef TOLLGATE_VERDICT_BPF_H
#define TOLLGATE_VERDICT_BPF_H

#include "count.bpf.h"

tg_inline int tg_verdict(__u32 reason, const struct tg_scratch *scratch)
{
	tg_count_packet(reason, scratch->segment.frame_bytes, scratch->requests + scratch->broken);
	return XDP_PASS;
}

#endif
