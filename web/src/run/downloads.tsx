/** Links to the whole log. With a token the page fetches it, because a plain link carries none. */
import { Download, FileText } from 'lucide-react';
import { type MouseEvent, useState } from 'react';
import type { Connection } from '../connection/connect.ts';
import { downloadUrl } from './wholeness.ts';

interface DownloadsProps {
  readonly runId: string;
  readonly connection: Connection;
}

export const Downloads = ({ runId, connection }: DownloadsProps) => {
  const [error, setError] = useState<string | null>(null);
  const open = async (url: string, name: string | null): Promise<void> => {
    const response = await connection.fetch(url);
    if (!response.ok) return setError(`The download failed: ${response.status}.`);
    const blob = URL.createObjectURL(await response.blob());
    const link = Object.assign(document.createElement('a'), { href: blob, target: '_blank', rel: 'noopener' });
    if (name !== null) link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(blob), 60_000);
  };
  const onClick = async (event: MouseEvent<HTMLAnchorElement>, name: string | null): Promise<void> => {
    const { href } = event.currentTarget;
    event.preventDefault();
    if (await connection.hasToken()) await open(href, name);
    else if (name === null) window.open(href, '_blank', 'noopener');
    else Object.assign(document.createElement('a'), { href, download: name }).click();
  };
  return (
    <span className="buttons">
      <a className="button" href={downloadUrl(runId, 'log.txt')} onClick={(event) => void onClick(event, null)}>
        <FileText aria-hidden /> Raw
      </a>
      <a
        className="button"
        href={downloadUrl(runId, 'log.txt')}
        onClick={(event) => void onClick(event, `${runId}.txt`)}
      >
        <Download aria-hidden /> Text
      </a>
      <a
        className="button"
        href={downloadUrl(runId, 'log.ndjson')}
        onClick={(event) => void onClick(event, `${runId}.ndjson`)}
      >
        <Download aria-hidden /> JSON
      </a>
      {error !== null && <span role="alert">{error}</span>}
    </span>
  );
};
