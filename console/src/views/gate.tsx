// The one thing to do before anything else: get in.

import { useState } from 'preact/hooks';
import { access, enter } from '../access.ts';
import { useStore } from '../store.ts';

export function Gate() {
  const { why, trading } = useStore(access);
  const [key, setKey] = useState('');
  const submit = (event: Event) => {
    event.preventDefault();
    if (key.trim()) void enter(key.trim());
    setKey('');
  };
  return (
    <section class="gate card">
      <h1>Talk to any voice model, through one address</h1>
      <p>
        Enter an API key of this gateway to hold a call, watch it, and see what it cost. The page trades the key for
        access that ends after two hours, and forgets it.
      </p>
      <form onSubmit={submit}>
        <label for="key">API key</label>
        <input
          id="key"
          type="password"
          autocomplete="off"
          spellcheck={false}
          placeholder="rslive_v1_…"
          value={key}
          data-home
          aria-describedby="key-help key-trouble"
          aria-invalid={why !== ''}
          onInput={(event) => setKey(event.currentTarget.value)}
        />
        <p id="key-trouble" class="trouble" role="alert" hidden={!why}>
          {why}
        </p>
        <button class="primary" type="submit" disabled={trading}>
          {trading ? 'One moment …' : 'Enter'}
        </button>
      </form>
      <p id="key-help" class="hint">
        On the machine where it runs, <code>make serve</code> prints a link that needs no key. A new key:{' '}
        <code>realtime-switch key create EMAIL</code>
      </p>
    </section>
  );
}
