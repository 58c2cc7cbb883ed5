// Columns, the scale subresource and selectable fields of a definition's version: paths into objects that this server can follow.

import { isObject, objectOf, textOf, type Draft } from '../json.ts';
import { invalidValue, notSupported, required, tooMany, type FieldError } from '../validation/field-error.ts';
import { isSimplePath, parseJsonPath } from './json-path.ts';

const COLUMN_TYPES = ['integer', 'number', 'string', 'boolean', 'date'];
const MAX_COLUMNS = 64;
const MAX_SELECTABLE = 8;

export function validateColumns(columns: readonly unknown[], at: string): readonly FieldError[] {
  if (columns.length > MAX_COLUMNS) return [tooMany(at, columns.length, MAX_COLUMNS)];
  return columns.flatMap((column, i) => validateColumn(objectOf(column), `${at}[${i}]`));
}

function validateColumn({ name, type, jsonPath }: Readonly<Draft>, at: string): readonly FieldError[] {
  const path = textOf(jsonPath);
  return [
    ...(textOf(name) === undefined ? [required(`${at}.name`)] : []),
    ...(textOf(type) === undefined ? [required(`${at}.type`)] : []),
    ...(textOf(type) !== undefined && !COLUMN_TYPES.includes(String(type))
      ? [notSupported(`${at}.type`, type, COLUMN_TYPES)]
      : []),
    ...(path === undefined ? [required(`${at}.jsonPath`)] : []),
    ...(path !== undefined && parseJsonPath(path) === undefined
      ? [
          invalidValue(
            `${at}.jsonPath`,
            path,
            'must be fields, indexes, [*] or [?(@.field=="value")], such as .spec.items[0].name',
          ),
        ]
      : []),
  ];
}

export function validateScale(scale: unknown, at: string): readonly FieldError[] {
  if (!isObject(scale)) return [];
  const path = (name: string, root: string): readonly FieldError[] => {
    const text = textOf(scale[name]) ?? '';
    if (isSimplePath(text) && text.startsWith(root)) return [];
    return [invalidValue(`${at}.${name}`, text, `should be a json path under ${root.slice(0, -1)}`)];
  };
  return [
    ...path('specReplicasPath', '.spec.'),
    ...path('statusReplicasPath', '.status.'),
    ...(scale['labelSelectorPath'] === undefined ||
    textOf(scale['labelSelectorPath'])?.startsWith('.spec.') === true
      ? []
      : path('labelSelectorPath', '.status.')),
  ];
}

export function validateSelectable(fields: readonly unknown[], at: string): readonly FieldError[] {
  if (fields.length > MAX_SELECTABLE) return [tooMany(at, fields.length, MAX_SELECTABLE)];
  return fields.flatMap((field, i) => {
    const path = textOf(objectOf(field)['jsonPath']) ?? '';
    return isSimplePath(path)
      ? []
      : [invalidValue(`${at}[${i}].jsonPath`, path, 'must be a simple path of fields')];
  });
}
