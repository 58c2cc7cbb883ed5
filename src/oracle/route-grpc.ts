// Requests of gRPC: POST /{service}/{method} of the type application/grpc. GRPCRoutes have these and no others.

import { readPlainRegex } from '../base/plain-regex.ts';
import type { GrpcMatch, GrpcMethodMatch } from '../objects/gateway-api/grpc-route.ts';
import type { HttpRequest } from './route-objects.ts';

/** Codes of gRPC. */
export const UNIMPLEMENTED = 12;
export const UNAVAILABLE = 14;

/** By its Content-Type: "application/grpc", alone or with a format or parameters behind it. */
export function isGrpc({ headers }: HttpRequest): boolean {
  const type = headers.find((it) => it.name.toLowerCase() === 'content-type');
  return type !== undefined && /^application\/grpc(?:[+;].*)?$/is.test(type.value.trim());
}

/** An absent part matches every one. */
export function matchesGrpc({ method: match }: GrpcMatch, path: string): boolean {
  if (match === undefined) return true;
  const [, service, method] = /^\/([^/]+)\/([^/]+)$/.exec(path) ?? [];
  return (
    service !== undefined &&
    method !== undefined &&
    matchesPart(match.type, match.service, service) &&
    matchesPart(match.type, match.method, method)
  );
}

function matchesPart(type: GrpcMethodMatch['type'], wanted: string | undefined, actual: string): boolean {
  if (wanted === undefined) return true;
  return type === 'exact' ? wanted === actual : (readPlainRegex(wanted)?.test(actual) ?? false);
}

/**
 * "Characters in a matching service. Characters in a matching method." In one list with HTTPRoutes' paths: a service and its method are an exact path,
 * a service alone is a prefix, a method alone stands above the prefix "/" only.
 */
export function grpcRank(match: GrpcMethodMatch | undefined): readonly number[] {
  const [service, method] = [match?.service?.length ?? 0, match?.method?.length ?? 0];
  if (match?.type === 'regex') return [1, service + method];
  if (service > 0 && method > 0) return [2, service + method + 2];
  // Paths have a slash in front.
  if (service > 0) return [0, service + 1];
  return method > 0 ? [0, 0.5] : [0, 0];
}
