// What a server costs, whoever else uses the machine meanwhile.

import { readFileSync } from 'node:fs';

/** User and system time of a process in seconds (proc(5), clock ticks of 10 ms). */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
