/** `errors.md`: every code of the project with its messages, found in the source. */
import { rpcCodeOf } from '../../node/rpc/errors.ts';
import { cell, code, page, table } from './markdown.ts';
import { branchesOf, endOfExpression, literalText } from './source.ts';

export interface SourceText {
  path: string;
  text: string;
}

interface Finding {
  code: string;
  message: string;
  remedy: string | null;
  path: string;
}

/** Calls whose first argument is a code and whose second is a message: all but these. */
const NOT_ERRORS = new Set(['connectionError', 'includes', 'indexOf']);
const CODE = /^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*$/;

function rendered(expression: string): string {
  const texts = branchesOf(expression).map((branch) => literalText(branch));
  return texts.map((text) => text ?? '…').join(' / ');
}

/** The codes that an expression may be; names out of a table of the same file are put in. */
function codesOf(expression: string, text: string): string[] {
  const looked = /^`([A-Z_]+)\$\{(\w+)\[\w+\]\}`$/.exec(expression);
  if (looked !== null) {
    const [, prefix, name] = looked;
    const body = new RegExp(`const ${name} = \\{([^}]*)\\}`).exec(text)?.[1] ?? '';
    return [...body.matchAll(/: '([A-Z_]+)'/g)].map((match) => `${prefix}${match[1]}`);
  }
  return branchesOf(expression).flatMap((branch) => {
    const literal = literalText(branch);
    return literal !== null && CODE.test(literal) ? [literal] : [];
  });
}

/** `violation('CODE', message)` and its like. */
function inCalls({ path, text }: SourceText): Finding[] {
  const findings: Finding[] = [];
  for (const match of text.matchAll(/\b(\w+)\(\s*(['`][A-Z][A-Z0-9]*(?:_|',))/g)) {
    const callee = match[1]!;
    if (NOT_ERRORS.has(callee)) continue;
    const start = match.index + match[0].length - match[2]!.length;
    const end = endOfExpression(text, start);
    const isCode = callee === 'notFound' || text.slice(start, end).includes('_');
    if (text[end] !== ',' || !isCode) continue;
    const messageEnd = endOfExpression(text, end + 1);
    const suffix = callee === 'notFound' ? '_NOT_FOUND' : '';
    const remedy =
      text[messageEnd] === ',' && callee !== 'violation'
        ? literalText(text.slice(messageEnd + 1, endOfExpression(text, messageEnd + 1)).trim())
        : null;
    for (const found of codesOf(text.slice(start, end).trim(), text)) {
      const message = rendered(text.slice(end + 1, messageEnd).trim());
      findings.push({ code: found + suffix, message, remedy, path });
    }
  }
  return findings;
}

function property(text: string, from: number, name: string): string | null {
  const match = new RegExp(`^[\\s,]*${name}(:\\s*|,)`).exec(text.slice(from));
  if (match === null) return null;
  if (match[1] === ',') return name;
  const start = from + match[0].length;
  return text.slice(start, endOfExpression(text, start)).trim();
}

/** `{code: 'CODE', message: ..., remedy: ...}`. */
function inObjects({ path, text }: SourceText): Finding[] {
  const findings: Finding[] = [];
  for (const match of text.matchAll(/[{\s](?:code|rule): (?=[^;]*?')/g)) {
    const start = match.index + match[0].length;
    const end = endOfExpression(text, start);
    const codes = codesOf(text.slice(start, end).trim(), text);
    const message = property(text, end, 'message') ?? property(text, end, 'words');
    if (codes.length === 0 || message === null) continue;
    const remedyAt = text.indexOf('remedy:', end);
    const remedy = remedyAt < 0 ? null : property(text, remedyAt, 'remedy');
    const near = remedy !== null && !text.slice(end, remedyAt).includes('code:');
    const messages = branchesOf(message);
    const remedies = near ? branchesOf(remedy) : [];
    for (const [i, found] of codes.entries()) {
      const own = messages.length === codes.length ? messages[i]! : message;
      const todo = remedies.length === codes.length ? remedies[i]! : remedies.join(' : ');
      findings.push({ code: found, message: rendered(own), remedy: literalText(todo), path });
    }
  }
  return findings;
}

/** `if (code === 'CODE') return new WattmeshError({code, message: ...`. */
function inComparisons({ path, text }: SourceText): Finding[] {
  const pattern = /code === '([A-Z0-9_]+)'\) \{\s*return new WattmeshError\(\{\s*code/g;
  return [...text.matchAll(pattern)].map((match) => {
    const end = match.index + match[0].length;
    const remedyAt = text.indexOf('remedy:', end);
    return {
      code: match[1]!,
      message: rendered(property(text, end, 'message') ?? ''),
      remedy: literalText(property(text, remedyAt, 'remedy') ?? ''),
      path,
    };
  });
}

/** Rows `['CODE', message, remedy]` of a table. */
function inTuples({ path, text }: SourceText): Finding[] {
  return [...text.matchAll(/\['([A-Z0-9]+_[A-Z0-9_]+)', ('[^']*'), ('[^']*')\]/g)].map((match) => ({
    code: match[1]!,
    message: `… ${literalText(match[2]!)}`,
    remedy: literalText(match[3]!),
    path,
  }));
}

export function findErrors(sources: readonly SourceText[]): Finding[] {
  return sources.flatMap((source) => [
    ...inCalls(source),
    ...inObjects(source),
    ...inComparisons(source),
    ...inTuples(source),
  ]);
}

function distinct(texts: readonly (string | null)[]): string {
  const kept = [...new Set(texts.filter((text) => text !== null && text !== ''))] as string[];
  return kept.map(cell).join('<br>');
}

export function errorsPage(sources: readonly SourceText[]): string {
  const byCode = new Map<string, Finding[]>();
  for (const finding of findErrors(sources)) {
    byCode.set(finding.code, [...(byCode.get(finding.code) ?? []), finding]);
  }
  const codes = [...byCode.keys()].sort();
  const groups = [...new Set(codes.map((name) => name.split('_')[0]!))];
  const sections = groups.map((group) => {
    const rows = codes
      .filter((name) => name.split('_')[0] === group)
      .map((name) => {
        const found = byCode.get(name)!;
        return [
          code(name),
          distinct(found.map(({ message }) => message)),
          distinct(found.map(({ remedy }) => remedy)),
          String(rpcCodeOf(name)),
          [...new Set(found.map(({ path }) => code(path)))].join(' '),
        ];
      });
    return `## ${group}\n\n${table(['Code', 'Message', 'What to do', 'JSON-RPC', 'Where'], rows)}`;
  });
  return page('Error codes', [
    'Every error of an operation has a stable code. Clients decide by the code, never by the text. `{name}` stands for a value, `…` for text that is only known when it happens, ` / ` separates alternatives.',
    'Column "JSON-RPC": the number in `error.code` when the error travels over JSON-RPC; `error.data.reason` holds the code itself. A code that breaks a protocol rule is explained in [the protocol](../protocol.md). Exit codes of the command line: [cli.md](cli.md).',
    ...sections,
  ]);
}
