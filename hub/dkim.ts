/**
 * DKIM (RFC 6376): the hub signs what our own people send, in the name of the domain that everybody writes to. The key is made by
 * `hub dkim`, which also prints the record for the DNS. Signed is at each try, on the way out: what waits stays as it came.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { DKIMSignOptions } from 'mailauth';
import { dkimSign } from 'mailauth/lib/dkim/sign.js';
import addressparser from 'nodemailer/lib/addressparser';
import { splitAddress } from '../shared/core/address.ts';
import { fieldValue, headerFields } from '../shared/core/headers.ts';
import { ownDomain, type Tables } from '../shared/core/tables.ts';
import { type Body, joinBodies, textBody } from '../shared/io/body.ts';
import { ConfigError } from '../shared/io/config.ts';
import { createDurably } from '../shared/io/durable.ts';
import type { HubConfig } from './config.ts';
import { crlfStream, wholeHeader } from './crlf-body.ts';

export interface DkimKey {
  readonly domain: string;
  readonly selector: string;
  readonly privateKey: string;
}

/** Undefined when there is no `[dkim]`. Throws ConfigError. */
export function loadDkim({ dkim, domain }: HubConfig): DkimKey | undefined {
  if (!dkim) return undefined;
  const pem = readKey(dkim.key_file);
  if (pem === undefined)
    throw new ConfigError(`dkim.key_file = "${dkim.key_file}": there is no key yet; 'hub dkim' makes it`);
  return { domain: domain.toLowerCase(), selector: dkim.selector, privateKey: pem };
}

function readKey(file: string): string | undefined {
  let pem: string;
  try {
    pem = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new ConfigError(`dkim.key_file = "${file}" cannot be read (${code})`);
  }
  privateKeyOf(file, pem);
  return pem;
}

function privateKeyOf(file: string, pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new ConfigError(`dkim.key_file = "${file}" holds no private key in PEM form: ${(error as Error).message}`);
  }
}

/** What Gmail and Microsoft ask for at least; longer ones do not fit one DNS answer everywhere. */
const RSA_BITS = 2_048;

/** Makes the key file if there is none; answers whether it was made. */
export async function makeDkimKey(file: string): Promise<boolean> {
  if (readKey(file) !== undefined) return false;
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: RSA_BITS });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
  await createDurably(file, Buffer.from(pem), { mode: 0o600 });
  return true;
}

export interface DkimRecord {
  readonly name: string;
  /** The TXT record as one text. */
  readonly text: string;
}

/** The record under which other servers find the public half. */
export function dkimRecord({ domain, selector, privateKey }: DkimKey): DkimRecord {
  const der = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  return { name: `${selector}._domainkey.${domain}`, text: `v=DKIM1; k=rsa; p=${der.toString('base64')}` };
}

/**
 * The body (LF line ends) with our signature before it, if it is the mail of somebody of ours; else the body itself. `now`: Unix
 * seconds.
 */
export async function signed(tables: Tables, key: DkimKey, { body, now }: { body: Body; now: number }): Promise<Body> {
  const header = await wholeHeader(body);
  if (!header || !isOurs(tables, header)) return body;
  const signature = { signingDomain: key.domain, selector: key.selector, privateKey: key.privateKey };
  // The library's types know one signature's options, and the library a list of them.
  const options = { signTime: new Date(now * 1_000), signatureData: [signature] };
  const { signatures, errors } = await dkimSign(crlfStream(body), options as unknown as DKIMSignOptions);
  if (errors.length > 0) throw new Error(`a mail could not be signed: ${String(errors[0])}`);
  return joinBodies(textBody(signatures.replaceAll('\r\n', '\n')), body);
}

function isOurs(tables: Tables, block: Uint8Array): boolean {
  const from = fieldValue(headerFields(block), 'from') ?? '';
  const authors = addressparser(from, { flatten: true });
  return (
    authors.length > 0 &&
    authors.every(({ address }) => ownDomain(tables, splitAddress(address).domain.toLowerCase()) !== undefined)
  );
}
