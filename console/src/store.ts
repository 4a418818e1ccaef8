// State that views look at: one object, replaced as a whole, drawn at most once in a while.

import { useEffect, useState } from 'preact/hooks';

export class Store<T extends object> {
  private readonly watchers = new Set<() => void>();

  constructor(private state: T) {}

  get now(): T {
    return this.state;
  }

  set(change: Partial<T>): void {
    this.state = { ...this.state, ...change };
    for (const watcher of this.watchers) watcher();
  }

  watch(watcher: () => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }
}

const SOON_MS = 16;

export function useStore<T extends object>(store: Store<T>, everyMs = SOON_MS): T {
  const [state, setState] = useState(store.now);
  useEffect(() => {
    let timer = 0;
    const draw = () => {
      timer = 0;
      setState(store.now);
    };
    const stop = store.watch(() => (timer ||= window.setTimeout(draw, everyMs)));
    draw();
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [store, everyMs]);
  return state;
}
