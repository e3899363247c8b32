/**
 * The directory: which offices there are, who is posted where, and which addresses are aliases or lists.
 * It is edited at the hub only, as a log of edits; this file holds its values and, pure, what an edit does.
 */

export interface OfficeLimits {
  /** Largest mail to or from the office, bytes (qmail's databytes); 0: no limit. */
  readonly mailBytesMax: number;
  /** Connections and mails in hand at once (qmail's concurrency). */
  readonly concurrency: number;
  /** `known`: only users of the directory. `any`: every name in the office's domains, for a plain qmail office. */
  readonly users: 'known' | 'any';
  /** Larger mail is held at the hub, whatever the link, and a summary goes instead, bytes; 0: the link decides alone. */
  readonly holdBytesMax: number;
  /** Mail goes down as plain text, whatever the link; the original stays at the hub. */
  readonly plain: boolean;
  /** What is taken for spam: goes last with a mark, is held like what is too large, or is refused at the door. */
  readonly spam: (typeof SPAM_CHOICES)[number];
}

export const SPAM_CHOICES = ['mark', 'hold', 'refuse'] as const;

export const DEFAULT_LIMITS: OfficeLimits = {
  mailBytesMax: 0,
  concurrency: 20,
  users: 'known',
  holdBytesMax: 0,
  plain: false,
  spam: 'mark',
};

export interface Office {
  readonly name: string;
  /** Lower case; the first is the one that its users' addresses are rewritten to. `.suffix` means all below it. */
  readonly domains: readonly string[];
  /** Opaque, 16 hex digits: what the office calls itself on the wire. */
  readonly keyId: string;
  /** Raised to change the key. */
  readonly generation: number;
  readonly revoked: boolean;
  readonly limits: OfficeLimits;
}

export interface Alias {
  readonly targets: readonly string[];
  /** Becomes the sender of what the list sends on (fastforward's `?address`). */
  readonly owner?: string;
}

export interface Directory {
  /** The one that everybody writes to, lower case (hub.toml's `domain`). */
  readonly domain: string;
  /** Domains of the hub itself, lower case: its host name. */
  readonly hubDomains: readonly string[];
  /** Number of the last edit. */
  readonly version: number;
  readonly offices: ReadonlyMap<string, Office>;
  /** Folded address (`holly@example.org`, or `@domain`, `@.suffix` for everybody there) to office name, `hub` or `internet`. */
  readonly users: ReadonlyMap<string, string>;
  /** Folded `user@domain`, `@domain` or `user@` to alias. */
  readonly aliases: ReadonlyMap<string, Alias>;
}

export const EMPTY_DIRECTORY: Directory = {
  domain: '',
  hubDomains: [],
  version: 0,
  offices: new Map(),
  users: new Map(),
  aliases: new Map(),
};

/** A post that is no office: a mailbox at headquarters. */
export const AT_HUB = 'hub';
/** A post that is no office: the address is somebody else's, although its domain is ours. */
export const ELSEWHERE = 'internet';

export const isOfficeName = (name: string): boolean =>
  /^[a-z0-9-]{1,32}$/.test(name) && name !== AT_HUB && name !== ELSEWHERE;

/** Names of folders that a Maildir has for itself. */
const TAKEN = new Set(['tmp', 'new', 'cur']);

/**
 * Whether a local part names a mailbox, which is a folder: lower case, and nothing that means anything in a path. So
 * no name leads out of the folder of mailboxes, and no two names lead to one folder.
 */
export const isMailboxName = (name: string): boolean => /^[a-z0-9_-][a-z0-9._-]{0,63}$/.test(name) && !TAKEN.has(name);
