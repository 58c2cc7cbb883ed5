// Changes as text: the words of `ip` and `bridge`, for errors, plans and logs. Never parsed again.

import type { NetlinkChange, RouteSpec, RuleSpec } from './types.ts';

/** "add link fl1 type veth peer eth0"; reads on after "Cannot". */
export function describeChange(change: NetlinkChange): string {
  switch (change.kind) {
    case 'add-veth':
      return `add link ${change.name} type veth peer ${change.peer.name}`;
    case 'add-bridge':
      return `add link ${change.name} type bridge`;
    case 'add-dummy':
      return `add link ${change.name} type dummy`;
    case 'add-vxlan':
      return `add link ${change.name} type vxlan id ${change.vxlan.vni}`;
    case 'set-link':
      return `set link ${change.name}${describeSettings(change)}`;
    case 'delete-link':
      return `delete link ${change.name}`;
    case 'delete-link-group':
      return `delete links of group ${change.group}`;
    case 'add-address':
      return `add address ${change.ip}/${change.prefixLength} dev ${change.link}${change.isNeverSource === true ? ', never a source' : ''}`;
    case 'delete-address':
      return `delete address ${change.ip}/${change.prefixLength} dev ${change.link}`;
    case 'replace-route':
      return `replace route ${describeRoute(change)}`;
    case 'delete-route':
      return `delete route ${describeRoute(change)}`;
    case 'replace-neighbour':
      return `replace neighbour ${change.ip} lladdr ${change.mac} dev ${change.link}`;
    case 'delete-neighbour':
      return `delete neighbour ${change.ip} dev ${change.link}`;
    case 'replace-forwarding':
    case 'delete-forwarding':
      return `${verbOf(change.kind)} forwarding ${change.mac}${word('dst', change.destination)} dev ${change.link}`;
    case 'add-rule':
    case 'delete-rule':
      return `${verbOf(change.kind)} rule ${describeRule(change)}`;
    default:
      return change satisfies never;
  }
}

function describeSettings(change: Extract<NetlinkChange, { readonly kind: 'set-link' }>): string {
  const state = change.isUp === undefined ? '' : change.isUp ? ' up' : ' down';
  return [
    state,
    word('mtu', change.mtuBytes),
    word('address', change.mac),
    change.master === '' ? ' nomaster' : word('master', change.master),
    word('alias', change.alias),
    word('name', change.newName),
    word('netns', change.netns?.fd),
    word('group', change.group),
  ].join('');
}

function describeRoute(route: Partial<RouteSpec> & Pick<RouteSpec, 'destination'>): string {
  const type = route.type === undefined || route.type === 'unicast' ? '' : `${route.type} `;
  return [
    `${type}${route.destination}`,
    word('via', route.gateway),
    word('dev', route.link),
    word('src', route.source),
    word('table', route.table),
    word('mtu', route.mtuBytes),
    route.isOnlink === true ? ' onlink' : '',
  ].join('');
}

function describeRule(rule: RuleSpec): string {
  return [
    `priority ${rule.priority}`,
    word('from', rule.source),
    word('to', rule.destination),
    word('iif', rule.incomingLink),
    ` lookup ${rule.table}`,
  ].join('');
}

function word(name: string, value: string | number | undefined): string {
  return value === undefined ? '' : ` ${name} ${value}`;
}

function verbOf(kind: string): string {
  return kind.slice(0, kind.indexOf('-'));
}
