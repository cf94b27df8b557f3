/** Pieces of Markdown and JSON as the reference pages use them. */

const NOTICE = '<!-- Made by `node scripts/generate-docs.mjs` from the code. Do not edit. -->';

/** A page with its title, the notice that it is generated, and its blocks with one empty line between them. */
export function page(title: string, blocks: readonly string[]): string {
  return `${[`# ${title}`, NOTICE, ...blocks].join('\n\n')}\n`;
}

/** Text for a table cell: one line, no cell borders, no HTML. */
export function cell(text: string): string {
  return text.replace(/\s+/g, ' ').replaceAll('|', '\\|').replaceAll('<', '&lt;').trim();
}

export function code(text: string): string {
  return `\`${text.replaceAll('|', '\\|')}\``;
}

/** Cells are Markdown already. */
export function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(titles), line(titles.map(() => '---')), ...rows.map(line)].join('\n');
}

export function fenced(language: string, text: string): string {
  return `\`\`\`${language}\n${text.trimEnd()}\n\`\`\``;
}

const LINE_WIDTH = 110;

/** JSON as the project's formatter leaves it: objects open, arrays on one line where they hold no object and fit. */
export function formatJson(value: unknown, indent = '', column = 0): string {
  const deeper = `${indent}  `;
  if (Array.isArray(value)) {
    const flat = `[${value.map((entry) => formatJson(entry)).join(', ')}]`;
    if (!flat.includes('\n') && column + flat.length < LINE_WIDTH) return flat;
    const entries = value.map((entry) => `${deeper}${formatJson(entry, deeper, deeper.length)}`);
    return `[\n${entries.join(',\n')}\n${indent}]`;
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).map(([name, entry]) => {
    const start = `${deeper}${JSON.stringify(name)}: `;
    return start + formatJson(entry, deeper, start.length);
  });
  return entries.length === 0 ? '{}' : `{\n${entries.join(',\n')}\n${indent}}`;
}
