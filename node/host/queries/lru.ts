/** A bounded map that lets go of what was used longest ago. */
export interface Lru<K, V> {
  get(key: K): V | undefined;
  set(key: K, value: V): void;
  size(): number;
}

/** `max` >= 1 entries. */
export function createLru<K, V>(max: number): Lru<K, V> {
  const entries = new Map<K, V>();
  const put = (key: K, value: V): void => {
    entries.delete(key);
    entries.set(key, value);
  };
  return {
    get(key) {
      const value = entries.get(key);
      if (value !== undefined) put(key, value);
      return value;
    },
    set(key, value) {
      put(key, value);
      if (entries.size > max) entries.delete(entries.keys().next().value!);
    },
    size: () => entries.size,
  };
}
