/* SPDX-License-Identifier: BSD-2-Clause */
/* links: user/link.c user/link_query.c user/ethtool.c */
/* Interfaces that come, go and change, in network namespaces of their own. */
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../user/ethtool.h"
#include "../../user/link.h"

#define EVENTS_MAX 2000

static struct {
	struct tg_link_event events[EVENTS_MAX];
	size_t count;
} told;

static void tell(const struct tg_link_event *event, void *arg)
{
	assert_ptr_equal(arg, &told);
	assert_true(told.count < EVENTS_MAX);
	told.events[told.count++] = *event;
}

static void run(const char *command)
{
	if (system(command))
		fail_msg("failed: %s", command);
}

static int setup(void **state)
{
	(void)state;
	told.count = 0;
	return unshare(CLONE_NEWNET);
}

static struct tg_link *subscribe(void)
{
	struct tg_link *link = NULL;

	assert_int_equal(tg_link_open(&link, tell, &told), 0);
	return link;
}

/* The one event of that kind and name, or NULL. */
static const struct tg_link_event *event_of(enum tg_link_change change, const char *name)
{
	const struct tg_link_event *found = NULL;

	for (size_t i = 0; i < told.count; i++)
		if (told.events[i].change == change && !strcmp(told.events[i].name, name)) {
			assert_null(found);
			found = &told.events[i];
		}
	return found;
}

static void what_is_there_is_no_news(void **state)
{
	struct tg_link *link;

	(void)state;
	run("ip link add ta type veth peer name tz");
	link = subscribe();
	assert_int_equal(tg_link_read(link), 0);
	assert_int_equal(told.count, 0);
	tg_link_close(link);
}

static void new_and_gone_are_told(void **state)
{
	struct tg_link *link = subscribe();
	const struct tg_link_event *event;
	uint32_t index;

	(void)state;
	run("ip link add ta type veth peer name tz");
	index = if_nametoindex("ta");
	struct pollfd wait = {.fd = tg_link_fd(link), .events = POLLIN};
	assert_int_equal(poll(&wait, 1, 2000), 1);
	assert_int_equal(tg_link_read(link), 0);
	event = event_of(TG_LINK_NEW, "ta");
	assert_non_null(event);
	assert_int_equal(event->ifindex, index);
	assert_int_equal(event->mtu, 1500);
	assert_false(event->up);
	told.count = 0;
	run("ip link del ta");
	assert_int_equal(tg_link_read(link), 0);
	event = event_of(TG_LINK_GONE, "ta");
	assert_non_null(event);
	assert_int_equal(event->ifindex, index);
	assert_non_null(event_of(TG_LINK_GONE, "tz"));
	assert_int_equal(told.count, 2);
	tg_link_close(link);
}

static void changes_are_told(void **state)
{
	const struct tg_link_event *event;
	struct tg_link *link;

	(void)state;
	run("ip link add ta type veth peer name tz");
	link = subscribe();
	run("ip link set ta up");
	assert_int_equal(tg_link_read(link), 0);
	event = event_of(TG_LINK_CHANGED, "ta");
	assert_non_null(event);
	assert_true(event->up);
	told.count = 0;
	run("ip link set ta mtu 9000");
	assert_int_equal(tg_link_read(link), 0);
	event = event_of(TG_LINK_CHANGED, "ta");
	assert_non_null(event);
	assert_int_equal(event->mtu, 9000);
	tg_link_close(link);
}

static void a_new_name_is_told_with_the_old_one(void **state)
{
	const struct tg_link_event *event;
	struct tg_link *link;

	(void)state;
	run("ip link add ta type veth peer name tz");
	link = subscribe();
	run("ip link set ta name tb");
	assert_int_equal(tg_link_read(link), 0);
	event = event_of(TG_LINK_RENAMED, "tb");
	assert_non_null(event);
	assert_string_equal(event->was, "ta");
	assert_int_equal(event->ifindex, if_nametoindex("tb"));
	tg_link_close(link);
}

static void moving_away_is_going(void **state)
{
	struct tg_link *link;

	(void)state;
	run("ip link add ta type veth peer name tz");
	link = subscribe();
	run("unshare --net sleep 2 & child=$!; sleep 0.3; "
	    "ip link set ta netns $child; kill $child");
	assert_int_equal(tg_link_read(link), 0);
	assert_non_null(event_of(TG_LINK_GONE, "ta"));
	tg_link_close(link);
}

/* The kernel tells of a port that leaves its bridge by RTM_DELLINK, family AF_BRIDGE. */
static void leaving_a_bridge_is_not_going(void **state)
{
	struct tg_link *link;

	(void)state;
	run("ip link add ta type veth peer name tz && ip link add br0 type bridge && ip link set "
	    "ta "
	    "master br0");
	link = subscribe();
	run("ip link set ta nomaster");
	assert_int_equal(tg_link_read(link), 0);
	assert_null(event_of(TG_LINK_GONE, "ta"));
	tg_link_close(link);
}

/* More messages than the socket holds: what counts is how it stands in the end. */
static void lost_messages_are_made_up_for(void **state)
{
	const int small = 4096;
	struct tg_link *link;
	char name[16];

	(void)state;
	run("ip link add old type veth peer name older");
	link = subscribe();
	assert_int_equal(setsockopt(tg_link_fd(link), SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)),
			 0);
	run("{ for i in $(seq 50); do echo link add d$i type veth peer name p$i; done; echo link "
	    "del old; "
	    "for i in $(seq 2 2 50); do echo link del d$i; done; } | ip -batch -");
	assert_int_equal(tg_link_read(link), 0);
	assert_non_null(event_of(TG_LINK_GONE, "old"));
	for (int i = 1; i <= 50; i += 2) {
		snprintf(name, sizeof(name), "d%d", i);
		assert_non_null(event_of(TG_LINK_NEW, name));
	}
	for (int i = 2; i <= 50; i += 2) {
		snprintf(name, sizeof(name), "d%d", i);
		assert_int_equal(!event_of(TG_LINK_NEW, name), !event_of(TG_LINK_GONE, name));
	}
	tg_link_close(link);
}

static void a_veth_is_described(void **state)
{
	struct tg_link_info info;

	(void)state;
	run("ip link add ta numrxqueues 2 type veth peer name tb numtxqueues 2 && "
	    "ip link set ta up mtu 1400 && ip link set tb up");
	assert_int_equal(tg_link_query("ta", &info), 0);
	assert_string_equal(info.name, "ta");
	assert_int_equal(info.ifindex, if_nametoindex("ta"));
	assert_int_equal(info.mtu, 1400);
	assert_true(info.up);
	assert_string_equal(info.operstate, "up");
	assert_string_equal(info.kind, "veth");
	assert_string_equal(info.driver, "veth");
	assert_int_equal(info.queues, 2);
	assert_int_equal(info.peer, if_nametoindex("tb"));
	assert_false(info.peer_elsewhere);
}

static void lo_is_described(void **state)
{
	struct tg_link_info info;

	(void)state;
	assert_int_equal(tg_link_query("lo", &info), 0);
	assert_string_equal(info.kind, "");
	assert_string_equal(info.driver, "");
	assert_false(info.up);
	assert_string_equal(info.operstate, "down");
}

static void nothing_of_that_name(void **state)
{
	struct tg_link_info info;

	(void)state;
	assert_int_equal(tg_link_query("nothing", &info), -ENODEV);
	assert_int_equal(tg_link_query("a name that is too long", &info), -ENODEV);
}

static void offloads_are_read(void **state)
{
	bool on;

	(void)state;
	run("ip link add ta type veth peer name tb && ethtool -K ta tso off >/dev/null");
	assert_int_equal(tg_ethtool_feature("ta", "tx-tcp-segmentation", &on), 0);
	assert_false(on);
	run("ethtool -K ta tso on >/dev/null");
	assert_int_equal(tg_ethtool_feature("ta", "tx-tcp-segmentation", &on), 0);
	assert_true(on);
	assert_int_equal(tg_ethtool_feature("ta", "no-such-offload", &on), -ENOENT);
	assert_true(tg_ethtool_feature("nothing", "rx-lro", &on) < 0);
}

static void channels_are_read(void **state)
{
	struct tg_ethtool_channels channels;

	(void)state;
	run("ip link add ta numrxqueues 2 numtxqueues 2 type veth peer name tb");
	assert_int_equal(tg_ethtool_channels("ta", &channels), 0);
	assert_int_equal(channels.rx, 2);
	assert_int_equal(channels.rx_max, 2);
	assert_true(tg_ethtool_channels("lo", &channels) < 0);
}

#define T(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_is_there_is_no_news),
		T(new_and_gone_are_told),
		T(changes_are_told),
		T(a_new_name_is_told_with_the_old_one),
		T(moving_away_is_going),
		T(leaving_a_bridge_is_not_going),
		T(lost_messages_are_made_up_for),
		T(a_veth_is_described),
		T(lo_is_described),
		T(nothing_of_that_name),
		T(offloads_are_read),
		T(channels_are_read),
	};

	return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
