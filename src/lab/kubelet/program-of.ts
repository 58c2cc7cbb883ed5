// From a container to what runs it: a process of its own where the pod's annotation asks for host programs, else the
// workload program that its image names, else a stand-in. Pure.

import type { Container, Pod } from '../../objects/api-types.ts';
import type { RunnerKind } from './pod-record.ts';
import type { Program } from '../workload/workload-spec.ts';

/** "true" for all containers of the pod, or their names with commas. */
export const HOST_PROGRAMS_ANNOTATION = 'fairlead.dev/host-programs';

export function runnerOf(pod: Pod, container: Container): RunnerKind {
  const value = pod.metadata.annotations?.[HOST_PROGRAMS_ANNOTATION] ?? '';
  const isChosen = value === 'true' || value.split(',').some((it) => it.trim() === container.name);
  return isChosen ? 'process' : 'workload';
}

/** Images by the last part of their name, whatever registry, tag or digest they come with. */
const WEB = new Set(['nginx', 'nginx-unprivileged', 'httpd', 'caddy']);
const ECHO = new Set([
  'http-echo',
  'echo-server',
  'echoserver',
  'http-https-echo',
  'hello-app',
  'whoami',
  'hello-world',
]);
const SHELLS = new Set([
  'busybox',
  'alpine',
  'debian',
  'ubuntu',
  'bash',
  'curl',
  'netshoot',
  'dnsutils',
  'toolbox',
]);
const ECHO_PORTS: Readonly<Record<string, number>> = { 'http-echo': 5678, whoami: 80 };

/** "agnhost" of "registry.k8s.io/e2e-test-images/agnhost:2.53@sha256:...". */
export function imageName(image: string): string {
  const last = (image.split('@')[0] ?? '').split('/').at(-1) ?? '';
  return last.split(':')[0] ?? '';
}

/** `command` and `args` are the expanded ones. */
export function programOf(
  container: Container,
  command: readonly string[],
  args: readonly string[],
): Program {
  const name = imageName(container.image ?? '');
  const ports = (container.ports ?? [])
    .filter((it) => (it.protocol ?? 'TCP') === 'TCP')
    .map((it) => it.containerPort);
  if (name === 'agnhost') return agnhost(command, args);
  if (name === 'pause') return { kind: 'sleep', seconds: undefined };
  if (WEB.has(name)) {
    const root = name === 'httpd' ? '/usr/local/apache2/htdocs' : '/usr/share/nginx/html';
    const fallback = name === 'nginx-unprivileged' ? 8080 : 80;
    return { kind: 'web', root, ports: ports.length > 0 ? ports : [fallback] };
  }
  if (ECHO.has(name)) {
    return { kind: 'echo', text: textOf(args), ports: ports.length > 0 ? ports : [echoPort(name, args)] };
  }
  return (SHELLS.has(name) ? sleepOf(command, args) : undefined) ?? { kind: 'stand-in' };
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

/** `sleep N` is understood even without the annotation: too many manifests keep a shell image alive that way. */
function sleepOf(command: readonly string[], args: readonly string[]): Program | undefined {
  const line = [...command, ...args].join(' ');
  const match =
    /^(?:(?:\/bin\/)?(?:ba)?sh -c )?(?:exec )?(?:\/bin\/)?sleep ([0-9.]+)([smhd]?|infinity)$/.exec(line);
  if (line.endsWith('sleep infinity')) return { kind: 'sleep', seconds: undefined };
  if (match === null) return undefined;
  const unit = { s: 1, m: 60, h: 3600, d: 86_400 }[match[2] === '' ? 's' : (match[2] ?? 's')] ?? 1;
  return { kind: 'sleep', seconds: Number(match[1]) * unit };
}
