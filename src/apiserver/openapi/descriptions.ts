// What the published types of the API (npm kubernetes-models and its like) say of messages and their fields, for `kubectl explain`.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';

export interface Descriptions {
  readonly self: string;
  readonly fields: ReadonlyMap<string, string>;
}

/** Where the types of a group of messages lie: the package, and the folder in it. */
const FOLDERS: Readonly<Record<string, readonly [string, string]>> = {
  core: ['kubernetes-models', 'v1'],
  apps: ['kubernetes-models', 'apps/v1'],
  apiextensions: ['kubernetes-models', 'apiextensions.k8s.io/v1'],
  batch: ['kubernetes-models', 'batch/v1'],
  policy: ['kubernetes-models', 'policy/v1'],
  autoscaling: ['kubernetes-models', 'autoscaling/v1'],
  scheduling: ['kubernetes-models', 'scheduling.k8s.io/v1'],
  networking: ['kubernetes-models', 'networking.k8s.io/v1'],
  discovery: ['kubernetes-models', 'discovery.k8s.io/v1'],
  coordination: ['kubernetes-models', 'coordination.k8s.io/v1'],
  events: ['kubernetes-models', 'events.k8s.io/v1'],
  storage: ['kubernetes-models', 'storage.k8s.io/v1'],
  rbac: ['kubernetes-models', 'rbac.authorization.k8s.io/v1'],
  authorization: ['kubernetes-models', 'authorization.k8s.io/v1'],
  authentication: ['kubernetes-models', 'authentication.k8s.io/v1'],
  admissionregistration: ['kubernetes-models', 'admissionregistration.k8s.io/v1'],
  meta: ['@kubernetes-models/apimachinery', 'apis/meta/v1'],
  gateway: ['@kubernetes-models/gateway-api', 'gateway.networking.k8s.io/v1'],
};

const require = createRequire(import.meta.url);
/** Packages do not change while we run. */
const KNOWN = new Map<string, Promise<Descriptions | undefined>>();

/** Of a message ("core.Container"); undefined where nothing is published. */
export function descriptionsOf(message: string): Promise<Descriptions | undefined> {
  let descriptions = KNOWN.get(message);
  if (descriptions === undefined) {
    descriptions = read(message);
    KNOWN.set(message, descriptions);
  }
  return descriptions;
}

async function read(message: string): Promise<Descriptions | undefined> {
  const [group = '', name = ''] = message.split('.');
  const [pack, folder] = FOLDERS[group] ?? [];
  if (pack === undefined || folder === undefined) return undefined;
  const root = path.dirname(require.resolve(`${pack}/package.json`));
  try {
    return parseTypes(await readFile(path.join(root, folder, `${name}.d.ts`), 'utf8'), name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

const FIELD = /^ {4}"([^"]+)"\??: /;

/** The comments of `interface I<name>` and of its fields, in TypeScript's form of declarations. */
export function parseTypes(text: string, name: string): Descriptions | undefined {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => line.startsWith(`export interface I${name} `));
  if (start < 0) return undefined;
  const fields = new Map<string, string>();
  for (let at = start + 1; at < lines.length && lines[at] !== '}'; at++) {
    const field = FIELD.exec(lines[at] ?? '')?.[1];
    const said = field === undefined ? '' : commentAbove(lines, at);
    if (field !== undefined && said !== '') fields.set(field, said);
  }
  return { self: commentAbove(lines, start), fields };
}

function commentAbove(lines: readonly string[], at: number): string {
  if (lines[at - 1]?.trim() !== '*/') return '';
  const said: string[] = [];
  for (let line = at - 2; line >= 0; line--) {
    const text = lines[line]?.trim() ?? '';
    if (text.startsWith('/**')) return said.reverse().join('\n').trim();
    said.push(text.replace(/^\* ?/, ''));
  }
  return '';
}
