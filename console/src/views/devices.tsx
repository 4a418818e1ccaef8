// Where sound comes from and goes to: chosen before a call, or while it runs.

import { useEffect, useState } from 'preact/hooks';
import { listen, playTo } from '../call/call.ts';
import { type CallState, type Choice, state } from '../call/state.ts';
import { type Device, devices, type Found, whenDevicesChange } from '../sound/devices.ts';
import { choosesLoudspeaker } from '../sound/player.ts';

export const choose = (change: Partial<Choice>) => state.set({ choice: { ...state.now.choice, ...change } });

const NONE: Found = { microphones: [], loudspeakers: [], silent: false };

/** `runs`: what is chosen is taken at once. */
export function DeviceChoices({ call, runs }: { call: CallState; runs: boolean }) {
  const [found, setFound] = useState(NONE);
  useEffect(() => {
    const look = () => void devices().then(setFound);
    look();
    return whenDevicesChange(look);
  }, [call.phase, call.microphone]);
  const microphone = (device: string) => (runs ? void listen(device) : choose({ device }));
  const loudspeaker = (id: string) => (runs ? void playTo(id) : choose({ loudspeaker: id }));
  return (
    <>
      <OneOf title="Microphone" of={found.microphones} chosen={call.choice.device} choose={microphone} />
      {choosesLoudspeaker && (
        <OneOf title="Loudspeaker" of={found.loudspeakers} chosen={call.choice.loudspeaker} choose={loudspeaker} />
      )}
    </>
  );
}

function OneOf({ title, of, chosen, choose }: { title: string; of: Device[]; chosen: string; choose: (id: string) => void }) {
  const gone = chosen !== '' && !of.some(({ id }) => id === chosen);
  return (
    <label>
      {title}
      <select value={chosen} onChange={(event) => choose(event.currentTarget.value)}>
        <option value="">System default</option>
        {gone && <option value={chosen}>The one chosen, not there now</option>}
        {of
          .filter(({ id }) => id !== 'default') // Chromium's own name for the one above
          .map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
      </select>
    </label>
  );
}
