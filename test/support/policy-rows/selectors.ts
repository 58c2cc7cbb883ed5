// What the specification says of label selectors: rows that are judged by the oracle, and tried in the kernel.

import { NO, toWeb, YES, type PolicyRow } from '../policy-table.ts';

/** Which pods a label selector selects as peers, over all namespaces. */
export function selecting(selector: string): string {
  return toWeb(`{ from: [ { namespaceSelector: {}, podSelector: ${selector} } ] }`);
}

export const SELECTORS: readonly PolicyRow[] = [
  {
    name: 'matchLabels: all of them',
    given: selecting('{ matchLabels: { app: web, tier: back } }'),
    asked: { 'c/web > a/web:80': YES, 'b/web > a/web:80': NO },
  },
  {
    name: 'In: one of the values',
    given: selecting('{ matchExpressions: [ { key: app, operator: In, values: [db, cache] } ] }'),
    asked: { 'a/db > a/web:80': YES, 'b/web > a/web:80': NO, 'b/mute > a/web:80': NO },
  },
  {
    name: 'NotIn: none of the values, and no such label at all',
    given: selecting('{ matchExpressions: [ { key: app, operator: NotIn, values: [db, cache] } ] }'),
    asked: { 'a/db > a/web:80': NO, 'b/web > a/web:80': YES, 'b/mute > a/web:80': YES },
  },
  {
    name: 'Exists',
    given: selecting('{ matchExpressions: [ { key: tier, operator: Exists } ] }'),
    asked: { 'c/web > a/web:80': YES, 'b/web > a/web:80': NO, 'b/mute > a/web:80': NO },
  },
  {
    name: 'DoesNotExist',
    given: selecting('{ matchExpressions: [ { key: tier, operator: DoesNotExist } ] }'),
    asked: { 'c/web > a/web:80': NO, 'b/web > a/web:80': YES, 'b/mute > a/web:80': YES },
  },
  {
    name: 'labels and expressions: all must hold',
    given: selecting(
      '{ matchLabels: { app: web }, matchExpressions: [ { key: tier, operator: Exists }, { key: tier, operator: NotIn, values: [front] } ] }',
    ),
    asked: { 'c/web > a/web:80': YES, 'b/web > a/web:80': NO },
  },
  {
    name: 'the subject is selected by expressions, too',
    given: 'a/p: { podSelector: { matchExpressions: [ { key: tier, operator: DoesNotExist } ] } }',
    asked: { 'b/web > a/db:80': NO, 'b/web > a/web:80': 'open open' },
  },
  {
    name: 'namespaces are selected by expressions, too',
    given: toWeb(
      '{ from: [ { namespaceSelector: { matchExpressions: [ { key: team, operator: NotIn, values: [blue] } ] } } ] }',
    ),
    asked: { 'c/web > a/web:80': YES, 'a/db > a/web:80': YES, 'b/web > a/web:80': NO },
  },
  {
    name: 'a label with an empty value is there',
    given: selecting("{ matchExpressions: [ { key: app, operator: In, values: [''] } ] }"),
    asked: { 'b/mute > a/web:80': NO },
  },
  {
    name: 'a label named as what every JavaScript object has',
    given: selecting('{ matchExpressions: [ { key: constructor, operator: Exists } ] }'),
    asked: { 'b/mute > a/web:80': NO },
  },
];
