// From a path inside a container to the host's, through the container's mounts. Nothing outside of the mounts is reachable.

import { realpathSync } from 'node:fs';
import path from 'node:path';
import { FairleadError } from '../../base/errors.ts';
import type { FileMount } from './workload-spec.ts';

/** Throws `not-found` where no mount holds the path, or a link in it leads out of its mount. */
export function hostPathOf(mounts: readonly FileMount[], inside: string): string {
  const wanted = path.posix.normalize(inside);
  // The deepest mount wins, as in a file system.
  const mount = mounts
    .filter(
      ({ target }) => wanted === target || wanted.startsWith(target.endsWith('/') ? target : `${target}/`),
    )
    .toSorted((a, b) => b.target.length - a.target.length)[0];
  if (mount !== undefined) {
    const found = realpath(path.join(mount.source, wanted.slice(mount.target.length)));
    const root = realpath(mount.source);
    const isWithin = root !== undefined && (found === root || found?.startsWith(`${root}/`) === true);
    if (isWithin && found !== undefined) return found;
  }
  throw new FairleadError('not-found', `Cannot open ${inside}: no such file in the container's volumes`);
}

function realpath(file: string): string | undefined {
  try {
    return realpathSync(file);
  } catch {
    return undefined; // Not there: the caller says so with the path as the container knows it.
  }
}
