// Names of the cluster as a pod asks for them, by the kernel and by the DNS process alone, beside Knot (Debian `knot`) on the same node with the same zone, in turns:
// JSON lines. Usage: node bench/dns-rates.ts [seconds [rounds]]. Needs: apt-get install knot.

import { cpus } from 'node:os';
import { Lifetime } from '../src/base/lifetime.ts';
import { median, medianRatio } from './service-load/load-program.ts';
import { DnsLoadProgram, type DnsLoad, type DnsLoadResult } from './dns/load.ts';
import { cpuSeconds } from './dns/processor-time.ts';
import { writeQuestions } from './dns/questions.ts';
import { CLUSTER_DNS, fullName, KNOT, openDnsRig, startKnot } from './dns/rig.ts';

const [seconds = 3, rounds = 5] = process.argv.slice(2).map(Number);
const SERVICES = 10_000;
/** The pace at which latencies are compared. */
const PACE = 20_000;

const lifetime = new Lifetime('bench');
try {
  const program = DnsLoadProgram.compile(lifetime);
  const world = await openDnsRig(SERVICES, lifetime);
  const knotPid = await startKnot(world, lifetime);
  const questions = `${world.folder}/questions`;
  const asked = world.names.flatMap((it) =>
    (['A', 'AAAA'] as const).map((type) => ({ name: fullName(it), type })),
  );
  const forProcess = `${questions}.cookie`;
  writeQuestions(questions, asked);
  writeQuestions(forProcess, asked, true);
  const threads = Math.min(2, cpus().length);
  const ways: Readonly<Record<string, Pick<DnsLoad, 'ip' | 'questions'> & { readonly pid?: number }>> = {
    knot: { ip: KNOT, questions, pid: knotPid },
    kernel: { ip: CLUSTER_DNS, questions },
    process: { ip: CLUSTER_DNS, questions: forProcess, pid: world.dns.pid },
  };
  const results: Record<string, { fast: DnsLoadResult[]; paced: DnsLoadResult[]; cpuUs: number[] }> = {};
  for (let round = 0; round < rounds; round++)
    for (const [way, { pid, ...where }] of Object.entries(ways)) {
      const load = { netns: world.podNetns, seconds, threads, ...where };
      const result = (results[way] ??= { fast: [], paced: [], cpuUs: [] });
      const beforeS = pid === undefined ? 0 : cpuSeconds(pid);
      const fast = await program.run(load);
      result.fast.push(fast);
      const answers = fast.answersPerS * seconds;
      if (pid !== undefined) result.cpuUs.push(((cpuSeconds(pid) - beforeS) * 1e6) / answers);
      result.paced.push(await program.run({ ...load, rate: PACE }));
    }
  const rates = (way: string): readonly number[] => results[way]?.fast.map((it) => it.answersPerS) ?? [];
  const goals: Readonly<Record<string, object>> = {
    kernel: { goalToKnot: 2, goalOfLatencies: 0.5 },
    process: { goalToKnot: 0.6, goalOfLatencies: 1.5 },
  };
  for (const [way, { fast, paced, cpuUs }] of Object.entries(results))
    process.stdout.write(
      `${JSON.stringify({
        bench: 'dns-rates',
        services: SERVICES,
        path: way,
        answersPerS: median(rates(way)),
        lost: median(fast.map((it) => it.lost)),
        rcodes: fast.at(-1)?.rcodes,
        ratioToKnot: medianRatio(rates(way), rates('knot')),
        // Of the server itself.
        ...(cpuUs.length === 0 ? {} : { cpuUsPerAnswer: Math.round(median(cpuUs) * 100) / 100 }),
        pacePerS: PACE,
        p50Us: median(paced.map((it) => it.p50Us)),
        p99Us: median(paced.map((it) => it.p99Us)),
        ...goals[way],
      })}\n`,
    );
} finally {
  await lifetime.close();
}
