/**
 * Which hosts are trusted like this laptop itself: its loopback, and those of `listen.lan`. A listener that others can
 * reach needs a reason to trust them, a password or that subnet, or the agent does not start.
 */
import { type AllowRule, allowRuleFor, readAllowLines } from '../shared/core/allow.ts';
import { ConfigError, splitHostAddress } from '../shared/io/config.ts';
import type { Agent } from './agent.ts';
import type { AgentConfig } from './config.ts';

/** Whether a host, named as a socket names it, is trusted. */
export type Trusts = (address: string) => boolean;

/** Throws ConfigError when `listen.lan` is no subnet that one can trust. */
export function trustedHosts({ file, listen, office }: AgentConfig): Trusts {
  const rules = [...LOOPBACK, ...lanRules({ file, lan: listen.lan, office })];
  return (address) => allowRuleFor(rules, address) !== undefined;
}

const LOOPBACK: readonly AllowRule[] = readAllowLines(
  ['127.0.0.0/8', '::1'].map((address) => ({ address, office: '', relay: true })),
).rules;

interface Lan {
  readonly file: string;
  readonly lan: string | undefined;
  readonly office: string;
}

function lanRules({ file, lan, office }: Lan): readonly AllowRule[] {
  if (lan === undefined) return [];
  const { rules, faults } = readAllowLines([{ address: lan, office, relay: true }]);
  if (faults[0]) throw new ConfigError(`${file}: listen.lan: ${faults[0].text}`);
  if (lan.endsWith('/0'))
    throw new ConfigError(`${file}: listen.lan: "${lan}" would trust the whole Internet: name your own subnet`);
  return rules;
}

/** Who could be reached by whom, before anything is served. Throws ConfigError. */
export function checkListeners(agent: Agent): void {
  trustedHosts(agent.config);
  for (const name of ['smtp', 'pop3', 'qmtp', 'page'] as const) checkReach(agent, name);
}

/** Listeners at which people can log in. */
const WITH_PASSWORDS: readonly string[] = ['smtp', 'pop3'];

/** Throws ConfigError when `listen.NAME` is open to hosts that nothing here vouches for. */
export function checkReach({ config, accounts }: Agent, name: 'smtp' | 'pop3' | 'qmtp' | 'page'): void {
  const { file, listen } = config;
  const address = listen[name];
  if (address === undefined || listen.lan !== undefined || isLoopback(address)) return;
  const byPassword = WITH_PASSWORDS.includes(name);
  if (byPassword && accounts().size > 0) return;
  throw new ConfigError(
    `${file}: listen.${name} = "${address}" can be reached from other machines: ${byPassword ? "give people passwords ('agent user add NAME'), or " : ''}name the subnet that is trusted (lan = "192.168.7.0/24"), or listen on 127.0.0.1`,
  );
}

function isLoopback(address: string): boolean {
  const host = splitHostAddress(address)?.host ?? '';
  return host === 'localhost' || allowRuleFor(LOOPBACK, host) !== undefined;
}
