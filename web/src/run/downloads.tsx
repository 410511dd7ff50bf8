/** Links to the whole log. With a token the link is signed when it is clicked, because a plain link carries no token. */
import { Download, FileText } from 'lucide-react';
import { type MouseEvent, type ReactNode, useState } from 'react';
import { useClient } from 'urql';
import { type LogFormat, LogUrlDocument } from '../../../schema/generated/graphql.ts';
import type { Connection } from '../connection/connect.ts';
import { downloadUrl } from './wholeness.ts';

interface DownloadsProps {
  readonly runId: string;
  readonly connection: Connection;
}

export const Downloads = ({ runId, connection }: DownloadsProps) => {
  const client = useClient();
  const [error, setError] = useState<string | null>(null);
  const open = async (format: LogFormat, url: string, parameters: string): Promise<void> => {
    if (!(await connection.hasToken())) return visit(`${url}?${parameters}`);
    const { data, error: refused } = await client.query(LogUrlDocument, { runId, format }).toPromise();
    const path = data?.run?.logUrl;
    // Relative, so that the path prefix of a reverse proxy is kept.
    if (path) visit(`.${path}&${parameters}`);
    else setError(refused?.message ?? 'There is no such log.');
  };
  const link = (format: LogFormat, download: boolean, content: ReactNode) => {
    const url = downloadUrl(runId, format === 'TXT' ? 'log.txt' : 'log.ndjson');
    const onClick = (event: MouseEvent): void => {
      event.preventDefault();
      void open(format, url, download ? 'download=1' : 'download=0');
    };
    return (
      <a className="button" href={url} onClick={onClick}>
        {content}
      </a>
    );
  };
  return (
    <span className="buttons">
      {link(
        'TXT',
        false,
        <>
          <FileText aria-hidden /> Raw
        </>,
      )}
      {link(
        'TXT',
        true,
        <>
          <Download aria-hidden /> Text
        </>,
      )}
      {link(
        'NDJSON',
        true,
        <>
          <Download aria-hidden /> JSON
        </>,
      )}
      {error !== null && <span role="alert">{error}</span>}
    </span>
  );
};

/** In another tab: a download ends it at once, and this page stays. */
const visit = (href: string): void =>
  Object.assign(document.createElement('a'), { href, target: '_blank', rel: 'noopener' }).click();
