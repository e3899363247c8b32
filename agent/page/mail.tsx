/** Where each mail is: here, at the hub, or held there. A person sees their own, the officer all. */
import type { OnStick } from '../../shared/io/trip-state.ts';
import type { LinkConfig } from '../config.ts';
import type { Held } from '../held.ts';
import type { Waiting } from '../queue.ts';
import type { Sent } from '../sent.ts';
import { type Around, Frame, Said, Token } from './frame.tsx';
import { count, number, price, size, span, time } from './say.ts';
import type { Visitor } from './session.ts';
import type { Words } from './words/en.ts';

export interface WaitingMail extends Waiting {
  readonly subject: string;
  readonly onStick: OnStick | undefined;
}

export interface MailView {
  readonly visitor: Visitor;
  readonly waiting: readonly WaitingMail[];
  /** Those that wait and are not shown. */
  readonly more: number;
  readonly sent: readonly Sent[];
  readonly held: readonly Held[];
  readonly links: readonly LinkConfig[];
  /** What a mail of this size may cost on the link. */
  cost(link: LinkConfig, bytes: number): number | undefined;
  /** Unix seconds by the hub's clock. */
  readonly hubNow: number;
  /** The same by this laptop's. */
  readonly now: number;
}

export const MailPage = ({ around, view }: { around: Around; view: MailView }) => {
  const { words, office } = around;
  const { waiting, more, sent, held } = view;
  return (
    <Frame around={around} title={words.mail}>
      <section class="card">
        <h2>{words.queue.title}</h2>
        {waiting.length === 0 ? (
          <p class="quiet">{words.queue.none}</p>
        ) : (
          <ul class="rows">
            {waiting.map((mail) => (
              <WaitingRow words={words} office={office} mail={mail} view={view} />
            ))}
          </ul>
        )}
        {more > 0 ? <p class="quiet">{words.queue.more(number(words, more))}</p> : null}
      </section>
      <section class="card" id="held">
        <h2>{words.held.title}</h2>
        {held.length === 0 ? (
          <p class="quiet">{words.held.none}</p>
        ) : (
          <>
            <p class="quiet small">{words.held.hint}</p>
            <ul class="rows">
              {held.map((mail) => (
                <HeldRow words={words} mail={mail} view={view} />
              ))}
            </ul>
          </>
        )}
      </section>
      <section class="card">
        <h2>{words.sent.title}</h2>
        {sent.length === 0 ? (
          <p class="quiet">{words.sent.none}</p>
        ) : (
          <>
            <p class="quiet small">{words.sent.hint}</p>
            <ul class="rows">
              {sent.map((mail) => (
                <SentRow words={words} mail={mail} hubNow={view.hubNow} />
              ))}
            </ul>
          </>
        )}
      </section>
    </Frame>
  );
};

const RECIPIENTS_SHOWN = 3;

interface Heading {
  readonly subject: string;
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly bytes: number;
}

const MailHeading = ({ words, mail }: { words: Words; mail: Heading }) => {
  const { subject, sender, recipients, bytes } = mail;
  const more = recipients.length - RECIPIENTS_SHOWN;
  return (
    <>
      <div class="row">
        <h3>
          <bdi>{subject === '' ? words.queue.noSubject : subject}</bdi>
        </h3>
        <span class="size">{size(words, bytes)}</span>
      </div>
      <div class="quiet small address">
        {words.queue.from} <bdi>{sender === '' ? words.queue.report : sender}</bdi> {words.queue.to}{' '}
        <bdi>{recipients.slice(0, RECIPIENTS_SHOWN).join(' ')}</bdi>
        {more > 0 ? ` ${words.queue.more(number(words, more))}` : null}
      </div>
    </>
  );
};

interface WaitingRowProps {
  readonly words: Words;
  readonly office: string;
  readonly mail: WaitingMail;
  readonly view: MailView;
}

const URGENT_MAX = 1;

const WaitingRow = ({ words, office, mail, view }: WaitingRowProps) => {
  const { since, urgency, attempts, lastError, onStick, bytes } = mail;
  const age = (from: number): string => span(words, view.now - from);
  return (
    <li>
      <MailHeading words={words} mail={mail} />
      <div class="small">
        {urgency <= URGENT_MAX ? <span class="tag">{words.queue.urgent}</span> : null}{' '}
        {onStick === undefined
          ? `${words.queue.here(office)} ${words.queue.since(age(since))}`
          : stickWords(words, onStick, view.hubNow)}
      </div>
      {attempts > 0 ? (
        <div class="small">
          {words.queue.putOff} <Said text={lastError ?? ''} />
        </div>
      ) : null}
      <Prices words={words} bytes={bytes} view={view} />
    </li>
  );
};

function stickWords(words: Words, { since, by }: OnStick, hubNow: number): string {
  const age = span(words, hubNow - since);
  return by === undefined ? words.queue.onStick(age) : words.queue.withCarrier(by, age);
}

const Prices = ({ words, bytes, view: { links, cost } }: { words: Words; bytes: number; view: MailView }) => (
  <ul class="chips quiet small">
    {links.map((link) => {
      if (link.max_mail !== undefined && link.max_mail > 0 && bytes > link.max_mail)
        return <li>{words.queue.tooLarge(link.name)}</li>;
      const amount = cost(link, bytes);
      return amount === undefined ? null : <li>{words.queue.price(link.name, price(words, amount, link.currency))}</li>;
    })}
  </ul>
);

const SentRow = ({ words, mail, hubNow }: { words: Words; mail: Sent; hubNow: number }) => (
  <li>
    <MailHeading words={words} mail={mail} />
    <div class="small fine">{words.sent.atHub(time(words, mail.time, hubNow))}</div>
  </li>
);

const PARTS_SHOWN = 20;

/** The summary's own words before the subject of the mail: what they say stands beside it. */
const subjectOf = ({ subject }: Held): string => subject.replace(/^\[held [^\]]*\] /, '');

const HeldRow = ({ words, mail, view }: { words: Words; mail: Held; view: MailView }) => {
  const { recipient, bytes, parts, asked } = mail;
  const subject = subjectOf(mail);
  return (
    <li>
      <div class="row">
        <h3>
          <bdi>{subject === '' ? words.queue.noSubject : subject}</bdi>
        </h3>
        <span class="size">{size(words, bytes)}</span>
      </div>
      <div class="quiet small address">
        {words.queue.to} <bdi>{recipient}</bdi> · {count(words, words.held.attachments, parts)} ·{' '}
        {words.queue.since(span(words, view.hubNow - mail.since))}
      </div>
      <HeldPrices words={words} bytes={bytes} view={view} />
      {asked === undefined ? null : <p class="fine small">{askedWords(words, asked)}</p>}
      <form method="post" action="/fetch">
        <HeldFields mail={mail} visitor={view.visitor} />
        <div class="buttons">
          <button type="submit" class="main" name="what" value="all">
            {words.held.all}
          </button>
          <button type="submit" name="what" value="text">
            {words.held.text}
          </button>
          {parts > 0 ? (
            <button type="submit" name="what" value="small">
              {words.held.small}
            </button>
          ) : null}
          {Array.from({ length: Math.min(parts, PARTS_SHOWN) }, (_, index) => (
            <button type="submit" name="what" value={String(index + 1)}>
              {words.held.part(number(words, index + 1))}
            </button>
          ))}
        </div>
      </form>
      <details>
        <summary>{words.held.drop}</summary>
        <form method="post" action="/fetch">
          <HeldFields mail={mail} visitor={view.visitor} />
          <p>{words.held.dropHint}</p>
          <button type="submit" class="danger" name="what" value="drop">
            {words.held.dropSure}
          </button>
        </form>
      </details>
    </li>
  );
};

/** Whatever the link's largest mail is: one that was asked for travels. */
const HeldPrices = ({ words, bytes, view: { links, cost } }: { words: Words; bytes: number; view: MailView }) => (
  <ul class="chips small">
    {links.map((link) => {
      const amount = cost(link, bytes);
      return amount === undefined ? null : <li>{words.queue.price(link.name, price(words, amount, link.currency))}</li>;
    })}
  </ul>
);

const HeldFields = ({ mail: { id, recipient }, visitor }: { mail: Held; visitor: Visitor }) => (
  <>
    <Token visitor={visitor} />
    <input type="hidden" name="id" value={id} />
    <input type="hidden" name="recipient" value={recipient} />
  </>
);

function askedWords(words: Words, asked: string): string {
  const { askedAll, askedText, askedSmall, askedParts } = words.held;
  if (asked === 'all') return askedAll;
  if (asked === 'text') return askedText;
  if (asked.startsWith('small')) return askedSmall;
  return askedParts(
    asked
      .split(' ')
      .map((part) => number(words, Number(part)))
      .join(' '),
  );
}
