/** All planted bugs. */
import { CONSENSUS } from './consensus.ts';
import type { Mutant } from './interface.ts';
import { MARKET } from './market.ts';
import { STORAGE } from './storage.ts';
import { SYNC } from './sync.ts';

export const MUTANTS: readonly Mutant[] = [...CONSENSUS, ...MARKET, ...STORAGE, ...SYNC];
