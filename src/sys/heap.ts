// The C library's heap of this process: what native libraries freed goes back to the kernel only when it is told.

import { mallocTrim } from './ffi.ts';

/**
 * Gives free memory of the C heap back. Loading BPF programs makes libbpf read the kernel's type information (tens of megabytes) and
 * free it again; glibc keeps the holes, as big as the whole rest of the process (malloc_trim(3)).
 */
export function releaseFreeHeap(): void {
  mallocTrim(0);
}
