/** A small DNS server on loopback: answers MX, A, AAAA, TXT and PTR from a table, and what is not in it with NXDOMAIN or nothing. */
import { createSocket } from 'node:dgram';

export interface DnsRecords {
  /** `10 mail.example.com`; `0 .` is a null MX. */
  readonly mx?: readonly string[];
  readonly a?: readonly string[];
  readonly txt?: readonly string[];
  readonly ptr?: readonly string[];
  /** Every question about the name fails. */
  readonly broken?: boolean;
}

export interface DnsServer {
  /** host:port. */
  readonly address: string;
  close(): Promise<void>;
}

const A = 1;
const MX = 15;
const TXT = 16;
const PTR = 12;
const SERVFAIL = 2;
const NXDOMAIN = 3;

export async function startDnsServer(zone: Readonly<Record<string, DnsRecords>>): Promise<DnsServer> {
  const socket = createSocket('udp4');
  socket.on('message', (query, { port, address }) => socket.send(answer(query, zone), port, address));
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${socket.address().port}`,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

function answer(query: Buffer, zone: Readonly<Record<string, DnsRecords>>): Buffer {
  const { name, end } = readName(query, 12);
  const type = query.readUInt16BE(end);
  const found = zone[name.toLowerCase()];
  const code = found === undefined ? NXDOMAIN : found.broken ? SERVFAIL : 0;
  const data = found && code === 0 ? recordsOf(found, type) : [];
  const header = Buffer.alloc(12);
  header.writeUInt16BE(query.readUInt16BE(0), 0);
  header.writeUInt16BE(0x8180 | code, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(data.length, 6);
  const records = data.map((bytes) => {
    const head = Buffer.alloc(12);
    // A pointer to the question's name, then type, class IN, a minute to live, length.
    head.writeUInt16BE(0xc00c, 0);
    head.writeUInt16BE(type, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt32BE(60, 6);
    head.writeUInt16BE(bytes.length, 10);
    return Buffer.concat([head, bytes]);
  });
  return Buffer.concat([header, query.subarray(12, end + 4), ...records]);
}

function recordsOf({ mx = [], a = [], txt = [], ptr = [] }: DnsRecords, type: number): readonly Buffer[] {
  if (type === A) return a.map((address) => Buffer.from(address.split('.').map(Number)));
  if (type === TXT) return txt.map((text) => Buffer.concat((text.match(/.{1,250}/gs) ?? []).map(writeString)));
  if (type === PTR) return ptr.map(writeName);
  if (type !== MX) return [];
  return mx.map((record) => {
    const [preference, host = ''] = record.split(' ');
    const head = Buffer.alloc(2);
    head.writeUInt16BE(Number(preference));
    return Buffer.concat([head, writeName(host)]);
  });
}

function readName(bytes: Buffer, start: number): { name: string; end: number } {
  const labels: string[] = [];
  let at = start;
  while (bytes[at] !== 0) {
    const length = bytes[at] ?? 0;
    labels.push(bytes.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.'), end: at + 1 };
}

const writeString = (part: string): Buffer =>
  Buffer.concat([Buffer.from([Buffer.byteLength(part)]), Buffer.from(part)]);

function writeName(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  return Buffer.concat([
    ...labels.map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`)),
    Buffer.from([0]),
  ]);
}
