// Kernel settings that a pod asks for (`spec.securityContext.sysctls`). Pure.

import { FairleadError } from '../../base/errors.ts';
import type { Pod } from '../../objects/api-types.ts';

/**
 * By path below /proc/sys: "net/ipv4/ip_forward". Those of the pod's own network namespace alone, which is all that they change; throws `invalid` for others:
 * node and machine are one here.
 */
export function podSysctls({ spec }: Pod): Readonly<Record<string, string>> {
  const wanted = spec?.securityContext?.sysctls ?? [];
  const entries = wanted.map(({ name, value }) => [pathOf(name), value] as const);
  const refused = entries.filter(([path]) => !path.startsWith('net/') || spec?.hostNetwork === true);
  if (refused.length > 0) {
    const names = refused.map(([path]) => path.replaceAll('/', '.')).join(', ');
    throw new FairleadError(
      'invalid',
      `Cannot set ${names} for a pod: not a setting of a network of its own`,
    );
  }
  return Object.fromEntries(entries);
}

/** sysctl.d(5): the first separator decides which of the two it is; the other one stands for itself. */
function pathOf(name: string): string {
  const separator = /[./]/.exec(name)?.[0];
  if (separator !== '.') return name;
  return name.replaceAll(/[./]/g, (it) => (it === '.' ? '/' : '.'));
}
