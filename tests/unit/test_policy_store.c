/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/policy_store.c user/policy_store_file.c user/file.c user/policy_json.c user/text.c */
/* links: user/policy.c user/subject.c user/network.c user/limit.c user/block_rule.c */
/* links: user/quote.c user/words.c user/duration.c user/error.c tests/unit/directory.c */
/* What was set at run time: kept whole, replaced at once, refused when it is broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "directory.h"
#include "policy_store.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static char path[96];

static int setup(void **state)
{
	if (directory_make(state))
		return -1;
	snprintf(path, sizeof(path), "%s/runtime.json", directory);
	return 0;
}

static void put_file(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static struct tg_quota quota(const char *subject, const char *limit)
{
	const struct tg_quota_text text = {.subject = subject, .limits = &limit, .limits_count = 1};
	char at[TG_QUOTA_KEY_BYTES], error[256];
	struct tg_quota out;

	assert_int_equal(tg_quota_parse(&text, &out, at, error, sizeof(error)), 0);
	return out;
}

static struct tg_stored_block block(const char *subject, const char *reason, uint64_t expires)
{
	struct tg_stored_block out = {.created_unix_ns = 1800000000123456789,
				      .expires_unix_ns = expires};
	char error[256];

	assert_int_equal(tg_subject_parse(subject, &out.subject, error, sizeof(error)), 0);
	strcpy(out.reason, reason);
	return out;
}

static void put_quota(struct tg_policy_store *store, const char *subject, const char *limit)
{
	const struct tg_quota q = quota(subject, limit);

	assert_int_equal(tg_policy_store_put_quota(store, &q), 0);
}

static void put_block(struct tg_policy_store *store, const char *subject, const char *reason,
		      uint64_t expires)
{
	const struct tg_stored_block b = block(subject, reason, expires);

	assert_int_equal(tg_policy_store_put_block(store, &b), 0);
}

static struct tg_policy_store load(void)
{
	struct tg_policy_store store;
	char error[512] = "";

	if (tg_policy_store_load(directory, &store, error, sizeof(error)))
		fail_msg("not loaded: %s", error);
	return store;
}

static void save(const struct tg_policy_store *store)
{
	char error[512] = "";

	if (tg_policy_store_save(directory, store, error, sizeof(error)))
		fail_msg("not saved: %s", error);
}

static void check_equal(const struct tg_policy_store *a, const struct tg_policy_store *b)
{
	assert_int_equal(a->quotas, b->quotas);
	assert_int_equal(a->blocks, b->blocks);
	if (a->quotas)
		assert_memory_equal(a->quota, b->quota, a->quotas * sizeof(*a->quota));
	if (a->blocks)
		assert_memory_equal(a->block, b->block, a->blocks * sizeof(*a->block));
}

static void test_missing_is_empty(void **state)
{
	struct tg_policy_store store = load();

	(void)state;
	assert_int_equal(store.quotas, 0);
	assert_int_equal(store.blocks, 0);
	tg_policy_store_free(&store);
}

static void test_save_and_load(void **state)
{
	struct tg_policy_store store = {0}, again;
	struct tg_quota q = quota("token:free_*", "100/m burst 20");
	struct stat st;

	(void)state;
	save(&store);
	again = load();
	check_equal(&store, &again);
	tg_policy_store_free(&again);

	q.action = TG_ACTION_RESET;
	q.block = (struct tg_block_rule){7, 60, 3600};
	assert_int_equal(tg_policy_store_put_quota(&store, &q), 0);
	put_quota(&store, "source:192.0.2.0/24", "7/h");
	put_block(&store, "source:2001:db8::/32", "abuse \"x\" \\ / \303\204", 0);
	put_block(&store, "token-id:ffffffffffffffff", "", UINT64_MAX);
	put_block(&store, "any", "123456789012345678901234567890123456789012345678901234567890123",
		  1800000000123456790);
	save(&store);
	again = load();
	check_equal(&store, &again);
	assert_true(again.quota[0].runtime);
	tg_policy_store_free(&again);
	tg_policy_store_free(&store);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void test_put_and_remove(void **state)
{
	struct tg_policy_store store = {0};
	struct tg_subject gone = quota("token:b*", "1/s").subject;
	struct tg_subject source = block("source:192.0.2.1", "", 0).subject;

	(void)state;
	assert_int_equal(tg_policy_store_remove_quota(&store, &gone), -ENOENT);
	assert_int_equal(tg_policy_store_remove_block(&store, &source), -ENOENT);
	put_quota(&store, "token:a*", "1/s");
	put_quota(&store, "token:b*", "2/s");
	put_quota(&store, "token:c*", "3/s");
	put_quota(&store, "token:a*", "4/s");
	assert_int_equal(store.quotas, 3);
	assert_int_equal(store.quota[0].limit[0].amount, 4);
	assert_true(store.quota[0].runtime);
	assert_int_equal(tg_policy_store_remove_quota(&store, &gone), 0);
	assert_int_equal(tg_policy_store_remove_quota(&store, &gone), -ENOENT);
	assert_int_equal(store.quotas, 2);
	assert_int_equal(store.quota[1].limit[0].amount, 3);

	put_block(&store, "source:192.0.2.1", "one", 1);
	put_block(&store, "source:192.0.2.1", "two", 2);
	put_block(&store, "token-id:0000000000000001", "three", 3);
	assert_int_equal(store.blocks, 2);
	assert_string_equal(store.block[0].reason, "two");
	assert_int_equal(tg_policy_store_remove_block(&store, &source), 0);
	assert_int_equal(store.blocks, 1);
	assert_string_equal(store.block[0].reason, "three");
	tg_policy_store_free(&store);
}

static void test_full(void **state)
{
	struct tg_policy_store store = {.quotas = TG_QUOTAS_MAX};
	struct tg_quota q = quota("any", "1/s"), *merged = NULL;
	unsigned int count = 0;

	(void)state;
	store.quota = calloc(TG_QUOTAS_MAX, sizeof(*store.quota));
	assert_non_null(store.quota);
	assert_int_equal(tg_policy_store_put_quota(&store, &q), -ENOSPC);
	assert_int_equal(tg_policy_store_merge(&store, &q, 1, &merged, &count), -ENOSPC);
	assert_null(merged);
	store.quotas--;
	assert_int_equal(tg_policy_store_merge(&store, &q, 1, &merged, &count), 0);
	assert_int_equal(count, TG_QUOTAS_MAX);
	free(merged);
	tg_policy_store_free(&store);
}

static void test_merge(void **state)
{
	const struct tg_quota file[] = {quota("token:a*", "1/s"), quota("any", "2/s"),
					quota("token:b*", "3/s")};
	struct tg_policy_store store = {0};
	struct tg_quota *merged;
	unsigned int count;

	(void)state;
	assert_int_equal(tg_policy_store_merge(&store, NULL, 0, &merged, &count), 0);
	assert_int_equal(count, 0);
	free(merged);
	put_quota(&store, "token:c*", "4/s");
	put_quota(&store, "any", "5/s");
	assert_int_equal(tg_policy_store_merge(&store, file, COUNT(file), &merged, &count), 0);
	assert_int_equal(count, 4);
	for (unsigned int i = 0; i < count; i++) {
		assert_int_equal(merged[i].limit[0].amount, "\1\3\4\5"[i]);
		assert_int_equal(merged[i].runtime, i >= 2);
	}
	free(merged);
	tg_policy_store_free(&store);
}

#define HEAD   "{\"version\": 1, "
#define REASON "\"reason\": \"r\", "
#define TIMES  "\"created_unix_ns\": 1, \"expires_unix_ns\": 0}"

static void test_broken(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{"", "not JSON: it ends too early"},
		{"{\"version\": 1, \"policies\": [", "not JSON: it ends too early"},
		{"{version: 1}", "not JSON: "},
		{HEAD "\"blocks\": []} }", "not JSON: "},
		{"[]", "not an object"},
		{"null\n", "not an object"},
		{"{}", "version: not 1, so another version of tollgate wrote it"},
		{"{\"version\": 2}", "version: not 1, "},
		{"{\"version\": \"1\"}", "version: not 1, "},
		{HEAD "\"policies\": {}}", "policies: not a list"},
		{HEAD "\"policies\": [1]}", "policies[0]: not an object"},
		{HEAD "\"policies\": [{\"subject\": \"any\", \"limits\": [\"1/s\"]}, "
		      "{\"subject\": \"source:x\", \"limits\": [\"1/s\"]}]}",
		 "policies[1].subject: \"source:x\" has no valid address"},
		{HEAD "\"policies\": [{\"subject\": \"any\", \"limits\": [\"1/s\", \"0/m\"]}]}",
		 "policies[0].limits[1]: \"0/m\" allows nothing"},
		{HEAD "\"policies\": [{\"subject\": \"any\", \"limits\": [\"1/s\"]}, "
		      "{\"subject\": \"any\", \"limits\": [\"2/s\"]}]}",
		 "policies[1]: has the subject of policies[0]"},
		{HEAD "\"blocks\": 1}", "blocks: not a list"},
		{HEAD "\"blocks\": [null]}", "blocks[0]: not an object"},
		{HEAD "\"blocks\": [{}]}", "blocks[0]: lacks one of subject, reason"},
		{HEAD "\"blocks\": [{\"subject\": \"any\", " REASON "\"created_unix_ns\": 1}]}",
		 "blocks[0]: lacks one of"},
		{HEAD "\"blocks\": [{\"subject\": \"any\", " REASON
		      "\"created_unix_ns\": -1, \"expires_unix_ns\": 0}]}",
		 "blocks[0]: lacks one of"},
		{HEAD "\"blocks\": [{\"subject\": \"any\", " REASON
		      "\"created_unix_ns\": 1.5, \"expires_unix_ns\": 0}]}",
		 "blocks[0]: lacks one of"},
		{HEAD "\"blocks\": [{\"subject\": \"any\\u0000\", " REASON TIMES "]}",
		 "blocks[0]: lacks one of"},
		{HEAD "\"blocks\": [{\"subject\": \"all\", " REASON TIMES "]}",
		 "blocks[0]: \"all\" is not a subject"},
		{HEAD "\"blocks\": [{\"subject\": \"any\", \"reason\": \"a\\nb\", " TIMES "]}",
		 "blocks[0]: its reason is longer than 63 bytes, or has control characters"},
		{HEAD "\"blocks\": [{\"subject\": \"any\", \"reason\": \"12345678901234567890"
		      "12345678901234567890123456789012345678901234\", " TIMES "]}",
		 "blocks[0]: its reason is longer"},
		{HEAD "\"blocks\": [{\"subject\": \"any\", " REASON TIMES
		      ", {\"subject\": \"any\", " REASON TIMES "]}",
		 "blocks[1]: has the subject of blocks[0]"},
	};
	char error[512], expected[512];
	struct tg_policy_store store;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		put_file(bad[i].text);
		if (tg_policy_store_load(directory, &store, error, sizeof(error)) != -EINVAL)
			fail_msg("%s: not refused", bad[i].text);
		snprintf(expected, sizeof(expected), "%s: %s", path, bad[i].says);
		if (strncmp(error, expected, strlen(expected)))
			fail_msg("%s\n  says \"%s\"\n  not  \"%s\"", bad[i].text, error, expected);
		assert_non_null(strstr(error, "; mend the file or remove it, "));
		assert_null(store.quota);
		assert_null(store.block);
		assert_int_equal(store.quotas + store.blocks, 0);
	}
}

/* By hand, with what may be left out. */
static void test_by_hand(void **state)
{
	struct tg_policy_store store;

	(void)state;
	put_file(HEAD "\"policies\": [{\"subject\": \"any\", \"limits\": [\"1/s\"]}]}\n \n");
	store = load();
	assert_int_equal(store.quotas, 1);
	assert_int_equal(store.quota[0].action, TG_ACTION_REJECT);
	assert_int_equal(store.blocks, 0);
	tg_policy_store_free(&store);
}

static void test_unreadable(void **state)
{
	struct tg_policy_store store;
	char error[512] = "", expected[256];

	(void)state;
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(tg_policy_store_load(directory, &store, error, sizeof(error)), -EISDIR);
	snprintf(expected, sizeof(expected), "%s: cannot be read: Is a directory", path);
	assert_string_equal(error, expected);
	assert_int_equal(tg_policy_store_save(directory, &store, error, sizeof(error)), -EISDIR);
	snprintf(expected, sizeof(expected), "%s: cannot be written: Is a directory; ", path);
	assert_int_equal(strncmp(error, expected, strlen(expected)), 0);
	strcat(path, ".new");
	assert_int_equal(access(path, F_OK), -1); /* nothing is left behind */
}

/* A save that fails leaves the old file as it is. */
static void test_old_file_stands(void **state)
{
	struct tg_policy_store store = {0}, again;
	char fresh[128], error[512];

	(void)state;
	put_quota(&store, "any", "1/s");
	save(&store);
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	assert_int_equal(mkdir(fresh, 0700), 0);
	put_quota(&store, "token:*", "1/s");
	assert_int_equal(tg_policy_store_save(directory, &store, error, sizeof(error)), -EISDIR);
	again = load();
	assert_int_equal(again.quotas, 1);
	tg_policy_store_free(&again);
	tg_policy_store_free(&store);
}

/* state_dir is made, but not what is around it. */
static void test_directory_is_made(void **state)
{
	struct tg_policy_store store = {0};
	char inner[128], deep[160], error[512];

	(void)state;
	snprintf(inner, sizeof(inner), "%s/state", directory);
	snprintf(deep, sizeof(deep), "%s/no/state", directory);
	assert_int_equal(tg_policy_store_save(inner, &store, error, sizeof(error)), 0);
	assert_int_equal(tg_policy_store_save(deep, &store, error, sizeof(error)), -ENOENT);
}

/* What has the name of the file to be is neither waited for nor written through. */
static void test_what_is_in_the_way(void **state)
{
	struct tg_policy_store store = {0};
	char fresh[128], elsewhere[128], error[512];
	struct stat st;

	(void)state;
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", directory);
	assert_int_equal(mkfifo(fresh, 0600), 0);
	alarm(10); /* ends the test, were it to wait for a reader */
	save(&store);
	alarm(0);
	assert_int_equal(symlink(elsewhere, fresh), 0);
	save(&store);
	assert_int_equal(access(elsewhere, F_OK), -1);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(mkdir(fresh, 0700), 0);
	assert_true(tg_policy_store_save(directory, &store, error, sizeof(error)) < 0);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, directory_remove)
	const struct CMUnitTest tests[] = {
		T(test_missing_is_empty),
		T(test_save_and_load),
		T(test_put_and_remove),
		T(test_full),
		T(test_merge),
		T(test_broken),
		T(test_by_hand),
		T(test_unreadable),
		T(test_old_file_stands),
		T(test_directory_is_made),
		T(test_what_is_in_the_way),
	};

	return cmocka_run_group_tests_name("policy store", tests, NULL, NULL);
}
