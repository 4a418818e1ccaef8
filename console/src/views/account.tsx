// Understand: what is left, what was used, and which calls run.

import { useEffect, useState } from 'preact/hooks';
import { state } from '../call/state.ts';
import { type Account, ask, type LiveCall, type Page, type Usage } from '../http.ts';
import { useAsked } from './asked.ts';
import { Bars } from './bars.tsx';
import { bars } from './usage.ts';
import { number, when } from './words.ts';

export function AccountView({ secret }: { secret: string }) {
  const account = useAsked(() => ask<Account>(secret, '/v1/account'), [secret]);
  useEffect(() => {
    if (account.found) state.set({ credits: account.found.credits });
  }, [account.found]);
  return (
    <div class="pages">
      <h1 tabIndex={-1} data-home>
        Account
      </h1>
      {account.why && <Failed why={account.why} again={account.again} />}
      {account.found && <Purse account={account.found} />}
      <Used secret={secret} />
      <Calls secret={secret} />
    </div>
  );
}

export function Failed({ why, again }: { why: string; again: () => void }) {
  return (
    <div class="notice" role="alert">
      <p>{why}</p>
      <button type="button" onClick={again}>
        Try again
      </button>
    </div>
  );
}

function Purse({ account }: { account: Account }) {
  return (
    <section class="card purse" aria-label="Credits">
      <div>
        <span class="big" data-test="account-credits">
          {number(account.credits)}
        </span>{' '}
        credits left
        {account.credits <= 0 && (
          <p class="trouble">
            Calls are refused until the account is topped up: <code>realtime-switch account topup {account.email} TOKENS</code>
          </p>
        )}
      </div>
      <dl class="facts">
        <div>
          <dt>Plan {account.plan}</dt>
          <dd>{number(account.plan_credits)}</dd>
        </div>
        <div>
          <dt>Top-up</dt>
          <dd>{number(account.topup_credits)}</dd>
        </div>
        <div class="whole">
          <dt>Account</dt>
          <dd>{account.email}</dd>
        </div>
        <div class="whole">
          <dt>Key</dt>
          <dd>
            <code>{account.key.indicator}</code> <small>{account.key.label}</small>
          </dd>
        </div>
      </dl>
    </section>
  );
}

const PERIODS = { 7: 'the last 7 days', 30: 'the last 30 days', 90: 'the last 90 days' } as const;

function Used({ secret }: { secret: string }) {
  const [days, setDays] = useState(30);
  const [by, setBy] = useState<'provider' | 'kind'>('provider');
  const usage = useAsked(() => {
    const from = new Date(Date.now() - (days - 1) * 86_400_000).toISOString().slice(0, 10);
    return ask<Usage>(secret, `/v1/usage?group_by=day,provider&start_time=${from}`);
  }, [secret, days]);
  return (
    <section class="card" aria-labelledby="usage-title">
      <div class="row">
        <h2 id="usage-title">Usage</h2>
        <span class="filter">
          <select aria-label="What the colours show" value={by} onChange={(e) => setBy(e.currentTarget.value as typeof by)}>
            <option value="provider">credits by provider</option>
            <option value="kind">tokens by kind</option>
          </select>
          <select aria-label="Period" value={days} onChange={(e) => setDays(Number(e.currentTarget.value))}>
            {Object.entries(PERIODS).map(([count, name]) => (
              <option key={count} value={count}>
                {name}
              </option>
            ))}
          </select>
        </span>
      </div>
      {usage.why && <Failed why={usage.why} again={usage.again} />}
      {usage.found?.data.length === 0 && (
        <p class="empty">
          Nothing was used in {PERIODS[days as keyof typeof PERIODS]}. <a href="#talk">Hold a call</a>, and it appears here.
        </p>
      )}
      {usage.found && usage.found.data.length > 0 && (
        <Bars
          chart={bars(usage.found.data, by, days, Date.now())}
          unit={by === 'provider' ? 'credits' : 'tokens'}
        />
      )}
    </section>
  );
}

function Calls({ secret }: { secret: string }) {
  const calls = useAsked(() => ask<Page<LiveCall>>(secret, '/v1/calls'), [secret]);
  useEffect(() => {
    const timer = setInterval(calls.again, 3_000);
    return () => clearInterval(timer);
  }, [calls.again]);
  return (
    <section class="card" aria-labelledby="calls-title">
      <h2 id="calls-title">Live calls</h2>
      {calls.why && <Failed why={calls.why} again={calls.again} />}
      {calls.found?.data.length === 0 && <p class="empty">No call is running in this gateway.</p>}
      {calls.found && calls.found.data.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-labelledby="calls-title">
          <table>
            <thead>
              <tr>
                <th scope="col">Session</th>
                <th scope="col">State</th>
                <th scope="col">Dialect</th>
                <th scope="col">Provider</th>
                <th scope="col">Since</th>
              </tr>
            </thead>
            <tbody>
              {calls.found.data.map((call) => (
                <tr key={call.id}>
                  <td>
                    <a class="short" href={`#sessions/${encodeURIComponent(call.id)}`} title={call.id}>
                      {call.id}
                    </a>
                  </td>
                  <td>{call.state}</td>
                  <td>{call.dialect}</td>
                  <td>{call.provider ? `${call.provider}/${call.model}` : '–'}</td>
                  <td>{when(call.since)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
