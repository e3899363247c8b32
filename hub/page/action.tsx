/**
 * A button of the page is a command of the hub: the page shows the command line, asks once more, runs it as the command line would, and shows
 * what it said. So there is one way to do each thing, and whoever uses the page learns it.
 */
import { type Call, EXIT, Exit } from '../../shared/io/command-line.ts';
import { ConfigError } from '../../shared/io/config.ts';
import { StoreError } from '../../shared/io/store.ts';
import type { Hub, HubCommand } from '../hub.ts';
import type { Around } from './frame.tsx';
import { Frame } from './frame.tsx';
import { qrOf } from './qr.tsx';

/** Commands that the page may run; none that reads or writes a file. */
const ALLOWED: ReadonlySet<string> = new Set([
  'office add',
  'office revoke',
  'office readmit',
  'office rekey',
  'office limits',
  'user add',
  'user move',
  'user remove',
  'user password',
  'alias set',
  'alias remove',
  'queue retry',
  'queue drop',
]);

export interface Action {
  readonly words: string;
  readonly args: readonly string[];
  /** Where the visitor goes back to. */
  readonly back: string;
}

const ARGS_MAX = 50;
const ARG_CHARACTERS_MAX = 500;
const BACKS: readonly string[] = ['/', '/people', '/queue', '/audit'];

/** From the fields of a form: `words`, `arg` (several; one may hold several words), `back`. Undefined for what the page has no button for. */
export function actionOf(fields: URLSearchParams): Action | undefined {
  const words = fields.get('words') ?? '';
  const args = fields
    .getAll('arg')
    .flatMap((arg) => arg.split(/\s+/))
    .filter((arg) => arg !== '');
  // An argument is never taken for an option: the page gives none.
  if (
    !ALLOWED.has(words) ||
    args.length > ARGS_MAX ||
    args.some((arg) => arg.length > ARG_CHARACTERS_MAX || arg.startsWith('-'))
  )
    return undefined;
  const back = fields.get('back') ?? '/';
  return { words, args, back: BACKS.includes(back) || /^\/office\/[a-z0-9-]{1,32}$/.test(back) ? back : '/' };
}

export interface Done {
  readonly ok: boolean;
  readonly lines: readonly string[];
}

export async function perform(hub: Hub, commands: readonly HubCommand[], { words, args }: Action): Promise<Done> {
  const command = commands.find((one) => one.words === words);
  if (!command) throw new Error(`the page has a button for ${words}, which is no command`);
  const [least, most] = command.takes;
  if (args.length < least || args.length > most) return { ok: false, lines: [`usage: hub ${words} ${command.usage}`] };
  const lines: string[] = [];
  try {
    const code = (await command.run(hub, callOf(args, lines))) ?? EXIT.ok;
    return { ok: code === EXIT.ok, lines };
  } catch (error) {
    if (!(error instanceof Exit || error instanceof ConfigError || error instanceof StoreError)) throw error;
    return { ok: false, lines: [...lines, error.message] };
  }
}

const noFile = (): never => {
  throw new Exit(EXIT.usage, 'the page reads and writes no files');
};

const callOf = (positionals: readonly string[], lines: string[]): Call => ({
  positionals,
  options: {},
  json: false,
  out: (line) => void lines.push(line),
  readFile: async () => noFile(),
  readChunks: () => noFile(),
  writeChunks: async () => noFile(),
});

const lineOf = ({ words, args }: Action): string => ['hub', words, ...args].join(' ');

/** Nothing has happened yet. */
export const ConfirmPage = ({ around, action }: { around: Around; action: Action }) => (
  <Frame around={around} title="Do this?">
    <section class="card care">
      <h1>Do this?</h1>
      <p>
        <code>{lineOf(action)}</code>
      </p>
      <form method="post" action="/do">
        <input type="hidden" name="token" value={around.token} />
        <input type="hidden" name="words" value={action.words} />
        {action.args.map((arg) => (
          <input type="hidden" name="arg" value={arg} />
        ))}
        <input type="hidden" name="back" value={action.back} />
        <p class="buttons">
          <button type="submit" name="confirm" value="yes" class="main">
            Do it
          </button>
          <a href={action.back}>Leave it</a>
        </p>
      </form>
    </section>
  </Frame>
);

export const DonePage = ({ around, action, done }: { around: Around; action: Action; done: Done }) => {
  const token = done.ok && /^office (add|rekey)$/.test(action.words) ? done.lines.at(-1) : undefined;
  return (
    <Frame around={around} title={done.ok ? 'Done' : 'Not done'}>
      <section class="card">
        <h1 class={done.ok ? 'fine' : 'bad'}>{done.ok ? 'Done' : 'Not done'}</h1>
        <p>
          <code>{lineOf(action)}</code>
        </p>
        {done.lines.map((line) => (
          <p class="words">{line}</p>
        ))}
        {token === undefined ? null : qrOf(token)}
        <p>
          <a href={action.back}>Back</a>
        </p>
      </section>
    </Frame>
  );
};
