import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TargetStatus } from '../reconcile/status.ts';
import { waitingFor, type WatchSummary } from './status.ts';

function aWatch(kind: string, isSynced: boolean): WatchSummary {
  return { kind, isSynced, objects: 0, failures: 0, refused: 0, disconnectedMs: 0 };
}

function aTarget(name: string, change: Partial<TargetStatus> = {}): TargetStatus {
  return {
    name,
    desiredCount: 1,
    observedCount: 1,
    pendingCount: 0,
    failures: [],
    revision: 1,
    isConverged: true,
    convergedRevision: 1,
    convergedAtMs: 1,
    ...change,
  };
}

const FAILURE = { key: 'k', error: 'told so', code: 'kernel', attempts: 1, sinceMs: 1, nextTryMs: 2 };
const NAMES = {
  isConnected: false,
  publishedRevision: 1,
  appliedRevision: undefined,
  isCurrent: false,
  corefileRefusal: undefined,
};

const ROWS = [
  { name: 'nothing when all is well', expected: [] },
  {
    name: 'lists first, and then not what hangs on them',
    watches: [aWatch('Node', false), aWatch('Pod', true)],
    targets: [aTarget('routes', { desiredCount: undefined })],
    hasConverged: false,
    expected: ['the first list of Nodes'],
  },
  {
    name: 'a target whose inputs are unknown',
    targets: [aTarget('routes', { desiredCount: undefined })],
    hasConverged: false,
    expected: ['what decides routes', 'the first convergence'],
  },
  {
    name: 'a failure in its words',
    targets: [aTarget('routes', { failures: [FAILURE] })],
    expected: ['routes: told so'],
  },
  { name: 'the DNS process', names: NAMES, expected: ['the DNS process to take the names'] },
  {
    name: 'the DNS process that holds no answers yet',
    learned: { isConnected: true, isCurrent: false, patterns: 1, addresses: 0 },
    expected: ['the DNS process to hold answers of names in policies'],
  },
];

for (const row of ROWS) {
  test(`waitingFor() names ${row.name}`, () => {
    const engine = { revision: 1, isConverged: true, targets: row.targets ?? [aTarget('routes')] };
    const watches = row.watches ?? [aWatch('Node', true)];
    const hasConverged = row.hasConverged ?? true;
    const { names, learned } = row;
    assert.deepEqual(waitingFor({ engine, watches, names, learned, hasConverged }), row.expected);
  });
}
