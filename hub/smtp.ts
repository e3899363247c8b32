/**
 * The hub's SMTP door, where the Internet brings its mail. Strangers reach our own recipients, hosts of `[[allow]]`
 * relay for their office; nobody logs in here.
 */
import { readFile } from 'node:fs/promises';
import { type AllowRule, allowRuleFor } from '../shared/core/allow.ts';
import { DEFAULT_LIMITS } from '../shared/core/directory.ts';
import { refused, type Verdict } from '../shared/core/verdict.ts';
import { ConfigError } from '../shared/io/config.ts';
import { type SmtpCaller, startSmtpDoor } from '../shared/io/smtp-door.ts';
import { allowRules } from './allow-rules.ts';
import type { Hub, Service } from './hub.ts';
import { officeLimit } from './office-limit.ts';

/** Starts it when the configuration names it. */
export async function startSmtp(hub: Hub): Promise<Service[]> {
  const { hostname, domain, listen, limits } = hub.config;
  if (listen.smtp === undefined) return [];
  const rules = allowRules(hub.config, hub.directory);
  const tls = await certificate(hub);
  const door = await startSmtpDoor({
    field: 'listen.smtp',
    address: listen.smtp,
    hostname,
    domain,
    place: hub.place,
    spool: hub.spool,
    now: hub.now,
    mailBytesMax: limits.mail,
    connectionsMax: limits.connections,
    recipientsMax: limits.recipients,
    idleSeconds: limits.idle,
    limitOf: (routed) => officeLimit(hub, routed),
    caller: ({ address }) => callerOf(hub, rules, address),
    checkSender: (_sender, { address }) => revoked(hub, allowRuleFor(rules, address)),
    ...(tls ? { tls } : {}),
  });
  return [{ name: 'smtp', ...door }];
}

async function certificate({ config: { tls } }: Hub): Promise<{ cert: Buffer; key: Buffer } | undefined> {
  if (!tls) return undefined;
  return { cert: await readNamed('tls.cert', tls.cert), key: await readNamed('tls.key', tls.key) };
}

async function readNamed(field: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new ConfigError(`${field} = "${path}" cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function callerOf({ config, directory }: Hub, rules: readonly AllowRule[], address: string): SmtpCaller {
  const { mail } = config.limits;
  const rule = allowRuleFor(rules, address);
  if (!rule?.relay)
    return { peer: { name: 'smtp', relays: false }, concurrency: DEFAULT_LIMITS.concurrency, mailBytesMax: mail };
  const { concurrency, mailBytesMax } = directory.office(rule.office)?.limits ?? DEFAULT_LIMITS;
  return {
    peer: { name: `smtp/${rule.office}`, relays: true, office: rule.office },
    concurrency,
    mailBytesMax: Math.min(mail, mailBytesMax || Number.POSITIVE_INFINITY),
  };
}

async function revoked({ directory }: Hub, rule: AllowRule | undefined): Promise<Verdict | undefined> {
  if (!rule?.relay) return undefined;
  await directory.refresh();
  if (directory.office(rule.office)?.revoked === false) return undefined;
  return refused(`office ${rule.office} has been revoked at this hub; ask its operator (#5.7.1)`);
}
