/**
 * The name of a file in a person's Maildir: the time, then what makes it unique, then the machine, as every mail program
 * expects it. Its middle part carries the arrival, so that on a bucket a reader can ask for the record that vouches for it.
 */
export interface MailboxName {
  /** Unix seconds. */
  readonly now: number;
  readonly arrival: string;
  /** 8 hex digits. */
  readonly attempt: string;
  readonly hostname: string;
}

const HOSTNAME_CHARACTERS_MAX = 64;

export function mailboxName({ now, arrival, attempt, hostname }: MailboxName): string {
  const host = hostname.replace(/[^A-Za-z0-9.-]/g, '_').slice(0, HOSTNAME_CHARACTERS_MAX);
  return `${now}.A${arrival}X${attempt}.${host}`;
}

/** The arrival that a mailbox file's name carries; undefined for a file that is not ours. */
export const arrivalOfMailbox = (name: string): string | undefined =>
  /^\d+\.A([0-9a-f]{32}(?:-\d{1,3})?)X[0-9a-f]{8}\./.exec(name)?.[1];
