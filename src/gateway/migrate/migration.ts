// What becomes of Ingresses as objects of the Gateway API, and what is to be said of it.

import type { ManifestLike } from './manifest-like.ts';

export interface Migration {
  readonly objects: readonly ManifestLike[];
  readonly ingresses: readonly IngressReport[];
}

export interface IngressReport {
  readonly namespace: string;
  readonly name: string;
  /** Undefined where it names none. */
  readonly className: string | undefined;
  /** Names of its HTTPRoutes. */
  readonly routes: readonly string[];
  readonly findings: readonly MigrationFinding[];
}

export interface MigrationFinding {
  /** "annotation rewrite-target", "rule 0 path /x", "tls 0" */
  readonly about: string;
  readonly carries: Carries;
  readonly message: string;
}

/** As it was; otherwise than it was, as the message says; not at all. */
export type Carries = 'whole' | 'changed' | 'not';
