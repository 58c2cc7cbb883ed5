// Which definitions may be kept. Their schemas are structural.ts's affair.

import { hasCode } from '../../base/errors.ts';
import { isObject, isSameJson, listOf, objectOf, textOf, type Draft } from '../json.ts';
import {
  duplicate,
  forbiddenField,
  invalidValue,
  notSupported,
  required,
  tooMany,
  type FieldError,
} from '../validation/field-error.ts';
import { checkDns1035Label, checkDnsSubdomain } from '../validation/names.ts';
import { checkRules } from './cel/check-rules.ts';
import { validateColumns, validateScale, validateSelectable } from './definition-parts.ts';
import { isBuiltIn } from './definition-status.ts';
import { hasCondition } from './definition.ts';
import { parseSchema, type Schema } from './schema.ts';
import { structuralErrors } from './structural.ts';
import { defaultErrors } from './validate-defaults.ts';
import { withinBounds } from './within-bounds.ts';

const SCOPES = ['Cluster', 'Namespaced'];
const MAX_VERSIONS = 64;
const MAX_NAMES = 64;
const MAX_JUDGING_MS = 5000;

export function validateDefinition(
  definition: Readonly<Draft>,
  before: Readonly<Draft> | undefined,
): readonly FieldError[] {
  if (isSameJson(definition['spec'], before?.['spec'])) return [];
  try {
    return withinBounds(MAX_JUDGING_MS, () => definitionErrors(definition, before));
  } catch (error) {
    if (!hasCode(error, 'exhausted')) throw error;
    return [forbiddenField('spec', `its patterns and rules cannot be judged: ${error.message}`)];
  }
}

function definitionErrors(
  definition: Readonly<Draft>,
  before: Readonly<Draft> | undefined,
): readonly FieldError[] {
  const spec = objectOf(definition['spec']);
  return [
    ...validateIdentity(definition, spec),
    ...validateNames(objectOf(spec['names'])),
    ...validateVersions(listOf(spec['versions']), isBuiltIn(definition)),
    ...validateConversion(spec),
    ...validateStored(definition),
    ...(before === undefined ? [] : validateChange(spec, before)),
  ];
}

function validateIdentity(definition: Readonly<Draft>, spec: Readonly<Draft>): readonly FieldError[] {
  const metadata = objectOf(definition['metadata']);
  const group = textOf(spec['group']) ?? '';
  const plural = textOf(objectOf(spec['names'])['plural']) ?? '';
  const errors: FieldError[] = [];
  if (metadata['name'] !== `${plural}.${group}`)
    errors.push(invalidValue('metadata.name', metadata['name'], 'must be spec.names.plural+"."+spec.group'));
  const wrong = checkDnsSubdomain(group);
  if (group === '') errors.push(required('spec.group'));
  else if (wrong !== undefined) errors.push(invalidValue('spec.group', group, wrong));
  else if (!group.includes('.'))
    errors.push(invalidValue('spec.group', group, 'should be a domain with at least one dot'));
  const scope = textOf(spec['scope']);
  if (scope === undefined) errors.push(required('spec.scope'));
  else if (!SCOPES.includes(scope)) errors.push(notSupported('spec.scope', scope, SCOPES));
  if (spec['preserveUnknownFields'] === true)
    errors.push(
      invalidValue(
        'spec.preserveUnknownFields',
        true,
        'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead',
      ),
    );
  return [...errors, ...validateApproval(group, objectOf(metadata['annotations']))];
}

const APPROVED = 'api-approved.kubernetes.io';

/** Groups of the Kubernetes project say that they were reviewed. */
function validateApproval(group: string, annotations: Readonly<Draft>): readonly FieldError[] {
  if (!/(^|\.)(k8s|kubernetes)\.io$/.test(group)) return [];
  const approval = textOf(annotations[APPROVED]);
  if (approval !== undefined && /^(https?:\/\/|unapproved)/.test(approval)) return [];
  const field = `metadata.annotations[${APPROVED}]`;
  const detail = `protected groups must have approval annotation "${APPROVED}", see https://github.com/kubernetes/enhancements/pull/1111`;
  return [approval === undefined ? required(field, detail) : invalidValue(field, approval, detail)];
}

function validateNames(names: Readonly<Draft>): readonly FieldError[] {
  const errors: FieldError[] = [];
  const label = (field: string, value: unknown): void => {
    const text = textOf(value);
    const wrong = text === undefined ? undefined : checkDns1035Label(text.toLowerCase());
    if (text === undefined) errors.push(required(`spec.names.${field}`));
    else if (wrong !== undefined) errors.push(invalidValue(`spec.names.${field}`, text, wrong));
  };
  for (const field of ['plural', 'singular', 'kind', 'listKind']) label(field, names[field]);
  for (const list of ['shortNames', 'categories']) {
    const values = listOf(names[list]);
    if (values.length > MAX_NAMES) errors.push(tooMany(`spec.names.${list}`, values.length, MAX_NAMES));
    else for (const [i, value] of values.entries()) label(`${list}[${i}]`, value);
  }
  if (names['kind'] !== undefined && names['kind'] === names['listKind'])
    errors.push(
      invalidValue('spec.names.listKind', names['listKind'], 'kind and listKind may not be the same'),
    );
  return errors;
}

function validateVersions(versions: readonly unknown[], hasOwnRules: boolean): readonly FieldError[] {
  if (versions.length === 0) return [required('spec.versions', 'must have at least one version')];
  if (versions.length > MAX_VERSIONS) return [tooMany('spec.versions', versions.length, MAX_VERSIONS)];
  const names = versions.map((it) => objectOf(it)['name']);
  const stored = versions.filter((it) => objectOf(it)['storage'] === true);
  return [
    ...names.flatMap((name, i) =>
      names.indexOf(name) < i ? [duplicate(`spec.versions[${i}].name`, name)] : [],
    ),
    ...(stored.length === 1
      ? []
      : [invalidValue('spec.versions', names, 'must have exactly one version marked as storage version')]),
    // The schemas of what is built in judge nothing here.
    ...(hasOwnRules
      ? []
      : versions.flatMap((version, i) => validateVersion(objectOf(version), `spec.versions[${i}]`))),
  ];
}

function validateVersion(version: Readonly<Draft>, at: string): readonly FieldError[] {
  const name = textOf(version['name']) ?? '';
  const wrong = checkDns1035Label(name);
  const schema = objectOf(version['schema'])['openAPIV3Schema'];
  const field = `${at}.schema.openAPIV3Schema`;
  const structural = isObject(schema)
    ? structuralErrors(schema, field)
    : [required(field, 'schemas are required')];
  return [
    ...(wrong === undefined ? [] : [invalidValue(`${at}.name`, name, wrong)]),
    ...structural,
    // Values are judged by schemas that are good ones.
    ...(structural.length === 0 ? contentErrors(parseSchema(schema), field) : []),
    ...validateColumns(listOf(version['additionalPrinterColumns']), `${at}.additionalPrinterColumns`),
    ...validateScale(objectOf(version['subresources'])['scale'], `${at}.subresources.scale`),
    ...validateSelectable(listOf(version['selectableFields']), `${at}.selectableFields`),
  ];
}

function contentErrors(schema: Schema, at: string): readonly FieldError[] {
  return [...defaultErrors(schema, at), ...checkRules(schema, at)];
}

/** A webhook would have to be called; versions that differ in their name alone need none. */
function validateConversion(spec: Readonly<Draft>): readonly FieldError[] {
  const { strategy } = objectOf(spec['conversion']);
  if (strategy === undefined || strategy === 'None') return [];
  if (strategy === 'Webhook')
    return [
      forbiddenField(
        'spec.conversion.strategy',
        'this server calls no webhooks: use "None", which changes apiVersion alone',
      ),
    ];
  return [notSupported('spec.conversion.strategy', strategy, ['None', 'Webhook'])];
}

/** A version in which objects may be stored stays. */
function validateStored(definition: Readonly<Draft>): readonly FieldError[] {
  const names = listOf(objectOf(definition['spec'])['versions']).map((it) => objectOf(it)['name']);
  return listOf(objectOf(definition['status'])['storedVersions']).flatMap((version, i) =>
    names.includes(version)
      ? []
      : [invalidValue(`status.storedVersions[${i}]`, version, 'must appear in spec.versions')],
  );
}

function validateChange(spec: Readonly<Draft>, before: Readonly<Draft>): readonly FieldError[] {
  const old = objectOf(before['spec']);
  const fixed = [['spec.group', spec['group'], old['group']] as const];
  const names = [objectOf(spec['names']), objectOf(old['names'])] as const;
  const established = hasCondition(before, 'Established')
    ? ([
        ['spec.scope', spec['scope'], old['scope']],
        ['spec.names.kind', names[0]['kind'], names[1]['kind']],
        ['spec.names.plural', names[0]['plural'], names[1]['plural']],
      ] as const)
    : [];
  return [...fixed, ...established].flatMap(([field, value, was]) =>
    value === was ? [] : [invalidValue(field, value, 'field is immutable')],
  );
}
