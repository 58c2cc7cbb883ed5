// How kubectl shows our Identities.

import { textOf } from '../../objects/json.ts';
import { AGE, ageOf, column, labelsText, orNone, specOf, type Printer } from './printer.ts';

export const IDENTITY: Printer = {
  columns: [column('Number'), column('Namespace'), column('Labels'), AGE],
  cells: (object, nowMs) => {
    const spec = specOf(object);
    return [
      object.metadata.name,
      textOf(spec['namespace']) ?? '',
      orNone(labelsText(spec['labels'])),
      ageOf(object, nowMs),
    ];
  },
};
