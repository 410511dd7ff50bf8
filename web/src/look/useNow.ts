/** The time, once a second while `active`. */
import { useEffect, useState } from 'react';

export const useNow = (active = true): number => {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!active) return;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [active]);
  return now;
};
