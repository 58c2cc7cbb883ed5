// Which of the compiled objects this kernel takes.

import { readFileSync } from 'node:fs';

const KERNEL_TYPES = '/sys/kernel/btf/vmlinux';
const CONNTRACK_LOOKUP = 'bpf_skb_ct_lookup';

/**
 * The folder itself, or the one in it whose programs ask the kernel's connection tracking nothing: where that is a module, kernels of old
 * (6.1) refuse a program that names one of its functions, called or not.
 */
export function objectFolder(objectDir: string): string {
  return readFileSync(KERNEL_TYPES).includes(CONNTRACK_LOOKUP) ? objectDir : `${objectDir}/without-conntrack`;
}
