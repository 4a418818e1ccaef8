// Where there is no loudspeaker, Firefox's sound never begins, and says so to nobody.

const PATIENCE_MS = 2_000;

export async function begun(context: AudioContext): Promise<void> {
  await Promise.race([context.resume(), new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))]);
}
