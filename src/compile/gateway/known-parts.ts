// What routes bring, kept while a route and all that it is judged by are the same. Of thousands of routes one change concerns a few: the others cost one look each.

import type { GrpcRoute } from '../../objects/gateway-api/grpc-route.ts';
import type { HttpRoute } from '../../objects/gateway-api/http-route.ts';
import type { StreamRoute } from '../../objects/gateway-api/stream-route.ts';
import type { Service } from '../../objects/service.ts';
import { isSameList } from './memo.ts';
import { servicesOf, type RouteParts } from './route-parts.ts';

type Services = ReadonlyMap<string, Service>;

interface Known {
  readonly route: object;
  /** Undefined for routes of other Gateways. */
  readonly parts: RouteParts | undefined;
  readonly named: readonly (Service | undefined)[];
  /** Where `named` was last found to be what the route names. */
  services: Services;
}

export class KnownParts {
  #shared: readonly unknown[] = [];
  #services: Services = new Map();
  #known = new WeakMap<object, Known>();
  /** In the order in which they are asked for, which is nearly always that of the round before: far quicker to find. */
  #round: Known[] = [];
  #before: readonly Known[] = [];

  /** `shared`: what every route is judged by, beside the Services that it names. */
  begin(shared: readonly unknown[], services: Services): void {
    const isSame = isSameList(shared, this.#shared);
    if (!isSame) this.#known = new WeakMap();
    this.#before = isSame ? this.#round : [];
    this.#round = [];
    this.#shared = shared;
    this.#services = services;
  }

  of(route: HttpRoute | GrpcRoute | StreamRoute, make: () => RouteParts | undefined): RouteParts | undefined {
    const known = this.#knownOf(route, make);
    this.#round.push(known);
    return known.parts;
  }

  #knownOf(route: HttpRoute | GrpcRoute | StreamRoute, make: () => RouteParts | undefined): Known {
    const beside = this.#before[this.#round.length];
    const known = beside?.route === route ? beside : this.#known.get(route);
    if (known?.services === this.#services) return known;
    const named = servicesOf(route).map((it) => this.#services.get(it));
    if (known !== undefined && isSameList(known.named, named)) {
      known.services = this.#services;
      return known;
    }
    const made = { route, parts: make(), named, services: this.#services };
    this.#known.set(route, made);
    return made;
  }
}
