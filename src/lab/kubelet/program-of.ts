// From a container to what runs it: a process of its own where the pod's annotation asks for host programs or a known shell image
// has a command, else the workload program that its image names, else a stand-in. Pure.

import type { Container, Pod } from '../../objects/api-types.ts';
import type { ServedBy } from '../../objects/served-by.ts';
import type { Program } from '../workload/workload-spec.ts';
import { imageName } from './image-name.ts';
import { DEFAULT_CAPABILITIES, plainCapability } from './launch-spec.ts';
import { isSidecar } from './plan.ts';
import type { RunnerKind } from './pod-record.ts';
import { commandLine, isShellImage, restOf, runsOwnCommand, WEB_IMAGES } from './shell-images.ts';

/** "true" for all containers of the pod, or their names with commas. */
export const HOST_PROGRAMS_ANNOTATION = 'fairlead.dev/host-programs';

export function runnerOf(pod: Pod, container: Container): RunnerKind {
  if (isChosen(pod, container)) return 'process';
  const isOffered = runsOwnCommand(container, isToEnd(pod, container));
  return isOffered && !reachesMachine(pod, container) ? 'process' : 'workload';
}

function isChosen({ metadata }: Pod, { name }: Container): boolean {
  const value = metadata.annotations?.[HOST_PROGRAMS_ANNOTATION] ?? '';
  return value === 'true' || value.split(',').some((it) => it.trim() === name);
}

/** Beside the default ones, what is bounded by the pod's own namespaces or by its own processes. */
const BOUNDED_CAPABILITIES = new Set([
  ...DEFAULT_CAPABILITIES,
  'NET_ADMIN',
  'NET_BROADCAST',
  'IPC_LOCK',
  'IPC_OWNER',
  'SYS_PTRACE',
  'SYS_NICE',
]);

/** Node and machine are one here: what may change the machine's kernel, clock or files does so only where the annotation says it. */
export function reachesMachine(pod: Pod, container: Container): boolean {
  const { privileged, capabilities } = container.securityContext ?? {};
  const added = (capabilities?.add ?? []).map(plainCapability);
  return (
    privileged === true || added.some((it) => !BOUNDED_CAPABILITIES.has(it)) || writesFiles(pod, container)
  );
}

type Mount = NonNullable<Container['volumeMounts']>[number];

/** Whether it has files of the machine mounted to write. */
function writesFiles(pod: Pod, container: Container): boolean {
  return (container.volumeMounts ?? []).some(
    (it) => it.readOnly !== true && hostPathOf(pod, it) !== undefined && !showsOwnRoot(pod, container, it),
  );
}

/**
 * Where a pod has the node's whole root mounted to write, as `kubectl debug node/…` does, it sees the root that each of our processes has: the
 * machine's files below an overlay that goes with the container.
 */
export function showsOwnRoot(pod: Pod, container: Container, mount: Mount): boolean {
  const isWhole = (mount.subPath ?? '') === '' && (mount.subPathExpr ?? '') === '';
  return mount.readOnly !== true && isWhole && hostPathOf(pod, mount) === '/' && !isChosen(pod, container);
}

function hostPathOf({ spec }: Pod, { name }: Mount): string | undefined {
  return (spec?.volumes ?? []).find((it) => it.name === name)?.hostPath?.path;
}

/** True for a container whose end others wait for: an init container, any of a Job's pod; a sidecar runs on beside them. */
function isToEnd(pod: Pod, container: Container): boolean {
  const isInit = (pod.spec?.initContainers ?? []).some((it) => it.name === container.name);
  const isOfJob = (pod.metadata.ownerReferences ?? []).some((it) => it.kind === 'Job');
  return (isInit || isOfJob) && !isSidecar(container);
}

const ECHO = new Set([
  'http-echo',
  'echo-server',
  'echoserver',
  'http-https-echo',
  'hello-app',
  'whoami',
  'hello-world',
]);
const ECHO_PORTS: Readonly<Record<string, number>> = { 'http-echo': 5678, whoami: 80 };

export interface ProgramInput {
  readonly pod: Pod;
  readonly container: Container;
  /** The expanded ones. */
  readonly command: readonly string[];
  readonly args: readonly string[];
}

/** What the workload process does for a container that is no process. */
export function programOf({ pod, container, command, args }: ProgramInput): Program {
  const name = imageName(container.image ?? '');
  const ports = (container.ports ?? [])
    .filter((it) => (it.protocol ?? 'TCP') === 'TCP')
    .map((it) => it.containerPort);
  if (name === 'agnhost') return agnhost(command, args);
  if (name === 'pause') return { kind: 'sleep', seconds: undefined };
  if (WEB_IMAGES.has(name)) {
    const root = name === 'httpd' ? '/usr/local/apache2/htdocs' : '/usr/share/nginx/html';
    const fallback = name === 'nginx-unprivileged' ? 8080 : 80;
    return { kind: 'web', root, ports: ports.length > 0 ? ports : [fallback] };
  }
  if (ECHO.has(name)) {
    return { kind: 'echo', text: textOf(args), ports: ports.length > 0 ? ports : [echoPort(name, args)] };
  }
  const rest = isShellImage(name) ? shellRest(commandLine(container, command, args)) : undefined;
  return rest ?? { kind: 'stand-in', endsAtOnce: isToEnd(pod, container) };
}

function shellRest(line: readonly string[]): Program | undefined {
  const seconds = restOf(line);
  if (seconds === undefined) return undefined;
  return { kind: 'sleep', seconds: Number.isFinite(seconds) ? seconds : undefined };
}

/** What the status says of a container: the kind of its program, or that it is a process. */
export function servedBy(runner: RunnerKind, launch: ProgramInput): ServedBy {
  return runner === 'process' ? 'process' : programOf(launch).kind;
}

/** The image's entry point is /agnhost, its default command pause. */
function agnhost(command: readonly string[], args: readonly string[]): Program {
  const line = [...command, ...args].filter((it, index) => index > 0 || !/(^|\/)agnhost$/.test(it));
  const [first = 'pause', ...rest] = line;
  return { kind: 'agnhost', command: first, args: rest };
}

function textOf(args: readonly string[]): string | undefined {
  const flag = args.find((it) => /^--?text=/.test(it));
  return flag?.replace(/^--?text=/, '');
}

function echoPort(name: string, args: readonly string[]): number {
  const flag = args.find((it) => /^--?listen=.*:\d+$/.test(it));
  return flag === undefined ? (ECHO_PORTS[name] ?? 8080) : Number(flag.slice(flag.lastIndexOf(':') + 1));
}
