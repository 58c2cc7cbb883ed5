/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Maps that the agent makes anew at a larger size while programs run: the map by the table's name is a slot that holds the map of now. The
 * agent fills the new one first and puts it into the slot second, so that each look-up meets one of two maps that say the same.
 */
#pragma once

#include "../include/generated.h"

/* NULL where there is no entry; and before the agent has put the first map there, when there is none either. */
static __always_inline void *growing_map_lookup(void *slot, const void *key)
{
	__u32 index = 0;
	void *map_of_now = bpf_map_lookup_elem(slot, &index);

	return map_of_now ? bpf_map_lookup_elem(map_of_now, key) : NULL;
}
