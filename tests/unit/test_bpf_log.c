/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/bpf_log.c */
/* What is left of libbpf's messages when a load fails. */
#include <bpf/libbpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../user/bpf_log.h"

static libbpf_print_fn_t print;

static int setup(void **state)
{
	(void)state;
	tg_bpf_log_start();
	print = libbpf_set_print(NULL);
	return print ? 0 : -1;
}

static void __attribute__((format(printf, 2, 3)))
say(enum libbpf_print_level level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print(level, format, args);
	va_end(args);
}

static void nothing_said_is_nothing_told(void **state)
{
	char told[64] = "x";

	(void)state;
	tg_bpf_log_end(told, sizeof(told));
	assert_string_equal(told, "");
}

static void the_verifiers_reason_is_told(void **state)
{
	char told[200];

	(void)state;
	say(LIBBPF_WARN, "libbpf: prog '%s': BPF program load failed: Permission denied\n",
	    "tollgate");
	say(LIBBPF_WARN, "libbpf: prog 'tollgate': -- BEGIN PROG LOAD LOG --\n"
			 "0: (bf) r6 = r1\n"
			 "81: (71) r1 = *(u8 *)(r3 +16)\n"
			 "invalid access to packet, off=16 size=1, R3(id=0,off=16,r=16)\n"
			 "processed 82 insns (limit 1000000) max_states_per_insn 0 total_states 4\n"
			 "-- END PROG LOAD LOG --\n");
	say(LIBBPF_WARN, "libbpf: failed to load program 'tollgate'\n");
	say(LIBBPF_WARN, "libbpf: failed to load object 'tollgate_bpf'\n");
	tg_bpf_log_end(told, sizeof(told));
	assert_string_equal(told, "81: (71) r1 = *(u8 *)(r3 +16) | "
				  "invalid access to packet, off=16 size=1, R3(id=0,off=16,r=16)");
}

static void the_end_of_a_long_log_is_kept(void **state)
{
	size_t bytes = 300000;
	char *log = malloc(bytes), told[200], cut[16];

	(void)state;
	memset(log, 'x', bytes);
	for (size_t i = 79; i < bytes; i += 80)
		log[i] = '\n';
	strcpy(log + bytes - 13, "\nthe reason\n");
	say(LIBBPF_WARN, "%s", log);
	free(log);
	tg_bpf_log_end(told, sizeof(told));
	assert_non_null(strstr(told, "xxx | the reason"));
	tg_bpf_log_end(cut, sizeof(cut));
	assert_string_equal(cut, "xxxxxxxxxxxxxxx");
	say(LIBBPF_WARN, "one\n");
	say(LIBBPF_WARN, "two\n");
	tg_bpf_log_end(told, sizeof(told));
	assert_string_equal(told, "one | two");
}

static void many_short_messages_roll_over(void **state)
{
	char told[64];

	(void)state;
	for (int i = 0; i <= 10000; i++)
		say(LIBBPF_INFO, "line %d\n", i);
	tg_bpf_log_end(told, sizeof(told));
	assert_string_equal(told, "line 9999 | line 10000");
}

static void debug_is_not_kept(void **state)
{
	char told[64];

	(void)state;
	say(LIBBPF_DEBUG, "libbpf: map 'usage': created successfully\n");
	tg_bpf_log_end(told, sizeof(told));
	assert_string_equal(told, "");
}

static void a_new_start_forgets(void **state)
{
	char told[64];

	(void)state;
	say(LIBBPF_WARN, "old\n");
	tg_bpf_log_start();
	tg_bpf_log_end(told, sizeof(told));
	assert_string_equal(told, "");
}

#define T(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(nothing_said_is_nothing_told),
		T(the_verifiers_reason_is_told),
		T(the_end_of_a_long_log_is_kept),
		T(many_short_messages_roll_over),
		T(debug_is_not_kept),
		T(a_new_start_forgets),
	};

	return cmocka_run_group_tests_name("bpf_log", tests, NULL, NULL);
}
