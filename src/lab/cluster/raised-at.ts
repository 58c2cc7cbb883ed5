// When the cluster was raised since the machine started: what the API says from before is about processes that are gone.

import { readFileSync, writeFileSync } from 'node:fs';
import { clusterPaths, type PathRoots } from '../../base/paths.ts';

/** Writes the time down unless it is there: the run folder is emptied by a reboot, and by nothing else. */
export function markRaised(roots: PathRoots, cluster: string): void {
  try {
    writeFileSync(file(roots, cluster), String(Date.now()), { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Milliseconds since 1970, cut to the second as times of the API are; 0 where nothing is known. */
export function raisedAtMs(roots: PathRoots, cluster: string): number {
  try {
    const ms = Number(readFileSync(file(roots, cluster), 'utf8'));
    return Number.isFinite(ms) ? Math.floor(ms / 1000) * 1000 : 0;
  } catch {
    return 0;
  }
}

function file(roots: PathRoots, cluster: string): string {
  return `${clusterPaths(roots, cluster).run}/raised-at`;
}
