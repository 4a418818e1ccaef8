// What sound can come from and go to, on this machine.

export interface Device {
  id: string;
  name: string;
}

export interface Found {
  microphones: Device[];
  loudspeakers: Device[];
  silent: boolean; // there is no loudspeaker, as far as the browser tells
}

/** Names are empty until the user has allowed a microphone once. Not every browser lists loudspeakers. */
export async function devices(): Promise<Found> {
  const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  const named = (kind: MediaDeviceKind) =>
    all
      .filter((one) => one.kind === kind && one.deviceId !== '' && one.label !== '')
      .map((one) => ({ id: one.deviceId, name: one.label }));
  return {
    microphones: named('audioinput'),
    loudspeakers: named('audiooutput'),
    silent: !all.some(({ kind }) => kind === 'audiooutput'),
  };
}

export function whenDevicesChange(then: () => void): () => void {
  navigator.mediaDevices?.addEventListener('devicechange', then);
  return () => navigator.mediaDevices?.removeEventListener('devicechange', then);
}
