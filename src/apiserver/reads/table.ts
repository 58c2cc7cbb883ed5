// Objects as rows of a Table (meta.k8s.io), as kubectl get prints them: the columns of a kind and how they stand in JSON.

import type { Resource } from '../../objects/resources.ts';
import { badRequest } from '../http/status-error.ts';
import { partialMetadata, servedObject } from './serve.ts';
import type { StoredObject } from '../store/stored-object.ts';
import { printerOf } from '../printers/printers.ts';
import type { Printer } from '../printers/printer.ts';

export interface TableOptions {
  readonly version: string;
  /** How much of each object stands in its row. */
  readonly include: 'None' | 'Metadata' | 'Object';
  readonly nowMs: number;
}

/** The query's includeObject; Metadata where it says nothing. */
export function includeOf(query: URLSearchParams): TableOptions['include'] {
  const asked = query.get('includeObject') ?? '';
  if (asked === '') return 'Metadata';
  if (asked === 'None' || asked === 'Metadata' || asked === 'Object') return asked;
  throw badRequest(`invalid includeObject "${asked.slice(0, 40)}"`);
}

export interface TableMeta {
  readonly resourceVersion?: string;
  readonly continue?: string | undefined;
  readonly remainingItemCount?: number | undefined;
}

/** The Table of some objects; without `hasColumns` (later events of a watch) the definitions are left out. */
export function tableOf(
  resource: Resource,
  objects: readonly StoredObject[],
  options: TableOptions & { readonly metadata: TableMeta; readonly hasColumns: boolean },
): object {
  const printer = printerOf(resource);
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${options.version}`,
    metadata: options.metadata,
    columnDefinitions: options.hasColumns ? columnDefinitions(printer) : null,
    rows: objects.map((stored) => rowOf(resource, stored, options)),
  };
}

function columnDefinitions(printer: Printer): readonly object[] {
  return printer.columns.map(({ name, type = 'string', format = '', description = '', priority = 0 }) => ({
    name,
    type,
    format: name === 'Name' ? 'name' : format,
    description,
    priority,
  }));
}

function rowOf(resource: Resource, stored: StoredObject, { include, version, nowMs }: TableOptions): object {
  const { object } = stored;
  // Printers of what is built in read the stored form; defaults of a definition show as they are served.
  const shown = resource.custom === undefined ? object : servedObject(resource, stored);
  const cells = printerOf(resource).cells(shown, nowMs);
  if (include === 'None') return { cells };
  return {
    cells,
    object: include === 'Object' ? servedObject(resource, stored) : partialMetadata(object, version),
  };
}
