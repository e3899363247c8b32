/** The questions of `hub setup`, asked on a terminal or answered by a file, and the hub.toml that the answers make. */
import * as z from 'zod/mini';
import { parseConfig } from '../shared/io/config.ts';

const DOMAIN = /^(?=.{4,253}$)[a-z0-9-]+(\.[a-z0-9-]+)+$/i;

const ANSWERS = z.strictObject({
  /** The domain that everybody writes to. */
  domain: z.string().check(z.regex(DOMAIN, 'expected a domain, such as example.org')),
  /** This machine's name in the DNS. */
  hostname: z.string().check(z.regex(DOMAIN, 'expected a whole host name, such as kabul.example.org')),
  /** Whom the hub, and the maker of its certificate, write to about trouble. */
  postmaster: z.string().check(z.regex(/^[^\s@"]+@[^\s@"]+$/, 'expected an address, such as it@example.org')),
  /** `direct`, or the smarthost: `smtps://user@relay.example.net`. */
  outgoing: z
    .string()
    .check(z.regex(/^direct$|^smtps?:\/\/[^\s"]+$/, 'expected "direct", or smtps://user@relay.example.net')),
  /** `folder`, or a bucket: `s3://fieldpost-kabul`, `s3://fieldpost-kabul?endpoint=https://s3.example.net`. */
  store: z
    .string()
    .check(
      z.regex(
        /^folder$|^s3:\/\/[a-z0-9.-]{3,63}(\?endpoint=https?:\/\/[^\s"]+)?$/,
        'expected "folder", or s3://BUCKET?endpoint=https://s3.example.net',
      ),
    ),
});

export type Answers = z.infer<typeof ANSWERS>;
type Field = keyof Answers;

interface Question {
  readonly field: Field;
  readonly text: string;
  preset(answers: Partial<Answers>, machine: string): string;
}

const QUESTIONS: readonly Question[] = [
  {
    field: 'domain',
    text: 'The domain that everybody writes to',
    preset: (_, machine) => machine.split('.').slice(1).join('.'),
  },
  {
    field: 'hostname',
    text: "This machine's name in the DNS",
    preset: (_, machine) => (machine.includes('.') ? machine : ''),
  },
  { field: 'postmaster', text: 'Who is told of trouble', preset: ({ domain }) => `postmaster@${domain}` },
  {
    field: 'outgoing',
    text: 'How mail leaves: "direct", or a smarthost such as smtps://user@relay.example.net',
    preset: () => 'direct',
  },
  {
    field: 'store',
    text: 'Where mail is kept: "folder", or s3://BUCKET?endpoint=https://s3.example.net',
    preset: () => 'folder',
  },
];

/** Shows a text, and answers the line that was typed. */
export type Ask = (text: string) => Promise<string>;

/** Asks all, each until the answer is one. */
export async function askAll(ask: Ask, machine: string): Promise<Answers> {
  const answers: Partial<Answers> = {};
  for (const question of QUESTIONS)
    answers[question.field] = await askOne(ask, question, question.preset(answers, machine));
  return ANSWERS.parse(answers);
}

async function askOne(ask: Ask, { field, text }: Question, usual: string): Promise<string> {
  for (let fault = ''; ; ) {
    const given = (await ask(`${fault}${text}${usual === '' ? '' : ` [${usual}]`}: `)).trim() || usual;
    const checked = ANSWERS.shape[field].safeParse(given);
    if (checked.success) return checked.data;
    fault = `${given === '' ? 'that' : `"${given.slice(0, 100)}"`} will not do: ${checked.error.issues[0]?.message}\n`;
  }
}

/** The same, from a file of `field = "answer"` lines. Throws ConfigError that names each line that is missing or wrong. */
export const readAnswers = (path: string, text: string): Answers => parseConfig(path, text, ANSWERS);

/** Whether the smarthost of these answers wants a password, which has a file of its own. */
export const needsPassword = ({ outgoing }: Answers): boolean => /^smtps?:\/\/[^/]*@/.test(outgoing);

/** hub.toml. `tls`: whether there is a certificate to name. */
export function hubToml(answers: Answers, { tls }: { readonly tls: boolean }): string {
  const { domain, hostname, postmaster, outgoing } = answers;
  const relay =
    outgoing === 'direct'
      ? []
      : [
          '',
          '[relay]',
          `smarthost = "${outgoing}"`,
          ...(needsPassword(answers) ? ['password_file = "/etc/fieldpost/relay.password"'] : []),
        ];
  const certificate = ['[tls]', 'cert = "/etc/fieldpost/tls.crt"', 'key = "/etc/fieldpost/tls.key"'];
  return [
    "# Written by 'hub setup'. 'hub check' says what is wrong with it.",
    `hostname = "${hostname}"`,
    `domain = "${domain}"`,
    `postmaster = "${postmaster}"`,
    '',
    '[store]',
    ...storeLines(answers),
    '',
    '[listen]',
    'sync = "0.0.0.0:443"          # offices dial here',
    `smtp = "0.0.0.0:25"           # the MX of ${domain}`,
    'admin = "127.0.0.1:8026"      # metrics, health, and the command line\'s way in',
    '',
    ...(tls ? certificate : certificate.map((line) => `# ${line}`)),
    '',
    '[dkim]',
    ...relay,
    '',
  ].join('\n');
}

function storeLines({ store }: Answers): readonly string[] {
  if (store === 'folder') return ['path = "/var/lib/fieldpost-hub/store"'];
  const [bucket = '', endpoint] = store.slice('s3://'.length).split('?endpoint=');
  return [`bucket = "${bucket}"`, ...(endpoint === undefined ? [] : [`endpoint = "${endpoint}"`])];
}
