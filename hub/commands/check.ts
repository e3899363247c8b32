/** `hub check`: reads the configuration and the directory, tries the store, and says what is wrong, by field. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { bytesBody, readBody } from '../../shared/io/body.ts';
import { type Command, EXIT } from '../../shared/io/command-line.ts';
import { ConfigError } from '../../shared/io/config.ts';
import { type Store, StoreError } from '../../shared/io/store.ts';
import { allowRules } from '../allow-rules.ts';
import { readCertificate } from '../certificate.ts';
import type { HubConfig } from '../config.ts';
import { loadDkim } from '../dkim.ts';
import { dnsFindings } from '../dns-records.ts';
import { type LiveDirectory, openDirectory } from '../live-directory.ts';
import { loadMasterSecret } from '../office-key.ts';
import { dataFolder, openHubStore } from '../open-hub.ts';
import { readRunFile } from '../run-file.ts';
import { smarthostOf } from '../smarthost.ts';

interface Finding {
  /** The field of hub.toml, or the part. */
  readonly field: string;
  readonly ok: boolean;
  readonly text: string;
}

export const checkCommand: Command<HubConfig> = {
  words: 'check',
  usage: '[--dns] [--json]',
  summary: 'reads the configuration and the directory, tries the store, and says what is wrong',
  help: '  --dns  also asks the DNS: addresses, MX, SPF, DKIM, DMARC and PTR, with the records to add',
  options: { dns: { type: 'boolean' } },
  takes: [0, 0],
  reports: true,
  run: async (config, call) => {
    const findings = [...(await checkHub(config)), ...(call.options.dns === true ? await checkDns(config) : [])];
    const ok = findings.every((finding) => finding.ok);
    if (call.json) call.out(JSON.stringify({ ok, findings }));
    else for (const { field, ok: good, text } of findings) call.out(`${good ? 'ok   ' : 'WRONG'} ${field}: ${text}`);
    return ok ? EXIT.ok : EXIT.config;
  },
};

async function checkHub(config: HubConfig): Promise<readonly Finding[]> {
  const findings: Finding[] = [{ field: 'configuration', ok: true, text: `${config.file} is well-formed` }];
  const look = async (field: string, what: () => Promise<string>): Promise<void> => {
    try {
      findings.push({ field, ok: true, text: await what() });
    } catch (error) {
      if (!(error instanceof ConfigError || error instanceof StoreError)) throw error;
      findings.push({ field, ok: false, text: error.message });
    }
  };
  await look(
    'secret_file',
    async () => `${config.secret_file} holds ${(await loadMasterSecret(config.secret_file)).length * 8} bits`,
  );
  await look('tls', () => checkCertificate(config));
  await look('relay', () => checkRelay(config));
  await look('dkim', () => checkDkim(config));
  const opened: { store?: Store; directory?: LiveDirectory } = {};
  await look('store', async () => {
    opened.store = await openHubStore(config);
    return tryStore(opened.store, config);
  });
  const { store } = opened;
  if (store) {
    await look('directory', async () => {
      opened.directory = await openDirectory(store, config);
      return describeDirectory(opened.directory, config);
    });
  }
  const { directory } = opened;
  if (directory)
    await look(
      'allow',
      async () => `${allowRules(config, directory).length} hosts or networks may relay without a key`,
    );
  if (directory && config.carrier.length > 0) await look('carrier', () => checkCarriers(config, directory));
  await look('hub', () => describeServing(config));
  return findings;
}

async function checkCarriers({ carrier }: HubConfig, directory: LiveDirectory): Promise<string> {
  for (const [index, { office, command, inbox }] of carrier.entries()) {
    const field = `carrier.${index}`;
    if (!directory.office(office))
      throw new ConfigError(`${field}.office = "${office}": there is none; 'hub office list' shows them`);
    if (!command && inbox === undefined)
      throw new ConfigError(`${field} has neither command nor inbox: it carries nothing`);
    const found = inbox === undefined ? undefined : await stat(inbox).catch(() => undefined);
    if (inbox !== undefined && !found?.isDirectory())
      throw new ConfigError(`${field}.inbox = "${inbox}" is no folder: make it, for the carrier to write into`);
  }
  return carrier.map(({ office, command = ['inbox alone'] }) => `${office}: ${command[0]}`).join(', ');
}

async function tryStore(store: Store, config: HubConfig): Promise<string> {
  const key = `check/${process.pid}`;
  const wrote = Buffer.from(`check of ${new Date().toISOString()}`);
  await store.put(key, bytesBody(wrote));
  const read = await store.get(key);
  const same = read && (await readBody(read)).equals(wrote);
  await store.remove(key);
  if (!same) throw new StoreError('what was written was not read back: this store is not fit for mail');
  const name = 'path' in config.store ? `folder ${config.store.path}` : `bucket ${config.store.bucket}`;
  return `${name} writes and reads back${store.create ? '' : '; it cannot create exclusively (If-None-Match), so one hub alone can serve it'}`;
}

function describeDirectory({ current }: LiveDirectory, config: HubConfig): string {
  const { offices, users, aliases } = current;
  for (const [address, office] of users) {
    if (office === 'hub' || offices.has(office)) continue;
    throw new ConfigError(
      `${address} is posted to ${office}, and there is no such office: 'hub user move ${address} OFFICE'`,
    );
  }
  const missing =
    config.postmaster === undefined && !users.has(`postmaster@${config.domain}`)
      ? '; mail for postmaster stays at the hub: set `postmaster`'
      : '';
  return `${offices.size} offices, ${users.size} users, ${aliases.size} aliases${missing}`;
}

async function checkCertificate(config: HubConfig): Promise<string> {
  const pair = await readCertificate(config);
  if (!pair) return 'no certificate: SMTP is offered without STARTTLS; agents need none';
  const { cert, key } = pair;
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(cert);
    if (!certificate.checkPrivateKey(createPrivateKey(key)))
      throw new ConfigError('tls.key does not belong to tls.cert');
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`tls: not a certificate and key in PEM form: ${(error as Error).message}`);
  }
  const daysLeft = Math.floor((certificate.validToDate.getTime() - Date.now()) / 86_400_000);
  if (daysLeft < 0) throw new ConfigError(`tls.cert ran out on ${certificate.validTo}: renew it`);
  return `certificate for ${certificate.subjectAltName ?? certificate.subject}, good for ${daysLeft} more days`;
}

async function checkRelay(config: HubConfig): Promise<string> {
  const smarthost = smarthostOf(config);
  return smarthost
    ? `outgoing mail goes to ${smarthost.host}:${smarthost.port}`
    : 'outgoing mail goes to the MX of each domain';
}

async function checkDns(config: HubConfig): Promise<readonly Finding[]> {
  return (await dnsFindings(config)).map(({ what, ok, text, add }) => ({
    field: `dns ${what}`,
    ok,
    text: add === undefined ? text : `${text}. Add:\n        ${add}`,
  }));
}

async function checkDkim(config: HubConfig): Promise<string> {
  const key = loadDkim(config);
  if (!key)
    return "mail is not signed: many receivers take unsigned mail for spam; put [dkim] into hub.toml, then 'hub dkim'";
  return `mail is signed as ${key.domain}, selector ${key.selector}; 'hub dkim' says whether the DNS has the record`;
}

async function describeServing(config: HubConfig): Promise<string> {
  const run = await readRunFile(dataFolder(config));
  if (!run) return 'not serving';
  return `serving, process ${run.pid}: ${Object.entries(run.listen)
    .map(([name, at]) => `${name} ${at}`)
    .join(', ')}`;
}
