// Whether BPF programs can ask the kernel's connection tracking (net/netfilter/nf_conntrack_bpf.c, 5.18).

import { readFileSync } from 'node:fs';
import { countFlows } from './conntrack.ts';
import { errnoOf } from './errno.ts';

const KERNEL_TYPES = '/sys/kernel/btf/vmlinux';
/** Of a module that is loaded; one that is not has no types. */
const MODULE_TYPES = '/sys/kernel/btf/nf_conntrack';
const LOOKUP = 'bpf_skb_ct_lookup';

/** Where connection tracking is a module, as on most distributions, this has the kernel load it. */
export function canBpfAskConntrack(): boolean {
  if (tellsOfLookup(KERNEL_TYPES)) return true;
  return countFlows() !== undefined && tellsOfLookup(MODULE_TYPES);
}

function tellsOfLookup(types: string): boolean {
  try {
    return readFileSync(types).includes(LOOKUP);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}
