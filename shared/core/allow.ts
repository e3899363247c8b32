/**
 * The successor of tcprules: which hosts may relay without a key, by CIDR. The longest prefix that holds an address
 * decides alone. tcprules passed over in silence what could never match; here such a line has a fault that names it.
 *
 * A prefix is a text of bits behind the digit of its family: `10.0.0.0/8` is `400001010`.
 */

export interface AllowLine {
  /** `10.1.0.0/16`, `192.0.2.7`, `2001:db8::/32`. */
  readonly address: string;
  readonly office: string;
  /** False makes an exception from a larger network. */
  readonly relay: boolean;
}

export interface AllowRule extends AllowLine {
  readonly prefix: string;
}

export interface AllowFault {
  /** Index of the line. */
  readonly line: number;
  readonly text: string;
}

/** Lines as rules, and what is wrong with those that are none. */
export function readAllowLines(lines: readonly AllowLine[]): {
  readonly rules: readonly AllowRule[];
  readonly faults: readonly AllowFault[];
} {
  const rules = new Map<string, AllowRule & { readonly line: number }>();
  const faults: AllowFault[] = [];
  lines.forEach((entry, line) => {
    const { prefix, fault } = parseCidr(entry.address);
    if (fault !== undefined) faults.push({ line, text: fault });
    else if (rules.has(prefix)) faults.push({ line, text: `${entry.address} stands in an earlier line already` });
    else rules.set(prefix, { ...entry, prefix, line });
  });
  for (const { prefix, address, line } of rules.values()) {
    if (!coveredByLonger(prefix, [...rules.keys()])) continue;
    faults.push({ line, text: `${address} could never match: longer prefixes cover all of it` });
  }
  return { rules: [...rules.values()].map(({ line: _, ...rule }) => rule), faults };
}

/** The rule for an address as a socket names it; undefined for a stranger. */
export function allowRuleFor(rules: readonly AllowRule[], address: string): AllowRule | undefined {
  const bits = addressBits(address);
  if (bits === undefined) return undefined;
  let best: AllowRule | undefined;
  for (const rule of rules) {
    if (bits.startsWith(rule.prefix) && rule.prefix.length > (best?.prefix.length ?? 0)) best = rule;
  }
  return best;
}

const coveredByLonger = (prefix: string, prefixes: readonly string[]): boolean => {
  const below = prefixes.filter((other) => other.length > prefix.length && other.startsWith(prefix));
  if (below.length === 0) return false;
  return ['0', '1'].every((bit) => below.includes(prefix + bit) || coveredByLonger(prefix + bit, below));
};

type Cidr =
  | { readonly prefix: string; readonly fault?: undefined }
  | { readonly prefix?: undefined; readonly fault: string };

function parseCidr(text: string): Cidr {
  const [host = '', length, ...more] = text.split('/');
  const bits = addressBits(host);
  if (bits === undefined || more.length > 0)
    return { fault: `"${text}" is no address and no network such as 10.1.0.0/16` };
  if (host.includes(':') && bits.startsWith('4'))
    return { fault: `"${text}" is an IPv4 address in IPv6 form: write it as IPv4` };
  const most = bits.length - 1;
  if (length === undefined) return { prefix: bits };
  if (!/^(0|[1-9]\d{0,2})$/.test(length) || Number(length) > most)
    return { fault: `the length of "${text}" is not a number from 0 to ${most}` };
  const prefix = bits.slice(0, 1 + Number(length));
  if (bits.slice(prefix.length).includes('1'))
    return {
      fault: `"${text}" has bits set behind its prefix: write ${network(prefix)}/${length}, or a longer prefix`,
    };
  return { prefix };
}

/** Family and bits of an address; an IPv4 address in IPv6 form, as sockets for both families name it, is IPv4. */
function addressBits(text: string): string | undefined {
  if (!text.includes(':')) return v4Bits(text, '4');
  const bits = v6Bits(text.replace(/%.*$/, ''));
  return bits?.startsWith(V4_MAPPED) ? `4${bits.slice(V4_MAPPED.length)}` : bits;
}

const V4_MAPPED = `6${'0'.repeat(80)}${'1'.repeat(16)}`;

function v4Bits(text: string, family: string): string | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  const parts = match?.slice(1) ?? [];
  // A leading zero means octal to some programs: better no address than another one.
  if (!match || parts.some((part) => Number(part) > 255 || /^0\d/.test(part))) return undefined;
  return family + parts.map((part) => Number(part).toString(2).padStart(8, '0')).join('');
}

function v6Bits(text: string): string | undefined {
  const halves = text.split('::').map((half) => (half === '' ? [] : half.split(':').map(groupBits)));
  const groups = halves.flat();
  if (halves.length > 2 || groups.some((group) => group === undefined)) return undefined;
  // The dotted form stands for the last two groups only.
  if (/\.\d+:/.test(text) || groups.slice(0, -1).some((group) => (group as string).length > 16)) return undefined;
  const missing = 128 - groups.join('').length;
  if (halves.length === 1 ? missing !== 0 : missing < 16) return undefined;
  return `6${(halves[0] as string[]).join('')}${'0'.repeat(missing)}${((halves[1] ?? []) as string[]).join('')}`;
}

function groupBits(group: string): string | undefined {
  if (group.includes('.')) return v4Bits(group, '');
  return /^[0-9A-Fa-f]{1,4}$/.test(group) ? Number.parseInt(group, 16).toString(2).padStart(16, '0') : undefined;
}

/** The address of a prefix, for the remedy. */
function network(prefix: string): string {
  const v4 = prefix.startsWith('4');
  const bits = prefix.slice(1).padEnd(v4 ? 32 : 128, '0');
  const parts = bits.match(v4 ? /.{8}/g : /.{16}/g) ?? [];
  return v4
    ? parts.map((part) => Number.parseInt(part, 2)).join('.')
    : parts.map((part) => Number.parseInt(part, 2).toString(16)).join(':');
}
