// What the user says when nobody may have heard it: while the call is opened, or when the line breaks before
// the provider has made a turn of it. It is told to whoever answers next. Pure.

const LEAD = 25; // frames before the first loud one: half a second, for a word that begins softly
const MOST = 500; // frames: ten seconds, which a gateway's limits let come at once (docs/configuration.md)

interface Said {
  message: object;
  sound: boolean;
}

export class Kept {
  private said: Said[] = [];
  private loud = false;

  /** A frame of the microphone. */
  frame(message: object, loud: boolean): void {
    this.loud ||= loud;
    this.said.push({ message, sound: true });
    const frames = this.said.filter(({ sound }) => sound).length;
    if (frames > (this.loud ? MOST : LEAD)) this.said.splice(this.said.findIndex(({ sound }) => sound), 1);
  }

  /** The key to talk, pressed or let go: all of what is said with it counts. */
  key(messages: readonly object[]): void {
    this.loud = true;
    this.said.push(...messages.map((message) => ({ message, sound: false })));
  }

  /** Somebody has heard it. */
  forget(): void {
    this.said = [];
    this.loud = false;
  }

  /** Nothing, where nothing was said. */
  get all(): object[] {
    return this.loud ? this.said.map(({ message }) => message) : [];
  }
}
