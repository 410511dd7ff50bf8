/** A value that changes often, such as a text that is being typed: it is passed on when it has been the same for a while. */
import { useEffect, useState } from 'react';

export const useSettled = <T>(value: T, pauseMs: number): T => {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), pauseMs);
    return () => clearTimeout(timer);
  }, [value, pauseMs]);
  return settled;
};
