// The formats of texts that an API server judges (k8s.io/kube-openapi/pkg/validation/strfmt); others say something to people alone.

import { familyOf, tryParseIp } from '../../base/ip.ts';
import { checkDnsSubdomain } from '../validation/names.ts';

const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const DATE = /^\d{4}-\d{2}-\d{2}$/;
const DATE_TIME = /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(\.\d{1,9})?([Zz]|[+-]\d{2}:?\d{2})$/;
/** Go's units, and the words that people write. */
const DURATION =
  /^(?:[-+]?(?:\d+(?:\.\d*)?|\.\d+)\s*(?:ns|us|µs|ms|s|m|h|d|w|nanos?|micros?|millis?|secs?|mins?|hours?|days?|weeks?|seconds?|minutes?)\s*)+$|^0$/;
const MAC =
  /^(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}$|^(?:[0-9a-f]{2}[:-]){7}[0-9a-f]{2}$|^(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}$/i;
const MAX_LENGTH = 64 * 1024;

type FormatCheck = (text: string) => boolean;

const CHECKS: Readonly<Record<string, FormatCheck>> = {
  date: (text) => DATE.test(text) && isDate(text),
  'date-time': (text) => isDateTime(text),
  datetime: (text) => isDateTime(text),
  duration: (text) => DURATION.test(text),
  byte: (text) => text.length % 4 === 0 && BASE64.test(text),
  ipv4: (text) => familyIn(text) === 4,
  ipv6: (text) => familyIn(text) === 6,
  cidr: isCidr,
  mac: (text) => MAC.test(text),
  uuid: (text) => UUID.test(text),
  uri: isUri,
  email: (text) => /^[^\s@]+@[^\s@]+$/.test(text),
  hostname: (text) => checkDnsSubdomain(text.toLowerCase()) === undefined,
  hexcolor: (text) => /^#?(?:[0-9a-f]{3}|[0-9a-f]{6})$/i.test(text),
  bsonobjectid: (text) => /^[0-9a-f]{24}$/i.test(text),
};

/** True also for formats that nobody judges. */
export function isOfFormat(format: string, text: string): boolean {
  const check = CHECKS[format];
  if (check === undefined) return true;
  // Base64 may be as long as a body; everything else that long is none of these.
  return (text.length <= MAX_LENGTH || format === 'byte') && check(text);
}

function isDate(text: string): boolean {
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}

function isDateTime(text: string): boolean {
  const match = DATE_TIME.exec(text);
  if (match === null) return false;
  const [, day = '', hour, minute, second] = match;
  return isDate(day) && Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60;
}

function familyIn(text: string): 4 | 6 | undefined {
  const ip = tryParseIp(text);
  return ip === undefined ? undefined : familyOf(ip);
}

function isCidr(text: string): boolean {
  const [address = '', length = '', ...more] = text.split('/');
  if (more.length > 0 || !/^\d{1,3}$/.test(length)) return false;
  const family = familyIn(address);
  return family !== undefined && Number(length) <= (family === 4 ? 32 : 128);
}

/** Go's ParseRequestURI: absolute, or a path. */
function isUri(text: string): boolean {
  return text.startsWith('/') || URL.canParse(text);
}
