// State that views look at: one object, replaced as a whole, drawn at most once a frame.

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

export function useStore<T extends object>(store: Store<T>): T {
  const [state, setState] = useState(store.now);
  useEffect(() => {
    let frame = 0;
    const draw = () => {
      frame = 0;
      setState(store.now);
    };
    const stop = store.watch(() => (frame ||= requestAnimationFrame(draw)));
    draw();
    return () => {
      cancelAnimationFrame(frame);
      stop();
    };
  }, [store]);
  return state;
}
