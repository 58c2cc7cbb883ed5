// Where a DNS process is asked how it does: beside the socket of its feed.

export function inspectSocketOf(feedSocket: string): string {
  return `${feedSocket}.inspect`;
}
