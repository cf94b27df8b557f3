/** Reads expressions out of TypeScript source: as much of the grammar as error messages need. */

const OPENING = '([{';
const CLOSING = ')]}';

/** Index after the string or template that begins at `from`. */
function endOfQuoted(text: string, from: number): number {
  const quote = text[from]!;
  let at = from + 1;
  while (at < text.length && text[at] !== quote) {
    if (text[at] === '\\') at++;
    else if (quote === '`' && text.startsWith('${', at)) at = endOfExpression(text, at + 2);
    at++;
  }
  return at + 1;
}

function isQuote(character: string): boolean {
  return character === "'" || character === '"' || character === '`';
}

/** Index of the comma, closing bracket or other `stop` that ends the expression at `from`, strings skipped. */
export function endOfExpression(text: string, from: number, stops = ',;'): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const character = text[at]!;
    if (isQuote(character)) at = endOfQuoted(text, at) - 1;
    else if (depth === 0 && stops.includes(character)) return at;
    else if (OPENING.includes(character)) depth++;
    else if (CLOSING.includes(character) && depth-- === 0) return at;
  }
  return text.length;
}

/** The branches of a conditional expression; the expression itself where it is none. */
export function branchesOf(expression: string): string[] {
  const question = endOfExpression(expression, 0, '?');
  if (expression[question] !== '?' || expression[question + 1] === '?') return [expression.trim()];
  const colon = endOfExpression(expression, question + 1, ':');
  return [expression.slice(question + 1, colon).trim(), ...branchesOf(expression.slice(colon + 1).trim())];
}

/** The text of a string or template, `{expression}` where a value is put in; null for other expressions. */
export function literalText(expression: string): string | null {
  const quote = expression[0] ?? '';
  if (!isQuote(quote) || endOfQuoted(expression, 0) !== expression.length) return null;
  let text = '';
  for (let at = 1; at < expression.length - 1; at++) {
    if (expression[at] === '\\') text += expression[++at];
    else if (quote === '`' && expression.startsWith('${', at)) {
      const end = endOfExpression(expression, at + 2);
      text += `{${valueName(expression.slice(at + 2, end))}}`;
      at = end;
    } else text += expression[at];
  }
  return text;
}

/** What a value put into a message is called: its expression, shortened to the part that says what it is. */
function valueName(expression: string): string {
  const bare = expression.replace(/\s+/g, ' ').trim();
  const wrapped = /^(?:String|Number|toHex|JSON\.stringify)\((.*)\)$/.exec(bare)?.[1];
  const name = wrapped ?? bare.replace(/^\((\w+) as [^)]*\)/, '$1');
  return /^[\w.$[\]!?]+$/.test(name) ? name.replace(/[!?]/g, '') : '…';
}
