/**
 * What Thunderbird and its relatives ask for when somebody types an address: where mail is sent and fetched here, in the form that
 * https://wiki.mozilla.org/Thunderbird:Autoconfiguration:ConfigFileFormat describes.
 */
import { html } from 'hono/html';
import { splitHostAddress } from '../../shared/io/config.ts';

export interface MailServers {
  /** As the mail program reaches this laptop. */
  readonly host: string;
  readonly domains: readonly string[];
  readonly office: string;
  /** host:port of the listeners that there are. */
  readonly pop3: string | undefined;
  readonly smtp: string | undefined;
}

const portOf = (address: string): number => splitHostAddress(address)?.port ?? 0;

export const autoconfig = ({ host, domains, office, pop3, smtp }: MailServers) =>
  html`<?xml version="1.0" encoding="UTF-8"?>
<clientConfig version="1.1">
  <emailProvider id="${domains[0] ?? office}">
    ${domains.map((domain) => html`<domain>${domain}</domain>`)}
    <displayName>Mail of ${office}</displayName>
    <displayShortName>${office}</displayShortName>
    ${pop3 === undefined ? '' : html`<incomingServer type="pop3">${server(host, portOf(pop3))}</incomingServer>`}
    ${smtp === undefined ? '' : html`<outgoingServer type="smtp">${server(host, portOf(smtp))}</outgoingServer>`}
  </emailProvider>
</clientConfig>
`;

/** Names and addresses both log in (people.ts). */
const server = (host: string, port: number) => html`
      <hostname>${host}</hostname>
      <port>${port}</port>
      <socketType>plain</socketType>
      <username>%EMAILADDRESS%</username>
      <authentication>password-cleartext</authentication>
    `;
