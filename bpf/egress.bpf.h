/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What forwarded servers send, at tc egress of the interface where requests come in. */
#ifndef TOLLGATE_EGRESS_BPF_H
#define TOLLGATE_EGRESS_BPF_H

#include <linux/pkt_cls.h>

#include "maps.bpf.h"

/* Nothing is decided here: the filters behind this one are asked, as if there were none. */
tg_inline int tg_egress_watch(struct __sk_buff *skb)
{
	(void)skb;
	return TC_ACT_UNSPEC;
}

#endif
