// Images that are shells with the usual programs: what a container of them asks to run is a process from the host's files, where
// busybox's applets are the host's programs of the same name. Which images, and with which command line. Pure.

import type { Container } from '../../objects/api-types.ts';
import { imageName } from './image-name.ts';

/** With the program that starts where the arguments begin with a flag, as the entry points of these images have it. */
const SHELLS: ReadonlyMap<string, string | undefined> = new Map([
  ['busybox', undefined],
  ['alpine', undefined],
  ['debian', undefined],
  ['ubuntu', undefined],
  ['bash', 'bash'],
  ['curl', 'curl'],
  ['netshoot', undefined],
  ['dnsutils', undefined],
  ['toolbox', undefined],
]);

export const WEB_IMAGES: ReadonlySet<string> = new Set(['nginx', 'nginx-unprivileged', 'httpd', 'caddy']);

/** A web image's command that starts its own server, perhaps behind other things ("prepare && exec nginx -g ..."). */
const STARTS_SERVER =
  /(?:^|[\s;&|(])(?:\S*\/)?(?:nginx|nginx-debug|httpd|httpd-foreground|apachectl|caddy)(?=$|[\s;&|)'"])/;

export function isShellImage(image: string): boolean {
  return SHELLS.has(imageName(image));
}

/** Program and arguments of a process; `command` and `args` are the expanded ones. */
export function commandLine(
  container: Container,
  command: readonly string[],
  args: readonly string[],
): readonly string[] {
  const image = imageName(container.image ?? '');
  // Somebody wants to type: the shell that the image starts by itself.
  const isPrompt = command.length + args.length === 0 && container.stdin === true && SHELLS.has(image);
  if (isPrompt) return [image === 'bash' ? 'bash' : 'sh'];
  const program = SHELLS.get(image);
  const wantsProgram = command.length === 0 && args[0]?.startsWith('-') === true;
  return program !== undefined && wantsProgram ? [program, ...args] : [...command, ...args];
}

/** Whether a container of a known image has a command line of its own that is to run as a process. */
export function runsOwnCommand(container: Container, isInit: boolean): boolean {
  const line = commandLine(container, container.command ?? [], container.args ?? []);
  if (line.length === 0) return false;
  if (isShellImage(container.image ?? '')) return restOf(line) === undefined;
  if (!WEB_IMAGES.has(imageName(container.image ?? '')) || line[0]?.startsWith('-') === true) return false;
  // Nobody starts a server in an init container: it would never end.
  return isInit || !STARTS_SERVER.test(line.join(' '));
}

/** The seconds of a line that only sleeps (Infinity: for ever): that needs no process, and hundreds of them cost nothing. */
export function restOf(line: readonly string[]): number | undefined {
  const text = line.join(' ');
  const match =
    /^(?:(?:\/bin\/)?(?:ba)?sh -c )?(?:exec )?(?:\/bin\/)?sleep (?:([0-9.]+)([smhd]?)|infinity)$/.exec(text);
  if (match === null) return undefined;
  if (match[1] === undefined) return Infinity;
  const unit = { s: 1, m: 60, h: 3600, d: 86_400 }[match[2] ?? ''] ?? 1;
  return Number(match[1]) * unit;
}
