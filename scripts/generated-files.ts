// The one list of files that are printed from tables in the code.

import { allBpfMaps, BPF_CONSTANTS } from '../src/wire/bpf-maps.ts';
import { printHeader } from '../src/wire/bpf-maps-c.ts';

/** A file of the repository and the function that gives its whole text. */
export interface GeneratedFile {
  /** From the root of the repository. */
  readonly path: string;
  readonly print: () => string;
}

export const GENERATED_FILES: readonly GeneratedFile[] = [
  { path: 'bpf/include/generated.h', print: () => printHeader(allBpfMaps(), BPF_CONSTANTS) },
];
