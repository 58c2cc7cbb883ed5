// The vocabulary of rtnetlink: changes and observations are plain data, so that plans can be printed, compared and faked.
// Links are named, not numbered: the door resolves names to indexes.

import type { Cidr } from '../../base/cidr.ts';
import type { Family, Ip } from '../../base/ip.ts';
import type { Mac } from '../../base/mac.ts';

/** A network interface as the kernel reports it (RTM_NEWLINK). */
export interface Link {
  readonly index: number;
  readonly name: string;
  /** IFLA_INFO_KIND ("veth", "bridge", "vxlan"), undefined for hardware and loopback. */
  readonly kind: string | undefined;
  readonly mac: Mac | undefined;
  readonly mtuBytes: number;
  readonly isUp: boolean;
  /** IFLA_QDISC. A link that is up drops what it is to send while this is "noop": until the kernel has seen its carrier. */
  readonly qdisc: string | undefined;
  /** Name of the bridge it is a port of. */
  readonly master: string | undefined;
  /** Index of the veth peer or underlying link (IFLA_LINK), in the namespace of `linkNetnsId` where that is set. */
  readonly linkIndex: number | undefined;
  /** Number that this namespace gave the one of `linkIndex` (IFLA_LINK_NETNSID), undefined where it is the same one. */
  readonly linkNetnsId: number | undefined;
  /** IFLA_IFALIAS: free text that owners use to mark what is theirs. */
  readonly alias: string | undefined;
  readonly vxlan: Vxlan | undefined;
}

export interface Vxlan {
  readonly vni: number;
  readonly port: number;
  readonly local: Ip | undefined;
  readonly isLearning: boolean;
  /** The low 16 bits of a packet's mark travel in the header (group policy extension); what has one is not taken by a device without. */
  readonly hasGroupPolicy: boolean;
}

export interface InterfaceAddress {
  readonly link: string;
  readonly ip: Ip;
  readonly prefixLength: number;
  /** The kernel does not choose it for what names no source: scope host (IPv4), deprecated (IPv6). Who binds it may use it. */
  readonly isNeverSource?: true;
}

export interface Route {
  readonly family: Family;
  /** "0.0.0.0/0" and "::/0" are the default routes. */
  readonly destination: Cidr;
  readonly gateway: Ip | undefined;
  readonly link: string | undefined;
  readonly source: Ip | undefined;
  /** RT_TABLE_MAIN is 254. */
  readonly table: number;
  readonly isOnlink: boolean;
  /** RTPROT_* number: who made it. Fairlead marks its own with 76. */
  readonly protocol: number;
  readonly mtuBytes: number | undefined;
  readonly type: RouteType;
}

export type RouteType = 'unicast' | 'local' | 'blackhole' | 'unreachable' | 'prohibit';

/** RTPROT value of routes that Fairlead owns; the range above 5 is free for daemons (rtnetlink.h). */
export const RTPROT_FAIRLEAD = 76;

/** A neighbour entry (ARP, ND); `isPermanent` is NUD_PERMANENT. */
export interface Neighbour {
  readonly link: string;
  readonly ip: Ip;
  readonly mac: Mac;
  readonly isPermanent: boolean;
}

/** A forwarding entry of a VXLAN device: frames for `mac` go to the tunnel end `destination`. */
export interface ForwardingEntry {
  readonly link: string;
  readonly mac: Mac;
  readonly destination: Ip | undefined;
}

export interface Rule {
  readonly family: Family;
  readonly priority: number;
  readonly source: Cidr | undefined;
  readonly destination: Cidr | undefined;
  readonly incomingLink: string | undefined;
  readonly table: number;
  /** RTPROT_* number: who made it, as with routes. */
  readonly protocol: number;
}

/** A namespace to put a link into: an open descriptor of it. */
export interface NetnsFd {
  readonly fd: number;
}

export type NetlinkChange =
  /** The peer is down at first: the kernel makes it before it knows its other end (veth_open: ENOTCONN); `set-link` it up in its namespace. */
  | {
      readonly kind: 'add-veth';
      readonly name: string;
      readonly mac?: Mac;
      readonly mtuBytes?: number;
      readonly alias?: string;
      readonly isUp?: boolean;
      /** Queues of each direction and end; the kernel's default is one per possible processor, which doubles the time a pair takes. */
      readonly queueCount?: number;
      readonly peer: {
        readonly name: string;
        readonly mac?: Mac;
        readonly mtuBytes?: number;
        /** Default: the namespace of the socket. */
        readonly netns?: NetnsFd;
      };
    }
  | {
      readonly kind: 'add-bridge' | 'add-dummy';
      readonly name: string;
      readonly mac?: Mac;
      readonly mtuBytes?: number;
      readonly alias?: string;
      readonly isUp?: boolean;
    }
  | {
      readonly kind: 'add-vxlan';
      readonly name: string;
      readonly mac: Mac;
      readonly mtuBytes: number;
      readonly vxlan: Vxlan;
      /** Underlying link; its index goes into IFLA_VXLAN_LINK. */
      readonly underlay: string | undefined;
      readonly alias?: string;
      readonly isUp?: boolean;
    }
  | {
      readonly kind: 'set-link';
      readonly name: string;
      readonly isUp?: boolean;
      readonly mtuBytes?: number;
      readonly mac?: Mac;
      /** The bridge to become a port of; empty to leave it. */
      readonly master?: string;
      readonly alias?: string;
      /** Of a link that is down, or goes down with this change: before Linux 6.2 others are refused. */
      readonly newName?: string;
      readonly netns?: NetnsFd;
      /** Source check of incoming IPv4 packets (rp_filter): `strict` takes those alone whose way back is this link. */
      readonly reversePathFilter?: ReversePathFilter;
      /** Whether the kernel gives it an IPv6 link-local address when it comes up. */
      readonly hasLinkLocal?: boolean;
      /** IFLA_GROUP: a number that links can be taken together by; 0 for none. */
      readonly group?: number;
    }
  | { readonly kind: 'delete-link'; readonly name: string }
  /** All links of a group at once: the kernel waits for other processors once, not once per link. 0 is every link's default, refused. */
  | { readonly kind: 'delete-link-group'; readonly group: number }
  /** Added without duplicate address detection (IFA_F_NODAD): every address of ours is unique by allocation. */
  | ({ readonly kind: 'add-address' } & InterfaceAddress)
  | { readonly kind: 'delete-address'; readonly link: string; readonly ip: Ip; readonly prefixLength: number }
  | ({ readonly kind: 'replace-route' } & RouteSpec)
  | {
      readonly kind: 'delete-route';
      readonly destination: Cidr;
      readonly link?: string;
      readonly gateway?: Ip;
      readonly table?: number;
      /** Only a route of this maker is deleted; default `RTPROT_FAIRLEAD`, 0 for anybody's. */
      readonly protocol?: number;
    }
  | { readonly kind: 'replace-neighbour'; readonly link: string; readonly ip: Ip; readonly mac: Mac }
  | { readonly kind: 'delete-neighbour'; readonly link: string; readonly ip: Ip }
  | {
      readonly kind: 'replace-forwarding';
      readonly link: string;
      readonly mac: Mac;
      readonly destination: Ip;
    }
  | {
      readonly kind: 'delete-forwarding';
      readonly link: string;
      readonly mac: Mac;
      readonly destination?: Ip;
    }
  | ({ readonly kind: 'add-rule' | 'delete-rule' } & RuleSpec);

/** RFC 3704, in the order of the kernel's numbers. */
export type ReversePathFilter = 'off' | 'strict' | 'loose';

export interface RouteSpec {
  readonly destination: Cidr;
  readonly gateway?: Ip;
  readonly link?: string;
  readonly source?: Ip;
  /** Default RT_TABLE_MAIN (254). */
  readonly table?: number;
  readonly isOnlink?: boolean;
  /** Default 'link' without a gateway, 'universe' with one. */
  readonly scope?: 'universe' | 'link' | 'host';
  /** Default 'unicast'. */
  readonly type?: RouteType;
  readonly mtuBytes?: number;
  /** RTPROT_* number of its maker; default `RTPROT_FAIRLEAD`. */
  readonly protocol?: number;
}

export interface RuleSpec {
  readonly family: Family;
  readonly priority: number;
  readonly table: number;
  readonly source?: Cidr;
  readonly destination?: Cidr;
  readonly incomingLink?: string;
}
