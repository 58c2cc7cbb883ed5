// What is said of times and of processes.

import { readFileSync } from 'node:fs';

/** Sorts the times. */
export function quantiles(times: number[]): { readonly p50Ms: number; readonly p99Ms: number } {
  times.sort((a, b) => a - b);
  const at = (part: number): number =>
    Number((times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0).toFixed(2));
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}

/** Memory of a process that is its own, as the kernel counts it. */
export function rssMb(pid: number): number {
  const kb = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0';
  return Math.round(Number(kb) / 1024);
}
