/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What tests of the loader share: a network namespace with a veth pair, a
 * pin_dir and a secret of their own, and frames sent over the pair.
 */
#ifndef TOLLGATE_TESTS_SANDBOX_H
#define TOLLGATE_TESTS_SANDBOX_H

#include "../../user/config.h"
#include "../../user/loader.h"

struct sandbox {
	struct tg_config config; /* one interface: near, mode native */
	struct tg_config_interface interfaces[2];
	uint16_t ports[1];
	struct tg_config_place places[1];
	char pin_dir[96];
	char state_dir[96];
	char secret_file[128];
	char error[512];
};

/* cmocka set-up and tear-down: *state is the struct sandbox. */
int sandbox_setup(void **state);
int sandbox_teardown(void **state);
#define SANDBOX_TEST(name) cmocka_unit_test_setup_teardown(name, sandbox_setup, sandbox_teardown)

/* Run a shell command that must succeed. */
void sandbox_run(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The pair near - far, both up; and its index. */
void sandbox_make_pair(const char *near, const char *far);
uint32_t sandbox_index(const char *ifname);

/* Is there a file? below: of pin_dir. */
bool sandbox_pinned(const struct sandbox *sandbox, const char *below);

/* Must succeed. */
struct tg_loader *sandbox_open(struct sandbox *sandbox);
struct tg_attachment sandbox_attach(struct sandbox *sandbox, struct tg_loader *loader,
				    unsigned int which);

/* An agent that meters near begins. out: NULL: whatever. */
struct tg_loader *sandbox_start(struct sandbox *sandbox, struct tg_attachment *out);

/* From all interfaces. Returns how many they were. */
unsigned int sandbox_detach(struct sandbox *sandbox);

/* Must fail: the error, with its words in sandbox->error. */
int sandbox_open_fails(struct sandbox *sandbox);
int sandbox_attach_fails(struct sandbox *sandbox, struct tg_loader *loader, const char *ifname);

/* The id of the native program on the interface, 0: none. */
uint32_t sandbox_native_program(const char *ifname);

/* Send frames that are not IP out of far, and wait until the other end has had them. */
void sandbox_send(const char *far, unsigned int frames);

/* Of such frames, how many the slot has counted: as the agent sees it, or someone without. */
uint64_t sandbox_counted(const struct tg_maps *maps, uint32_t slot);
uint64_t sandbox_counted_from_pins(struct sandbox *sandbox, uint32_t slot);

/* A do-nothing XDP program; returns its descriptor. */
int sandbox_other_program(const char *name);

#endif
