// Between samples and what dialects send: 16-bit little-endian PCM in base64. Pure.

export function toBase64(frame: Int16Array<ArrayBuffer>): string {
  const bytes = new Uint8Array(frame.buffer, frame.byteOffset, frame.byteLength);
  let text = '';
  for (let n = 0; n < bytes.length; n += 0x4000) text += String.fromCharCode(...bytes.subarray(n, n + 0x4000));
  return btoa(text);
}

/** Either alphabet, padded or not (GEMINI-LIVE.md 2). What is none is no sound. */
export function fromBase64(text: string): Float32Array {
  const bytes = decoded(text.replaceAll('-', '+').replaceAll('_', '/'));
  const samples = new Float32Array(bytes.length >> 1);
  for (let n = 0; n < samples.length; n++) {
    const value = bytes.charCodeAt(2 * n) | (bytes.charCodeAt(2 * n + 1) << 8);
    samples[n] = (value >= 0x8000 ? value - 0x10000 : value) / 0x8000;
  }
  return samples;
}

function decoded(text: string): string {
  try {
    return atob(text);
  } catch {
    return '';
  }
}
