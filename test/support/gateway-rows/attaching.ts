// Who may attach to a listener, and what references of another namespace may lead to.

import {
  aBackend,
  aGateway,
  aGrant,
  aListener,
  aListenerSet,
  anHttpRoute,
  aParent,
  aRule,
  aService,
  aSlice,
} from '../gateway-objects.ts';
import type { RouteRow } from '../gateway-table.ts';

const ANY = [aRule([], ['v1'])];
const GATEWAY_ROUTE = { group: 'gateway.networking.k8s.io', kind: 'HTTPRoute' };
const SHOP = { services: [aService('shop/web')], endpointSlices: [aSlice('shop/web', ['10.1.0.1'])] };
const toShop = (rest = {}): object => ({
  ...SHOP,
  httpRoutes: [anHttpRoute('r', [aRule([], ['shop/web'])])],
  ...rest,
});

export const ATTACHING: readonly RouteRow[] = [
  {
    name: 'from Same: the Gateway’s own namespace',
    given: {
      gateways: [
        aGateway('gw', [
          aListener('http HTTP 80', { allowedRoutes: { namespaces: { from: 'same' }, kinds: undefined } }),
        ]),
      ],
      httpRoutes: [
        anHttpRoute('r', [aRule(['/own'], ['v1'])]),
        anHttpRoute('shop/r', [aRule(['/shop'], ['shop/web'])]),
      ],
      ...SHOP,
    },
    asked: { 'a.com/own': 'v1', 'a.com/shop': '404' },
  },
  {
    name: 'from All: every namespace',
    given: { httpRoutes: [anHttpRoute('shop/r', [aRule([], ['shop/web'])])], ...SHOP },
    asked: { 'a.com/': 'shop/web' },
  },
  {
    name: 'from Selector: namespaces with the labels',
    given: {
      gateways: [
        aGateway('gw', [
          aListener('http HTTP 80', {
            allowedRoutes: {
              namespaces: {
                from: 'selector',
                selector: [{ kind: 'in', key: 'team', values: new Set(['shop']) }],
              },
              kinds: undefined,
            },
          }),
        ]),
      ],
      httpRoutes: [
        anHttpRoute('r', [aRule(['/own'], ['v1'])]),
        anHttpRoute('shop/r', [aRule(['/shop'], ['shop/web'])]),
        anHttpRoute('nowhere/r', [aRule(['/nowhere'], ['v1'])]),
      ],
      ...SHOP,
    },
    asked: { 'a.com/own': '404', 'a.com/shop': 'shop/web', 'a.com/nowhere': '404' },
  },
  {
    name: 'kinds: no others than those that are listed',
    given: {
      gateways: [
        aGateway('gw', [
          aListener('grpc HTTP 80', {
            allowedRoutes: {
              namespaces: { from: 'all' },
              kinds: [{ ...GATEWAY_ROUTE, kind: 'GRPCRoute' }],
            },
          }),
          aListener('other HTTP 81', {
            allowedRoutes: { namespaces: { from: 'all' }, kinds: [{ group: 'x.io', kind: 'HTTPRoute' }] },
          }),
          aListener('mixed HTTP 82', {
            allowedRoutes: {
              namespaces: { from: 'all' },
              kinds: [GATEWAY_ROUTE, { ...GATEWAY_ROUTE, kind: 'NoSuchRoute' }],
            },
          }),
        ]),
      ],
      httpRoutes: [anHttpRoute('r', ANY)],
    },
    asked: { 'a.com/': '404', 'port=81 a.com/': '404', 'port=82 a.com/': 'v1' },
  },
  {
    name: 'sectionName and port: the listeners that have both',
    given: {
      gateways: [
        aGateway('gw', [aListener('one HTTP 80'), aListener('two HTTP 8080'), aListener('three HTTP 8081')]),
      ],
      httpRoutes: [
        anHttpRoute('name', [aRule(['/name'], ['v1'])], { parents: [aParent('gw#two')] }),
        anHttpRoute('port', [aRule(['/port'], ['v1'])], { parents: [aParent('gw:8081')] }),
        anHttpRoute('both', [aRule(['/both'], ['v1'])], { parents: [aParent('gw#two:8081')] }),
        anHttpRoute('several', [aRule(['/several'], ['v1'])], {
          parents: [aParent('gw#one'), aParent('gw#three')],
        }),
      ],
    },
    asked: {
      'a.com/name': '404',
      'port=8080 a.com/name': 'v1',
      'port=8081 a.com/name': '404',
      'a.com/port': '404',
      'port=8081 a.com/port': 'v1',
      'port=8080 a.com/both': '404',
      'port=8081 a.com/both': '404',
      'a.com/several': 'v1',
      'port=8080 a.com/several': '404',
      'port=8081 a.com/several': 'v1',
    },
  },
  {
    name: 'other Gateways, other kinds and other namespaces are no parents',
    given: {
      httpRoutes: [
        anHttpRoute('other', ANY, { parents: [aParent('other')] }),
        anHttpRoute('kind', ANY, { parents: [aParent('gw', { kind: 'Service', group: '' })] }),
        anHttpRoute('namespace', ANY, { parents: [aParent('shop/gw')] }),
        anHttpRoute('none', ANY, { parents: [] }),
      ],
    },
    asked: { 'a.com/': '404', 'gateway=other a.com/': 'closed no-listener' },
  },
  {
    name: 'ListenerSets are there where the Gateway lets them in, and have routes of their own',
    given: {
      gateways: [aGateway('gw', [aListener('http HTTP 80')], { allowedListeners: { from: 'same' } })],
      listenerSets: [
        aListenerSet('more', [aListener('http HTTP 8080'), aListener('named HTTP 80 own.com')]),
        aListenerSet('shop/more', [aListener('http HTTP 8081')], { parent: aParent('gw') }),
      ],
      httpRoutes: [
        anHttpRoute('gateway', [aRule(['/gateway'], ['v1'])]),
        anHttpRoute('set', [aRule(['/set'], ['v2'])], {
          parents: [aParent('more', { kind: 'ListenerSet' })],
        }),
        anHttpRoute('section', [aRule(['/section'], ['v3'])], {
          parents: [aParent('more#named', { kind: 'ListenerSet' })],
        }),
      ],
    },
    asked: {
      'a.com/gateway': 'v1',
      'a.com/set': '404',
      'port=8080 a.com/gateway': '404',
      'port=8080 a.com/set': 'v2',
      'port=8080 a.com/section': '404',
      'own.com/gateway': '404',
      'own.com/set': 'v2',
      'own.com/section': 'v3',
      'port=8081 a.com/gateway': 'closed no-listener',
    },
  },
  {
    name: 'a ListenerSet with the Gateway’s own name is another parent',
    given: {
      gateways: [aGateway('gw', [aListener('http HTTP 80')], { allowedListeners: { from: 'same' } })],
      listenerSets: [aListenerSet('gw', [aListener('http HTTP 81')])],
      httpRoutes: [
        anHttpRoute('gateway', [aRule(['/gateway'], ['v1'])]),
        anHttpRoute('set', [aRule(['/set'], ['v2'])], { parents: [aParent('gw', { kind: 'ListenerSet' })] }),
      ],
    },
    asked: {
      'a.com/gateway': 'v1',
      'a.com/set': '404',
      'port=81 a.com/gateway': '404',
      'port=81 a.com/set': 'v2',
    },
  },
  {
    name: 'no Gateway has ListenerSets unless it says so',
    given: {
      listenerSets: [aListenerSet('more', [aListener('http HTTP 8080')])],
      httpRoutes: [anHttpRoute('r', ANY)],
    },
    asked: { 'a.com/': 'v1', 'port=8080 a.com/': 'closed no-listener' },
  },
];

export const REFERENCES: readonly RouteRow[] = [
  {
    name: 'another namespace without a grant',
    given: toShop(),
    asked: { 'a.com/': '500' },
  },
  {
    name: 'a grant for all Services, a grant for one',
    given: {
      ...SHOP,
      services: [...SHOP.services, aService('shop/api'), aService('blue/web')],
      httpRoutes: [
        anHttpRoute('r', [
          aRule(['/web'], ['shop/web']),
          aRule(['/api'], ['shop/api']),
          aRule(['/blue'], ['blue/web']),
        ]),
      ],
      grants: [aGrant('HTTPRoute infra > Service shop/web'), aGrant('HTTPRoute infra > Service blue')],
    },
    asked: { 'a.com/web': 'shop/web', 'a.com/api': '500', 'a.com/blue': '503' },
  },
  {
    name: 'a grant for another kind, namespace or name is none',
    given: toShop({
      grants: [
        aGrant('GRPCRoute infra > Service shop'),
        aGrant('HTTPRoute blue > Service shop'),
        aGrant('HTTPRoute infra > Secret shop'),
        aGrant('HTTPRoute infra > Service shop/api'),
        aGrant('HTTPRoute infra > Service blue'),
      ],
    }),
    asked: { 'a.com/': '500' },
  },
  {
    name: 'no such Service, no such port, another kind, an ExternalName',
    given: {
      services: [aService('outside', undefined, { type: 'ExternalName', externalName: 'example.org' })],
      httpRoutes: [
        anHttpRoute('r', [
          aRule(['/service'], ['nobody']),
          aRule(['/port'], ['v1:81']),
          aRule(['/kind'], [], { backends: [aBackend('v1', { kind: 'Pod' })] }),
          aRule(['/group'], [], { backends: [aBackend('v1', { group: 'x.io' })] }),
          aRule(['/outside'], ['outside']),
        ]),
      ],
    },
    asked: {
      'a.com/service': '500',
      'a.com/port': '500',
      'a.com/kind': '500',
      'a.com/group': '500',
      'a.com/outside': '500',
    },
  },
];

export const BACKENDS: readonly RouteRow[] = [
  {
    name: 'by their weights; those without any get nothing',
    given: { httpRoutes: [anHttpRoute('r', [aRule([], ['v1*70', 'v2*30', 'v3*0'])])] },
    asked: { 'a.com/': '70 v1, 30 v2' },
  },
  {
    name: 'the share of what leads nowhere is answered 500, of what has no endpoints 503',
    given: { httpRoutes: [anHttpRoute('r', [aRule([], ['v1*8', 'nobody*1', 'empty*1'])])] },
    asked: { 'a.com/': '8 v1, 1 500, 1 503' },
  },
  {
    name: 'none, and all of weight 0',
    given: { httpRoutes: [anHttpRoute('r', [aRule(['/none'], []), aRule(['/zero'], ['v1*0', 'v2*0'])])] },
    asked: { 'a.com/none': '500', 'a.com/zero': '500' },
  },
  {
    name: 'a rule that leads nowhere is still the one that has the request',
    given: { httpRoutes: [anHttpRoute('r', [aRule(['/'], ['v1']), aRule(['/x'], ['nobody'])])] },
    asked: { 'a.com/x': '500', 'a.com/': 'v1' },
  },
];
