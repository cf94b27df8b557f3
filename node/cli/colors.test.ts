import { describe, expect, it } from 'vitest';
import { wantsColor } from './colors.ts';

const TERMINAL = { isTTY: true };
const PIPE = {};

describe('colours', () => {
  it.each([
    [TERMINAL, {}, [], true],
    [PIPE, {}, [], false],
    [PIPE, { CI: 'true' }, [], false],
    [TERMINAL, { NO_COLOR: '1' }, [], false],
    [TERMINAL, { NO_COLOR: '' }, [], true],
    [TERMINAL, { TERM: 'dumb' }, [], false],
    [PIPE, { FORCE_COLOR: '1' }, [], true],
    [PIPE, { FORCE_COLOR: '1', NO_COLOR: '1' }, [], true],
    [TERMINAL, { FORCE_COLOR: '0' }, [], false],
    [TERMINAL, { FORCE_COLOR: '1' }, ['--no-color'], false],
  ])('for %j with %j and %j: %s', (stream, env, argv, wanted) => {
    expect(wantsColor(stream, env, argv)).toBe(wanted);
  });
});
