/* SPDX-License-Identifier: BSD-2-Clause */
#include "ifaces.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "log.h"

#define ERROR_BYTES  512
#define ATTACH_TRIES 5

struct tg_ifaces {
	struct tg_loader *loader;
	const struct tg_config *config;
	struct tg_attachment *at; /* of config->interfaces[i] */
	bool *refused;		  /* there, but it could not be attached */
};

struct tg_ifaces *tg_ifaces_new(struct tg_loader *loader, const struct tg_config *config)
{
	struct tg_ifaces *ifaces = calloc(1, sizeof(*ifaces));

	if (!ifaces)
		return NULL;
	ifaces->loader = loader;
	ifaces->config = config;
	ifaces->at = calloc(config->interfaces_count + 1, sizeof(*ifaces->at));
	ifaces->refused = calloc(config->interfaces_count + 1, sizeof(*ifaces->refused));
	if (ifaces->at && ifaces->refused)
		return ifaces;
	tg_ifaces_free(ifaces);
	return NULL;
}

void tg_ifaces_free(struct tg_ifaces *ifaces)
{
	if (!ifaces)
		return;
	free(ifaces->at);
	free(ifaces->refused);
	free(ifaces);
}

static const char *mode_name(enum tg_mode mode)
{
	return mode == TG_MODE_NATIVE ? "native" : "generic";
}

static void log_attached(const struct tg_attachment *was, const struct tg_attachment *now)
{
	char egress[32] = "";

	if (now->egress_id)
		snprintf(egress, sizeof(egress), ", egress program %u", now->egress_id);
	if (!was->attached || was->program_id != now->program_id || was->ifindex != now->ifindex ||
	    was->egress_id != now->egress_id)
		tg_log_info("%s: attached, mode %s, program %u%s%s%s", now->name,
			    mode_name(now->mode), now->program_id, egress, now->why[0] ? ": " : "",
			    now->why);
}

static bool lacks_egress(const struct tg_ifaces *ifaces, unsigned int which)
{
	return ifaces->config->interfaces[which].server == TG_SERVER_FORWARDED &&
	       ifaces->at[which].attached && !ifaces->at[which].egress_id;
}

static void note_absent(struct tg_ifaces *ifaces, unsigned int which)
{
	struct tg_attachment *at = &ifaces->at[which];
	const char *why = "the interface is not there; attached when it comes";

	tg_loader_refresh(ifaces->loader, which, at);
	if (strcmp(at->why, why))
		tg_log_warning("%s: %s", at->name, why);
	at->attached = false;
	snprintf(at->why, sizeof(at->why), "%s", why);
	ifaces->refused[which] = false;
}

static void note_refused(struct tg_ifaces *ifaces, unsigned int which, uint32_t ifindex,
			 const char *error)
{
	struct tg_attachment *at = &ifaces->at[which];

	tg_loader_refresh(ifaces->loader, which, at);
	at->attached = false;
	at->ifindex = ifindex;
	snprintf(at->why, sizeof(at->why), "%.*s", (int)sizeof(at->why) - 1, error);
}

/*
 * On the interface that has the name now: link says which. One that went meanwhile, or
 * whose name is another's by now, has not refused anything, whatever the kernel says.
 */
static int attach_named(struct tg_ifaces *ifaces, unsigned int which, struct tg_link_info *link,
			char *error, size_t error_bytes)
{
	const char *name = ifaces->config->interfaces[which].name;
	struct tg_link_info now;
	int err = tg_link_query(name, link), again;

	for (int i = 0; !err && i < ATTACH_TRIES; i++) {
		err = tg_loader_attach(ifaces->loader, which, link->ifindex, &ifaces->at[which],
				       error, error_bytes);
		again = err ? tg_link_query(name, &now) : 0;
		if (!err || (!again && now.ifindex == link->ifindex))
			return err;
		err = again;
		if (!err)
			*link = now;
	}
	if (err && err != -ENODEV)
		tg_error(err, error, error_bytes, "%s: cannot be looked up: %s", name,
			 strerror(-err));
	return err ? err : -ENODEV; /* it comes and goes: there will be news of it */
}

/* -ENODEV, not an error, or what the interface refused the program with. */
static int attach(struct tg_ifaces *ifaces, unsigned int which, char *error, size_t error_bytes)
{
	struct tg_attachment was = ifaces->at[which];
	struct tg_attachment *at = &ifaces->at[which];
	struct tg_link_info link = {0};
	int err = attach_named(ifaces, which, &link, error, error_bytes);

	if (err == -ENODEV) {
		note_absent(ifaces, which);
		return err;
	}
	ifaces->refused[which] = err;
	if (err)
		note_refused(ifaces, which, link.ifindex, error);
	else
		log_attached(&was, at);
	if (!err && lacks_egress(ifaces, which))
		tg_log_error("%s: no request is counted: %s", at->name, at->why);
	return err;
}

unsigned int tg_ifaces_attach(struct tg_ifaces *ifaces, char *error, size_t error_bytes)
{
	unsigned int attached = 0;

	*error = '\0';
	for (unsigned int i = 0; i < ifaces->config->interfaces_count; i++) {
		char reason[ERROR_BYTES] = "";
		int err = attach(ifaces, i, reason, sizeof(reason));

		attached += !err;
		if (!err || err == -ENODEV)
			continue;
		if (*error)
			tg_log_error("%s", error);
		snprintf(error, error_bytes, "%s", reason);
	}
	return attached;
}

/* Something about the interface changed; say only what was not said before. */
static void attach_again(struct tg_ifaces *ifaces, unsigned int which)
{
	struct tg_attachment was = ifaces->at[which];
	char error[ERROR_BYTES] = "";
	int err = attach(ifaces, which, error, sizeof(error));

	if (err && err != -ENODEV && strcmp(was.why, ifaces->at[which].why))
		tg_log_error("%s", error);
}

static void forget(struct tg_ifaces *ifaces, unsigned int which)
{
	if (ifaces->at[which].attached)
		tg_log_warning("%s: the interface is gone; attached again when it comes back",
			       ifaces->at[which].name);
	tg_loader_forget(ifaces->loader, which);
	tg_loader_refresh(ifaces->loader, which, &ifaces->at[which]);
	ifaces->refused[which] = false;
}

/*
 * The program was taken off by someone, or what stood in its way went. An
 * interface that is deleted goes down first: by now it may be gone.
 */
static void look_again(struct tg_ifaces *ifaces, unsigned int which)
{
	struct tg_attachment *at = &ifaces->at[which];
	struct tg_attachment now = *at;
	struct tg_link_info link;

	if (ifaces->refused[which]) {
		attach_again(ifaces, which);
		return;
	}
	tg_loader_refresh(ifaces->loader, which, &now);
	if (at->attached && !now.attached && tg_link_query(at->name, &link) == -ENODEV) {
		forget(ifaces, which);
		return;
	}
	if ((at->attached && !now.attached) || (at->egress_id && now.attached && !now.egress_id))
		tg_log_warning("%s: %s", at->name, now.why);
	*at = now;
}

static bool is_named(const struct tg_ifaces *ifaces, unsigned int which, const char *name)
{
	return !strncmp(ifaces->config->interfaces[which].name, name, TG_IFACE_NAME_BYTES);
}

void tg_ifaces_link_changed(struct tg_ifaces *ifaces, const struct tg_link_event *event)
{
	unsigned int count = ifaces->config->interfaces_count;
	bool gone = event->change == TG_LINK_GONE;
	const char *lost = gone ? event->name : event->was;

	/* Losses first: the link of a renamed interface goes over to its new name. */
	for (unsigned int i = 0; i < count; i++) {
		if ((gone || event->change == TG_LINK_RENAMED) && is_named(ifaces, i, lost))
			forget(ifaces, i);
	}
	for (unsigned int i = 0; i < count; i++) {
		if (gone || !is_named(ifaces, i, event->name))
			continue;
		if (event->change == TG_LINK_CHANGED)
			look_again(ifaces, i);
		else
			attach_again(ifaces, i);
	}
}

void tg_ifaces_check(struct tg_ifaces *ifaces)
{
	for (unsigned int i = 0; i < ifaces->config->interfaces_count; i++) {
		if (ifaces->at[i].attached)
			look_again(ifaces, i);
	}
}

const struct tg_attachment *tg_ifaces_attachments(struct tg_ifaces *ifaces, unsigned int *count)
{
	tg_ifaces_check(ifaces);
	*count = ifaces->config->interfaces_count;
	return ifaces->at;
}
