/** The manual page and the shell's completion, both from the table that `--help` is made of. */
import type { Command, Program } from './command-line.ts';

/** A page for `man`, section 1: roff in the `man` macros. */
export function manualPage<Context>(
  { name, summary, commands, defaultConfig }: Program<Context>,
  version: string,
): string {
  return [
    `.TH ${name.toUpperCase()} 1 "" "Fieldpost ${version}" "Fieldpost"`,
    '.SH NAME',
    `${name} \\- ${plain(summary)}`,
    '.SH SYNOPSIS',
    `.B ${name}`,
    '.I COMMAND',
    '[\\fIOPTION\\fR]...',
    '.SH COMMANDS',
    ...commands.flatMap((command) => commandLines(name, command)),
    '.SH OPTIONS OF EVERY COMMAND',
    '.TP',
    '.BI \\-\\-config " FILE"',
    `The configuration (default ${plain(defaultConfig)}).`,
    '.TP',
    '.B \\-\\-json',
    'One JSON object on standard output, of commands that report.',
    '.TP',
    '.B \\-\\-help',
    'What the command does.',
    '.SH EXIT STATUS',
    '0 done, 64 usage, 65 bad input, 69 unavailable, 75 try later, 77 refused, 78 bad configuration.',
    '.SH FILES',
    plain(defaultConfig),
    '.SH SEE ALSO',
    `/usr/share/doc/fieldpost\\-${name}`,
    '',
  ].join('\n');
}

function commandLines<Context>(name: string, { words, usage, summary, help }: Command<Context>): readonly string[] {
  const example = help === undefined ? [] : ['.PP', '.nf', ...help.split('\n').map(plain), '.fi'];
  return ['.SS', plain(`${name} ${words} ${usage}`.trimEnd()), `${plain(summary)}.`, ...example];
}

/** Text that roff shows as it is. */
const plain = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(?=[.'])/, '\\&');

/** For bash: words of commands, then their options; file names elsewhere. */
export function completion<Context>({ name, commands }: Program<Context>): string {
  const firsts = [...new Set(commands.map(({ words }) => words.split(' ')[0] ?? ''))];
  const seconds = firsts.flatMap((first) => {
    const next = commands.flatMap(({ words }) =>
      words.startsWith(`${first} `) ? [words.slice(first.length + 1)] : [],
    );
    return next.length === 0 ? [] : [`    ${first}) words="${next.join(' ')}" ;;`];
  });
  const options = commands.map((command) => `    "${command.words}") options="${optionsOf(command).join(' ')}" ;;`);
  return `# bash completion for ${name}
_fieldpost_${name}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words="" options="--config --help" command
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${firsts.join(' ')} --help" -- "$current"))
    return
  fi
  [ "$COMP_CWORD" -eq 2 ] && case "\${COMP_WORDS[1]}" in
${seconds.join('\n')}
  esac
  for command in "\${COMP_WORDS[1]} \${COMP_WORDS[2]}" "\${COMP_WORDS[1]}"; do
    case "$command" in
${options.join('\n')}
    *) continue ;;
    esac
    break
  done
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$current")) ;;
    *) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
  esac
}
complete -o default -F _fieldpost_${name} ${name}
`;
}

function optionsOf<Context>({ options = {}, reports }: Command<Context>): readonly string[] {
  return [...Object.keys(options), 'config', ...(reports ? ['json'] : []), 'help'].map((name) => `--${name}`);
}
