// How kubectl shows pods: readiness, the reason that stands for the status, restarts.

import { listOf, objectOf, textOf, type Draft } from '../../objects/json.ts';
import type { KubeObject } from '../../objects/meta.ts';
import { servedByOfPod, servedByText } from '../../objects/served-by.ts';
import {
  AGE,
  ageOf,
  ageSince,
  column,
  NAME,
  numberOf,
  orNone,
  specOf,
  statusOf,
  wide,
  type Printer,
} from './printer.ts';

export const POD: Printer = {
  columns: [
    NAME,
    column('Ready'),
    column('Status'),
    column('Restarts'),
    AGE,
    wide('IP'),
    wide('Node'),
    wide('Nominated Node'),
    wide('Readiness Gates'),
    wide('Served By'),
  ],
  cells: (pod, nowMs) => {
    const { phase, restarts, lastRestart } = podState(pod);
    const containers = listOf(specOf(pod)['containers']).length;
    const ready = listOf(statusOf(pod)['containerStatuses']).filter((it) => isReady(objectOf(it))).length;
    const ago = lastRestart === undefined || restarts === 0 ? '' : ` (${ageSince(lastRestart, nowMs)} ago)`;
    return [
      pod.metadata.name,
      `${ready}/${containers}`,
      phase,
      `${restarts}${ago}`,
      ageOf(pod, nowMs),
      orNone(podIp(pod)),
      orNone(textOf(specOf(pod)['nodeName']) ?? ''),
      orNone(textOf(statusOf(pod)['nominatedNodeName']) ?? ''),
      readinessGates(pod),
      servedBy(pod),
    ];
  },
};

function isReady(status: Readonly<Draft>): boolean {
  return status['ready'] === true && objectOf(status['state'])['running'] !== undefined;
}

function podIp(pod: KubeObject): string {
  const [first] = listOf(statusOf(pod)['podIPs']);
  return textOf(objectOf(first)['ip']) ?? textOf(statusOf(pod)['podIP']) ?? '';
}

function readinessGates(pod: KubeObject): string {
  const gates = listOf(specOf(pod)['readinessGates']).map((gate) => objectOf(gate)['conditionType']);
  if (gates.length === 0) return '<none>';
  const conditions = listOf(statusOf(pod)['conditions']).map(objectOf);
  const met = gates.filter((gate) => conditions.some((it) => it['type'] === gate && it['status'] === 'True'));
  return `${met.length}/${gates.length}`;
}

/** What runs in the place of the images; once each. */
function servedBy(pod: KubeObject): string {
  return orNone([...new Set(servedByOfPod(pod['status']).map(servedByText))].join(','));
}

interface PodState {
  readonly phase: string;
  readonly restarts: number;
  readonly lastRestart: string | undefined;
}

/** What STATUS shows: the reason of whatever keeps the pod from running, else its phase. */
function podState(pod: KubeObject): PodState {
  const status = statusOf(pod);
  const statuses = listOf(status['containerStatuses']).map(objectOf);
  const phase = textOf(status['reason']) ?? textOf(status['phase']) ?? 'Unknown';
  const init = initState(pod);
  if (init.phase !== undefined) return ending(pod, { phase: init.phase, ...restartsOf(init.statuses) });
  const reasons = statuses.map(reasonOf).filter((reason) => reason !== undefined);
  const hasRunning = statuses.some(isReady);
  // The first container with a reason speaks; a completed one beside a running one does not stand for the pod.
  const reason = reasons[0] ?? phase;
  const shown = reason === 'Completed' && hasRunning ? (isPodReady(status) ? 'Running' : 'NotReady') : reason;
  return ending(pod, { phase: shown, ...restartsOf(statuses) });
}

function ending(pod: KubeObject, state: PodState): PodState {
  if (pod.metadata.deletionTimestamp === undefined) return state;
  const isLost = textOf(statusOf(pod)['reason']) === 'NodeLost';
  const isOver = ['Succeeded', 'Failed'].includes(textOf(statusOf(pod)['phase']) ?? '');
  return { ...state, phase: isLost ? 'Unknown' : isOver ? state.phase : 'Terminating' };
}

function isPodReady(status: Readonly<Draft>): boolean {
  return listOf(status['conditions']).some(
    (it) => objectOf(it)['type'] === 'Ready' && objectOf(it)['status'] === 'True',
  );
}

function reasonOf(status: Readonly<Draft>): string | undefined {
  const { waiting, terminated } = objectOf(status['state']);
  const waits = textOf(objectOf(waiting)['reason']);
  if (waits !== undefined) return waits;
  return terminated === undefined ? undefined : terminatedText(objectOf(terminated));
}

function terminatedText(terminated: Readonly<Draft>): string {
  const reason = textOf(terminated['reason']);
  if (reason !== undefined) return reason;
  const signal = numberOf(terminated['signal']);
  return signal === 0 ? `ExitCode:${numberOf(terminated['exitCode'])}` : `Signal:${signal}`;
}

interface InitState {
  /** Undefined when all init containers are done, or sidecars that have started. */
  readonly phase: string | undefined;
  readonly statuses: readonly Readonly<Draft>[];
}

function initState(pod: KubeObject): InitState {
  const specs = listOf(specOf(pod)['initContainers']).map(objectOf);
  const statuses = listOf(statusOf(pod)['initContainerStatuses']).map(objectOf);
  for (const [i, status] of statuses.entries()) {
    const { terminated, waiting } = objectOf(status['state']);
    const isSidecar = specs.find((it) => it['name'] === status['name'])?.['restartPolicy'] === 'Always';
    if (terminated !== undefined && numberOf(objectOf(terminated)['exitCode']) === 0) continue;
    if (isSidecar && status['started'] === true) continue;
    if (terminated !== undefined) return { phase: `Init:${terminatedText(objectOf(terminated))}`, statuses };
    const reason = textOf(objectOf(waiting)['reason']);
    if (reason !== undefined && reason !== 'PodInitializing') return { phase: `Init:${reason}`, statuses };
    return { phase: `Init:${i}/${specs.length}`, statuses };
  }
  return { phase: undefined, statuses };
}

function restartsOf(statuses: readonly Readonly<Draft>[]): {
  restarts: number;
  lastRestart: string | undefined;
} {
  const restarts = statuses.reduce((sum, status) => sum + numberOf(status['restartCount']), 0);
  const ends = statuses
    .map((status) => textOf(objectOf(objectOf(status['lastState'])['terminated'])['finishedAt']))
    .filter((end) => end !== undefined)
    .sort();
  return { restarts, lastRestart: ends.at(-1) };
}
