// Validation of Ingresses and their classes.

import { tryParseIp } from '../../base/ip.ts';
import { CLASS_ANNOTATION } from '../ingress.ts';
import { isObject, listOf, objectOf, scalarText, textOf, type Draft } from '../json.ts';
import {
  forbiddenField,
  invalidValue,
  notSupported,
  required,
  tooLong,
  type FieldError,
} from './field-error.ts';
import {
  checkDns1035Label,
  checkDnsLabel,
  checkDnsSubdomain,
  checkPathSegment,
  checkPortName,
  checkWildcard,
  type NameCheck,
} from './names.ts';
import { portNumber } from './numbers.ts';

type Value = Readonly<Draft>;
type Before = Value | undefined;

const PATH_TYPES = ['Exact', 'ImplementationSpecific', 'Prefix'];
const FORBIDDEN_PARTS = ['//', '/./', '/../', '%2f', '%2F'];
const FORBIDDEN_ENDS = ['/..', '/.'];

export function validateIngress(object: Value, before: Before): readonly FieldError[] {
  const spec = objectOf(object['spec']);
  const { defaultBackend, ingressClassName } = spec;
  const rules = listOf(spec['rules']);
  if (rules.length === 0 && defaultBackend === undefined) {
    return [invalidValue('spec', rules, 'either `defaultBackend` or `rules` must be specified')];
  }
  return [
    ...(before === undefined ? validateClassOnce(object, ingressClassName) : []),
    ...(defaultBackend === undefined ? [] : validateBackend(defaultBackend, 'spec.defaultBackend')),
    ...rules.flatMap((rule, i) => validateRule(objectOf(rule), `spec.rules[${i}]`)),
    ...listOf(spec['tls']).flatMap((tls, i) => validateTls(objectOf(tls), `spec.tls[${i}]`)),
    ...(ingressClassName === undefined
      ? []
      : named('spec.ingressClassName', ingressClassName, checkDnsSubdomain)),
  ];
}

function named(field: string, value: unknown, check: NameCheck): FieldError[] {
  const wrong = check(scalarText(value));
  return wrong === undefined ? [] : [invalidValue(field, value, wrong)];
}

/** Ingresses from before the field may have both: that stays theirs. */
function validateClassOnce(object: Value, className: unknown): FieldError[] {
  const value = objectOf(objectOf(object['metadata'])['annotations'])[CLASS_ANNOTATION];
  if (value === undefined || className === undefined) return [];
  return [
    invalidValue(`annotations.${CLASS_ANNOTATION}`, value, 'can not be set when the class field is also set'),
  ];
}

function validateRule(rule: Value, field: string): FieldError[] {
  const errors = validateHost(rule['host'], `${field}.host`);
  if (!isObject(rule['http'])) return errors;
  const paths = listOf(rule['http']['paths']);
  if (paths.length === 0) errors.push(required(`${field}.http.paths`));
  return [
    ...errors,
    ...paths.flatMap((path, i) => validatePath(objectOf(path), `${field}.http.paths[${i}]`)),
  ];
}

function validateHost(host: unknown, field: string): FieldError[] {
  const text = textOf(host);
  if (text === undefined) return [];
  if (tryParseIp(text) !== undefined)
    return [invalidValue(field, text, 'must be a DNS name, not an IP address')];
  return named(field, text, text.includes('*') ? checkWildcard : checkDnsSubdomain);
}

function validateTls({ hosts, secretName }: Value, field: string): FieldError[] {
  return [
    ...listOf(hosts).flatMap((host, i) => {
      const check = scalarText(host).includes('*') ? checkWildcard : checkDnsSubdomain;
      return named(`${field}.hosts[${i}]`, host, check);
    }),
    ...(textOf(secretName) === undefined ? [] : named(`${field}.secretName`, secretName, checkDnsSubdomain)),
  ];
}

function validatePath({ path, pathType, backend }: Value, field: string): FieldError[] {
  const errors = validateBackend(backend, `${field}.backend`);
  if (pathType === undefined) return [...errors, required(`${field}.pathType`, 'pathType must be specified')];
  if (!PATH_TYPES.includes(scalarText(pathType)))
    return [...errors, notSupported(`${field}.pathType`, pathType, PATH_TYPES)];
  const text = scalarText(path);
  const wrong = pathType === 'ImplementationSpecific' ? wrongOfOwn(text) : wrongOfPath(text);
  return [...errors, ...wrong.map((because) => invalidValue(`${field}.path`, text, because))];
}

/** Of a path that means what its controller makes of it: empty for all. */
function wrongOfOwn(path: string): readonly string[] {
  return path === '' || path.startsWith('/') ? [] : ['must be an absolute path'];
}

function wrongOfPath(path: string): readonly string[] {
  return [
    ...(path.startsWith('/') ? [] : ['must be an absolute path']),
    ...FORBIDDEN_PARTS.filter((it) => path.includes(it)).map((it) => `must not contain '${it}'`),
    ...FORBIDDEN_ENDS.filter((it) => path.endsWith(it)).map((it) => `cannot end with '${it}'`),
  ];
}

function validateBackend(backend: unknown, field: string): FieldError[] {
  const { service, resource } = objectOf(backend);
  if (resource !== undefined && service !== undefined)
    return [invalidValue(field, '', 'cannot set both resource and service backends')];
  if (resource !== undefined) return validateReference(objectOf(resource), `${field}.resource`);
  if (service === undefined) return [invalidValue(field, '', 'resource or service backend is required')];
  const { name, port } = objectOf(service);
  const errors =
    textOf(name) === undefined
      ? [required(`${field}.service.name`)]
      : named(`${field}.service.name`, name, checkDns1035Label);
  return [...errors, ...validatePort(objectOf(port), field)];
}

/** Of the backend at `field`. */
function validatePort({ name, number }: Value, field: string): FieldError[] {
  const hasName = textOf(name) !== undefined;
  const hasNumber = number !== undefined && number !== 0;
  if (hasName && hasNumber) return [invalidValue(field, '', 'cannot set both port name & port number')];
  if (hasName) return named(`${field}.service.port.name`, name, checkPortName);
  if (hasNumber) return portNumber(`${field}.service.port.number`, number);
  return [required(field, 'port name or number is required')];
}

function validateReference({ apiGroup, kind, name }: Value, field: string): FieldError[] {
  return [
    ...(apiGroup === undefined ? [] : named(`${field}.apiGroup`, apiGroup, checkDnsSubdomain)),
    ...segment(`${field}.kind`, kind, 'kind is required'),
    ...segment(`${field}.name`, name, 'name is required'),
  ];
}

function segment(field: string, value: unknown, absent: string): FieldError[] {
  return textOf(value) === undefined ? [required(field, absent)] : named(field, value, checkPathSegment);
}

const MAX_CONTROLLER = 250;
const CONTROLLER_PATH = /^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/;
const SCOPES = ['Cluster', 'Namespace'];

export function validateIngressClass(object: Value, before: Before): readonly FieldError[] {
  const { controller, parameters } = objectOf(object['spec']);
  const was = before === undefined ? controller : objectOf(before['spec'])['controller'];
  return [
    ...validateController(textOf(controller)),
    ...(was === controller ? [] : [invalidValue('spec.controller', controller, 'field is immutable')]),
    ...(isObject(parameters) ? validateParameters(parameters, 'spec.parameters') : []),
  ];
}

function validateController(text: string | undefined): FieldError[] {
  const field = 'spec.controller';
  if (text === undefined) return [required(field)];
  if (text.length > MAX_CONTROLLER) return [tooLong(field, MAX_CONTROLLER)];
  const slash = text.indexOf('/');
  const [host, path] = [text.slice(0, Math.max(slash, 0)), text.slice(slash + 1)];
  if (host === '' || path === '')
    return [invalidValue(field, text, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  const wrongPath = CONTROLLER_PATH.test(path)
    ? []
    : [invalidValue(field, path, `must match ${CONTROLLER_PATH.source}`)];
  return [...named(field, host, checkDnsSubdomain), ...wrongPath];
}

function validateParameters(parameters: Value, field: string): FieldError[] {
  const { scope, namespace } = parameters;
  return [...validateReference(parameters, field), ...validateScope(scope, namespace, field)];
}

function validateScope(scope: unknown, namespace: unknown, field: string): FieldError[] {
  if (scope === undefined) return [required(`${field}.scope`)];
  if (!SCOPES.includes(scalarText(scope))) return [notSupported(`${field}.scope`, scope, SCOPES)];
  const at = `${field}.namespace`;
  const reason = `\`parameters.scope\` is set to '${scalarText(scope)}'`;
  if (scope === 'Cluster') return namespace === undefined ? [] : [forbiddenField(at, reason)];
  return textOf(namespace) === undefined ? [required(at, reason)] : named(at, namespace, checkDnsLabel);
}
