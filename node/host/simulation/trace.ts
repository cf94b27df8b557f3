/** The identity of a run. */
export interface Trace {
  add(text: string): void;
  /** 16 hex digits. */
  digest(): string;
}

/** Two FNV-1a hashes of 32 bits with different beginnings: an identity for comparing runs, not a commitment. */
export function createTrace(): Trace {
  let low = 0x811c9dc5;
  let high = 0x050c5d1f;
  return {
    add(text) {
      for (let i = 0; i < text.length; i++) {
        const code = text.charCodeAt(i);
        low = Math.imul(low ^ code, 0x01000193);
        high = Math.imul(high ^ code, 0x01000193) ^ (low >>> 7);
      }
    },
    digest: () => hex(high) + hex(low),
  };
}

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}
