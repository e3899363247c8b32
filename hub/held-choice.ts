/** What the first line of a reply to a summary asks for. Numbers are those of attachments, from 1 on. */
export type Choice = 'all' | 'text' | 'drop' | readonly number[] | SmallChoice;

/** Pictures, made small; none named: all. */
export interface SmallChoice {
  readonly small: readonly number[];
}

/** Undefined for a line that says something else. */
export function choiceOf(line: string): Choice | undefined {
  const words = line
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, ' ')
    .trim();
  if (words === 'all' || words === 'text' || words === 'drop') return words;
  if (words === 'small') return { small: [] };
  const [, small, numbers = ''] = /^(small )?(\d{1,3}(?: \d{1,3}){0,20})$/.exec(words) ?? [];
  if (numbers === '') return undefined;
  const chosen = [...new Set(numbers.split(' ').map(Number))];
  return small ? { small: chosen } : chosen;
}
