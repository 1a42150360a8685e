/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verifier-cost OBJECT: what the running kernel's verifier makes of each
 * program: instructions processed, of the million that it allows. The scanner's
 * table is constant to it, so it is asked with two tables. A budget is held against
 * what they cost.
 */
/* links: user/http_table.c user/places.c user/error.c tests/vm/verifier_budget.c */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "http_table.h"
#include "tests/vm/verifier_budget.h"

#define INSTRUCTIONS_MAX 1000000
#define LOG_BYTES	 (16 << 20)
#define LOG_STEPS	 1 /* of the path that it was on when it gave up */
#define LOG_FIGURES	 4
#define LOG_LINES_SHOWN	 60
#define MAP_ENTRIES	 1024 /* no matter to the verifier, and quickly made */

static const struct option_set {
	const char *name;
	unsigned int header_bytes, prefix_bytes, places_count;
	struct tg_config_place places[TG_PLACES_MAX];
} option_sets[] = {
	{"default",
	 TG_HEADER_BYTES_DEFAULT,
	 12,
	 2,
	 {{.header = (char *)"Authorization", .scheme = (char *)"Bearer"},
	  {.header = (char *)"X-API-Key"}}},
	/* No name reaches the table's end, so that every comparison may go on to the last word. */
	{"most",
	 TG_HEADER_BYTES_MAX,
	 TG_PREFIX_BYTES_MAX,
	 TG_PLACES_MAX,
	 {{.header = (char *)"Authorization", .scheme = (char *)"Sixteen-Byte-Way"},
	  {.header = (char *)"Authorization", .scheme = (char *)"Basic"},
	  {.header = (char *)"X-Thirty-Two-Bytes-Are-The-Most0"},
	  {.header = (char *)"X-Thirty-Two-Bytes-Are-The-Most1", .scheme = (char *)"Key"},
	  {.query = (char *)"a-parameter-of-thirty-two-bytes0"},
	  {.query = (char *)"a-parameter-of-thirty-two-bytes1"},
	  {.query = (char *)"key"},
	  {.query = (char *)"k"}}},
};
#define OPTION_SETS (sizeof(option_sets) / sizeof(*option_sets))

struct cost {
	unsigned int instructions, states, usec;
	char stack[64];
};

static char *verifier_log;
static struct utsname kernel;
/* Empty: the kernel's own limit is the only one. */
static struct tg_verifier_budget budget;

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

/* Where a variable lies in the object's constants; NULL: it has none of that name. */
static void *constant(struct bpf_object *object, const char *name, size_t bytes)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, ".rodata");
	const struct btf *btf = bpf_object__btf(object);
	int id = btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC);
	const struct btf_type *section = id > 0 ? btf__type_by_id(btf, id) : NULL;
	const struct btf_var_secinfo *variable = section ? btf_var_secinfos(section) : NULL;
	/* Constant once loaded; until then libbpf 1.1 hands out what it will load. */
	char *values = map ? (char *)bpf_map__initial_value(map, &(size_t){0}) : NULL;

	for (int i = 0; values && section && i < btf_vlen(section); i++, variable++) {
		const struct btf_type *type = btf__type_by_id(btf, variable->type);

		if (!strcmp(btf__name_by_offset(btf, type->name_off), name) &&
		    variable->size == bytes)
			return values + variable->offset;
	}
	return NULL;
}

static int fill_constants(struct bpf_object *object, const struct option_set *set)
{
	struct tg_http_config *table = constant(object, "tg_http", sizeof(*table));
	__u8(*ports)[8192] = constant(object, "tg_ports", sizeof(*ports));
	struct tg_config config = {
		.identity.token_prefix_bytes = set->prefix_bytes,
		.identity.tokens = (struct tg_config_place *)set->places,
		.identity.tokens_count = set->places_count,
		.limits.header_bytes = set->header_bytes,
	};
	char error[256];

	if (ports)
		(*ports)[80 >> 3] |= 1 << (80 & 7);
	if (!table)
		return 0; /* not the meter's object: nothing to fill in */
	if (!tg_http_config_build(&config, (const uint8_t *)"no secret at all", table, error,
				  sizeof(error)))
		return 0;
	fprintf(stderr, "verifier-cost: %s: %s\n", set->name, error);
	return -EINVAL;
}

/* With one program alone to be loaded. NULL: errno. */
static struct bpf_object *open_for(const char *path, const char *name, unsigned int log_level)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *program;
	struct bpf_map *map;

	if (!object)
		return NULL;
	bpf_object__for_each_map(map, object)
	{
		bpf_map__set_pin_path(map, NULL);
		if (bpf_map__max_entries(map) > MAP_ENTRIES)
			switch (bpf_map__type(map)) {
			case BPF_MAP_TYPE_HASH:
			case BPF_MAP_TYPE_LRU_HASH:
			case BPF_MAP_TYPE_PERCPU_HASH:
				bpf_map__set_max_entries(map, MAP_ENTRIES);
				break;
			default:
				break;
			}
	}
	bpf_object__for_each_program(program, object)
	{
		bpf_program__set_autoload(program, !strcmp(bpf_program__name(program), name));
		bpf_program__set_log_buf(program, verifier_log, LOG_BYTES);
		bpf_program__set_log_level(program, log_level);
	}
	return object;
}

static int load(const char *path, const char *name, const struct option_set *set,
		unsigned int log_level)
{
	struct bpf_object *object = open_for(path, name, log_level);
	int err = object ? fill_constants(object, set) : -errno;

	*verifier_log = 0;
	if (!err)
		err = bpf_object__load(object);
	bpf_object__close(object);
	return err;
}

static void read_cost(struct cost *cost)
{
	const char *at;

	memset(cost, 0, sizeof(*cost));
	at = strstr(verifier_log, "processed ");
	if (at)
		sscanf(at, "processed %u insns", &cost->instructions);
	at = strstr(verifier_log, "peak_states ");
	if (at)
		sscanf(at, "peak_states %u", &cost->states);
	at = strstr(verifier_log, "verification time ");
	if (at)
		sscanf(at, "verification time %u", &cost->usec);
	at = strstr(verifier_log, "stack depth ");
	if (at)
		sscanf(at, "stack depth %63s", cost->stack);
}

static void show_end_of_log(void)
{
	const char *at = verifier_log + strlen(verifier_log);

	for (int lines = 0; at > verifier_log && lines <= LOG_LINES_SHOWN; at--)
		lines += at[-1] == '\n';
	fputs(at, stderr);
}

static void print_cost(const char *name, const struct option_set *set, const struct cost *cost,
		       unsigned int most)
{
	printf("%-18s %-8s %12u %9u  %4.1f %% %7u %6u ms  %s\n", name, set->name,
	       cost->instructions, most, cost->instructions * 100.0 / INSTRUCTIONS_MAX,
	       cost->states, cost->usec / 1000, cost->stack);
	fflush(stdout);
}

/* 0: loads, and within budget. */
static int judge(const char *path, const char *name, const struct option_set *set)
{
	unsigned int most =
		budget.count ? tg_verifier_budget_of(&budget, kernel.release, name, set->name)
			     : INSTRUCTIONS_MAX;
	int err = load(path, name, set, LOG_FIGURES);
	struct cost cost;

	read_cost(&cost);
	print_cost(name, set, &cost, most);
	if (!err && !most)
		fprintf(stderr, "verifier-cost: %s, table %s: has no budget; see make vm-budget\n",
			name, set->name);
	else if (!err && cost.instructions > most)
		fprintf(stderr, "verifier-cost: %s, table %s: %u instructions, budget %u\n", name,
			set->name, cost.instructions, most);
	if (!err)
		return cost.instructions > most;
	err = load(path, name, set, LOG_STEPS | LOG_FIGURES);
	show_end_of_log();
	fprintf(stderr, "verifier-cost: %s, table %s: the kernel refuses it: %s; above: why\n",
		name, set->name, strerror(-err));
	return 1;
}

static int usage(FILE *to, int status)
{
	fprintf(to, "usage: verifier-cost [-b FILE] [-p PROGRAM] OBJECT\n"
		    "Loads each program of OBJECT and prints what the verifier says of it.\n"
		    "  -b FILE     fail above the budgets in it for this kernel, such as\n"
		    "              tests/vm/verifier-budget; default: the kernel's own limit\n"
		    "  -p PROGRAM  this one only\n"
		    "Exit: 0 all load, 1 one is refused or over budget, 2 bad usage.\n");
	return status;
}

/* Programs of that name (NULL: all) that fail; -errno; -ENOENT: there is none. */
static int judge_all(const char *path, const char *only)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *program;
	int seen = 0, failed = 0;

	if (!object)
		return -errno;
	bpf_object__for_each_program(program, object)
	{
		const char *name = bpf_program__name(program);

		if (only && strcmp(only, name))
			continue;
		seen++;
		for (size_t i = 0; i < OPTION_SETS; i++)
			failed += judge(path, name, &option_sets[i]);
	}
	bpf_object__close(object);
	return seen ? failed : -ENOENT;
}

static int read_budget(const char *path)
{
	unsigned int line;
	int err = tg_verifier_budget_read(&budget, path, &line);

	if (!err && budget.count)
		return 0;
	if (line)
		fprintf(stderr, "verifier-cost: %s:%u: wants KERNEL PROGRAM TABLE INSTRUCTIONS\n",
			path, line);
	else
		fprintf(stderr, "verifier-cost: %s: cannot be read: %s\n", path, strerror(-err));
	return 2;
}

int main(int argc, char **argv)
{
	const char *only = NULL, *budget_path = NULL;
	int option, failed;

	while ((option = getopt(argc, argv, "b:p:h")) != -1) {
		if (option == 'h')
			return usage(stdout, 0);
		if (option == 'p')
			only = optarg;
		else if (option == 'b')
			budget_path = optarg;
		else
			return usage(stderr, 2);
	}
	if (optind != argc - 1)
		return usage(stderr, 2);
	if (budget_path && read_budget(budget_path))
		return 2;
	verifier_log = malloc(LOG_BYTES);
	if (!verifier_log)
		return 1;
	libbpf_set_print(quiet);
	uname(&kernel);
	printf("kernel %s\n%-18s %-8s %12s %9s %7s %7s %9s  %s\n", kernel.release, "program",
	       "table", "instructions", "budget", "of 1 M", "states", "time", "stack");
	failed = judge_all(argv[optind], only);
	free(verifier_log);
	if (failed < 0)
		fprintf(stderr, "verifier-cost: %s: cannot be used: %s; name a BPF object%s\n",
			argv[optind], strerror(-failed), only ? " that has the program" : "");
	return !!failed;
}
