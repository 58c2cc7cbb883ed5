// How kubectl shows our LoadBalancerPools.

import { listOf, textOf } from '../../objects/json.ts';
import {
  AGE,
  ageOf,
  column,
  integer,
  NAME,
  numberOf,
  selectorText,
  specOf,
  statusOf,
  wide,
  type Printer,
} from './printer.ts';

export const LOAD_BALANCER_POOL: Printer = {
  columns: [
    NAME,
    column('Addresses'),
    column('Auto'),
    integer('Used'),
    column('Free'),
    AGE,
    wide('Namespaces'),
    wide('Services'),
  ],
  cells: (object, nowMs) => {
    const spec = specOf(object);
    const status = statusOf(object);
    return [
      object.metadata.name,
      listOf(spec['cidrs']).join(','),
      String(spec['autoAssign'] !== false),
      numberOf(status['used']),
      textOf(status['free']) ?? '<unknown>',
      ageOf(object, nowMs),
      selectorText(spec['namespaceSelector']) || '<all>',
      selectorText(spec['serviceSelector']) || '<all>',
    ];
  },
};
