/** The files of a qmail (its control/, users/ and alias/ folders), as far as a hub can take over what they say. Pure. */

/** A domain that a qmail hands to one of its own queues, as `virtualdomains` says it: `herat.example.org:qrelay-herat`. */
export interface VirtualDomain {
  readonly line: number;
  /** Lower case. `user@domain`, `domain`, `.parent`, or empty for all the rest. */
  readonly key: string;
  /** Put before the recipient, with a dash; empty: the key is excepted. */
  readonly prepend: string;
}

/** Lines of a control file, without comments and empty ones; their numbers count from 1. */
function controlLines(text: string): readonly { readonly line: number; readonly text: string }[] {
  return text.split('\n').flatMap((raw, index) => {
    const line = raw.trim();
    return line === '' || line.startsWith('#') ? [] : [{ line: index + 1, text: line }];
  });
}

export function virtualDomains(text: string): readonly VirtualDomain[] {
  return controlLines(text).flatMap(({ line, text: entry }) => {
    const colon = entry.indexOf(':');
    if (colon < 0) return [];
    return [{ line, key: entry.slice(0, colon).trim().toLowerCase(), prepend: entry.slice(colon + 1).trim() }];
  });
}

/** Where qmail looks for the `.qmail` files of names that begin so: `HOME/.qmail` + dash + before + the rest of the name. */
export interface Prefixed {
  readonly home: string;
  readonly before: string;
}

/** users/assign: names that are given exactly (`=akbar:…`), lower case, and those given by how they begin (`+qrelay-:…`). */
export function assignments(text: string): {
  readonly names: readonly string[];
  readonly prefixes: ReadonlyMap<string, Prefixed>;
} {
  const names: string[] = [];
  const prefixes = new Map<string, Prefixed>();
  for (const { text: entry } of controlLines(text)) {
    const [name = '', , , , home = '', dash = '', pre = ''] = entry.slice(1).split(':');
    if (entry.startsWith('=')) names.push(name.toLowerCase());
    else if (entry.startsWith('+')) prefixes.set(name, { home, before: `${dash}${pre}` });
  }
  return { names, prefixes };
}

/** What a `.qmail` file does with a mail. */
export interface DotQmail {
  /** Addresses that it goes on to. */
  readonly targets: readonly string[];
  /** Maildirs that it is put into, as they are written. */
  readonly maildirs: readonly string[];
  /** Lines that a hub has nothing for: programs, mboxes. */
  readonly others: readonly string[];
}

/** dot-qmail(5). */
export function dotQmail(text: string): DotQmail {
  const lines = controlLines(text).map(({ text: line }) => line);
  const isMaildir = (line: string): boolean => /^[./].*\/$/.test(line);
  const isAddress = (line: string): boolean => /^(&|[A-Za-z0-9])/.test(line);
  return {
    targets: lines.filter(isAddress).map((line) => line.replace(/^&/, '')),
    maildirs: lines.filter(isMaildir),
    others: lines.filter((line) => !isAddress(line) && !isMaildir(line)),
  };
}

/** The extension that a `.qmail-…` file is for: `:` stands for a dot. */
export const extensionOf = (file: string): string | undefined => /^\.qmail-(.+)$/.exec(file)?.[1]?.replaceAll(':', '.');
