// Speech in. Where the browser can, the context has the dialect's rate; where it cannot, the worklet converts.

export type Refused = 'insecure' | 'denied' | 'missing' | 'busy';

export class MicrophoneRefused extends Error {
  constructor(readonly why: Refused) {
    super(why);
  }
}

export class Microphone {
  muted = false;

  private constructor(
    private readonly context: AudioContext,
    private readonly stream: MediaStream,
  ) {}

  static async open(
    rate: number,
    device: string,
    hear: (frame: Int16Array<ArrayBuffer>, level: number) => void,
  ): Promise<Microphone> {
    const stream = await streamOf(device);
    const { context, source } = connected(stream, rate);
    await context.audioWorklet.addModule(RECORDER_URL);
    const node = new AudioWorkletNode(context, 'recorder', { processorOptions: { rate }, numberOfOutputs: 0 });
    const microphone = new Microphone(context, stream);
    node.port.onmessage = ({ data }: MessageEvent<{ frame: Int16Array<ArrayBuffer>; level: number }>) =>
      microphone.muted ? hear(data.frame.fill(0), 0) : hear(data.frame, data.level);
    source.connect(node);
    await context.resume();
    return microphone;
  }

  async close(): Promise<void> {
    for (const track of this.stream.getTracks()) track.stop();
    await this.context.close();
  }
}

export interface Device {
  id: string;
  name: string;
}

/** Names are empty until the user has allowed a microphone once. */
export async function devices(): Promise<Device[]> {
  const found = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  return found
    .filter((one) => one.kind === 'audioinput' && one.deviceId !== '' && one.label !== '')
    .map((one) => ({ id: one.deviceId, name: one.label }));
}

async function streamOf(device: string): Promise<MediaStream> {
  if (!navigator.mediaDevices?.getUserMedia) throw new MicrophoneRefused('insecure');
  const wished = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
  const audio = device ? { ...wished, deviceId: { exact: device } } : wished;
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    const name = error instanceof DOMException ? error.name : '';
    if (name === 'NotAllowedError' || name === 'SecurityError') throw new MicrophoneRefused('denied');
    if (name === 'NotFoundError' || name === 'OverconstrainedError') throw new MicrophoneRefused('missing');
    throw new MicrophoneRefused('busy');
  }
}

function connected(stream: MediaStream, rate: number) {
  const wanted = new AudioContext({ sampleRate: rate, latencyHint: 'interactive' });
  try {
    return { context: wanted, source: wanted.createMediaStreamSource(stream) };
  } catch {
    void wanted.close(); // Firefox: NotSupportedError
    const context = new AudioContext({ latencyHint: 'interactive' });
    return { context, source: context.createMediaStreamSource(stream) };
  }
}
