// The annotations of an Ingress as options. What is not in the table of annotations is said, never passed over.

import type { Ingress } from '../../objects/ingress.ts';
import { ANNOTATION_READERS } from './ingress-annotation-readers.ts';
import type { Annotations, Reading } from './ingress-annotation-reading.ts';
import { NO_OPTIONS, type AnnotationFinding, type IngressOptions } from './ingress-options.ts';

export const NGINX_PREFIX = 'nginx.ingress.kubernetes.io/';

/** Without the prefix. */
export const KNOWN_ANNOTATIONS: readonly string[] = [...ANNOTATION_READERS.keys()];

export interface ReadAnnotations {
  readonly options: IngressOptions;
  readonly findings: readonly AnnotationFinding[];
}

const read = new WeakMap<Ingress, ReadAnnotations>();

export function readAnnotations(ingress: Ingress): ReadAnnotations {
  let found = read.get(ingress);
  if (found === undefined) read.set(ingress, (found = readAll(ingress)));
  return found;
}

function readAll({ annotations }: Ingress): ReadAnnotations {
  const own = new Map(
    [...annotations].flatMap(([name, value]) =>
      name.startsWith(NGINX_PREFIX) ? [[name.slice(NGINX_PREFIX.length), value] as const] : [],
    ),
  );
  let options = NO_OPTIONS;
  const findings: AnnotationFinding[] = [];
  for (const [name, value] of own) {
    const { options: more = {}, effect, message } = readOne(name, value, own);
    options = { ...options, ...more };
    if (effect === 'closed') options = { ...options, closed: options.closed ?? `${name}: ${message}` };
    findings.push({ name, effect, message });
  }
  return { options, findings };
}

function readOne(name: string, value: string, own: Annotations): Reading {
  const reader = ANNOTATION_READERS.get(name);
  if (reader === undefined) return { effect: 'not', message: 'this annotation is not known here' };
  return reader(value, own);
}
