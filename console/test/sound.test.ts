import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Framing, loudness } from '../src/sound/framing.ts';
import { fromBase64, toBase64 } from '../src/sound/pcm.ts';
import { Resampler } from '../src/sound/resampler.ts';

test('frames are of 20 ms, whatever the pieces, and lose no sample', () => {
  for (const [rate, length] of [
    [24_000, 480],
    [16_000, 320],
  ] as const) {
    const framing = new Framing(rate);
    const frames: number[][] = [];
    const all = Float32Array.from({ length: 3 * length + 7 }, (_, n) => (n % 1000) / 0x7fff);
    for (let at = 0; at < all.length; at += 128) framing.push(all.slice(at, at + 128), (frame) => frames.push([...frame]));
    assert.deepEqual(frames.map((frame) => frame.length), [length, length, length]);
    assert.deepEqual(frames.flat(), [...all.slice(0, 3 * length)].map((sample) => Math.round(sample * 0x7fff)));
  }
});

test('what is too loud is clipped, and does not turn over', () => {
  const frames: number[][] = [];
  new Framing(16_000).push(new Float32Array(320).fill(7), (frame) => frames.push([...frame]));
  new Framing(16_000).push(new Float32Array(320).fill(-7), (frame) => frames.push([...frame]));
  assert.deepEqual(frames.map((frame) => frame[0]), [32_767, -32_768]);
});

test('loudness goes from silence to full', () => {
  assert.deepEqual([0, 0.001, 1, 9].map(loudness), [0, 0, 1, 1]);
  assert.ok(loudness(0.1) > loudness(0.01));
});

test('samples survive base64, in either alphabet', () => {
  const frame = Int16Array.from({ length: 20_000 }, (_, n) => (n * 7919) % 65_536 - 32_768);
  const text = toBase64(frame);
  const expected = Float32Array.from(frame, (value) => value / 0x8000);
  assert.deepEqual(fromBase64(text), expected);
  assert.deepEqual(fromBase64(text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')), expected);
});

test('another rate holds the same tone, and none that it cannot hold', () => {
  for (const [from, to] of [
    [48_000, 24_000],
    [44_100, 16_000],
    [16_000, 24_000],
  ] as const) {
    const resampler = new Resampler(from, to);
    const made: number[] = [];
    for (let at = 0; at < from; at += 128) {
      const piece = Float32Array.from({ length: Math.min(128, from - at) }, (_, n) => tone(1_000, (at + n) / from));
      made.push(...resampler.push(piece));
    }
    assert.ok(Math.abs(made.length - to) < 60, `${made.length} samples for a second`);
    const worst = made.slice(200, -200).reduce((most, sample, n) => Math.max(most, Math.abs(sample - tone(1_000, (n + 200) / to))), 0);
    assert.ok(worst < 0.02, `${from} to ${to}: off by ${worst}`);
  }
  const high = new Resampler(48_000, 16_000).push(Float32Array.from({ length: 9_600 }, (_, n) => tone(12_000, n / 48_000)));
  assert.ok(Math.max(...high.slice(200).map(Math.abs)) < 0.02, 'a tone above half the rate is not folded down');
});

const tone = (hertz: number, seconds: number) => 0.5 * Math.sin(2 * Math.PI * hertz * seconds);
