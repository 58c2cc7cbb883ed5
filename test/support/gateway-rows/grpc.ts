// GRPCRoutes: which requests they have, their precedence, and what clients of gRPC are told.

import { aGrpcRoute, aGrpcRule, anHttpRoute, aRule } from '../gateway-objects.ts';
import type { RouteRow } from '../gateway-table.ts';

const GRPC = ' | Content-Type: application/grpc';
const call = (path: string, more = ''): string => `POST a.com/${path}${GRPC}${more}`;
const OLD = { createdAt: '2020-01-01T00:00:00Z' };

export const GRPC_ROWS: readonly RouteRow[] = [
  {
    name: 'service and method, a service, a method, with case',
    given: {
      grpcRoutes: [
        aGrpcRoute('r', [
          aGrpcRule(['x.Echo/Echo'], ['v1']),
          aGrpcRule(['x.Two/'], ['v2']),
          aGrpcRule(['/Three'], ['v3']),
        ]),
      ],
    },
    asked: {
      [call('x.Echo/Echo')]: 'v1',
      [call('x.Echo/EchoTwo')]: 'grpc 12',
      [call('x.echo/Echo')]: 'grpc 12',
      [call('x.Two/Any')]: 'v2',
      [call('x.Two')]: 'grpc 12',
      [call('x.TwoMore/Any')]: 'grpc 12',
      [call('any.Service/Three')]: 'v3',
      [call('any.Service/three')]: 'grpc 12',
      [call('any.Service/Three/Four')]: 'grpc 12',
    },
  },
  {
    name: 'no match is every request of gRPC, and no other one',
    given: { grpcRoutes: [aGrpcRoute('r', [aGrpcRule([], ['v1'])])] },
    asked: {
      [call('x.Echo/Echo')]: 'v1',
      'POST a.com/x.Echo/Echo | content-type: application/grpc+proto': 'v1',
      'POST a.com/x.Echo/Echo | content-type: application/grpc;charset=utf-8': 'v1',
      'POST a.com/x.Echo/Echo | content-type: application/grpc-web': '404',
      'POST a.com/x.Echo/Echo': '404',
    },
  },
  {
    name: 'headers match as in HTTPRoutes, more of them first',
    given: {
      grpcRoutes: [
        aGrpcRoute('r', [aGrpcRule([' version:one'], ['v1']), aGrpcRule([' version:one color:red'], ['v2'])]),
      ],
    },
    asked: {
      [call('x.Echo/Echo', ' | Version: one')]: 'v1',
      [call('x.Echo/Echo', ' | version: one | color: red')]: 'v2',
      [call('x.Echo/Echo')]: 'grpc 12',
    },
  },
  {
    name: 'the longer service goes before the longer method, both before headers and age',
    given: {
      grpcRoutes: [
        aGrpcRoute('old', [aGrpcRule(['/AVeryLongMethod a:b'], ['v1']), aGrpcRule([' a:b'], ['v1'])], OLD),
        aGrpcRoute('new', [aGrpcRule(['x.S/'], ['v2']), aGrpcRule(['x.S/M', '/M'], ['v3'])]),
      ],
    },
    asked: {
      [call('x.S/AVeryLongMethod', ' | a: b')]: 'v2',
      [call('x.S/M', ' | a: b')]: 'v3',
      [call('y.S/M', ' | a: b')]: 'v3',
      [call('y.S/N', ' | a: b')]: 'v1',
    },
  },
  {
    name: 'expressions have the whole service and the whole method',
    given: { grpcRoutes: [aGrpcRoute('r', [aGrpcRule(['~x\\.[A-Z]cho/(Echo|Ping)'], ['v1'])])] },
    asked: {
      [call('x.Echo/Ping')]: 'v1',
      [call('x.Echo/Pings')]: 'grpc 12',
      [call('xx.Echo/Ping')]: 'grpc 12',
    },
  },
  {
    name: 'in one list with HTTPRoutes of the same name',
    given: {
      httpRoutes: [anHttpRoute('r', [aRule(['/'], ['v1']), aRule(['=/x.Own/Http'], ['v2'])])],
      grpcRoutes: [aGrpcRoute('r', [aGrpcRule(['x.Own/'], ['v3']), aGrpcRule(['x.Echo/Echo'], ['v3'])])],
    },
    asked: {
      [call('x.Echo/Echo')]: 'v3',
      [call('x.Own/Any')]: 'v3',
      [call('x.Own/Http')]: 'v2',
      [call('x.Echo/Other')]: 'v1',
      'POST a.com/x.Echo/Echo': 'v1',
    },
  },
  {
    name: 'what leads nowhere is unavailable',
    given: {
      grpcRoutes: [
        aGrpcRoute('r', [aGrpcRule(['x.S/'], ['v1*3', 'nobody*1', 'empty*1']), aGrpcRule([], ['v1*0'])]),
      ],
    },
    asked: { [call('x.S/M')]: '3 v1, 1 grpc 14, 1 grpc 14', [call('y.S/M')]: 'grpc 14' },
  },
];
