/**
 * `hub setup`: from a fresh VPS to a hub that serves, in five questions. Each step says what it did, and what could not be done and why;
 * doing it again goes on where it stopped. What an operator has written is never written over.
 */
import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { hostname as machineName } from 'node:os';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { type Call, type Command, EXIT, Exit } from '../../shared/io/command-line.ts';
import { createDurably } from '../../shared/io/durable.ts';
import { loadHubConfig } from '../config.ts';
import { makeDkimKey } from '../dkim.ts';
import { dnsFindings } from '../dns-records.ts';
import { loadMasterSecret } from '../office-key.ts';
import { type Answers, askAll, hubToml, needsPassword, readAnswers } from '../setup-answers.ts';

/** What the command works with: the configuration may not be there yet. */
export interface SetupContext {
  readonly file: string;
}

export const setupCommand: Command<SetupContext> = {
  words: 'setup',
  usage: '[--answers FILE] [--only-config]',
  summary: 'five questions, and a fresh machine is a hub: configuration, certificate, keys, ports, start, DNS records',
  help: `Run it as root. It may be run again: what is there is kept.

  --answers FILE  the answers, one a line: domain, hostname, postmaster, outgoing, store
                    domain = "example.org"
                    hostname = "kabul.example.org"
                    postmaster = "it@example.org"
                    outgoing = "direct"
                    store = "folder"
  --only-config   writes the configuration and the keys, and leaves the machine as it is

  hub setup`,
  options: { answers: { type: 'string' }, 'only-config': { type: 'boolean' } },
  takes: [0, 0],
  run: async ({ file }, call) => {
    const answers = await answersOf(call);
    const onlyConfig = call.options['only-config'] === true;
    const certified = !onlyConfig && (await step(call, 'certificate', () => certificate(answers)));
    await configuration(call, file, { answers, tls: certified });
    if (!onlyConfig) {
      await step(call, 'files', () => belongings(file));
      await step(call, 'ports', () => openPorts());
      await step(call, 'service', () => start());
      await step(call, 'test mail', () => testMail(answers));
    }
    await records(call, file);
    call.out('');
    if (needsPassword(answers))
      call.out(
        "The smarthost's password goes into /etc/fieldpost/relay.password: install -m 640 -g fieldpost /dev/stdin /etc/fieldpost/relay.password",
      );
    call.out(
      "Keep a copy of hub.secret somewhere else. The first office: 'hub office add NAME'; its first person: 'hub user add ADDRESS NAME'.",
    );
    return EXIT.ok;
  },
};

async function answersOf({ options, readFile: read }: Call): Promise<Answers> {
  if (typeof options.answers === 'string')
    return readAnswers(options.answers, (await read(options.answers)).toString());
  const lines = createInterface({ input: process.stdin });
  const typed = lines[Symbol.asyncIterator]();
  const ask = async (text: string): Promise<string> => {
    process.stderr.write(text);
    const { value, done } = await typed.next();
    if (done) throw new Exit(EXIT.usage, 'the answers ended too early: run it on a terminal, or with --answers FILE');
    return value;
  };
  try {
    return await askAll(ask, machineName());
  } finally {
    lines.close();
  }
}

/** A step that fails does not stop the others: its reason is said, and the next run tries it again. */
async function step({ out }: Call, name: string, work: () => Promise<string>): Promise<boolean> {
  try {
    out(`ok    ${name}: ${await work()}`);
    return true;
  } catch (error) {
    if (!(error instanceof Exit)) throw error;
    out(`later ${name}: ${error.message}`);
    return false;
  }
}

const later = (text: string): Exit => new Exit(EXIT.later, text);

async function configuration(
  call: Call,
  file: string,
  { answers, tls }: { answers: Answers; tls: boolean },
): Promise<void> {
  const made = await createDurably(file, Buffer.from(hubToml(answers, { tls })), { mode: 0o644 });
  call.out(
    made ? `ok    configuration: ${file} is written` : `ok    configuration: ${file} was there, and stays as it is`,
  );
  const config = loadHubConfig(file);
  await loadMasterSecret(config.secret_file);
  if (config.dkim) await makeDkimKey(config.dkim.key_file);
  call.out(`ok    keys: ${config.secret_file}${config.dkim ? `, ${config.dkim.key_file}` : ''}`);
}

const run = promisify(execFile);

/** Output of a program. Throws Exit with its last words when it fails, or is not there. */
async function program(name: string, args: readonly string[], missing: string): Promise<string> {
  try {
    return (await run(name, [...args])).stdout;
  } catch (error) {
    const { code, stderr = '' } = error as { code?: unknown; stderr?: string };
    if (code === 'ENOENT') throw later(missing);
    throw later(`${name}: ${stderr.trim().split('\n').at(-1) ?? 'it failed'}`);
  }
}

const HOOK = '/etc/letsencrypt/renewal-hooks/deploy/fieldpost';

async function certificate({ hostname, postmaster }: Answers): Promise<string> {
  const live = `/etc/letsencrypt/live/${hostname}`;
  const hook = `#!/bin/sh\ninstall -m 644 ${live}/fullchain.pem /etc/fieldpost/tls.crt\ninstall -m 640 -g fieldpost ${live}/privkey.pem /etc/fieldpost/tls.key\n`;
  const args = [
    'certonly',
    '--standalone',
    '--non-interactive',
    '--agree-tos',
    '--keep-until-expiring',
    '-m',
    postmaster,
    '-d',
    hostname,
  ];
  await program(
    'certbot',
    args,
    "no certbot here: 'apt install certbot', then 'hub setup' again; offices need no certificate, other mail servers like one",
  );
  await createDurably(HOOK, Buffer.from(hook), { mode: 0o755 });
  await program('/bin/sh', [HOOK], '');
  return `${hostname} has one, and renews it by itself`;
}

/** Written by root, read by the hub's own user. */
async function belongings(file: string): Promise<string> {
  const config = loadHubConfig(file);
  const keys = [config.secret_file, ...(config.dkim ? [config.dkim.key_file] : [])];
  await program('chown', ['fieldpost-hub:', ...keys], '');
  return 'the keys belong to fieldpost-hub alone';
}

async function openPorts(): Promise<string> {
  const status = await program('ufw', ['status'], 'no ufw here: see that ports 25, 80 and 443 can be reached');
  if (!status.includes('Status: active')) return 'the firewall is not active: nothing is in the way';
  for (const port of ['25/tcp', '80/tcp', '443/tcp']) await program('ufw', ['allow', port], '');
  return '25, 80 and 443 are open';
}

async function start(): Promise<string> {
  const systemd = await access('/run/systemd/system').then(
    () => true,
    () => false,
  );
  if (!systemd) throw later("systemd does not run here: start 'hub serve' in your own way");
  await program('systemctl', ['enable', '--now', 'fieldpost-hub'], '');
  await program('systemctl', ['is-active', 'fieldpost-hub'], '');
  return 'fieldpost-hub runs, and starts with the machine';
}

async function testMail({ domain, hostname }: Answers): Promise<string> {
  const connection = new SMTPConnection({
    host: '127.0.0.1',
    port: 25,
    name: hostname,
    ignoreTLS: true,
    logger: false,
  });
  const to = `postmaster@${domain}`;
  const text = `From: ${to}\r\nTo: ${to}\r\nSubject: The hub ${hostname} works\r\n\r\nThis is the test mail of 'hub setup'.\r\n`;
  try {
    await new Promise<void>((resolve, reject) => {
      connection.once('error', reject);
      connection.connect((error) => {
        if (error) return reject(error);
        connection.send({ from: '', to: [to] }, text, (failed) => (failed ? reject(failed) : resolve()));
      });
    });
  } catch (error) {
    throw later(`no mail could be handed in at port 25: ${(error as Error).message}`);
  } finally {
    connection.close();
  }
  return `one to ${to} was taken`;
}

async function records(call: Call, file: string): Promise<void> {
  const findings = await dnsFindings(loadHubConfig(file));
  for (const { what, ok, text } of findings) call.out(`${ok ? 'ok   ' : 'later'} DNS ${what}: ${text}`);
  const missing = findings.flatMap(({ add }) => (add === undefined ? [] : [add]));
  if (missing.length === 0) return;
  call.out('');
  call.out("Add these records where the domain is kept; 'hub check --dns' says when they have arrived:");
  for (const line of missing) call.out(`  ${line}`);
}
