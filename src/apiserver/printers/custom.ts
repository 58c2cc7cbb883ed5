// How kubectl shows custom objects: by the columns of their definition.

import { isObject, scalarText } from '../../objects/json.ts';
import type { PrinterColumn } from '../../objects/custom/custom-version.ts';
import { firstAt } from '../../objects/custom/json-path.ts';
import type { KubeObject } from '../../objects/meta.ts';
import { AGE, ageOf, ageSince, NAME, type Column, type Printer } from './printer.ts';

const AGED: Printer = {
  columns: [NAME, AGE],
  cells: (object, nowMs) => [object.metadata.name, ageOf(object, nowMs)],
};

/** Without columns of its own a kind has name and age. */
export function customPrinter(columns: readonly PrinterColumn[]): Printer {
  if (columns.length === 0) return AGED;
  return {
    columns: [NAME, ...columns.map(columnOf)],
    cells: (object, nowMs) => [
      object.metadata.name,
      ...columns.map((column) => cellOf(column, object, nowMs)),
    ],
  };
}

function columnOf({ name, type, format, description, priority }: PrinterColumn): Column {
  return { name, type, format, description, priority };
}

/** Of several values the first counts; what is absent or of another type is an empty cell. */
function cellOf({ type, jsonPath }: PrinterColumn, object: KubeObject, nowMs: number): Cell {
  const value = firstAt(object, jsonPath);
  if (value === undefined || value === null) return null;
  switch (type) {
    case 'integer':
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'date':
      return ageSince(value, nowMs);
    default:
      return isObject(value) || Array.isArray(value) ? JSON.stringify(value) : scalarText(value);
  }
}

type Cell = ReturnType<Printer['cells']>[number];
