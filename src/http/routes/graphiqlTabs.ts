/** GraphiQL's tabs at the first visit: operations that run as they are. */

interface Tab {
  readonly title: string;
  readonly query: string;
  readonly variables: string | null;
}

const EVENT = `      __typename
      seq
      timestamp
      ... on LogLine { level stream message }
      ... on GroupStarted { name }
      ... on ProgressUpdated { current total }
      ... on StatusChanged { status }
      ... on RunFinished { message digest }`;

const json = (value: unknown): string => JSON.stringify(value, null, 2);
const newest = json({ runId: 'newest' });

export const TABS: readonly Tab[] = [
  {
    title: 'Start',
    query: `# 1. Start a run: press the button or Ctrl-Enter.
# Then follow it in the next tab.
mutation Start {
  startRun(input: {
    name: "A minute of counting"
    command: ["sh", "-c", """
      echo "::group::Counting"
      for i in $(seq 60); do
        echo "line $i"
        echo "::progress current=$i,total=60::"
        sleep 1
      done
      echo "::endgroup::"
    """]
  }) {
    run { id status }
  }
}
`,
    variables: null,
  },
  {
    title: 'Follow',
    query: `# 2. Follow it: first the stored events, then live
# ones, to the end. Press again to stop.
# In this page "newest" means the newest run;
# elsewhere, give its id. The page collects the
# events of all batches: the last 200, newest first.
subscription Follow($runId: ID!, $after: Int) {
  runLogBatches(runId: $runId, after: $after) {
    lastSeq
    caughtUp
    events {
${EVENT}
    }
  }
}
`,
    variables: newest,
  },
  {
    title: 'History',
    query: `# 3. Its newest events. For older ones, set before
# to the startSeq of this page.
query History($runId: ID!, $before: Int) {
  run(id: $runId) {
    status
    lastSeq
    logs(last: 20, before: $before) {
      startSeq
      hasPrevious
      events {
  ${EVENT.replaceAll('\n', '\n  ')}
      }
    }
  }
}
`,
    variables: newest,
  },
  {
    title: 'Runs',
    query: `# 4. Runs, newest first.
query Runs($filter: RunFilter) {
  runs(first: 10, filter: $filter) {
    edges {
      node {
        id name status createdAt durationMs lines
        progress { current total }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`,
    variables: json({ filter: { status: [] } }),
  },
  {
    title: 'Watch',
    query: `# 5. Changes of all runs, as they happen. Start
# runs elsewhere, for example with curl.
subscription Watch {
  runsUpdated {
    kind
    run { id name status lines }
  }
}
`,
    variables: null,
  },
  {
    title: 'Cancel',
    query: `# 6. Cancel it: SIGTERM, then SIGKILL after the
# grace period.
mutation Cancel($runId: ID!) {
  cancelRun(input: {
    runId: $runId
    reason: "From GraphiQL"
  }) {
    run { id status cancelRequestedAt }
  }
}
`,
    variables: newest,
  },
];

/** What GraphiQL opens with if the browser has no localStorage. */
export const FIRST_QUERY = TABS[0]?.query ?? '';
