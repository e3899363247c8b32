/** `hub fsck` and `agent fsck`: the words, the options and the exit code, which are the same. */
import { type Call, type Command, EXIT } from './command-line.ts';
import type { Finding, Fsck } from './fsck.ts';

export const FSCK: Pick<Command<unknown>, 'usage' | 'options' | 'takes' | 'reports'> = {
  usage: '[--repair] [--copied] [--quick] [--json]',
  options: { repair: { type: 'boolean' }, copied: { type: 'boolean' }, quick: { type: 'boolean' } },
  takes: [0, 0],
  reports: true,
};

export const FSCK_HELP = [
  '  --repair       puts strays back into the road, and what cannot be understood into lost+found/, with a word beside it;',
  '                 no mail is deleted. The service has to be stopped for it',
  '  --copied       this is a copy that was made while the program ran: answers of its last day whose mail is not in it are',
  '                 forgotten, so that what senders still have comes again',
  '  --quick        bodies of mails are not read',
  '',
  'Without --repair nothing is changed, and it may run beside the service; what is under way then is not judged.',
  'Exit code 0: nothing is wrong, or all of it was repaired; 65: something is.',
].join('\n');

/** In JSON, at most so many findings. */
const FINDINGS_MAX = 1_000;

export interface FsckReport {
  readonly found: (finding: Finding) => void;
  /** Prints the sums; answers the exit code. */
  end(fsck: Fsck): number;
}

export function fsckReport({ json, out }: Call, program: string): FsckReport {
  const findings: Finding[] = [];
  const found = (finding: Finding): void => {
    if (json && findings.length < FINDINGS_MAX) findings.push(finding);
    if (!json) for (const line of linesOf(finding)) out(line);
  };
  return {
    found,
    end: (fsck) => {
      const { faults, notes, repaired, young } = fsck;
      const counts = Object.fromEntries(fsck.counts);
      if (json) out(JSON.stringify({ ok: faults === repaired, faults, repaired, notes, young, counts, findings }));
      else for (const line of sums(fsck, program)) out(line);
      return faults === repaired ? EXIT.ok : EXIT.data;
    },
  };
}

/** Names come from a disk that is damaged: one line is one line. */
const plain = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');

function linesOf({ weight, key, text, remedy, repaired }: Finding): readonly string[] {
  const first = plain(`${weight === 'fault' ? 'FAULT' : 'note '} ${key}: ${text}`);
  if (remedy === undefined) return [first];
  return [first, plain(`      ${repaired ? 'repaired' : '--repair'}: ${remedy}`)];
}

function* sums({ counts, faults, notes, repaired, young }: Fsck, program: string): Generator<string> {
  for (const [what, { objects, bytes }] of counts)
    yield `${String(objects).padStart(9)} ${what}, ${(bytes / 1e6).toFixed(1)} MB`;
  if (young > 0) yield `${young} were not judged: they are younger than a day, and may be under way`;
  if (faults === 0) yield `nothing is wrong${notes > 0 ? `; ${notes} notes` : ''}`;
  else if (faults === repaired) yield `${faults} faults, all repaired`;
  else
    yield `${faults} faults${repaired > 0 ? `, ${repaired} repaired` : ''}, ${notes} notes; '${program} fsck --repair' mends what says --repair`;
}
