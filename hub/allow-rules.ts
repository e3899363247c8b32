/** `[[allow]]` of hub.toml as rules that the doors ask; a line that could never match stops the start. */
import { type AllowRule, readAllowLines } from '../shared/core/allow.ts';
import { ConfigError } from '../shared/io/config.ts';
import type { HubConfig } from './config.ts';
import type { LiveDirectory } from './live-directory.ts';

/** Throws ConfigError that names each bad line. */
export function allowRules(config: HubConfig, directory: LiveDirectory): readonly AllowRule[] {
  const { rules, faults } = readAllowLines(config.allow);
  const texts = faults.map(({ line, text }) => `${config.file}: allow[${line}].address: ${text}`);
  config.allow.forEach(({ office }, line) => {
    if (directory.office(office)) return;
    texts.push(
      `${config.file}: allow[${line}].office: there is no office "${office}": 'hub office add ${office}' makes it`,
    );
  });
  if (texts.length > 0) throw new ConfigError(texts.join('\n'));
  return rules;
}
