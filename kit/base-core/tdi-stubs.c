// SPDX-License-Identifier: GPL-2.0-only
/*
 * The simulator on a core that knows no TDIs, see kit/tree.sh: in place of the
 * files that need one that does.
 */
#include "link.h"

void sim_link_tdis_drop(struct sim_link_tsm *tsm, struct sim_link_session *s)
{
}

#ifdef CONFIG_DEBUG_FS
void sim_consumer_init(void)
{
}

void sim_consumer_exit(void)
{
}
#endif
