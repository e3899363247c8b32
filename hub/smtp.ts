/**
 * The hub's SMTP door, where the Internet brings its mail. Strangers reach our own recipients, hosts of `[[allow]]`
 * relay for their office; nobody logs in here.
 */
import { type AllowRule, allowRuleFor } from '../shared/core/allow.ts';
import { DEFAULT_LIMITS } from '../shared/core/directory.ts';
import { deferred, refused, type Verdict } from '../shared/core/verdict.ts';
import { type SmtpCaller, startSmtpDoor } from '../shared/io/smtp-door.ts';
import { allowRules } from './allow-rules.ts';
import { readCertificate, renewed } from './certificate.ts';
import type { Hub, Service } from './hub.ts';
import { makeScreen } from './screen.ts';
import { smtpBasics } from './smtp-basics.ts';
import { StrangerRate } from './stranger-rate.ts';

const TOO_MANY = deferred('too many mails from your host in this hour; try again later (#4.7.1)');

/** Starts it when the configuration names it. */
export async function startSmtp(hub: Hub): Promise<Service[]> {
  const { listen, limits } = hub.config;
  if (listen.smtp === undefined) return [];
  const rules = allowRules(hub.config, hub.directory);
  const tls = await readCertificate(hub.config);
  const screen = makeScreen(hub);
  const rate = new StrangerRate(limits.stranger_per_hour);
  const door = await startSmtpDoor({
    field: 'listen.smtp',
    address: listen.smtp,
    ...smtpBasics(hub),
    caller: ({ address }) => callerOf(hub, rules, address),
    checkSender: async (_sender, { address }) => {
      const rule = allowRuleFor(rules, address);
      if (rule?.relay) return revoked(hub, rule);
      return rate.allows(address, hub.now()) ? undefined : TOO_MANY;
    },
    ...(screen ? { screen } : {}),
    ...(tls ? { tls } : {}),
  });
  return [renewed(hub, 'smtp', door)];
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

async function revoked({ directory }: Hub, rule: AllowRule): Promise<Verdict | undefined> {
  await directory.refresh();
  if (directory.office(rule.office)?.revoked === false) return undefined;
  return refused(`office ${rule.office} has been revoked at this hub; ask its operator (#5.7.1)`);
}
