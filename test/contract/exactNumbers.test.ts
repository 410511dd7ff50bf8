/** JSON numbers stay unchanged from the client through the command and back. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
}, 90_000);
afterAll(() => service?.stop());

const text = async (query: string, variables: string, accept = 'application/json'): Promise<string> => {
  const response = await fetch(`${service.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept },
    body: `{"query":${JSON.stringify(query)},"variables":${variables}}`,
  });
  return await response.text();
};

const NUMBERS = '{"id":1234567890123456789,"list":[-0,1.0,1E5,1e400,0.10],"same":[1,1.5]}';
const COMMAND = `
  echo "plain $RUN_INPUT"
  echo "{\\"level\\":\\"error\\",\\"msg\\":\\"record\\",\\"value\\":$RUN_INPUT}"
  echo '{"level":"error","msg":1234567890123456789}'
  echo "::event name=checkpoint::$RUN_INPUT"
  echo "::event name=secret $SECRET::[\\"$SECRET\\"]"
  echo "::output::$RUN_INPUT"
`;

test('E7: numbers keep their digits from the request to RUN_INPUT, and in everything that the command reports', async () => {
  const start = 'mutation ($input: StartRunInput!) { startRun(input: $input) { run { id } } }';
  const env = '[{"name":"SECRET","value":"hunter2-hunter2","secret":true}]';
  const input = `{"command":["sh","-c",${JSON.stringify(COMMAND)}],"env":${env},"input":${NUMBERS}}`;
  const id = /"id":"([^"]+)"/.exec(await text(start, `{"input":${input}}`))?.[1] ?? expect.fail('no run was started');
  const fields = '... on LogLine { message fields } ... on OutputProduced { value } ... on CustomEvent { name data }';
  const follow = `subscription ($id: ID!) { runLogBatches(runId: $id) { events { ${fields} } } }`;
  const followed = await text(follow, `{"id":"${id}"}`, 'text/event-stream');
  const page = await text(
    `query ($id: ID!) { run(id: $id) { output input logs { events { ${fields} } } } }`,
    `{"id":"${id}"}`,
  );
  const file = await (await fetch(`${service.url}/runs/${id}/log.ndjson`)).text();
  for (const answer of [followed, page, file]) {
    expect(answer).toContain(`"message":${JSON.stringify(`plain ${NUMBERS}`)}`);
    expect(answer).toContain(`"fields":{"value":${NUMBERS}}`);
    expect(answer).toContain('"message":"1234567890123456789"');
    expect(answer).toContain(`"name":"checkpoint","data":${NUMBERS}`);
    expect(answer).toContain('"name":"secret ***","data":["***"]');
    expect(answer).toContain(`"value":${NUMBERS}`);
    expect(answer).not.toContain('hunter2');
  }
  expect(page).toContain(`"output":${NUMBERS},"input":${NUMBERS}`);
});
