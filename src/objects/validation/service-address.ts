// Which addresses may stand for something outside of the node itself.

import { tryParseIp } from '../../base/ip.ts';
import { invalidValue, type FieldError } from './field-error.ts';

/** Loopback and link-local addresses would let one pod speak for another node's own services. */
export function validateEndpointIp(value: unknown, field: string): FieldError[] {
  const ip = tryParseIp(String(value));
  if (ip === undefined)
    return [invalidValue(field, value, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')];
  if (ip === '0.0.0.0' || ip === '::') return [invalidValue(field, ip, 'may not be unspecified')];
  if (ip.startsWith('127.') || ip === '::1')
    return [invalidValue(field, ip, 'may not be in the loopback range (127.0.0.0/8, ::1/128)')];
  if (ip.startsWith('169.254.') || /^fe[89ab]/.test(ip)) {
    return [invalidValue(field, ip, 'may not be in the link-local range (169.254.0.0/16, fe80::/10)')];
  }
  return [];
}
