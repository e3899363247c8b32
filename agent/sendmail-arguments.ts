/** sendmail's command line, in which letters take values without a blank, as the options of `agent send`. */
import { EXIT, Exit } from '../shared/io/command-line.ts';

/** Letters that take a value, in the same word or the next. What they ask for has no meaning here, but for those below. */
const WITH_VALUE = 'BCFLNORVXfhpr';
const OPTION_OF: Readonly<Record<string, string>> = { f: '--from', r: '--from', C: '--config' };

/** Modes of sendmail other than sending one mail. */
const REFUSED: Readonly<Record<string, string>> = {
  bs: "-bs: SMTP on standard input is not spoken here; use 'agent run' and its listen.smtp",
  bd: "-bd: use 'agent run'",
  bp: "-bp: use 'agent queue'",
  bi: '-bi: aliases are kept at the hub',
  bv: '-bv: addresses are checked when a mail is sent',
  q: "-q: use 'agent sync'",
};

/** Throws Exit 64 for what sendmail would do and we do not. */
export function sendmailArguments(words: readonly string[]): readonly string[] {
  const options: string[] = [];
  const recipients: string[] = [];
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--') recipients.push(...rest.splice(0));
    else if (word === '--config') options.push(word, ...rest.splice(0, 1));
    else if (word === '-h' || word.startsWith('--')) options.push(word);
    else if (word.startsWith('-') && word !== '-') options.push(...optionOf(word, rest));
    else recipients.push(word);
  }
  return [...options, '--', ...recipients];
}

function optionOf(word: string, rest: string[]): readonly string[] {
  const letter = word[1] ?? '';
  const refusal = REFUSED[letter === 'q' ? 'q' : word.slice(1, 3)];
  if (refusal !== undefined) throw new Exit(EXIT.usage, refusal);
  if (letter === 't') return ['-t'];
  // `-oi`, `-oem`, `-i`, `-bm`, `-v`, `-n`: how we work anyhow, or without a meaning here.
  if ('ioenmvbUGA'.includes(letter)) return [];
  if (!WITH_VALUE.includes(letter)) throw new Exit(EXIT.usage, `no option '-${letter}'; see 'agent send --help'`);
  const value = word.length > 2 ? word.slice(2) : rest.shift();
  if (value === undefined) throw new Exit(EXIT.usage, `option '-${letter}' needs a value`);
  const option = OPTION_OF[letter];
  return option === undefined ? [] : [`${option}=${value}`];
}
