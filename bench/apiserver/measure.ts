// What is said of times and of processes.

import { readdirSync, readFileSync } from 'node:fs';

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

/** Processor time that a process has had in all its threads, in milliseconds (schedstat of the kernel: nanoseconds). */
export function processorMs(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const ns = tasks.map((task) =>
    Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]),
  );
  return ns.reduce((sum, it) => sum + it, 0) / 1e6;
}
