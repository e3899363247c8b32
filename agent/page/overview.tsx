/** The officer's first page: what waits, "sync now", what needs care, the links with their money, the last trips. */

import type { Finding } from '../check.ts';
import type { LinkConfig } from '../config.ts';
import { DEFAULT_LINK } from '../link.ts';
import type { LinkReport, StatusReport } from '../status-report.ts';
import type { SyncWatch } from '../sync-watch.ts';
import type { Trip } from '../trips.ts';
import { type Around, Frame } from './frame.tsx';
import { Problems, problemsOf } from './problems.tsx';
import { Sync } from './progress.tsx';
import { count, money, number, price, size, span, time } from './say.ts';
import type { Visitor } from './session.ts';
import { TripsPicture } from './trips-picture.tsx';
import type { Words } from './words/en.ts';

export interface Overview {
  readonly visitor: Visitor;
  readonly report: StatusReport;
  /** Any order. */
  readonly trips: readonly Trip[];
  readonly findings: readonly Finding[];
  readonly links: readonly LinkConfig[];
  readonly watch: SyncWatch;
  /** Unix seconds by the hub's clock. */
  readonly hubNow: number;
  /** The same by this laptop's. */
  readonly now: number;
}

export const OverviewPage = ({ around, overview }: { around: Around; overview: Overview }) => {
  const { words } = around;
  const { visitor, report, trips, findings, links, watch, hubNow } = overview;
  return (
    <Frame around={around} title={words.overview}>
      <Summary words={words} overview={overview} />
      <Sync words={words} visitor={visitor} watch={watch} links={links} />
      <Problems words={words} problems={problemsOf(report, findings)} />
      <section class="card">
        <h2>{words.links.title}</h2>
        <ul class="rows">
          {report.links.map((link) => (
            <Link words={words} link={link} />
          ))}
        </ul>
      </section>
      <section class="card">
        <h2>{words.trips.title}</h2>
        {trips.length === 0 ? (
          <p class="quiet">{words.trips.none}</p>
        ) : (
          <>
            <TripsPicture words={words} trips={trips} hubNow={hubNow} />
            <Trips words={words} trips={report.trips} hubNow={hubNow} />
          </>
        )}
      </section>
    </Frame>
  );
};

const Summary = ({ words, overview }: { words: Words; overview: Overview }) => {
  const { report, hubNow, now } = overview;
  const heldCount = report.held.mails;
  const { mails, bytes, oldest } = report.waiting;
  const last = report.trips.find(({ error }) => error === undefined);
  const left = last?.waitingDown;
  return (
    <section class="card">
      <h1>
        {mails === 0
          ? words.status.nothing
          : words.status.waiting(count(words, words.mails, mails), size(words, bytes))}
      </h1>
      <p class="quiet">
        {oldest === undefined ? null : `${words.status.oldest(span(words, now - oldest))} `}
        {last ? words.status.lastSync(span(words, hubNow - last.time)) : words.status.never}{' '}
        {left && left.mails > heldCount
          ? `${words.status.atHub(count(words, words.mails, left.mails), size(words, left.bytes))} `
          : null}
        {heldCount > 0 ? <a href="/mail#held">{words.status.held(count(words, words.mails, heldCount))}</a> : null}
      </p>
    </section>
  );
};

const Link = ({ words, link }: { words: Words; link: LinkReport }) => {
  const { name, inUse, mails, bytes, cost, pricePerMinute, budgetLeft, moneyLeft, currency, thisMonth } = link;
  const say = (amount: number): string => money(words, amount, currency);
  const costs =
    mails === 0
      ? ''
      : cost !== undefined
        ? words.links.about(price(words, cost, currency))
        : pricePerMinute !== undefined
          ? words.links.perMinute(say(pricePerMinute))
          : words.links.free;
  return (
    <li>
      <div class="row">
        <h3>
          <bdi>{name === DEFAULT_LINK.name ? words.links.unnamed : name}</bdi>{' '}
          {inUse ? <span class="tag">{words.links.inUse}</span> : null}
        </h3>
        <span>{costs}</span>
      </div>
      <ul class="chips quiet small">
        {mails === 0 ? null : <li>{words.links.fits(count(words, words.mails, mails), size(words, bytes))}</li>}
        {budgetLeft === undefined ? null : <li>{words.links.bytesLeft(size(words, budgetLeft))}</li>}
        {moneyLeft === undefined ? null : <li>{words.links.moneyLeft(say(moneyLeft))}</li>}
        {thisMonth.bytes === 0 ? null : (
          <li>
            {thisMonth.money > 0
              ? words.links.monthMoney(size(words, thisMonth.bytes), say(thisMonth.money))
              : words.links.month(size(words, thisMonth.bytes))}
          </li>
        )}
      </ul>
    </li>
  );
};

const Trips = ({ words, trips, hubNow }: { words: Words; trips: readonly Trip[]; hubNow: number }) => (
  <details>
    <summary>{words.trips.list}</summary>
    <ul class="rows small">
      {trips.map((trip) => (
        <li>
          <div class="row">
            <span>
              {time(words, trip.time, hubNow)} ·{' '}
              <bdi>{trip.link === DEFAULT_LINK.name ? words.links.unnamed : trip.link}</bdi>
            </span>
            <span class="size">{span(words, trip.seconds)}</span>
          </div>
          <div class="quiet">
            {words.trips.line(number(words, trip.mailsUp), number(words, trip.mailsDown), size(words, trip.bytesWire))}
            {trip.error === undefined ? null : ` · ${words.trips.early}`}
          </div>
        </li>
      ))}
    </ul>
  </details>
);
