// An element as nft reads it. Pure.

/** `key` is "10.244.1.7 300", ranges "first-last"; `value` is empty where the set is no map. */
export function elementText(key: string, value: string): string {
  const fields = key.split(' ').map((field) => {
    const [first, last] = field.split('-');
    return last === undefined || first !== last ? field : first;
  });
  return `${fields.join(' . ')}${value === '' ? '' : ` : ${value}`}`;
}
