/** Two runs side by side, their lines aligned. */
import { useEffect, useMemo, useState } from 'react';
import { useClient } from 'urql';
import { LineText } from '../line/lineText.tsx';
import { type LogSource, logSource } from '../log/window/logSource.ts';
import { formatNumber } from '../look/humanText.ts';
import { Link } from '../look/link.tsx';
import { type AlignedRow, align, MOST_LINES } from './align.ts';

interface CompareProps {
  readonly left: string;
  readonly right: string;
}
const PAGE = 2000;
/** Rows that are shown at once. */
const SHOWN = 1000;

/** The text of the lines, MOST_LINES at most. */
const linesOf = async (source: LogSource): Promise<readonly string[]> => {
  const lines: string[] = [];
  for (let after = 0; lines.length < MOST_LINES; ) {
    const page = await source.page({ first: PAGE, after }, { types: ['LogLine'] });
    for (const event of page.events) {
      if (event.__typename === 'LogLine' && event.stream !== 'SYSTEM') lines.push(event.message);
    }
    if (!page.hasNext || page.endSeq === null) break;
    after = page.endSeq;
  }
  return lines.slice(0, MOST_LINES);
};

const ComparePage = ({ left, right }: CompareProps) => {
  const client = useClient();
  const [texts, setTexts] = useState<readonly [readonly string[], readonly string[]] | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [onlyDifferent, setOnlyDifferent] = useState(false);
  const [shown, setShown] = useState(SHOWN);
  useEffect(() => {
    Promise.all([linesOf(logSource(client, left)), linesOf(logSource(client, right))]).then(
      setTexts,
      (reason: unknown) => setError(reason instanceof Error ? reason.message : String(reason)),
    );
  }, [client, left, right]);
  const rows = useMemo(() => (texts === null ? [] : align(...texts)), [texts]);
  const different = rows.filter((row) => row.left === null || row.right === null).length;
  const visible = onlyDifferent ? rows.filter((row) => row.left === null || row.right === null) : rows;
  return (
    <main className="compare">
      <div className="bar">
        <h1>Two runs, side by side</h1>
        <label className="check">
          <input type="checkbox" checked={onlyDifferent} onChange={({ target }) => setOnlyDifferent(target.checked)} />
          Only what differs
        </label>
        <span className="hint">
          {texts !== null && `${formatNumber(different)} of ${formatNumber(rows.length)} rows differ`}
        </span>
      </div>
      {error !== null && (
        <p role="alert" className="callout bad">
          {error}
        </p>
      )}
      {texts === null && error === null && <p className="empty">Loading both logs …</p>}
      {texts !== null && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must take the focus (WCAG 2.1.1)
        <section className="sides" aria-label="Lines of both runs" tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">
                  <Link to={{ runId: left }}>{left}</Link>
                </th>
                <th scope="col">
                  <Link to={{ runId: right }}>{right}</Link>
                </th>
              </tr>
            </thead>
            <tbody>
              {visible.slice(0, shown).map((row) => (
                <Row key={`${row.left} ${row.right}`} row={row} texts={texts} />
              ))}
            </tbody>
          </table>
          {visible.length > shown && (
            <button type="button" className="wide" onClick={() => setShown(shown + SHOWN)}>
              More rows
            </button>
          )}
        </section>
      )}
    </main>
  );
};
// A default export, because React.lazy loads the page when it is opened.
export default ComparePage;

interface RowProps {
  readonly row: AlignedRow;
  readonly texts: readonly [readonly string[], readonly string[]];
}
const Row = ({ row: { left, right }, texts }: RowProps) => (
  <tr>
    <td className={right === null ? 'gone' : undefined}>
      {left !== null && <LineText message={texts[0][left] ?? ''} highlight={null} />}
    </td>
    <td className={left === null ? 'new' : undefined}>
      {right !== null && <LineText message={texts[1][right] ?? ''} highlight={null} />}
    </td>
  </tr>
);
