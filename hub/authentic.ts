/**
 * Whether a stranger's mail comes from where it says: SPF (RFC 7208), DKIM (RFC 6376), and what the author's domain wants done
 * with mail that fails both (DMARC, RFC 7489).
 */
import { promises as dns } from 'node:dns';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { dmarc } from 'mailauth/lib/dmarc/index.js';
import { spf } from 'mailauth/lib/spf/index.js';
import type { Body } from '../shared/io/body.ts';
import { crlfStream, wholeHeader } from './crlf-body.ts';

export interface Stranger {
  readonly sender: string;
  /** Of the host that hands the mail over. */
  readonly address: string;
  readonly helo: string;
}

export interface Authentic {
  /** The domain of the author, as the mail says. */
  readonly domain: string;
  readonly result: 'pass' | 'fail' | 'none' | 'temperror' | 'permerror';
  /** What that domain asks for when it fails. */
  readonly policy: 'none' | 'quarantine' | 'reject';
}

/** Each question to the DNS; the library asks a bounded number of them. */
const QUESTION_MS = 5_000;

/** Undefined when the mail names no author, or its domain publishes no policy. Never throws for what the DNS says. */
export async function authentic(hostname: string, stranger: Stranger, body: Body): Promise<Authentic | undefined> {
  if (!(await wholeHeader(body))) return undefined;
  const bySpf = await spf({
    sender: stranger.sender,
    ip: stranger.address,
    helo: stranger.helo,
    mta: hostname,
    resolver: resolve,
  });
  const byDkim = await dkimVerify(crlfStream(body), { resolver: resolve, sender: stranger.sender });
  if (byDkim.headerFrom.length === 0) return undefined;
  const signed = byDkim.results.filter(({ status }) => status.result === 'pass');
  const found = await dmarc({
    headerFrom: byDkim.headerFrom,
    spfDomains: bySpf.status.result === 'pass' ? [bySpf.domain] : [],
    dkimDomains: signed.map(({ id, signingDomain, status }) => ({
      id: String(id),
      domain: signingDomain,
      ...(status.aligned === undefined ? {} : { aligned: status.aligned }),
    })),
    resolver: resolve,
  });
  if (!found) return undefined;
  const { result } = found.status;
  return { domain: found.domain, result, policy: policyOf(found.policy) } as Authentic;
}

const policyOf = (policy: unknown): Authentic['policy'] =>
  policy === 'reject' || policy === 'quarantine' ? policy : 'none';

/** The library's way to ask: name and type of a record. */
async function resolve(name: string, type: string): Promise<never> {
  const late = new Promise<never>((_, reject) =>
    setTimeout(
      () => reject(Object.assign(new Error(`no answer about ${name}`), { code: 'ETIMEOUT' })),
      QUESTION_MS,
    ).unref(),
  );
  return Promise.race([dns.resolve(name, type) as Promise<never>, late]);
}
