// How kubectl shows the kinds of the Gateway API: the columns of their custom resources.

import { listOf, objectOf, scalarText, textOf } from '../../objects/json.ts';
import type { KubeObject } from '../../objects/meta.ts';
import { AGE, ageOf, column, NAME, specOf, statusOf, wide, type Printer } from './printer.ts';

export const GATEWAY_CLASS: Printer = {
  columns: [NAME, column('Controller'), column('Accepted'), AGE, wide('Description')],
  cells: (object, nowMs) => {
    const { controllerName, description } = specOf(object);
    return [
      object.metadata.name,
      scalarText(controllerName),
      conditionOf(object, 'Accepted'),
      ageOf(object, nowMs),
      scalarText(description),
    ];
  },
};

export const GATEWAY: Printer = {
  columns: [NAME, column('Class'), column('Address'), column('Programmed'), AGE],
  cells: (object, nowMs) => [
    object.metadata.name,
    scalarText(specOf(object)['gatewayClassName']),
    // A column has the first of what its path finds.
    textOf(objectOf(listOf(statusOf(object)['addresses'])[0])['value']) ?? '',
    conditionOf(object, 'Programmed'),
    ageOf(object, nowMs),
  ],
};

export const LISTENER_SET: Printer = {
  columns: [NAME, column('Accepted'), column('Programmed'), AGE],
  cells: (object, nowMs) => [
    object.metadata.name,
    conditionOf(object, 'Accepted'),
    conditionOf(object, 'Programmed'),
    ageOf(object, nowMs),
  ],
};

/** Of HTTPRoutes and GRPCRoutes. */
export const NAMED_ROUTE: Printer = {
  columns: [NAME, column('Hostnames'), AGE],
  cells: (object, nowMs) => {
    const { hostnames } = specOf(object);
    return [
      object.metadata.name,
      hostnames === undefined ? '' : JSON.stringify(hostnames),
      ageOf(object, nowMs),
    ];
  },
};

/** Of kinds that show nothing but their age. */
export const AGED: Printer = {
  columns: [NAME, AGE],
  cells: (object, nowMs) => [object.metadata.name, ageOf(object, nowMs)],
};

function conditionOf(object: KubeObject, type: string): string {
  const conditions = listOf(statusOf(object)['conditions']).map(objectOf);
  return scalarText(conditions.find((it) => it['type'] === type)?.['status']);
}
