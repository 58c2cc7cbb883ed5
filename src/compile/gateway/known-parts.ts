// What routes bring, kept while a route and all that it is judged by are the same. Of thousands of routes one change concerns a few: the others cost one look each.

import type { GrpcRoute } from '../../objects/gateway-api/grpc-route.ts';
import type { HttpRoute } from '../../objects/gateway-api/http-route.ts';
import type { StreamRoute } from '../../objects/gateway-api/stream-route.ts';
import type { Service } from '../../objects/service.ts';
import { isSameList } from './memo.ts';
import { servicesOf, type RouteParts } from './route-parts.ts';

type Services = ReadonlyMap<string, Service>;

type KnownRoute = HttpRoute | GrpcRoute | StreamRoute;

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
  readonly #inOrder: Known[] = [];
  #asked = 0;

  /** `shared`: what every route is judged by, beside the Services that it names. */
  begin(shared: readonly unknown[], services: Services): void {
    const isSame = isSameList(shared, this.#shared);
    if (!isSame) this.#known = new WeakMap();
    this.#inOrder.length = isSame ? this.#asked : 0;
    this.#asked = 0;
    this.#shared = shared;
    this.#services = services;
  }

  of<T extends KnownRoute>(route: T, make: (route: T) => RouteParts | undefined): RouteParts | undefined {
    const known = this.#knownOf(route, make);
    this.#inOrder[this.#asked++] = known;
    return known.parts;
  }

  #knownOf<T extends KnownRoute>(route: T, make: (route: T) => RouteParts | undefined): Known {
    const beside = this.#inOrder[this.#asked];
    const known = beside?.route === route ? beside : this.#known.get(route);
    if (known?.services === this.#services) return known;
    const named = servicesOf(route).map((it) => this.#services.get(it));
    if (known !== undefined && isSameList(known.named, named)) {
      known.services = this.#services;
      return known;
    }
    const made = { route, parts: make(route), named, services: this.#services };
    this.#known.set(route, made);
    return made;
  }
}
