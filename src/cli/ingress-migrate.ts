// `fairlead ingress migrate`: Ingresses as objects of the Gateway API.

import { readFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { FairleadError } from '../base/errors.ts';
import { migrate, type MigrationInput } from '../gateway/migrate/migrate.ts';
import { migrationText } from '../gateway/migrate/migration-text.ts';
import { loadManifests } from '../lab/manifests/load.ts';
import { parseIngress, parseIngressClass } from '../objects/ingress.ts';
import { objectKey } from '../objects/slim-meta.ts';
import { parseService } from '../objects/service.ts';
import { printForMachine } from './output.ts';

interface MigrateFlags {
  readonly filename: readonly string[];
  readonly name: string;
  readonly ingressClass?: string;
  readonly gateway: string;
  readonly gatewayClass: string;
  readonly output?: string;
  readonly quiet?: boolean;
}

export async function ingressMigrateCommand(flags: MigrateFlags): Promise<void> {
  const objects = await sourceOf(flags);
  const of = (kind: string): readonly unknown[] => objects.filter((it) => it.kind === kind);
  const input: MigrationInput = {
    ingresses: of('Ingress').map(parseIngress),
    ingressClasses: of('IngressClass').map(parseIngressClass),
    services: new Map(
      of('Service').map((raw) => {
        const service = parseService(raw);
        return [objectKey(service), service];
      }),
    ),
    gateway: { ...gatewayName(flags.gateway), className: flags.gatewayClass },
    className: flags.ingressClass,
  };
  const migration = migrate(input);
  if (flags.output === 'yaml')
    process.stdout.write(
      migration.objects.map((it) => stringify(it, { aliasDuplicateObjects: false })).join('---\n'),
    );
  else if (!printForMachine(migration, flags.output)) process.stdout.write(migrationText(migration));
}

interface Raw {
  readonly kind: string;
}

/** Of files an object without a namespace is in `default`, as kubectl would put it there. */
async function sourceOf({ filename, name, quiet }: MigrateFlags): Promise<readonly Raw[]> {
  if (filename.length === 0) return (await import('./ingress-cluster.ts')).ingressObjects(name, quiet);
  return loadManifests(filename, () => readFileSync(0, 'utf8'))
    .filter(({ object }) => KINDS.has(`${object.apiVersion} ${object.kind}`))
    .map(({ object }) => ({
      ...object,
      metadata: { ...object.metadata, namespace: object.metadata.namespace ?? 'default' },
    }));
}

const KINDS = new Set(['networking.k8s.io/v1 Ingress', 'networking.k8s.io/v1 IngressClass', 'v1 Service']);

function gatewayName(text: string): { readonly namespace: string; readonly name: string } {
  const [namespace = '', name = '', ...more] = text.split('/');
  if (namespace === '' || name === '' || more.length > 0)
    throw new FairleadError('invalid', `Cannot name the Gateway ${JSON.stringify(text)}: say namespace/name`);
  return { namespace, name };
}
