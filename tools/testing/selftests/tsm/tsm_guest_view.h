/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a guest sees of a TDI, on the loopback of tsm-sim: a function of its own,
 * and a TSM to lock it with. No test logic here.
 *
 * Functions return 0 or -errno of the system call that failed, unless they say
 * otherwise.
 */
#ifndef __TSM_GUEST_VIEW_H
#define __TSM_GUEST_VIEW_H

#include <stdio.h>
#include <string.h>

#include "tsm_harness.h"

/* Where a VMM plugs the function in: a function 0, and not where the host has it */
#define VIEW_RID	0x10

/* A driver that does nothing with it, where it does not matter which one has it */
#define VIEW_DRIVER	"pci-stub"

/* What sysfs says when a function refuses a driver, whatever the reason */
#define NOT_BOUND	EINVAL

/* A function is looked at every two seconds; others keep the processor busy */
#define VIEW_POLL_MS	10000

/**
 * struct view - a guest's function
 * @bdf: its name there
 * @tsm: name of the TSM
 */
struct view {
	char bdf[32];
	char tsm[16];
};

/* Make guest @name of TDI @tdi; @how is what else to say, such as "bar0=4096" */
static inline int view_open(struct view *w, struct vmm *v, const char *name,
			    const char *tdi, const char *how)
{
	int err = vmm_cmd(v, "guest %s tdi=%s %s", name, tdi, how);

	if (err)
		return err;
	snprintf(w->bdf, sizeof(w->bdf), "%s", vmm_text(v, "bdf") ?: "");
	w->bdf[strcspn(w->bdf, " ")] = '\0';
	snprintf(w->tsm, sizeof(w->tsm), "%s", vmm_text(v, "tsm") ?: "");
	return w->bdf[0] && w->tsm[0] ? 0 : -EPROTO;
}

static inline int view_lock(struct view *w)
{
	return sim_pci_write(w->bdf, "tsm/lock", w->tsm);
}

static inline int view_accept(struct view *w)
{
	return sim_pci_write(w->bdf, "tsm/accept", "1");
}

static inline int view_unlock(struct view *w)
{
	return sim_pci_write(w->bdf, "tsm/unlock", w->tsm);
}

/* Have guest "g" stuck: its function is unlocked by a host that only says so */
static inline int view_get_stuck(struct vmm *v, struct view *w)
{
	int err = vmm_cmd(v, "lie g about=stop");

	if (err)
		return err;
	err = view_unlock(w);
	return vmm_cmd(v, "lie g about=none") ?:
	       err == -EPERM ? 0 : err ?: -EPROTO;
}

/* Its state in a word, or the error */
static inline const char *view_state(struct view *w)
{
	static __thread char state[32];
	int err = sim_pci_read(w->bdf, "tsm/state", state, sizeof(state));

	if (err)
		snprintf(state, sizeof(state), "!%s", strerror(-err));
	return state;
}

static inline bool view_comes_to(struct view *w, const char *state)
{
	return sim_wait(!strcmp(state, view_state(w)), VIEW_POLL_MS);
}

/* A device, a TDI of its first virtual function, and what a guest sees of that */
static inline int view_scene(struct scene *s, struct view *w)
{
	int err;

	err = scene_build(s, "alpha", 1);
	err = err ?: scene_connect(s);
	err = err ?: vmm_create(&s->v, "t", s->vf[0], "vm0", VIEW_RID, NULL);
	return err ?: view_open(w, &s->v, "g", "t", "");
}

/* What the trusted firmware knows of a TDI */
static inline int view_firmware(struct vmm *v, const char *tdi,
				struct tsm_sim_tdi_info *info)
{
	struct tsm_sim_msg msg = { .type = TSM_SIM_MSG_TDI_INFO };
	size_t len = sizeof(*info);

	return vmm_req(v, tdi, TSM_OP_GUEST_MSG, &msg, sizeof(msg), info, &len);
}

/* Does it let the device reach private memory? -errno if it cannot say */
static inline int view_has_dma(struct vmm *v, const char *tdi)
{
	struct tsm_sim_tdi_info info;
	int err = view_firmware(v, tdi, &info);

	return err ?: !!(info.flags & TSM_SIM_TDI_DMA);
}

#define test_view(w, state) ({ ASSERT_STREQ(state, view_state(w)); })
#define test_view_comes_to(w, state) ({ ASSERT_TRUE(view_comes_to(w, state)); })

#endif /* __TSM_GUEST_VIEW_H */
