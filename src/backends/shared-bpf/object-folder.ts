// Which of the compiled objects this kernel takes.

import { canBpfAskConntrack } from '../../sys/bpf-conntrack.ts';

/** The folder itself, or the one in it whose programs ask the kernel's connection tracking nothing, where that cannot be asked. */
export function objectFolder(objectDir: string): string {
  return canBpfAskConntrack() ? objectDir : `${objectDir}/without-conntrack`;
}
