import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Jitter } from '../src/sound/jitter.ts';

const RATE = 24_000;
const BLOCK = 128;

const ramp = (length: number, from = 0) => Float32Array.from({ length }, (_, n) => (from + n + 1) / 100_000);
const tone = (length: number, at = 0) => Float32Array.from({ length }, (_, n) => 0.8 * Math.sin((at + n) / 20));

function pull(jitter: Jitter, blocks: number): number[] {
  const heard: number[] = [];
  for (let n = 0; n < blocks; n++) {
    const out = new Float32Array(BLOCK);
    jitter.pull(out);
    heard.push(...out);
  }
  return heard;
}

const steepest = (samples: number[]) =>
  samples.slice(1).reduce((most, sample, n) => Math.max(most, Math.abs(sample - samples[n]!)), 0);

// A whole tone's own slope, and a fade of 72 samples from full loudness.
const SMOOTH = 0.8 / 20 + 1 / 72 + 1e-6;

// Random numbers that are the same in each run.
function dice(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 0x7fffffff) / 0x7fffffff;
}

test('what is pushed is played, whole and in order, whatever the pieces', () => {
  for (let seed = 1; seed < 40; seed++) {
    const chance = dice(seed);
    const jitter = new Jitter(RATE);
    const all = ramp(9_000);
    for (let at = 0; at < all.length; ) {
      const size = 1 + Math.floor(chance() * 700);
      jitter.push('a', all.slice(at, at + size));
      at += size;
    }
    const heard = pull(jitter, 80);
    const begin = heard.findIndex((sample) => sample > 0) - 1; // the way up begins at nothing
    // But for the fades at both ends, sample for sample.
    const wrong = heard.slice(begin + 80, begin + 8_900).findIndex((sample, n) => sample !== all[n + 80]);
    assert.equal(wrong, -1);
    assert.equal(jitter.played?.samples, 9_000);
  }
});

test('it waits for a little before it begins', () => {
  const jitter = new Jitter(RATE);
  jitter.push('a', tone(600));
  assert.deepEqual(new Set(pull(jitter, 4)), new Set([0]));
  jitter.push('a', tone(900, 600));
  assert.notDeepEqual(new Set(pull(jitter, 2)), new Set([0]));
});

test('a reply shorter than that is played all the same', () => {
  const jitter = new Jitter(RATE);
  jitter.push('a', ramp(300));
  pull(jitter, 30);
  assert.deepEqual(jitter.played, { item: 'a', samples: 300 });
  assert.equal(jitter.silent, true);
});

test('what comes unevenly, but no later than is waited for, is played without a gap', () => {
  for (let seed = 1; seed < 40; seed++) {
    const chance = dice(seed);
    const jitter = new Jitter(RATE);
    const all = ramp(3 * RATE);
    const burst = 0.02 * RATE; // a frame of 20 ms; three are waited for, so each may be almost two late
    const due: number[] = [];
    for (let at = 0; at < all.length; at += burst) due.push(Math.max(due.at(-1) ?? 0, at + chance() * 1.7 * burst));
    const heard: number[] = [];
    for (let time = 0, next = 0; time < 1.2 * all.length; time += BLOCK) {
      for (; next < due.length && due[next]! <= time; next++) jitter.push('a', all.slice(next * burst, (next + 1) * burst));
      heard.push(...pull(jitter, 1));
    }
    const begin = heard.findIndex((sample) => sample > 0) - 1;
    const wrong = heard.slice(begin + 72, begin + all.length).findIndex((sample, n) => sample !== all[n + 72]);
    assert.equal(wrong, -1, `seed ${seed}: a gap at ${wrong}`);
  }
});

test('bursts, gaps and barge-ins make no clicks', () => {
  for (let seed = 1; seed < 60; seed++) {
    const chance = dice(seed);
    const jitter = new Jitter(RATE);
    const heard: number[] = [];
    let at = 0;
    for (let turn = 0; turn < 200; turn++) {
      if (chance() < 0.3) {
        const size = Math.floor(chance() * 3_000);
        jitter.push('a', tone(size, at));
        at += size;
      }
      if (chance() < 0.05) {
        jitter.flush();
        at = 0; // another tone begins in the middle of a wave
      }
      heard.push(...pull(jitter, 1 + Math.floor(chance() * 6)));
    }
    assert.ok(steepest(heard) < SMOOTH, `seed ${seed}: a step of ${steepest(heard)}`);
  }
});

test('a barge-in is silent within three milliseconds, and says what was heard', () => {
  const jitter = new Jitter(RATE);
  jitter.push('a', tone(2_000));
  jitter.push('b', tone(24_000));
  pull(jitter, 40);
  assert.deepEqual(jitter.flush(), { item: 'b', samples: 40 * BLOCK - 2_000 });
  const after = pull(jitter, 10);
  assert.ok(after.slice(72).every((sample) => sample === 0));
  assert.equal(jitter.buffered, 0);
  assert.equal(jitter.flush(), null);
});

test('nothing was cut off where everything had been heard', () => {
  const jitter = new Jitter(RATE);
  jitter.push('a', tone(2_000));
  pull(jitter, 40);
  assert.equal(jitter.flush(), null);
});

test('what comes late makes it wait for more, up to a bound, and smooth running for less', () => {
  const jitter = new Jitter(RATE);
  const first = jitter.leadSeconds;
  for (let n = 0; n < 20; n++) jitter.late();
  const most = jitter.leadSeconds;
  jitter.push('a', tone(11 * RATE));
  pull(jitter, Math.ceil((11 * RATE) / BLOCK));
  assert.deepEqual([first, most, jitter.underruns], [0.06, 0.4, 20]);
  assert.ok(jitter.leadSeconds < most);
});
