/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What libbpf and the verifier say: nothing of it goes to stderr; its end is
 * kept for the one line that an error may have.
 */
#ifndef TOLLGATE_BPF_LOG_H
#define TOLLGATE_BPF_LOG_H

#include <stddef.h>

/* From now on keep quiet and keep the end; forget what was kept. */
void tg_bpf_log_start(void);

/*
 * The last lines that tell why, joined by " | ", without the verifier's
 * statistics and libbpf's repetitions of the error; "" if there are none.
 */
void tg_bpf_log_end(char *out, size_t out_bytes);

#endif
