// Changes of policies under connections that stand: who is connected to whom, what is said before and after, and whether the connection goes on.

/** Pods of the namespace "a": `server`, `client` and `third` on the node, `far` on another one, which no mark tells. Each has the label app of its own name. */
export const POD_NAMES = ['server', 'client', 'third', 'far'] as const;
export type PodName = (typeof POD_NAMES)[number];

/** Policies by name: the pod that they are for, and what they let in or out. */
export type Policies = Readonly<Record<string, PolicyText>>;

interface PolicyText {
  readonly of: PodName;
  readonly ingress?: readonly object[];
  readonly egress?: readonly object[];
}

export interface EstablishedRow {
  readonly name: string;
  readonly from: PodName;
  readonly to: PodName;
  readonly before: Policies;
  readonly after: Policies;
  readonly goesOn: boolean;
  /** What an answer belongs to, the kernel's connection tracking alone says. */
  readonly restsOnTracking: boolean;
}

export const podNamed = (name: PodName): object => ({ podSelector: { matchLabels: { app: name } } });
const from = (...names: readonly PodName[]): object => ({ from: names.map(podNamed) });
const to = (...names: readonly PodName[]): object => ({ to: names.map(podNamed) });
const port = (number: number): object => ({
  ports: ['TCP', 'UDP'].map((protocol) => ({ protocol, port: number })),
});
const held = port(8080);

const PAIRS = [
  ['client', 'server'],
  ['far', 'server'],
  ['client', 'far'],
] as const;

/** Ends whose `side` is a pod of the node. */
function ownPairs(side: 'ingress' | 'egress'): readonly (readonly [PodName, PodName])[] {
  return PAIRS.filter(([asks, answers]) => (side === 'ingress' ? answers : asks) !== 'far');
}

interface Change {
  readonly name: string;
  /** By default those do that end something. */
  readonly restsOnTracking?: boolean;
  readonly change: (asks: PodName, answers: PodName) => Pick<EstablishedRow, 'before' | 'after'>;
}

const DENYING: Readonly<Record<'ingress' | 'egress', readonly Change[]>> = {
  ingress: [
    {
      name: 'the first policy of the server lets nobody in',
      change: (_, of) => ({ before: {}, after: { p: { of, ingress: [] } } }),
    },
    {
      name: 'the first policy of the server lets in its own kind alone',
      change: (_, of) => ({ before: {}, after: { p: { of, ingress: [from(of)] } } }),
    },
    {
      name: 'the first policy of the server keeps in and out what it does not name',
      restsOnTracking: false,
      change: (_, of) => ({ before: {}, after: { p: { of, ingress: [from('third')], egress: [] } } }),
    },
    {
      name: 'a rule of the server goes',
      change: (asks, of) => ({
        before: { p: { of, ingress: [from(asks), from('third')] } },
        after: { p: { of, ingress: [from('third')] } },
      }),
    },
    {
      name: 'a rule of the server has another port',
      change: (asks, of) => ({
        before: { p: { of, ingress: [{ ...from(asks), ...held }] } },
        after: { p: { of, ingress: [{ ...from(asks), ...port(8081) }] } },
      }),
    },
  ],
  egress: [
    {
      name: 'the first policy of the client lets nothing out',
      change: (of) => ({ before: {}, after: { p: { of, egress: [] } } }),
    },
    {
      name: 'a rule of the client goes',
      change: (of, answers) => ({
        before: { p: { of, egress: [to(answers)] } },
        after: { p: { of, egress: [to('third')] } },
      }),
    },
  ],
};

const ALLOWING: Readonly<Record<'ingress' | 'egress', readonly Change[]>> = {
  ingress: [
    {
      name: 'the first policy of the server lets it in',
      change: (asks, of) => ({ before: {}, after: { p: { of, ingress: [{ ...from(asks), ...held }] } } }),
    },
    {
      name: 'the first policy of the server isolates the other direction',
      restsOnTracking: true,
      change: (_, of) => ({ before: {}, after: { p: { of, egress: [] } } }),
    },
    {
      name: 'another policy of the server comes',
      change: (asks, of) => {
        const p = { of, ingress: [from(asks)] };
        return { before: { p }, after: { p, q: { of, ingress: [from('third')] } } };
      },
    },
    {
      name: 'the other direction of the server is isolated as well',
      change: (asks, of) => {
        const p = { of, ingress: [from(asks)] };
        return { before: { p }, after: { p, q: { of, egress: [] } } };
      },
    },
    {
      name: 'rules and policies of the server change places',
      change: (asks, of) => ({
        before: { p: { of, ingress: [from(asks), held] }, q: { of, ingress: [from('third')] } },
        after: { a: { of, ingress: [from('third')] }, p: { of, ingress: [held, from(asks)] } },
      }),
    },
    {
      name: 'what let it in goes, and something else lets it in',
      change: (asks, of) => ({
        before: { p: { of, ingress: [from(asks)] } },
        after: { q: { of, ingress: [held] } },
      }),
    },
  ],
  egress: [
    {
      name: 'the first policy of the client lets it out',
      change: (of, answers) => ({ before: {}, after: { p: { of, egress: [{ ...to(answers), ...held }] } } }),
    },
    {
      name: 'the first policy of the client isolates the other direction',
      restsOnTracking: true,
      change: (of) => ({ before: {}, after: { p: { of, ingress: [] } } }),
    },
    {
      name: 'the other direction of the client is isolated as well',
      change: (of, answers) => {
        const p = { of, egress: [to(answers)] };
        return { before: { p }, after: { p, q: { of, ingress: [] } } };
      },
    },
  ],
};

function rowsOf(changes: typeof DENYING, goesOn: boolean): readonly EstablishedRow[] {
  return (['ingress', 'egress'] as const).flatMap((side) =>
    changes[side].flatMap(({ name, change, restsOnTracking = !goesOn }) =>
      ownPairs(side).map(([asks, answers]) => ({
        name: `${name}: ${asks} > ${answers} ${goesOn ? 'goes on' : 'ends'}`,
        from: asks,
        to: answers,
        goesOn,
        restsOnTracking,
        ...change(asks, answers),
      })),
    ),
  );
}

export const ESTABLISHED_ROWS: readonly EstablishedRow[] = [
  ...rowsOf(DENYING, false),
  ...rowsOf(ALLOWING, true),
];
