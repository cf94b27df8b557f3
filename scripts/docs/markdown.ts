/** Pieces of Markdown as the reference pages use them. */

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
