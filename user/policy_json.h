/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A policy as JSON: {"subject": "…", "limits": ["…"], "action": "…", "per": "…"},
 * and "block": "…" where it has a rule. As the configuration has it in YAML.
 */
#ifndef TOLLGATE_POLICY_JSON_H
#define TOLLGATE_POLICY_JSON_H

#include "policy.h"

struct json_object;

/* NULL: not enough memory. */
struct json_object *tg_quota_to_json(const struct tg_quota *quota);

/* As tg_quota_parse, which also says what may be left out; another key is an error. */
int tg_quota_from_json(struct json_object *object, struct tg_quota *out,
		       char at[TG_QUOTA_KEY_BYTES], char *error, size_t error_bytes);

#endif
