// What a view asks the gateway for, and the three things that can come of it.

import { useCallback, useEffect, useState } from 'preact/hooks';
import { leave } from '../access.ts';
import { Trouble } from '../http.ts';

export interface Asked<T> {
  found: T | null;
  why: string; // it was not found
  again: () => void;
}

export function useAsked<T>(question: () => Promise<T>, about: readonly unknown[]): Asked<T> {
  const [found, setFound] = useState<T | null>(null);
  const [why, setWhy] = useState('');
  const again = useCallback(() => {
    question().then(
      (answer) => {
        setFound(answer);
        setWhy('');
      },
      (error: Error) => {
        if (error instanceof Trouble && error.status === 401) leave(error.message);
        setWhy(error.message);
      },
    );
  }, about);
  useEffect(again, [again]);
  return { found, why, again };
}
